//! What is sent and cannot be taken: refused at once, and nothing is told.

use futures_util::FutureExt as _;
use serde_json::json;

use crate::phone::{Phone, Transport, encoded, in_time, message, refused};
use crate::world::World;

#[tokio::test]
async fn a_text_that_is_no_frame_is_refused() {
    let world = World::new().await;
    let (alice, _bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let to_bob = alice.transport(&["bob"]).await;
    let good = alice.frames(&to_bob, "m", message("hello", None)).remove(0);
    for (frame, status) in [
        (String::new(), 400),
        ("hello".to_owned(), 400),
        (good.replacen("10", "9", 1), 400),
        (good.replacen(" - 0 1 ", " - 1 1 ", 1), 400),
        (good.replacen(" - 0 1 ", " 1 1 2 ", 1), 400),
        (good.replacen(" - 0 1 ", " - 0 1 x", 1), 400),
        (format!("{good} more"), 400),
        (good.replacen(" 0 1 ", " 0 999999 ", 1), 400),
    ] {
        refused(&alice.publish(&alice.channel, &frame).await, status);
    }
    let keys = format!(
        "/publish/{}/{}/0/{}/0",
        alice.publish_key, alice.subscribe_key, alice.channel
    );
    for (path, status) in [
        (format!("{keys}/{}", encoded("{\"a\":1}")), 400),
        (format!("{keys}/{}", encoded("hello")), 400),
        (format!("{keys}/%ff"), 400),
        (format!("{keys}/%"), 400),
        (format!("{keys}/"), 400),
        (format!("{keys}/{}", encoded("\"a\"/../../time/0")), 400),
        (keys.clone(), 404),
        (format!("/publish/{}", alice.publish_key), 404),
        (format!("{keys}/{}", "x".repeat(20_000)), 400),
    ] {
        refused(&in_time(alice.get(&path)).await, status);
    }
    assert_eq!(
        alice.events(&to_bob.id).await,
        Vec::<serde_json::Value>::new()
    );
}

#[tokio::test]
async fn a_transport_or_channel_that_is_none_of_ones_own_is_refused() {
    let world = World::new().await;
    let (alice, bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let carol = Phone::of(&world, "carol").await;
    let to_bob = alice.transport(&["bob"]).await;
    let of_others = bob.transport(&["carol"]).await;
    let as_if = |id: &str| Transport {
        id: id.to_owned(),
        ..to_bob.clone()
    };
    for id in [
        "nothing".to_owned(),
        "CON-01a3185c-507b-7bab-abab-abababababab".to_owned(),
        to_bob.id.to_lowercase(),
        of_others.id.clone(),
    ] {
        for channel in [&alice.channel, &bob.channel] {
            let frame = alice.frames(&as_if(&id), &alice.new_id(), message("x", None));
            let reply = alice.publish(channel, &frame[0]).await;
            assert!(
                [400, 403, 404].contains(&reply.status),
                "{id}: {}",
                reply.body
            );
            refused(&reply, reply.status);
        }
    }
    let frame = alice.frames(&to_bob, "m", message("x", None)).remove(0);
    for channel in [
        &carol.channel,
        &bob.broadcast,
        "T-",
        "T-AAAAAAAAAAAAAAAAAAAAAA",
    ] {
        refused(&alice.publish(channel, &frame).await, 403);
    }
    // What was sealed by another's key cannot be opened.
    let sealed_by_bob = bob.transport(&["alice"]).await;
    let frame = alice
        .frames(&sealed_by_bob, "m", message("x", None))
        .remove(0);
    refused(&alice.publish(&alice.channel, &frame).await, 400);
    // Keys of two sessions, or of none, do not send.
    let message = encoded(&json!(frame).to_string());
    for (publishes, subscribes) in [
        (&bob.publish_key, &alice.subscribe_key),
        (&alice.publish_key, &bob.subscribe_key),
        (&alice.subscribe_key, &alice.subscribe_key),
        (&alice.publish_key, &alice.publish_key),
    ] {
        let path = format!(
            "/publish/{publishes}/{subscribes}/0/{}/0/{message}",
            alice.channel
        );
        refused(&alice.get(&path).await, 403);
    }
    for conversation in [&to_bob.id, &of_others.id] {
        assert_eq!(alice.events(conversation).await.len(), 0);
    }
}

#[tokio::test]
async fn a_frame_whose_predecessors_are_not_there_is_refused() {
    let world = World::new().await;
    let (alice, _bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let to_bob = alice.transport(&["bob"]).await;
    let long = "x".repeat(4_000);
    let frames = alice.frames(&to_bob, "m", message(&long, None));
    assert!(frames.len() > 2);
    refused(&alice.publish(&alice.channel, &frames[1]).await, 400);
    alice.publish(&alice.channel, &frames[0]).await.expect(200);
    refused(&alice.publish(&alice.channel, &frames[2]).await, 400);
    alice.publish(&alice.channel, &frames[1]).await.expect(200);
    // It is kept for a while, and not for ever.
    world.clock.advance_s(121);
    refused(&alice.publish(&alice.channel, &frames[2]).await, 400);
    assert_eq!(alice.events(&to_bob.id).await.len(), 0);
}

#[tokio::test]
async fn a_text_over_the_limit_is_refused_and_the_longest_is_not() {
    let world = World::new().await;
    let (alice, bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let to_bob = alice.transport(&["bob"]).await;
    let (_, token) = bob.fetch("0").await;
    let last = async |text: &str| {
        let frames = alice.frames(&to_bob, &alice.new_id(), message(text, None));
        let (last, before) = frames.split_last().unwrap();
        for frame in before {
            alice.publish(&alice.channel, frame).await.expect(200);
        }
        alice.publish(&alice.channel, last).await
    };
    let longest = 60 * 1_024 - r#"{"text":""}"#.len();
    last(&"x".repeat(longest)).await.expect(200);
    refused(&last(&"x".repeat(longest + 1)).await, 413);
    let (told, _) = bob.fetch(&token).await;
    assert_eq!(told[0].text.as_ref().unwrap().len(), longest);
    assert!(told[0].frames > 50);
}

#[tokio::test]
async fn an_acknowledgement_of_nothing_is_refused() {
    let world = World::new().await;
    let (alice, bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let to_bob = alice.transport(&["bob"]).await;
    let own = alice.send(&to_bob, "hello").await;
    let other = bob.transport(&["bob"]).await;
    let transport = bob.transport(&["alice"]).await;
    for id in [
        "x",
        &own,
        &format!("{}:1", other.id),
        &format!("{}:x", to_bob.id),
        &format!("{}:-1", to_bob.id),
    ] {
        let frames = bob.frames(
            &transport,
            id,
            countersign_server::sinch::sealed::Content::Ack,
        );
        refused(&bob.publish(&bob.channel, &frames[0]).await, 404);
    }
    assert_eq!(bob.fetch("0").await.0.len(), 1);
}

#[tokio::test]
async fn whatever_ends_a_session_cuts_its_poll_at_once() {
    for place in 0..8 {
        let world = World::new().await;
        let (alice, bob) = (
            Phone::of(&world, "alice").await,
            Phone::of(&world, "bob").await,
        );
        let to_alice = bob.transport(&["alice"]).await;
        let (_, token) = alice.fetch("0").await;
        let mut waits = Box::pin(alice.poll(&token));
        assert!(waits.as_mut().now_or_never().is_none());
        let (method, path, body) = crate::ends::ways(&world).await.remove(place);
        let way = format!("{method} {path} {body:?}");
        world.done(method, &path, body).await;
        // Before anything else has run that could look again.
        let reply = waits.as_mut().now_or_never();
        let reply = match reply {
            Some(reply) => reply,
            None => in_time(waits).await,
        };
        refused(&reply, 403);
        for token in ["0", &token] {
            refused(&alice.poll(token).await, 403);
        }
        let transport = Transport {
            channels: vec![alice.channel.clone()],
            ..to_alice.clone()
        };
        let frame = alice.frames(&transport, "m", message("x", None)).remove(0);
        refused(&alice.publish(&alice.channel, &frame).await, 403);
        world.operations.look_at_sockets(&world.ctx);
        assert_eq!(world.metric("connections").await, 0, "{way}");
    }
}
