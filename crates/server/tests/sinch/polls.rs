//! What a poll is told: at once, once, again, and to whom.

use std::time::Duration;

use countersign_core::op::store_watch;
use countersign_server::operations::{Operations, Rates};
use countersign_server::realtime::Patience;
use futures_util::FutureExt as _;
use serde_json::{Value, json};

use crate::phone::{Phone, in_short, in_time, refused};
use crate::world::{World, text};

#[tokio::test]
async fn anybody_is_told_the_time() {
    let world = World::new().await;
    let phone = Phone::of(&world, "alice").await;
    let mut last = 0;
    for _ in 0..3 {
        let told = phone.get("/time/0?uuid=u&pnsdk=p").await;
        assert_eq!(told.header("access-control-allow-origin"), "*");
        let told = told.expect(200)[0].as_u64().unwrap();
        assert!(told > last && told.to_string().len() == 17, "{told}");
        last = told;
    }
}

#[tokio::test]
async fn the_first_poll_is_answered_at_once_and_the_next_one_waits() {
    let world = World::new().await;
    let (alice, bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let (told, token) = bob.fetch("0").await;
    assert_eq!(told, []);
    assert_eq!(token.len(), 17);
    let mut waits = Box::pin(bob.poll(&token));
    assert!(waits.as_mut().now_or_never().is_none());
    let to_bob = alice.transport(&["bob"]).await;
    alice.send(&to_bob, "hello").await;
    let body = in_time(waits).await.expect(200);
    assert_eq!(in_short(&bob.read(&body).await), ["alice: hello"]);
    assert!(text(&body[1]) > token);
}

#[tokio::test]
async fn what_did_not_arrive_is_told_again_and_what_arrived_is_not() {
    let world = World::new().await;
    let (alice, bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let to_bob = alice.transport(&["bob"]).await;
    let (_, zero) = bob.fetch("0").await;
    alice.send(&to_bob, "one").await;
    let first = in_time(bob.poll(&zero)).await.expect(200);
    alice.send(&to_bob, "two").await;
    for _ in 0..2 {
        assert_eq!(in_time(bob.poll(&zero)).await.expect(200), first);
    }
    let second = in_time(bob.poll(&text(&first[1]))).await.expect(200);
    assert_eq!(in_short(&bob.read(&second).await), ["alice: two"]);
    // A client that hung up while it waited has missed nothing.
    let token = text(&second[1]);
    for _ in 0..3 {
        assert!(bob.poll(&token).now_or_never().is_none());
    }
    alice.send(&to_bob, "three").await;
    let (told, _) = bob.fetch(&token).await;
    assert_eq!(in_short(&told), ["alice: three"]);
}

#[tokio::test]
async fn tabs_of_one_session_are_told_each_and_so_are_other_devices() {
    let world = World::new().await;
    let (alice, bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let laptop = Phone::of(&world, "alice").await;
    let to_bob = alice.transport(&["bob"]).await;
    let mut tabs = Vec::new();
    for _ in 0..3 {
        tabs.push((&bob, bob.fetch("0").await.1));
    }
    tabs.push((&alice, alice.fetch("0").await.1));
    tabs.push((&laptop, laptop.fetch("0").await.1));
    let id = alice.send(&to_bob, "hello").await;
    for (phone, token) in &tabs {
        let (told, _) = phone.fetch(token).await;
        assert_eq!(in_short(&told), ["alice: hello"]);
        // Who sent it knows it by the name that it gave it; who did not, by none
        // that anybody can choose.
        assert_eq!(told[0].id == id, phone.name == "alice");
    }
}

#[tokio::test]
async fn however_a_client_hangs_up_it_is_told_everything_once_and_in_order() {
    const MESSAGES: usize = 60;
    let world = World::new().await;
    let (alice, bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let to_bob = alice.transport(&["bob"]).await;
    let sends = async {
        for number in 0..MESSAGES {
            alice.send(&to_bob, &number.to_string()).await;
        }
    };
    let reads = async |patience: usize| {
        let (mut told, mut has) = bob.fetch("0").await;
        while told.len() < MESSAGES {
            // It gives up at any point of the way, now and then.
            for turns in 0..patience {
                let mut given_up = Box::pin(bob.poll(&has));
                for _ in 0..turns {
                    if given_up.as_mut().now_or_never().is_some() {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            }
            let answer = in_time(bob.poll(&has)).await.expect(200);
            if told.len() % 2 == 0 {
                // The answer is lost, and asked for again.
                assert_eq!(in_time(bob.poll(&has)).await.expect(200), answer);
            }
            told.extend(bob.read(&answer).await);
            has = text(&answer[1]);
        }
        let texts: Vec<_> = told.into_iter().filter_map(|told| told.text).collect();
        let expected: Vec<_> = (0..MESSAGES).map(|number| number.to_string()).collect();
        assert_eq!(texts, expected);
    };
    in_time(async { tokio::join!(sends, reads(0), reads(3), reads(12)) }).await;
}

#[tokio::test]
async fn who_hangs_up_while_the_store_is_read_misses_nothing() {
    let world = World::new().await;
    let (alice, bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let to_bob = alice.transport(&["bob"]).await;
    let (_, token) = bob.fetch("0").await;
    alice.send(&to_bob, "hello").await;
    // What is deleted makes the node read anew what came before it.
    let path = format!("/v1/conversations/{}/events", to_bob.id);
    let said = json!({"type": "text", "body": {"text": "gone"}});
    let said = world.done("POST", &path, Some(said)).await;
    let deletes = json!({"type": "delete", "body": {"event_id": said["id"]}});
    world.done("POST", &path, Some(deletes)).await;
    // Most are given up while the store is asked; one may find that it has answered.
    for _ in 0..3 {
        drop(bob.poll(&token).now_or_never());
    }
    let (told, _) = bob.fetch(&token).await;
    assert_eq!(in_short(&told), ["alice: hello"]);
}

#[tokio::test]
async fn two_polls_of_one_chain_are_told_apart_and_neither_hangs() {
    let world = World::new().await;
    let bob = Phone::of(&world, "bob").await;
    let (_, token) = bob.fetch("0").await;
    let mut first = Box::pin(bob.poll(&token));
    assert!(first.as_mut().now_or_never().is_none());
    let mut second = Box::pin(bob.poll(&token));
    assert!(second.as_mut().now_or_never().is_none());
    refused(&in_time(first).await, 409);
    assert!(second.as_mut().now_or_never().is_none());
}

#[tokio::test]
async fn a_session_has_a_few_mailboxes_and_the_oldest_goes() {
    let world = World::new().await;
    let bob = Phone::of(&world, "bob").await;
    let (_, oldest) = bob.fetch("0").await;
    let mut waits = Box::pin(bob.poll(&oldest));
    assert!(waits.as_mut().now_or_never().is_none());
    let before = connections(&world).await;
    for _ in 0..8 {
        bob.fetch("0").await;
    }
    refused(&in_time(waits).await, 409);
    assert_eq!(connections(&world).await, before + 7);
}

#[tokio::test]
async fn few_polls_of_a_session_begin_at_once() {
    let world = World::new().await;
    let bob = Phone::of(&world, "bob").await;
    for _ in 0..2 {
        let begin = (0..20).map(|_| bob.poll("0"));
        let replies = in_time(futures_util::future::join_all(begin)).await;
        let (begun, many): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
        assert_eq!((begun.len(), many.len()), (8, 12));
        for reply in many {
            refused(reply, 409);
        }
        // Who gives up makes room.
        for _ in 0..20 {
            assert!(bob.poll("0").now_or_never().is_none());
        }
    }
    // Those of others wait for their turn.
    let mut phones = vec![bob];
    for number in 0..20 {
        phones.push(Phone::of(&world, &format!("user{number}")).await);
    }
    let begin = phones.iter().map(|phone| phone.poll("0"));
    for reply in in_time(futures_util::future::join_all(begin)).await {
        reply.expect(200);
    }
}

async fn connections(world: &World) -> u64 {
    world.metric("connections").await
}

#[tokio::test]
async fn who_polls_no_more_is_forgotten_and_who_waits_is_not() {
    let world = World::new().await;
    let (alice, bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let (_, hers) = alice.fetch("0").await;
    bob.fetch("0").await;
    assert_eq!(connections(&world).await, 2);
    let mut waits = Box::pin(alice.poll(&hers));
    for _ in 0..61 {
        assert!(waits.as_mut().now_or_never().is_none());
        world.operations.look_at_sockets(&world.ctx);
    }
    assert_eq!(connections(&world).await, 1);
    drop(waits);
    for _ in 0..61 {
        world.operations.look_at_sockets(&world.ctx);
    }
    assert_eq!(connections(&world).await, 0);
    // What it knew is not known any more; what it missed is told anew.
    let to_alice = bob.transport(&["alice"]).await;
    bob.send(&to_alice, "hello").await;
    let (told, token) = alice.fetch(&hers).await;
    assert_eq!(in_short(&told), ["bob: hello"]);
    alice.acknowledge(&told[0]).await;
    // Where there is nothing, such a poll waits.
    let mut waits = Box::pin(alice.poll("16000000000000000"));
    assert!(waits.as_mut().now_or_never().is_none());
    let mut goes_on = Box::pin(alice.poll(&token));
    assert!(goes_on.as_mut().now_or_never().is_none());
}

#[tokio::test]
async fn leaving_lets_mailboxes_go_in_which_nobody_waits() {
    let world = World::new().await;
    let bob = Phone::of(&world, "bob").await;
    let (_, token) = bob.fetch("0").await;
    bob.fetch("0").await;
    let mut waits = Box::pin(bob.poll(&token));
    assert!(waits.as_mut().now_or_never().is_none());
    assert_eq!(connections(&world).await, 2);
    let path = |channels: &str| {
        let key = &bob.subscribe_key;
        format!("/v2/presence/sub_key/{key}/channel/{channels}/leave?uuid=u")
    };
    refused(&bob.get(&path("T-x")).await, 403);
    assert_eq!(connections(&world).await, 2);
    let path = path(&format!("{}%2C{}", bob.broadcast, bob.channel));
    let left = bob.get(&path);
    let expected =
        json!({"status": 200, "action": "leave", "message": "OK", "service": "Presence"});
    assert_eq!(left.await.expect(200), expected);
    assert_eq!(connections(&world).await, 1);
    assert!(waits.as_mut().now_or_never().is_none());
}

#[tokio::test]
async fn the_signal_channel_tells_no_messages() {
    let world = World::new().await;
    let (alice, bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let path = |token: &str| format!("/subscribe/{}/{}/0/{token}", bob.subscribe_key, bob.signal);
    let first = bob.get(&path("0")).await.expect(200);
    assert_eq!((&first[0], &first[2]), (&json!([]), &json!("")));
    let to_bob = alice.transport(&["bob"]).await;
    alice.send(&to_bob, "hello").await;
    let path = path(&text(&first[1]));
    let mut waits = Box::pin(bob.get(&path));
    assert!(waits.as_mut().now_or_never().is_none());
}

#[tokio::test]
async fn who_was_away_is_told_what_came_meanwhile() {
    let world = World::new().await;
    let (alice, bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let to_bob = alice.transport(&["bob"]).await;
    for number in 1..=3 {
        alice.send(&to_bob, &number.to_string()).await;
        world.clock.advance_s(1);
    }
    let to_alice = bob.transport(&["alice"]).await;
    bob.send(&to_alice, "own").await;
    let (told, _) = bob.fetch("0").await;
    // In order; what the user has said is known to where it was said.
    assert_eq!(in_short(&told), ["alice: 1", "alice: 2", "alice: 3"]);
    // What was not acknowledged comes again.
    let (again, _) = bob.fetch("0").await;
    assert_eq!(again, told);
    bob.acknowledge(&told[1]).await;
    let (rest, _) = bob.fetch("0").await;
    assert_eq!(in_short(&rest), ["alice: 3"]);
    // A position never goes back.
    bob.acknowledge(&told[0]).await;
    assert_eq!(bob.fetch("0").await.0, rest);
    // Another device of the user has what the first one has.
    let tablet = Phone::of(&world, "bob").await;
    assert_eq!(in_short(&tablet.fetch("0").await.0), ["alice: 3"]);
    // A month later nobody wants it.
    world.clock.advance_s(29 * 86_400);
    alice.profile_is_read().await;
    bob.profile_is_read().await;
    assert_eq!(in_short(&bob.fetch("0").await.0), ["alice: 3"]);
    world.clock.advance_s(86_400);
    assert_eq!(bob.fetch("0").await.0, []);
}

#[tokio::test]
async fn a_backlog_has_the_newest_of_all_conversations_and_not_more() {
    let world = World::new().await;
    let (alice, carol) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "carol").await,
    );
    let bob = Phone::of(&world, "bob").await;
    let (of_alice, of_carol) = (
        alice.transport(&["bob"]).await,
        carol.transport(&["bob"]).await,
    );
    for number in 0..70 {
        alice.send(&of_alice, &number.to_string()).await;
        carol.send(&of_carol, &number.to_string()).await;
        world.clock.advance_s(1);
    }
    let (told, _) = bob.fetch("0").await;
    assert_eq!(told.len(), 100);
    let numbers: Vec<u32> = told
        .iter()
        .map(|told| told.text.as_ref().unwrap().parse().unwrap())
        .collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    assert_eq!((numbers[0], numbers[99]), (20, 69));
    assert_eq!(told.iter().filter(|told| told.from == "alice").count(), 50);
    // Who comes in now has no history.
    let dora = Phone::of(&world, "dora").await;
    let path = format!("/v1/conversations/{}/members", of_alice.id);
    let body = json!({"user": {"name": "dora"}, "state": "joined"});
    let refused = world.answered("POST", &path, Some(body)).await;
    assert!(
        refused.status >= 400,
        "such a conversation has its members for good"
    );
    assert_eq!(dora.fetch("0").await.0, []);
}

#[tokio::test]
async fn a_conversation_of_another_door_is_told_from_coming_in_on() {
    let world = World::new().await;
    let bob = Phone::of(&world, "bob").await;
    let (_, token) = bob.fetch("0").await;
    let made = world
        .done("POST", "/v1/conversations", Some(json!({})))
        .await;
    let id = text(&made["id"]);
    let say = async |said: Value| {
        let path = format!("/v1/conversations/{id}/events");
        world.done("POST", &path, Some(said)).await
    };
    let words = |text: &str| json!({"type": "text", "body": {"text": text}});
    say(words("before")).await;
    let path = format!("/v1/conversations/{id}/members");
    world.clock.advance_s(1);
    let body = json!({"user": {"name": "bob"}, "state": "joined"});
    world.done("POST", &path, Some(body)).await;
    say(words("after")).await;
    say(json!({"type": "custom:poll", "body": {"text": "no message"}})).await;
    let deleted = say(words("deleted")).await;
    say(json!({"type": "delete", "body": {"event_id": deleted["id"]}})).await;
    let with_headers = json!({"message_type": "text", "text": "last", "headers": "h"});
    say(json!({"type": "message", "body": with_headers})).await;
    let mut told = Vec::new();
    let mut has = token;
    while told.len() < 2 {
        let (more, next) = bob.fetch(&has).await;
        told.extend(more);
        has = next;
    }
    assert_eq!(in_short(&told), ["admin: after", "admin: last"]);
    assert_eq!(told[1].headers.as_deref(), Some("h"));
    // The same is told who comes later; nobody else is there who could be told
    // that it has arrived.
    let (backlog, _) = bob.fetch("0").await;
    assert_eq!(backlog, told);
    bob.acknowledge(&backlog[1]).await;
    assert_eq!(bob.fetch("0").await.0, []);
}

#[tokio::test]
async fn a_poll_has_an_end() {
    let patience = Patience {
        poll: Duration::from_millis(30),
        ..Patience::default()
    };
    let operations = Operations::new(Rates::for_development(), Vec::new());
    let world = World::operated(operations.with_patience(patience)).await;
    let bob = Phone::of(&world, "bob").await;
    let (_, mut token) = bob.fetch("0").await;
    for _ in 0..3 {
        let (told, next) = bob.fetch(&token).await;
        assert_eq!(told, []);
        assert!(next > token);
        token = next;
    }
}

#[tokio::test]
async fn who_finds_no_room_is_told_so() {
    let operations = Operations::new(Rates::for_development(), Vec::new());
    let world = World::operated(operations.with_connections_max(1)).await;
    let bob = Phone::of(&world, "bob").await;
    let (_, token) = bob.fetch("0").await;
    refused(&bob.poll("0").await, 503);
    assert!(bob.poll(&token).now_or_never().is_none());
}

#[tokio::test]
async fn nothing_is_told_while_the_store_is_out_of_sight() {
    let world = World::new().await;
    let (alice, bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let to_bob = alice.transport(&["bob"]).await;
    let (_, token) = bob.fetch("0").await;
    store_watch::look(&world.ctx).await.unwrap();
    alice.send(&to_bob, "hello").await;
    let engine = world.store.engine();
    engine.take_away();
    world.clock.advance_s(6);
    store_watch::look(&world.ctx).await.unwrap_err();
    let before = engine.refused();
    for token in ["0", &token] {
        refused(&bob.poll(token).await, 503);
    }
    assert_eq!(engine.refused(), before, "nobody asks it in vain");
    engine.give_back();
    store_watch::look(&world.ctx).await.unwrap();
    let (told, token) = bob.fetch(&token).await;
    assert_eq!(in_short(&told), ["alice: hello"]);
    // Who waited meanwhile is silent until it is back, and told then.
    let mut waits = Box::pin(bob.poll(&token));
    assert!(waits.as_mut().now_or_never().is_none());
    engine.take_away();
    world.clock.advance_s(6);
    store_watch::look(&world.ctx).await.unwrap_err();
    assert!(waits.as_mut().now_or_never().is_none());
    engine.give_back();
    store_watch::look(&world.ctx).await.unwrap();
    alice.send(&to_bob, "again").await;
    let body = in_time(waits).await.expect(200);
    assert_eq!(in_short(&bob.read(&body).await), ["alice: again"]);
}

#[tokio::test]
async fn keys_and_channels_of_nobody_or_of_another_get_nothing() {
    let world = World::new().await;
    let elsewhere = World::new().await;
    let (alice, bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let foreign = Phone::of(&elsewhere, "bob").await;
    let own_tablet = Phone::of(&world, "bob").await;
    let key = &bob.subscribe_key;
    let changed = |text: &str| {
        let last = if text.ends_with('A') { 'Q' } else { 'A' };
        format!("{}{last}", &text[..text.len() - 1])
    };
    for wrong in [
        "x".to_owned(),
        "x".repeat(78),
        key[..56].to_owned(),
        key[..77].to_owned(),
        format!("{key}A"),
        changed(key),
        format!("{}{}", &key[..56], &alice.subscribe_key[56..]),
        bob.publish_key.clone(),
        foreign.subscribe_key.clone(),
    ] {
        let path = format!("/subscribe/{wrong}/{}/0/0", bob.channel);
        refused(&bob.get(&path).await, 403);
    }
    for wrong in [
        alice.channel.clone(),
        alice.broadcast.clone(),
        own_tablet.broadcast.clone(),
        own_tablet.signal.clone(),
        format!("{},{}", bob.channel, alice.channel),
        format!("{},", bob.channel),
        changed(&bob.channel),
        bob.channel[2..].to_owned(),
        format!("{}-pnpres", bob.channel),
        "T-".to_owned(),
        [bob.channel.as_str(); 4].join(","),
    ] {
        let path = format!("/subscribe/{key}/{wrong}/0/0");
        refused(&bob.get(&path).await, 403);
    }
    for (path, status) in [
        (format!("/subscribe/{key}/{}/0/x", bob.channel), 400),
        (format!("/subscribe/{key}/{}/0/-1", bob.channel), 400),
        (format!("/subscribe/{key}/{}/1/0", bob.channel), 404),
        (format!("/subscribe/{key}/%2e%2e/0/0"), 400),
        ("/v2/history/sub-key/x".to_owned(), 404),
        ("/".to_owned(), 404),
    ] {
        refused(&bob.get(&path).await, status);
    }
    assert_eq!(connections(&world).await, 0);
    bob.fetch("0").await;
}
