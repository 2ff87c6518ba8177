//! Who does not read, or sends too much, is sent away; nobody else notices.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use countersign_core::limit::Rate;
use countersign_server::operations::{Operations, Rates};
use countersign_server::realtime::Patience;
use serde_json::json;

use crate::client::{in_short, in_time, status};
use crate::raw::{self, CLOSE, FIN, PING, PONG, Raw};
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_sent_away_and_nobody_else_waits() {
    let patience = Patience {
        write: Duration::from_millis(300),
        close: Duration::from_secs(15),
        ..Patience::default()
    };
    let world = World::patient(patience).await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.shared(&[&alice, &bob]).await;
    let mut slow = world.connect_with_little_room(&bob).await;
    let mut prompt = world.connect(&alice).await;
    let large = "x".repeat(50_000);
    // What the kernel takes for a client that does not read differs from machine
    // to machine: it is filled until the node has given the client up.
    let mut sent = 0;
    while world.metric("slow_readers_total").await == 0 {
        world.say(&world.key, &id, &large).await;
        assert_eq!(prompt.frame().await["type"], "event");
        sent += 1;
        assert!(sent < 2_000, "it was never given up");
    }
    assert!(prompt.told().await.is_empty());
    let (code, _) = slow.closed().await;
    assert_eq!(code, 4408);
}

#[tokio::test]
async fn what_is_sent_too_fast_is_refused_and_then_the_socket_is_closed() {
    let rate = Rate {
        burst: NonZeroU32::new(10).unwrap(),
        per_second: NonZeroU32::MIN,
    };
    let rates = Rates {
        session: rate,
        ..Rates::default()
    };
    let world = World::with(Patience::default(), rates).await;
    let alice = world.user("alice").await;
    let id = world.conversation(&alice).await;
    let mut client = world.connect(&alice).await;
    let mut refused = 0;
    let mut sent = 0;
    for reference in 0..200 {
        if !client
            .try_send(crate::client::say(reference, &id, "again"))
            .await
        {
            break;
        }
        match client.next().await {
            Ok(frame) if frame["type"] == "sent" => sent += 1,
            Ok(frame) => {
                assert_eq!(frame["code"], "rate_limited", "{frame}");
                assert_eq!(frame["ref"], json!(reference));
                refused += 1;
            }
            Err((code, reason)) => {
                assert_eq!((code, reason.as_str()), (4429, "rate_limited"));
                assert_eq!(refused, 100);
                assert!(sent > 0);
                return;
            }
        }
    }
    panic!("it was never sent away: {sent} sent, {refused} refused");
}

/// What answers them would wait in memory for a client that does not read.
#[tokio::test]
async fn a_flood_of_pings_ends_the_socket_and_no_other() {
    let rate = Rate {
        burst: NonZeroU32::new(10).unwrap(),
        per_second: NonZeroU32::MIN,
    };
    let rates = Rates {
        session: rate,
        ..Rates::default()
    };
    let world = World::with(Patience::default(), rates).await;
    let bob = world.user("bob").await;
    let mut bystander = world.connect(&bob).await;
    for head in [PING, PONG] {
        // Another session each time, since it is a session that is counted.
        let alice = world.user("alice").await;
        let flood = raw::frame(FIN | head, &[0; 125]).repeat(5_000);
        for mut client in [Raw::open(&world).await, Raw::welcomed(&world, &alice).await] {
            client.send(&flood, usize::MAX).await;
            let mut answered = 0;
            let closed = loop {
                match in_time(client.frame()).await.unwrap() {
                    (head, payload) if head == FIN | CLOSE => break payload,
                    (head, _) => assert_eq!(head, FIN | PONG),
                }
                answered += 1;
            };
            assert_eq!(
                closed,
                [&4429_u16.to_be_bytes()[..], b"rate_limited"].concat()
            );
            assert!(answered <= 110, "{answered}");
        }
    }
    assert!(bystander.told().await.is_empty());
}

