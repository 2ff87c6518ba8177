//! The store is out of sight for a while: the sockets stay open and silent, and
//! each session is looked at again before anything is told.

use countersign_core::op::store_watch;
use countersign_core::ports::fanout::Notice;
use serde_json::{Value, json};

use crate::client::{Client, in_short, in_time};
use crate::world::{Device, World, text};

/// A world whose store is watched: nothing is withheld where nobody looks.
async fn watched() -> World {
    let world = World::new().await;
    store_watch::look(&world.ctx).await.unwrap();
    world
}

async fn refused_by(world: &World, device: &Device) -> (u16, String) {
    let mut client = world.socket().await;
    client
        .send(json!({"type": "authenticate", "token": device.access}))
        .await;
    client.closed().await
}

#[tokio::test]
async fn nothing_is_told_from_memory_and_nothing_is_lost() {
    // A revocation of the last minute is read, an older one is not: whoever was
    // let in before is looked at again.
    for away_s in [6, 300] {
        let world = watched().await;
        let (alice, bob) = (world.user("alice").await, world.user("bob").await);
        let eve = world.user("eve").await;
        let id = world.shared(&[&alice, &bob, &eve]).await;
        let mut alices = world.connect(&alice).await;
        let mut bobs = world.connect(&bob).await;
        let mut eves = world.connect(&eve).await;
        let speaker = world.principal(&alice).await;
        let revoked = world.principal(&eve).await;
        world.say(&alice.access, &id, "before").await;
        for client in [&mut alices, &mut bobs, &mut eves] {
            assert_eq!(in_short(&client.told().await), ["event 4 before"]);
        }
        world.clock.advance_s(5);
        world.say(&alice.access, &id, "still seen").await;
        for client in [&mut alices, &mut bobs, &mut eves] {
            assert_eq!(in_short(&client.told().await), ["event 5 still seen"]);
        }
        // The ring has what is appended here, and the store answers: but nobody
        // has looked whom it says to be revoked.
        world.clock.advance_s(1);
        world.db_revoke_without_notice(&revoked).await;
        for what in ["a", "b", "c"] {
            world.send_past_the_door(&speaker, &id, what).await;
        }
        for client in [&mut alices, &mut bobs, &mut eves] {
            client.is_told_nothing().await;
        }
        world.clock.advance_s(away_s - 6);
        // Nobody can be asked whether it is there, so nobody's silence counts.
        for _ in 0..100 {
            world.look();
        }
        for client in [&mut alices, &mut bobs, &mut eves] {
            client.is_told_nothing().await;
        }
        store_watch::look(&world.ctx).await.unwrap();
        world.look();
        world.send_past_the_door(&speaker, &id, "after").await;
        assert_eq!(eves.closed_at_once().await, 4410, "{away_s}");
        let expected = ["event 6 a", "event 7 b", "event 8 c", "event 9 after"];
        for client in [&mut alices, &mut bobs] {
            assert_eq!(in_short(&client.told().await), expected, "{away_s}");
        }
    }
}

#[tokio::test]
async fn who_sleeps_meanwhile_is_looked_at_again_all_the_same() {
    let world = watched().await;
    let (alice, eve) = (world.user("alice").await, world.user("eve").await);
    let mut alices = world.connect(&alice).await;
    let mut eves = world.connect(&eve).await;
    let revoked = world.principal(&eve).await;
    world.db_revoke_without_notice(&revoked).await;
    world.clock.advance_s(300);
    store_watch::look(&world.ctx).await.unwrap();
    assert_eq!(eves.closed_at_once().await, 4410);
    assert!(alices.told().await.is_empty());
}

