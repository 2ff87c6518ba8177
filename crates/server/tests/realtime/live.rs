//! What is new: told at once, in order, to everybody but nobody else.

use countersign_core::id::ConversationId;
use countersign_core::op::signals::send_ephemeral;
use serde_json::json;

use crate::client::in_short;
use crate::world::{World, text};

#[tokio::test]
async fn the_sender_is_acknowledged_and_everybody_else_is_told() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let tablet = world.user("alice").await;
    let id = world.shared(&[&alice, &bob]).await;
    let mut phone = world.connect(&alice).await;
    let mut tablet = world.connect(&tablet).await;
    let mut bobs = world.connect(&bob).await;
    phone
        .send(json!({"type": "send", "ref": 7, "conversation_id": id,
            "event": {"type": "text", "body": {"text": "hello"}, "client_id": "c-1"}}))
        .await;
    let sent = phone.frame().await;
    assert_eq!((&sent["type"], &sent["ref"]), (&json!("sent"), &json!(7)));
    assert_eq!(sent["event"]["id"], 3);
    assert_eq!(sent["event"]["client_id"], "c-1");
    let told = tablet.frame().await;
    assert_eq!(told["type"], "event");
    assert_eq!(told["conversation_id"], json!(id));
    assert_eq!(told["event"], sent["event"], "the sender's other device");
    let told = bobs.frame().await;
    assert_eq!(told["event"]["body"], json!({"text": "hello"}));
    assert_eq!(told["event"].get("client_id"), None, "another user");
    for client in [&mut phone, &mut tablet, &mut bobs] {
        assert_eq!(client.told().await, Vec::<serde_json::Value>::new());
    }
    // What comes over HTTP, and from a backend, is told to all.
    world.say(&bob.access, &id, "http").await;
    world.say(&world.key, &id, "backend").await;
    for client in [&mut phone, &mut tablet, &mut bobs] {
        let told = client.told().await;
        assert_eq!(in_short(&told), ["event 4 http", "event 5 backend"]);
    }
}

#[tokio::test]
async fn a_resent_event_is_acknowledged_again_and_told_once() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let id = world.conversation(&alice).await;
    let mut phone = world.connect(&alice).await;
    let event = json!({"type": "text", "body": {"text": "once"}, "client_id": "c-1"});
    for reference in [1, 2] {
        phone
            .send(json!({"type": "send", "ref": reference, "conversation_id": id, "event": event}))
            .await;
        let sent = phone.frame().await;
        assert_eq!(
            (&sent["ref"], &sent["event"]["id"]),
            (&json!(reference), &json!(2))
        );
    }
    phone
        .send(json!({"type": "send", "ref": 3, "conversation_id": id,
            "event": {"type": "text", "body": {"text": "other"}, "client_id": "c-1"}}))
        .await;
    let refused = phone.frame().await;
    assert_eq!(refused["code"], "client_id_reused", "{refused}");
    assert!(phone.told().await.is_empty());
}

#[tokio::test]
async fn a_command_is_refused_as_its_call_would_be() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.conversation(&alice).await;
    let mut bobs = world.connect(&bob).await;
    let mut alices = world.connect(&alice).await;
    for (event, conversation, code) in [
        (
            json!({"type": "text", "body": {"text": "x"}}),
            id.as_str(),
            "not_found",
        ),
        (
            json!({"type": "typing", "body": {"on": true}}),
            &id,
            "not_found",
        ),
        (
            json!({"type": "seen", "body": {"up_to": 1}}),
            &id,
            "not_found",
        ),
        (
            json!({"type": "text", "body": {"text": "x"}}),
            "CON-1",
            "not_found",
        ),
    ] {
        bobs.send(
            json!({"type": "send", "ref": 1, "conversation_id": conversation, "event": event}),
        )
        .await;
        let frame = bobs.frame().await;
        assert_eq!(
            (&frame["type"], &frame["ref"]),
            (&json!("error"), &json!(1))
        );
        assert_eq!(frame["code"], code, "{frame}");
    }
    for event in [
        json!({"type": "text", "body": {"txt": "x"}}),
        json!({"type": "typing", "body": {"on": 1}}),
        json!({"type": "typing", "body": {}}),
        json!({"type": "seen", "body": {"up_to": -1}}),
        json!({"type": "member:joined", "body": {}}),
        json!({"type": "text", "body": {"text": "x"}, "client_id": ""}),
    ] {
        alices
            .send(json!({"type": "send", "ref": 2, "conversation_id": id, "event": event}))
            .await;
        let frame = alices.frame().await;
        assert_eq!(frame["code"], "bad_request", "{frame}");
    }
}

#[tokio::test]
async fn edits_and_deletions_are_events() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.shared(&[&alice, &bob]).await;
    let mut phone = world.connect(&alice).await;
    let mut bobs = world.connect(&bob).await;
    phone.say(1, &id, "secret").await;
    let sent = phone.frame().await;
    let number = sent["event"]["id"].clone();
    for event in [
        json!({"type": "edit", "body": {"event_id": number, "body": {"text": "edited"}}}),
        json!({"type": "delete", "body": {"event_id": number}}),
    ] {
        phone
            .send(json!({"type": "send", "ref": 2, "conversation_id": id, "event": event}))
            .await;
        assert_eq!(phone.frame().await["type"], "sent");
    }
    let told = bobs.told().await;
    assert_eq!(
        in_short(&told),
        ["event 3 secret", "event 4 edit", "event 5 delete"]
    );
    // Who comes later does not see what was taken away, neither from the store
    // nor from what the node has kept.
    let (mut late, _) = world.resume(&bob, json!({id.as_str(): 2})).await;
    let told = late.told().await;
    assert_eq!(told.len(), 3);
    assert!(!json!(told).to_string().contains("secret"), "{told:?}");
    assert_eq!(told[0]["event"]["body"], json!({}));
}

