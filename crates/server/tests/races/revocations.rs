//! Logins and refreshes that meet a revocation: after both were answered, the
//! call was refused or its session is dead. There is no third outcome.

use countersign_core::error::Code;
use countersign_core::model::settings::Settings;
use countersign_core::model::user::UserPatch;
use countersign_core::op::revoke::{Revoke, revoke};
use countersign_core::op::users::{delete_user, update_user};
use countersign_credential::key::Kid;

use crate::world::{Application, KID, Tokens, World, at_once, code, meet, reusable};

const ROUNDS: usize = 200;

/// What a login may be refused with that meets the end of what it relies on.
const REFUSALS: [Code; 4] = [
    Code::CredentialRevoked,
    Code::UnknownKey,
    Code::UserBlocked,
    Code::SessionEnded,
];

/// A login meets `end`; the user has a session already, and goes on with it
/// in every other round. In some of the others it is all there is to look at.
async fn race<F>(new_application: bool, end: impl Fn(Application, Tokens, String) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let world = World::new().await;
    let settings = [Settings::default(), reusable()];
    let mut apps = Vec::new();
    for settings in &settings {
        apps.push(world.application(settings.clone()).await);
    }
    for round in 0..ROUNDS {
        let kind = round / 4 % 2;
        if new_application {
            apps[kind] = world.application(settings[kind].clone()).await;
        }
        let app = &apps[kind];
        let user = format!("alice-{round}");
        let first = app.credential(&user, &format!("first-{round}"));
        let present = app.log_in(first, None).await.unwrap();
        let jti = format!("second-{round}");
        let second = app.credential(&user, &jti);
        let own = (round / 2 % 2 == 0).then(|| present.access.clone());
        let login = {
            let app = app.clone();
            async move { app.log_in(second, own).await }
        };
        let (answer, ()) = meet(round, login, end(app.clone(), present, jti)).await;
        match answer {
            Ok(tokens) => app.assert_dead(&tokens, "a login that was answered").await,
            Err(error) => assert!(REFUSALS.contains(&error.code), "round {round}: {error}"),
        }
    }
}

async fn revoked(app: &Application, what: Revoke) {
    revoke(&app.ctx, &app.admin, &what).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_login_meets_the_revocation_of_its_user() {
    race(false, |app, present, _| async move {
        revoked(&app, Revoke::User(present.user, None)).await;
        app.assert_dead(&present, "the user's first session").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_login_meets_the_deletion_of_its_user() {
    race(false, |app, present, _| async move {
        delete_user(&app.ctx, &app.admin, present.user)
            .await
            .unwrap();
        app.assert_dead(&present, "the user's first session").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_login_meets_the_blocking_of_its_user() {
    race(false, |app, present, _| async move {
        let patch = UserPatch {
            blocked: Some(true),
            ..UserPatch::default()
        };
        update_user(&app.ctx, &app.admin, present.user, patch)
            .await
            .unwrap();
        app.assert_dead(&present, "the user's first session").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_login_that_meets_the_taking_of_its_users_identifier_makes_no_other_user() {
    let world = World::new().await;
    let app = world.application(reusable()).await;
    for round in 0..ROUNDS {
        let user = format!("alice-{round}");
        let first = app.credential(&user, &format!("first-{round}"));
        let present = app.log_in(first, None).await.unwrap();
        let second = app.credential(&user, &format!("second-{round}"));
        let login = {
            let app = app.clone();
            async move { app.log_in(second, None).await }
        };
        let taken = {
            let app = app.clone();
            let patch = UserPatch {
                external_id: Some(None),
                ..UserPatch::default()
            };
            async move { update_user(&app.ctx, &app.admin, present.user, patch).await }
        };
        let (answer, taken) = meet(round, login, taken).await;
        taken.unwrap();
        match answer {
            Ok(tokens) => assert_eq!(tokens.user, present.user, "round {round}"),
            Err(error) => assert_eq!(error.code, Code::CredentialRevoked, "round {round}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_login_meets_the_revocation_of_its_jti() {
    race(false, |app, _, jti| async move {
        revoked(&app, Revoke::Jti(jti)).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_login_meets_the_revocation_of_its_signing_key() {
    race(true, |app, present, _| async move {
        revoked(&app, Revoke::Kid(Kid::parse(KID).unwrap())).await;
        app.assert_dead(&present, "a session of the key").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_login_meets_the_revocation_of_its_api_key() {
    race(true, |app, present, _| async move {
        revoked(&app, Revoke::ApiKey(app.publishable)).await;
        app.assert_dead(&present, "a session of the key").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_login_meets_the_revocation_of_its_application() {
    race(true, |app, present, _| async move {
        revoked(&app, Revoke::Application(app.id)).await;
        app.assert_dead(&present, "a session of the application")
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_that_goes_on_does_not_leave_its_revocation_behind() {
    let world = World::new().await;
    let app = world.application(Settings::default()).await;
    for round in 0..ROUNDS {
        let first_jti = format!("first-{round}");
        let first = app.credential("alice", &first_jti);
        let present = app.log_in(first, None).await.unwrap();
        let second = app.credential("alice", &format!("second-{round}"));
        let login = {
            let (app, own) = (app.clone(), present.access.clone());
            async move { app.log_in(second, Some(own)).await }
        };
        let end = {
            let (app, device, session) = (app.clone(), present.device, present.session);
            let what = match round % 3 {
                0 => Revoke::Session(session),
                1 => Revoke::Device(device),
                _ => Revoke::Jti(first_jti),
            };
            async move { revoked(&app, what).await }
        };
        let (answer, ()) = meet(round, login, end).await;
        let tokens = answer.unwrap();
        // The login found the session over and opened another one on the
        // device, or it went on with the session and renewed its credential
        // before the revocation reached the first one.
        let device_ended = round % 3 == 1;
        let renewed = round % 3 == 2 && tokens.session == present.session;
        if renewed {
            continue;
        }
        app.assert_dead(&present, "the revoked session").await;
        if tokens.session == present.session {
            app.assert_dead(&tokens, "the revoked session, gone on")
                .await;
        } else if !device_ended {
            app.asker(&tokens.access).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_refresh_meets_a_revocation_while_others_use_the_session() {
    let world = World::new().await;
    let app = world.application(Settings::default()).await;
    for round in 0..ROUNDS {
        let credential = app.credential(&format!("alice-{round}"), &format!("jti-{round}"));
        let present = app.log_in(credential, None).await.unwrap();
        let users = (0..4).map(|_| {
            let (app, access) = (app.clone(), present.access.clone());
            async move { app.asker(&access).await.map(|_| ()) }
        });
        let refresh = {
            let (app, token) = (app.clone(), present.refresh.clone());
            async move { app.refresh(&token, "nonce").await }
        };
        let end = {
            let (app, session, user) = (app.clone(), present.session, present.user);
            let what = if round % 3 == 0 {
                Revoke::User(user, None)
            } else {
                Revoke::Session(session)
            };
            async move { revoked(&app, what).await }
        };
        let ((answer, ()), used) = tokio::join!(meet(round, refresh, end), at_once(users));
        for answer in used {
            assert!(matches!(code(&answer), None | Some(Code::SessionEnded)));
        }
        match answer {
            Ok(tokens) => app.assert_dead(&tokens, "what was refreshed").await,
            Err(error) => assert_eq!(error.code, Code::SessionEnded, "round {round}"),
        }
        app.assert_dead(&present, "the revoked session").await;
    }
}
