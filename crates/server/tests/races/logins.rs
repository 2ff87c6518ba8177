//! Logins that meet logins.

use countersign_core::model::page::Window;
use countersign_core::model::settings::Settings;
use countersign_core::op::conversations::{Create, create_conversation, list_conversations};
use countersign_core::op::sessions::list_sessions;
use countersign_core::op::users::list_users;
use countersign_core::ports::store::UserFilter;

use crate::world::{World, at_once, meet, reusable};

const PAGE: Window = Window {
    after: None,
    limit: 100,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_first_logins_of_one_user_make_one_user() {
    let world = World::new().await;
    for round in 0..40 {
        let settings = [Settings::default(), reusable()];
        let app = world.application(settings[round % 2].clone()).await;
        let calls = (0..20).map(|number| {
            let app = app.clone();
            async move {
                let credential = app.credential("alice", &format!("jti-{number}"));
                app.log_in(credential, None).await.unwrap()
            }
        });
        let answers = at_once(calls).await;
        let all = UserFilter::default();
        let users = list_users(&app.ctx, &app.admin, all, PAGE).await.unwrap();
        assert_eq!(users.items.len(), 1);
        assert!(
            answers
                .iter()
                .all(|tokens| tokens.user == users.items[0].id)
        );
        for tokens in answers {
            app.asker(&tokens.access).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn logins_at_the_cap_all_succeed_and_the_oldest_sessions_end() {
    let world = World::new().await;
    let mut apps = Vec::new();
    for mut settings in [Settings::default(), reusable()] {
        settings.sessions_max = 3;
        apps.push(world.application(settings).await);
    }
    for round in 0..40 {
        let app = &apps[round % 2];
        let calls = (0..20).map(|number| {
            let app = app.clone();
            async move {
                let credential = app.credential("alice", &format!("jti-{round}-{number}"));
                app.log_in(credential, None).await.unwrap()
            }
        });
        let answers = at_once(calls).await;
        // One login by itself brings the number down to the cap again.
        let credential = app.credential("alice", &format!("jti-{round}"));
        app.log_in(credential, None).await.unwrap();
        let user = Some(answers[0].user);
        let open = list_sessions(&app.ctx, &app.admin, user, PAGE)
            .await
            .unwrap();
        assert_eq!(open.items.len(), 3, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_credential_opens_one_session() {
    let world = World::new().await;
    let app = world.application(Settings::default()).await;
    for round in 0..50 {
        let credential = app.credential("alice", &format!("jti-{round}"));
        let calls = (0..8).map(|_| {
            let (app, credential) = (app.clone(), credential.clone());
            async move { app.log_in(credential, None).await }
        });
        let answers = at_once(calls).await;
        let opened = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(opened, 1, "round {round}");
        let refused = answers.iter().filter_map(|answer| answer.as_ref().err());
        assert!(
            refused
                .into_iter()
                .all(|error| error.code.as_str() == "credential_used")
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_adoptions_of_one_visitor_happen_once() {
    let world = World::new().await;
    let app = world.application(Settings::default()).await;
    for round in 0..80 {
        let visitor = app.visit().await;
        let asker = app.asker(&visitor.access).await.unwrap();
        create_conversation(&app.ctx, &asker, Create::default())
            .await
            .unwrap();
        let adopt = |user: &'static str| {
            let (app, token) = (app.clone(), visitor.access.clone());
            async move {
                let credential = app.credential(user, &format!("jti-{user}-{round}"));
                app.log_in(credential, Some(token)).await.unwrap()
            }
        };
        let (alice, bob) = meet(round, adopt("alice"), adopt("bob")).await;
        let mut found = 0;
        for tokens in [&alice, &bob] {
            let asker = app.asker(&tokens.access).await.unwrap();
            let page = list_conversations(&app.ctx, &asker, PAGE).await.unwrap();
            found += page.items.len();
        }
        // One more than in the round before: it went to one of the two.
        assert_eq!(found, 1 + round, "round {round}");
        app.assert_dead(&visitor, "the visitor").await;
    }
}
