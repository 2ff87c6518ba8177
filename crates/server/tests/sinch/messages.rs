//! Messages: one event each, told in order to everybody, and acknowledged.

use countersign_server::sinch::sealed::Content;
use futures_util::FutureExt as _;
use serde_json::json;

use crate::phone::{Phone, in_short, message, refused};
use crate::world::{World, text};

#[tokio::test]
async fn a_message_is_one_event_however_often_its_frames_come() {
    let world = World::new().await;
    let (alice, bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let carol = Phone::of(&world, "carol").await;
    let to_both = alice.transport(&["bob", "carol"]).await;
    let long = "zo\u{eb} \u{1f600} ".repeat(500);
    let id = alice.new_id();
    let frames = alice.frames(&to_both, &id, message(&long, Some("{\"a\":1}")));
    assert!(frames.len() > 3);
    for round in 0..3 {
        for channel in &to_both.channels {
            for frame in &frames {
                let sent = alice.publish(channel, frame).await.expect(200);
                assert_eq!((&sent[0], &sent[1]), (&json!(1), &json!("Sent")), "{round}");
                assert_eq!(text(&sent[2]).len(), 17);
            }
        }
    }
    // It is forgotten that they came, and known that they were sent.
    world.clock.advance_s(600);
    for frame in &frames {
        alice.publish(&alice.channel, frame).await.expect(200);
    }
    let events = alice.events(&to_both.id).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["type"], "message");
    let body = json!({"message_type": "text", "text": long, "headers": "{\"a\":1}"});
    assert_eq!(events[0]["body"], body);
    for phone in [&bob, &carol] {
        let (told, _) = phone.fetch("0").await;
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].text.as_ref(), Some(&long));
        assert_eq!(told[0].headers.as_deref(), Some("{\"a\":1}"));
        assert_eq!(told[0].from, "alice");
    }
    // The same id with something else is no repeat.
    let other = alice.frames(&to_both, &id, message("other", None));
    refused(&alice.publish(&alice.channel, &other[0]).await, 409);
    world.clock.advance_s(600);
    refused(&alice.publish(&alice.channel, &other[0]).await, 409);
    assert_eq!(alice.events(&to_both.id).await.len(), 1);
}