#[tokio::test]
async fn signals_reach_who_is_there_and_get_no_number() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let (tablet, eve) = (world.user("alice").await, world.user("eve").await);
    let id = world.shared(&[&alice, &bob]).await;
    world.add(&id, &eve, "invited").await;
    let mut phone = world.connect(&alice).await;
    let mut tablet = world.connect(&tablet).await;
    let mut bobs = world.connect(&bob).await;
    let mut eves = world.connect(&eve).await;
    for event in [
        json!({"type": "typing", "body": {"on": true}}),
        json!({"type": "delivered", "body": {"up_to": 2}}),
        json!({"type": "seen", "body": {"up_to": 99}}),
    ] {
        phone
            .send(json!({"type": "send", "ref": 1, "conversation_id": id, "event": event}))
            .await;
        assert_eq!(phone.frame().await, json!({"type": "sent", "ref": 1}));
    }
    let positions = [
        r#"event delivered {"up_to":2}"#,
        r#"event seen {"up_to":3}"#,
    ];
    let told = bobs.told().await;
    let mut expected = vec![r#"event typing {"on":true}"#];
    expected.extend(positions);
    assert_eq!(in_short(&told), expected);
    assert_eq!(told[0]["event"]["from"]["user_id"], json!(alice.user));
    assert_eq!(told[0]["conversation_id"], json!(id));
    assert_eq!(in_short(&tablet.told().await), positions);
    assert!(phone.told().await.is_empty());
    assert!(eves.told().await.is_empty(), "who is only invited");
    // What another door passes on is shown to all of them, and to nobody else.
    let by_alice = world.principal(&alice).await;
    let body = r#"{"x":[1]}"#.to_owned();
    let conversation = id.parse::<ConversationId>().unwrap().into();
    let passed_on = send_ephemeral(&world.ctx, &by_alice, conversation, body).await;
    assert_eq!(passed_on.unwrap().kind.name(), "ephemeral");
    for socket in [&mut phone, &mut tablet, &mut bobs] {
        let told = in_short(&socket.told().await);
        assert_eq!(told, [r#"event ephemeral {"x":[1]}"#]);
    }
    assert!(eves.told().await.is_empty(), "who is only invited");
    // The same over HTTP, where every connection is another's.
    let path = format!("/v1/conversations/{id}/events");
    let seen = json!({"type": "seen", "body": {"up_to": 3}});
    world.post(&path, &bob.access, seen).await;
    assert_eq!(in_short(&phone.told().await), [positions[1]]);
}

#[tokio::test]
async fn a_welcome_tells_what_is_unread() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.shared(&[&alice, &bob]).await;
    world.say(&alice.access, &id, "one").await;
    world.say(&alice.access, &id, "two").await;
    let (_, welcome) = world.resume(&bob, json!({})).await;
    assert_eq!(welcome["unread"], json!({id.as_str(): 2}));
    assert_eq!(welcome["resumed"], true);
    assert_eq!(text(&welcome["session_id"]), bob.session);
    assert_eq!(text(&welcome["device_id"]), bob.device);
    assert_eq!(text(&welcome["user"]["id"]), bob.user);
    assert_eq!(welcome.get("tokens"), None);
    let (_, welcome) = world.resume(&alice, json!({})).await;
    assert_eq!(welcome["unread"], json!({}));
}

#[tokio::test]
async fn an_acl_without_the_events_is_told_nothing_of_them() {
    let world = World::new().await;
    let bob = world.user("bob").await;
    world
        .set(json!({"default_acl": {"paths": {
            "/*/sessions/**": {}, "/*/conversations": {},
            "/*/conversations/*/events": {"methods": ["POST"]},
        }}}))
        .await;
    let alice = world.user("alice").await;
    let id = world.conversation(&alice).await;
    let mut phone = world.connect(&alice).await;
    world.add(&id, &bob, "joined").await;
    world.say(&world.key, &id, "unseen").await;
    assert!(phone.told().await.is_empty());
    // It may send, and is acknowledged.
    phone.say(1, &id, "mine").await;
    let told = phone.told().await;
    assert_eq!(in_short(&told), ["sent 4 mine"]);
    let (mut phone, welcome) = world.resume(&alice, json!({})).await;
    assert_eq!(welcome["unread"], json!({}));
    assert!(phone.told().await.is_empty());
    // Without the path that stands for it, nobody connects.
    world
        .set(json!({"default_acl": {"paths": {"/*/conversations/**": {}}}}))
        .await;
    let mut refused = world.socket().await;
    refused
        .send(json!({"type": "authenticate", "token": alice.access}))
        .await;
    assert_eq!(refused.closed().await, (4403, "acl_denied".to_owned()));
}
