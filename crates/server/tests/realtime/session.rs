//! A socket's session: its token runs out, is renewed; the node goes away.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::client::in_short;
use crate::world::{World, text};

#[tokio::test]
async fn a_token_that_runs_out_is_announced_and_then_the_socket_is_closed() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let mut client = world.connect(&alice).await;
    world.clock.advance_s(539);
    world.look();
    assert!(client.told().await.is_empty());
    world.clock.advance_s(1);
    world.look();
    world.look();
    assert_eq!(
        client.told().await,
        [json!({"type": "expiring", "in_seconds": 60})]
    );
    world.clock.advance_s(59);
    world.look();
    assert!(client.told().await.is_empty());
    world.clock.advance_s(1);
    world.look();
    assert_eq!(client.closed().await, (4401, "access_expired".to_owned()));
}

#[tokio::test]
async fn a_newer_token_of_the_session_keeps_the_socket_open() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let other = world.user("alice").await;
    let id = world.conversation(&alice).await;
    let mut client = world.connect(&alice).await;
    world.clock.advance_s(550);
    world.look();
    assert_eq!(in_short(&client.told().await), ["expiring"]);
    let body = json!({"refresh_token": alice.refresh, "nonce": "n"});
    let answer = world.post("/v1/sessions/refresh", "", body).await;
    let token = text(&answer["access_token"]);
    client
        .send(json!({"type": "refresh", "token": token}))
        .await;
    assert!(client.told().await.is_empty());
    world.clock.advance_s(500);
    world.look();
    world.say(&token, &id, "still there").await;
    assert_eq!(in_short(&client.told().await), ["event 2 still there"]);
    world.clock.advance_s(50);
    world.look();
    assert_eq!(in_short(&client.told().await), ["expiring"]);
    // Neither another session's token nor one that is over will do.
    for (token, reason) in [
        (other.access.as_str(), "access_expired"),
        (alice.access.as_str(), "access_expired"),
        ("cs_at_x", "malformed_token"),
    ] {
        let (mut client, _) = world
            .connect_with(json!({"type": "authenticate", "token": text(&answer["access_token"])}))
            .await;
        client
            .send(json!({"type": "refresh", "token": token}))
            .await;
        let closed = client.closed().await;
        assert_eq!(closed, (4401, reason.to_owned()));
    }
}

#[tokio::test]
async fn a_token_of_another_session_is_refused() {
    let world = World::new().await;
    let (alice, other) = (world.user("alice").await, world.user("alice").await);
    let mut client = world.connect(&alice).await;
    client
        .send(json!({"type": "refresh", "token": other.access}))
        .await;
    let (code, reason) = client.closed().await;
    assert_eq!(code, 4401, "{reason}");
}

/// The node's own looks go on meanwhile, one each second: the margins allow for
/// some of them.
#[tokio::test]
async fn who_is_silent_is_asked_and_then_hung_up_on() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let looks = |times: u32| (0..times).for_each(|_| world.look());
    let mut silent = world.connect(&alice).await;
    let mut prompt = world.connect(&alice).await;
    let is_ping = |message: Option<Message>| matches!(message, Some(Message::Ping(_)));
    looks(20);
    silent.is_told_nothing().await;
    prompt.is_told_nothing().await;
    looks(5);
    assert!(is_ping(prompt.message().await));
    // Its pong goes out with what it does next, and is heard.
    prompt.is_told_nothing().await;
    looks(30);
    prompt.is_told_nothing_but_pings().await;
    looks(5);
    assert!(is_ping(silent.message().await), "after 25 looks");
    assert!(is_ping(silent.message().await), "after 50 looks");
    assert_eq!(silent.message().await, None, "hung up on without a word");
    assert!(prompt.told().await.is_empty());
}

#[tokio::test]
async fn a_node_that_goes_away_says_when_to_come_back() {
    let mut world = World::new().await;
    let alice = world.user("alice").await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(world.connect(&alice).await);
    }
    clients.push(world.socket().await);
    world.stop.cancel();
    let mut waits = BTreeSet::new();
    for client in &mut clients {
        let (code, reason) = client.closed().await;
        assert_eq!(code, 4503);
        let reason: Value = serde_json::from_str(&reason).unwrap();
        let wait = reason["reconnect_after"].as_u64().unwrap();
        assert!((1..=10_000).contains(&wait), "{wait}");
        waits.insert(wait);
    }
    assert!(
        waits.len() > 10,
        "they come back at different times: {waits:?}"
    );
    let stopped = (&mut world.server).await.unwrap();
    assert_eq!(stopped.cut_off, 0);
}
