//! A visitor's first write meets the visitor's end.

use countersign_core::error::Code;
use countersign_core::model::page::Window;
use countersign_core::model::settings::Settings;
use countersign_core::op::conversations::{Create, create_conversation, list_conversations};
use countersign_core::op::revoke::{Revoke, revoke};
use countersign_core::op::sessions::log_out;

use crate::world::{World, code, meet};

const ROUNDS: usize = 200;
const PAGE: Window = Window {
    after: None,
    limit: 100,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_first_write_meets_a_log_out_or_a_revocation_and_no_session_lives_on() {
    let world = World::new().await;
    let app = world.application(Settings::default()).await;
    for round in 0..ROUNDS {
        let visitor = app.visit().await;
        let asker = app.asker(&visitor.access).await.unwrap();
        let write = {
            let (app, asker) = (app.clone(), asker.clone());
            async move { create_conversation(&app.ctx, &asker, Create::default()).await }
        };
        let end = {
            let (app, session) = (app.clone(), visitor.session);
            async move {
                if round % 4 < 2 {
                    log_out(&app.ctx, &asker).await.unwrap();
                } else {
                    let what = Revoke::Session(session);
                    revoke(&app.ctx, &app.admin, &what).await.unwrap();
                }
            }
        };
        let (written, ()) = meet(round, write, end).await;
        assert!(
            matches!(code(&written), None | Some(Code::SessionEnded)),
            "round {round}"
        );
        app.assert_dead(&visitor, "the visitor").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_visitor_begins_while_logging_in_goes_along_or_is_refused() {
    let world = World::new().await;
    let app = world.application(Settings::default()).await;
    let mut owned = 0;
    for round in 0..ROUNDS {
        let visitor = app.visit().await;
        let asker = app.asker(&visitor.access).await.unwrap();
        let write = {
            let app = app.clone();
            async move { create_conversation(&app.ctx, &asker, Create::default()).await }
        };
        let login = {
            let (app, token) = (app.clone(), visitor.access.clone());
            let (user, jti) = (format!("user-{round}"), format!("jti-{round}"));
            async move {
                app.log_in(app.credential(&user, &jti), Some(token))
                    .await
                    .unwrap()
            }
        };
        let (written, tokens) = meet(round, write, login).await;
        assert!(
            matches!(code(&written), None | Some(Code::SessionEnded)),
            "round {round}"
        );
        let asker = app.asker(&tokens.access).await.unwrap();
        let page = list_conversations(&app.ctx, &asker, PAGE).await.unwrap();
        assert_eq!(
            page.items.len(),
            usize::from(written.is_ok()),
            "round {round}"
        );
        owned += page.items.len();
    }
    assert!(owned > 0, "some writes come before the login");
}