#[tokio::test]
async fn nobody_enters_and_commands_wait_while_the_store_is_away() {
    let world = watched().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.shared(&[&alice, &bob]).await;
    let mut alices = world.connect(&alice).await;
    let mut bobs = world.connect(&bob).await;
    let engine = world.store.engine();
    engine.take_away();
    world.clock.advance_s(6);
    store_watch::look(&world.ctx).await.unwrap_err();
    let asked = engine.refused();
    let (code, reason) = refused_by(&world, &bob).await;
    let reason: Value = serde_json::from_str(&reason).unwrap();
    let wait = reason["reconnect_after"].as_u64().unwrap();
    assert!(
        code == 4503 && (1..=10_000).contains(&wait),
        "{code} {wait}"
    );
    let (status, answer) = world
        .call("POST", "/v1/sync", &bob.access, Some(json!({})))
        .await;
    assert_eq!((status, &answer["code"]), (503, &json!("unavailable")));
    // Kept in the order of who says them, whenever that is carried out.
    for number in 1..=3 {
        alices.say(number, &id, &format!("word {number}")).await;
    }
    alices.is_told_nothing().await;
    let seen = json!({"type": "seen", "body": {"up_to": 2}});
    bobs.send(json!({"type": "send", "ref": 2, "conversation_id": id, "event": seen}))
        .await;
    bobs.is_told_nothing().await;
    assert_eq!(engine.refused(), asked, "nobody waits for the store");
    engine.give_back();
    store_watch::look(&world.ctx).await.unwrap();
    let mut sent = Vec::new();
    while sent.len() < 3 {
        let frame = alices.frame().await;
        if frame["type"] == "sent" {
            sent.push((frame["ref"].clone(), frame["event"]["id"].clone()));
        }
    }
    let expected = [1, 2, 3].map(|number| (json!(number), json!(number + 2)));
    assert_eq!(sent, expected);
    let mut told = Vec::new();
    while !told.contains(&json!({"type": "sent", "ref": 2})) {
        told.push(bobs.frame().await);
    }
}

#[tokio::test]
async fn a_poll_that_waits_is_refused() {
    let world = watched().await;
    let alice = world.user("alice").await;
    let id = world.conversation(&alice).await;
    let speaker = world.principal(&alice).await;
    let poll = async {
        let body = json!({"have": {id.as_str(): 1}, "wait_seconds": 25});
        world
            .call("POST", "/v1/sync", &alice.access, Some(body))
            .await
    };
    let meanwhile = async {
        while world.metric("connections").await == 0 {
            tokio::task::yield_now().await;
        }
        world.clock.advance_s(6);
        world.send_past_the_door(&speaker, &id, "unseen").await;
    };
    let ((status, answer), ()) = in_time(async { tokio::join!(poll, meanwhile) }).await;
    assert_eq!((status, &answer["code"]), (503, &json!("unavailable")));
}

#[tokio::test]
async fn a_newer_token_waits_for_the_store() {
    let world = watched().await;
    let alice = world.user("alice").await;
    let mut client = world.connect(&alice).await;
    world.clock.advance_s(5);
    let body = json!({"refresh_token": alice.refresh, "nonce": "n"});
    let answer = world.post("/v1/sessions/refresh", "", body).await;
    world.clock.advance_s(500);
    let token = text(&answer["access_token"]);
    client
        .send(json!({"type": "refresh", "token": token}))
        .await;
    client.is_told_nothing().await;
    store_watch::look(&world.ctx).await.unwrap();
    assert!(client.told().await.is_empty());
    world.clock.advance_s(96);
    store_watch::look(&world.ctx).await.unwrap();
    world.look();
    // The old token would be over by now.
    assert_eq!(in_short(&client.told().await), ["expiring"]);
}

#[tokio::test]
async fn a_node_that_goes_away_does_not_wait_for_the_store() {
    let mut world = watched().await;
    let alice = world.user("alice").await;
    let mut waiting = world.connect(&alice).await;
    let mut asleep = world.connect(&alice).await;
    world.clock.advance_s(6);
    waiting.say(1, "CON-none", "held").await;
    waiting.is_told_nothing().await;
    world.ctx.publish(Notice::Application(world.application));
    world.stop.cancel();
    for client in [&mut waiting, &mut asleep] {
        let client: &mut Client = client;
        assert_eq!(client.closed_at_once().await, 4503);
    }
    let stopped = (&mut world.server).await.unwrap();
    assert_eq!(stopped.cut_off, 0);
}