#[tokio::test]
async fn there_is_room_for_so_many_connections() {
    let operations = Operations::new(Rates::for_development(), Vec::new());
    let world = World::operated(operations.with_connections_max(2)).await;
    let alice = world.user("alice").await;
    let id = world.conversation(&alice).await;
    let authenticate = json!({"type": "authenticate", "token": alice.access});
    let mut first = world.socket().await;
    let mut second = world.socket().await;
    // Who waits at the entrance takes a place, and a third is not let wait.
    assert_eq!(
        status(world.address, "/v1/connect", "countersign.v1").await,
        503
    );
    let poll = async {
        let body = json!({"have": {id.as_str(): 1}, "wait_seconds": 25});
        world.post("/v1/sync", &alice.access, body).await
    };
    let meanwhile = async {
        while world.metric("connections").await == 0 {
            tokio::task::yield_now().await;
        }
        first.send(authenticate.clone()).await;
        assert_eq!(first.frame().await["type"], "welcome");
        second.send(authenticate.clone()).await;
        let closed = second.closed().await;
        assert_eq!(closed, (4429, "connections".to_owned()));
        let (status, answer) = world
            .call("POST", "/v1/sync", &alice.access, Some(json!({})))
            .await;
        assert_eq!((status, &answer["code"]), (503, &json!("unavailable")));
        world.say(&alice.access, &id, "new").await;
    };
    let (answer, ()) = in_time(async { tokio::join!(poll, meanwhile) }).await;
    assert_eq!(answer["frames"].as_array().unwrap().len(), 2);
    // Who was let in is not sent away for it, and a place that is free is given.
    assert_eq!(in_short(&first.told().await), ["event 2 new"]);
    world.connect(&alice).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_of_all_conversations_is_bounded() {
    const KEPT_BYTES_MAX: u64 = 64 * 1024 * 1024;
    const CONVERSATIONS: usize = 4;
    const EVENTS_EACH: u64 = 160;
    let world = World::new().await;
    let alice = world.user("alice").await;
    let mut ids = Vec::new();
    for _ in 0..CONVERSATIONS {
        ids.push(world.conversation(&alice).await);
    }
    let mut client = world.connect(&alice).await;
    let speaker = world.principal(&alice).await;
    let large = "x".repeat(58_000);
    let mut most = 0;
    for _ in 0..EVENTS_EACH {
        for id in &ids {
            world.send_past_the_door(&speaker, id, &large).await;
            assert!(client.message().await.is_some());
        }
        let kept = world.metric("recent_events_bytes").await;
        assert!(kept <= KEPT_BYTES_MAX, "{kept}");
        most = most.max(kept);
    }
    assert!(
        most > KEPT_BYTES_MAX / 10 * 9,
        "the bound was reached: {most}"
    );
    // What had to go is read again.
    let last = 1 + EVENTS_EACH;
    let mut have: BTreeMap<&str, u64> = ids.iter().map(|id| (id.as_str(), last)).collect();
    have.insert(&ids[0], 1);
    let (mut late, _) = world.resume(&alice, json!(have)).await;
    for number in 2..=last {
        assert_eq!(late.frame().await["event"]["id"], number);
    }
    assert!(late.told().await.is_empty());
}

#[tokio::test]
async fn a_lost_notice_costs_a_sweep() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.shared(&[&alice, &bob]).await;
    let mut client = world.connect(&bob).await;
    world.db_append_without_notice(&alice, &id, "unheard").await;
    assert!(client.told().await.is_empty());
    let mut told = Vec::new();
    for _ in 0..6 {
        for _ in 0..10 {
            world.look();
        }
        // A client that says nothing for that long would be sent away.
        told.extend(in_short(&client.told().await));
    }
    assert_eq!(told, ["event 3 unheard"]);
    // What comes after it is told at once, and with it what was not heard of.
    world.db_append_without_notice(&alice, &id, "unheard").await;
    world.say(&alice.access, &id, "heard").await;
    world.look();
    let told = in_short(&client.told().await);
    assert_eq!(told, ["event 4 unheard", "event 5 heard"]);
}
