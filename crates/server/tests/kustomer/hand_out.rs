//! The token from before a login is good for one thing: to be handed the next one,
//! once, for a minute. Of the two that are out then the first that is used stays.

use futures_util::future::join_all;
use serde_json::json;

use crate::world::{World, token};

/// What is done after a login of a visitor.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The old token asks, and is handed another of the new session.
    AskHanded,
    /// The old token asks, and ends the session.
    AskEnds,
    /// The old token asks, and is nobody's.
    AskNobody,
    /// The answer's token is used.
    Answered(Outcome),
    /// The token that was handed out is used.
    HandedOut(Outcome),
    /// Logs in once more with the token that was handed out.
    AgainHandedOut,
    Wait(i64),
}

#[derive(Debug, Clone, Copy)]
enum Outcome {
    Good,
    /// It is not the one to be used, and ends the session.
    Ends,
    Dead,
}

use Outcome::{Dead, Ends, Good};
use Step::{AgainHandedOut, Answered, AskEnds, AskHanded, AskNobody, HandedOut, Wait};

async fn check(steps: &[Step]) {
    let world = World::new().await;
    let old = world.visitor().await;
    world.chat(&old).await;
    let alice = world.log_in(Some(&old), "alice").await;
    let mut handed = None;
    for (place, step) in steps.iter().enumerate() {
        let what = format!("step {place} of {steps:?}");
        let used = match step {
            Wait(seconds) => {
                world.clock.advance_s(*seconds);
                continue;
            }
            AskEnds => {
                world
                    .current(Some(&old))
                    .await
                    .refused(401, "refresh_reused");
                continue;
            }
            AskHanded | AskNobody => {
                let body = world.current(Some(&old)).await.expect(200);
                let is_alice = matches!(step, AskHanded);
                let attributes = &body["data"]["attributes"];
                assert_eq!(attributes["verified"], is_alice, "{what}");
                let same = attributes["trackingId"] == alice.tracking_id;
                assert_eq!(same, is_alice, "{what}");
                if is_alice {
                    let new = token(&body);
                    assert_ne!(new, alice.token, "{what}");
                    handed = Some(new);
                }
                continue;
            }
            AgainHandedOut => {
                let again = world.log_in(handed.as_deref(), "alice").await;
                assert_eq!(again.tracking_id, alice.tracking_id, "{what}");
                handed = Some(again.token);
                continue;
            }
            Answered(outcome) => (&alice.token, outcome),
            HandedOut(outcome) => (handed.as_ref().unwrap(), outcome),
        };
        let (token, outcome) = used;
        let reply = world.touch(token).await;
        match outcome {
            Good => {
                assert_eq!(reply.status, 200, "{what}: {}", reply.body);
            }
            Ends => {
                reply.refused(401, "refresh_reused");
            }
            Dead => {
                reply.refused(401, "session_ended");
            }
        }
    }
    // Whatever happened: the old one is good for nothing else.
    world.touch(&old).await.refused(401, "session_ended");
}

#[tokio::test]
async fn a_client_that_reads_the_answer_goes_on_with_that() {
    check(&[Answered(Good), Wait(3_600), Answered(Good)]).await;
    check(&[Answered(Good), AskNobody, AskNobody, Answered(Good)]).await;
}

#[tokio::test]
async fn a_client_that_asks_with_the_old_token_is_handed_the_new_one_once() {
    check(&[AskHanded, HandedOut(Good), Wait(3_600), HandedOut(Good)]).await;
    check(&[Wait(60), AskHanded, HandedOut(Good)]).await;
    check(&[Wait(61), AskNobody, Answered(Good)]).await;
    check(&[AskHanded, AskEnds, HandedOut(Dead), Answered(Dead)]).await;
    check(&[AskHanded, HandedOut(Good), AskEnds, HandedOut(Dead)]).await;
    check(&[AskHanded, AskEnds, AskNobody]).await;
}

#[tokio::test]
async fn the_first_that_is_used_ends_the_other_and_that_one_the_session() {
    check(&[AskHanded, HandedOut(Good), Answered(Ends), HandedOut(Dead)]).await;
    check(&[AskHanded, Answered(Good), HandedOut(Ends), Answered(Dead)]).await;
    check(&[AskHanded, Answered(Good), AskNobody, HandedOut(Ends)]).await;
    check(&[AskHanded, Answered(Good), Wait(90_000), HandedOut(Ends)]).await;
    // Nor does a login bring it back.
    check(&[AskHanded, AgainHandedOut, HandedOut(Good), Answered(Ends)]).await;
}