#[tokio::test]
async fn messages_are_told_in_the_order_of_the_conversation() {
    let world = World::new().await;
    let (alice, bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let (to_bob, to_alice) = (
        alice.transport(&["bob"]).await,
        bob.transport(&["alice"]).await,
    );
    assert_eq!(to_bob.id, to_alice.id);
    let mut tokens = [alice.fetch("0").await.1, bob.fetch("0").await.1];
    let mut expected = Vec::new();
    for number in 0..40 {
        let (phone, to) = if number % 3 == 0 {
            (&bob, &to_alice)
        } else {
            (&alice, &to_bob)
        };
        phone.send(to, &number.to_string()).await;
        expected.push(format!("{}: {number}", phone.name));
    }
    for (phone, token) in [&alice, &bob].into_iter().zip(&mut tokens) {
        let mut told = Vec::new();
        while told.len() < expected.len() {
            let (more, next) = phone.fetch(token).await;
            told.extend(in_short(&more));
            *token = next;
        }
        assert_eq!(told, expected);
    }
}

#[tokio::test]
async fn whom_a_message_reached_is_told_once() {
    let world = World::new().await;
    let (alice, bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let carol = Phone::of(&world, "carol").await;
    let to_both = alice.transport(&["bob", "carol"]).await;
    let (_, token) = alice.fetch("0").await;
    let one = alice.send(&to_both, "one").await;
    let two = alice.send(&to_both, "two").await;
    let (own, token) = alice.fetch(&token).await;
    assert_eq!(
        own.iter().map(|told| &told.id).collect::<Vec<_>>(),
        [&one, &two]
    );
    let (of_bob, _) = bob.fetch("0").await;
    // The second says of the first, too, that it is there.
    bob.acknowledge(&of_bob[1]).await;
    let (told, token) = alice.fetch(&token).await;
    assert_eq!(
        in_short(&told),
        [format!("bob has {one}"), format!("bob has {two}")]
    );
    bob.acknowledge(&of_bob[1]).await;
    bob.acknowledge(&of_bob[0]).await;
    let (of_carol, _) = carol.fetch("0").await;
    carol.acknowledge(&of_carol[0]).await;
    let (told, _) = alice.fetch(&token).await;
    assert_eq!(in_short(&told), [format!("carol has {one}")]);
    assert_eq!(told[0].transport, to_both.id);
}

#[tokio::test]
async fn a_receipt_comes_after_the_message_that_it_is_for() {
    let world = World::new().await;
    let (alice, bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let to_bob = alice.transport(&["bob"]).await;
    let (_, token) = alice.fetch("0").await;
    // Nobody polls meanwhile.
    let id = alice.send(&to_bob, "hello").await;
    let (told, _) = bob.fetch("0").await;
    bob.acknowledge(&told[0]).await;
    let (told, _) = alice.fetch(&token).await;
    assert_eq!(
        in_short(&told),
        ["alice: hello".to_owned(), format!("bob has {id}")]
    );
}

#[tokio::test]
async fn who_starts_again_is_told_whom_new_messages_reach_and_not_old_ones() {
    let world = World::new().await;
    let (alice, bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let to_bob = alice.transport(&["bob"]).await;
    let (_, at_bob) = bob.fetch("0").await;
    alice.send(&to_bob, "before").await;
    let (told, at_bob) = bob.fetch(&at_bob).await;
    bob.acknowledge(&told[0]).await;
    let (own, token) = alice.fetch("0").await;
    assert_eq!(own, []);
    let id = alice.send(&to_bob, "after").await;
    let (told, _) = bob.fetch(&at_bob).await;
    bob.acknowledge(&told[0]).await;
    let (told, _) = alice.fetch(&token).await;
    assert_eq!(
        in_short(&told),
        ["alice: after".to_owned(), format!("bob has {id}")]
    );
}

#[tokio::test]
async fn a_note_to_oneself_is_told_on_all_devices_and_acknowledged_by_none() {
    let world = World::new().await;
    let (phone, laptop) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "alice").await,
    );
    let to_self = phone.transport(&[]).await;
    assert_eq!(to_self.channels, std::slice::from_ref(&phone.channel));
    let (_, token) = laptop.fetch("0").await;
    let id = phone.send(&to_self, "buy milk").await;
    let (told, _) = laptop.fetch(&token).await;
    assert_eq!(
        (told[0].id.as_str(), told[0].text.as_deref()),
        (id.as_str(), Some("buy milk"))
    );
    assert_eq!(phone.events(&to_self.id).await.len(), 1);
    // An SDK that acknowledged its own message would be told that there is none.
    let frames = phone.frames(&to_self, &id, Content::Ack);
    let reply = phone.publish(&phone.channel, &frames[0]).await;
    assert!(reply.status == 404 || reply.status == 409, "{}", reply.body);
}

/// It may be given up before anything of it is durable; then nothing says that it was
/// sent.
#[tokio::test]
async fn who_hangs_up_while_it_sends_sends_again_and_it_is_one_event() {
    let world = World::new().await;
    let (alice, _bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let to_bob = alice.transport(&["bob"]).await;
    for turns in 0..20 {
        let id = alice.new_id();
        let said = message(&format!("{id}{}", "x".repeat(1_500)), None);
        let frames = alice.frames(&to_bob, &id, said);
        let (last, before) = frames.split_last().unwrap();
        for frame in before {
            alice.publish(&alice.channel, frame).await.expect(200);
        }
        let mut given_up = Box::pin(alice.publish(&alice.channel, last));
        for _ in 0..=turns {
            if given_up.as_mut().now_or_never().is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(given_up);
        for channel in &to_bob.channels {
            for frame in &frames {
                alice.publish(channel, frame).await.expect(200);
            }
        }
        let events = alice.events(&to_bob.id).await;
        assert_eq!(events.len(), turns + 1, "given up after {turns}");
    }
}
