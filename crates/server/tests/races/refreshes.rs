//! Refreshes that meet refreshes.

use countersign_core::error::Code;
use countersign_core::model::settings::Settings;

use crate::world::{World, at_once, code};

const ROUNDS: usize = 100;
const CALLS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_refreshes_with_fifty_nonces_one_wins_and_the_session_is_over() {
    let world = World::new().await;
    let app = world.application(Settings::default()).await;
    for round in 0..ROUNDS {
        let credential = app.credential("alice", &format!("jti-{round}"));
        let tokens = app.log_in(credential, None).await.unwrap();
        let calls = (0..CALLS).map(|number| {
            let (app, token) = (app.clone(), tokens.refresh.clone());
            async move { app.refresh(&token, &format!("nonce-{number}")).await }
        });
        let answers = at_once(calls).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1, "round {round}");
        for answer in lost {
            assert_eq!(code(&answer), Some(Code::RefreshReused), "round {round}");
        }
        let winner = won.into_iter().next().unwrap().unwrap();
        app.assert_dead(&winner, "the winner").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_refreshes_with_one_nonce_get_the_same_tokens() {
    let world = World::new().await;
    let app = world.application(Settings::default()).await;
    for round in 0..ROUNDS {
        let credential = app.credential("alice", &format!("jti-{round}"));
        let tokens = app.log_in(credential, None).await.unwrap();
        let calls = (0..CALLS).map(|_| {
            let (app, token) = (app.clone(), tokens.refresh.clone());
            async move { app.refresh(&token, "one nonce").await.unwrap() }
        });
        let answers = at_once(calls).await;
        assert!(
            answers.iter().all(|answer| *answer == answers[0]),
            "round {round}"
        );
        app.asker(&answers[0].access).await.unwrap();
        app.refresh(&answers[0].refresh, "another").await.unwrap();
    }
}