#[tokio::test]
async fn a_login_with_the_token_that_is_not_to_be_used_ends_the_session() {
    let world = World::new().await;
    let old = world.visitor().await;
    let alice = world.log_in(Some(&old), "alice").await;
    let handed = token(&world.current(Some(&old)).await.expect(200));
    world.touch(&handed).await.expect(200);
    let credential = world.credential("alice");
    let refused = world.identify(Some(&alice.token), &credential).await;
    refused.refused(401, "refresh_reused");
    world.touch(&handed).await.refused(401, "session_ended");
    // Now it is over, and counts as none.
    world.clock.advance_s(1);
    world.log_in(Some(&alice.token), "alice").await;
}

#[tokio::test]
async fn a_logout_hands_nothing_out() {
    let world = World::new().await;
    let old = world.visitor().await;
    world.chat(&old).await;
    world.reset(Some(&old)).await.expect(200);
    let current = world.current(Some(&old)).await.expect(200);
    assert_eq!(current["data"]["attributes"]["verified"], false);
    let visitor = world.visitor().await;
    let alice = world.log_in(Some(&visitor), "alice").await;
    world.reset(Some(&alice.token)).await.expect(200);
    let current = world.current(Some(&visitor)).await.expect(200);
    assert_eq!(current["data"]["attributes"]["verified"], false);
}

#[tokio::test]
async fn a_token_that_is_kept_stands_for_the_customer_from_then_on() {
    let world = World::new().await;
    world.set(json!({ "kustomer_keep_token": true })).await;
    let old = world.visitor().await;
    let own = world.chat(&old).await;
    let alice = world.log_in(Some(&old), "alice").await;
    for _ in 0..2 {
        world.touch(&old).await.expect(200);
        world.touch(&alice.token).await.expect(200);
        assert_eq!(world.chats(&old).await, *std::slice::from_ref(&own));
        let current = world.current(Some(&old)).await.expect(200);
        let attributes = &current["data"]["attributes"];
        assert_eq!(attributes["trackingId"], alice.tracking_id);
        world.touch(&token(&current)).await.expect(200);
        world.clock.advance_s(3_600);
    }
    let again = world.log_in(Some(&old), "alice").await;
    assert_eq!(again.tracking_id, alice.tracking_id);
    let bob = world.credential("bob");
    let refused = world.identify(Some(&old), &bob).await;
    refused.refused(409, "already_identified");
    // What was a customer's is never another's.
    let carol = world.log_in(None, "carol").await;
    let switched = json!({ "externalToken": world.credential("dave"), "switch": true });
    let path = "/c/v1/identity";
    let reply = world.device("POST", path, Some(&carol.token), Some(switched));
    reply.await.expect(200);
    world
        .touch(&carol.token)
        .await
        .refused(401, "session_ended");
    // Logged out, it is nobody's.
    world.reset(Some(&old)).await.expect(200);
    world.touch(&old).await.refused(401, "session_ended");
    world
        .touch(&alice.token)
        .await
        .refused(401, "session_ended");

    // Where the setting is taken back, so is the token.
    let other = world.visitor().await;
    world.log_in(Some(&other), "alice").await;
    world.touch(&other).await.expect(200);
    world.set(json!({ "kustomer_keep_token": false })).await;
    world.touch(&other).await.refused(401, "session_ended");
}

#[tokio::test]
async fn of_many_who_ask_at_once_one_is_handed_it_and_the_session_ends() {
    let world = World::new().await;
    for _ in 0..10 {
        let old = world.visitor().await;
        let alice = world.log_in(Some(&old), "alice").await;
        let asked = join_all((0..8).map(|_| world.current(Some(&old)))).await;
        let mut handed = Vec::new();
        for reply in asked {
            if reply.status != 200 {
                reply.refused(401, "refresh_reused");
            } else if reply.body["data"]["attributes"]["verified"] == true {
                handed.push(token(&reply.body));
            }
        }
        assert_eq!(handed.len(), 1);
        for token in [&handed[0], &alice.token] {
            world.touch(token).await.refused(401, "session_ended");
        }
    }
}

#[tokio::test]
async fn of_two_that_are_used_at_once_one_is_good() {
    let world = World::new().await;
    for _ in 0..20 {
        let old = world.visitor().await;
        let alice = world.log_in(Some(&old), "alice").await;
        let handed = token(&world.current(Some(&old)).await.expect(200));
        let (one, other) = tokio::join!(world.touch(&alice.token), world.touch(&handed));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        // Whichever was first: the other one has ended the session.
        assert_eq!(statuses, [200, 401], "{} {}", one.body, other.body);
        for token in [&handed, &alice.token] {
            world.touch(token).await.refused(401, "session_ended");
        }
    }
}
