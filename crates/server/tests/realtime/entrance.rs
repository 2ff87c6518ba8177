//! The way onto a socket: who gets in, and how everybody else is told no.

use std::time::Duration;

use countersign_server::realtime::Patience;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::client::{Client, in_short, status};
use crate::world::{World, text};

const BAD_FRAME: u16 = 4400;

#[tokio::test]
async fn the_handshake_names_the_subprotocol_and_no_token() {
    let world = World::new().await;
    for (path, subprotocol, expected) in [
        ("/v1/connect", "countersign.v1", 101),
        ("/v1/connect", "chat, countersign.v1", 101),
        ("/v1/connect", "", 400),
        ("/v1/connect", "countersign.v2", 400),
        ("/v1/connect", "cs_at_x", 400),
        ("/v1/connect?token=cs_at_x", "countersign.v1", 400),
        ("/v1/connect?application_id=x", "countersign.v1", 400),
        ("/v1/connect/", "countersign.v1", 404),
    ] {
        let found = status(world.address, path, subprotocol).await;
        assert_eq!(found, expected, "{path} {subprotocol}");
    }
}

#[tokio::test]
async fn what_is_no_frame_closes_the_socket_and_no_other() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let id = world.conversation(&alice).await;
    let mut bystander = world.connect(&alice).await;
    let large = "x".repeat(70 * 1024);
    let messages = || {
        [
            Message::text(""),
            Message::text("hello"),
            Message::text("{}"),
            Message::text("[]"),
            Message::text("null"),
            Message::text(r#"{"type":"confetti"}"#),
            Message::text(r#"{"type":"welcome"}"#),
            Message::text(r#"{"type":"send","ref":1}"#),
            Message::text(r#"{"type":"refresh","token":"x","type":"refresh"}"#),
            Message::text(r#"{"type":"refresh","token":"\ud800"}"#),
            Message::text(r#"{"type":"refresh","token":"x"} {}"#),
            Message::text(r#"{"type":"refresh","token":"x","more":1}"#),
            Message::text(r#"{"type":"authenticate","token":"x","more":1}"#),
            Message::text(format!(r#"{{"type":"refresh","token":"{large}"}}"#)),
            Message::binary(br#"{"type":"refresh","token":"x"}"#.to_vec()),
        ]
    };
    for message in messages() {
        let mut stranger = world.socket().await;
        stranger.send_message(message.clone()).await;
        assert_eq!(stranger.closed_at_once().await, BAD_FRAME, "{message}");
        let mut known = world.connect(&alice).await;
        known.send_message(message.clone()).await;
        assert_eq!(known.closed_at_once().await, BAD_FRAME, "{message}");
    }
    let authenticate = json!({"type": "authenticate", "token": alice.access});
    let mut twice = world.connect(&alice).await;
    twice.send(authenticate).await;
    assert_eq!(twice.closed_at_once().await, BAD_FRAME);
    let mut early = world.socket().await;
    early.say(1, &id, "before authenticate").await;
    assert_eq!(early.closed_at_once().await, BAD_FRAME);
    assert!(bystander.told().await.is_empty());
}

#[tokio::test]
async fn a_token_is_refused_with_its_code() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let gone = world.user("gone").await;
    let (status, _) = world
        .call("DELETE", "/v1/sessions/current", &gone.access, None)
        .await;
    assert_eq!(status, 204);
    let (head, tail) = alice.access.split_at(alice.access.len() / 2);
    let other = if tail.starts_with('A') { "B" } else { "A" };
    let changed = format!("{head}{other}{}", &tail[1..]);
    let many: serde_json::Map<String, Value> = (0..1_001)
        .map(|n| (format!("CON-01a3185c-507b-7bab-abab-{n:012x}"), json!(1)))
        .collect();
    for (frame, code, reason) in [
        (json!({"token": ""}), 4401, "malformed_token"),
        (json!({"token": "x"}), 4401, "malformed_token"),
        (json!({"token": changed}), 4401, "malformed_token"),
        (json!({"token": alice.refresh}), 4401, "malformed_token"),
        (json!({"token": world.key}), 4401, "malformed_token"),
        (json!({"token": gone.access}), 4410, "session_ended"),
        (
            json!({"token": alice.access, "key": world.publishable}),
            BAD_FRAME,
            "",
        ),
        (json!({"token": alice.access, "nonce": "n"}), BAD_FRAME, ""),
        (
            json!({"token": alice.access, "have": {"CON-1": 1}}),
            BAD_FRAME,
            "",
        ),
        (json!({"token": alice.access, "have": many}), BAD_FRAME, ""),
    ] {
        let mut frame = frame;
        frame["type"] = json!("authenticate");
        let mut client = world.socket().await;
        client.send(frame.clone()).await;
        let (found, why) = client.closed().await;
        assert_eq!(found, code, "{frame} {why}");
        if !reason.is_empty() {
            assert_eq!(why, reason, "{frame}");
        }
    }
    world.clock.advance_s(600);
    let mut late = world.socket().await;
    late.send(json!({"type": "authenticate", "token": alice.access}))
        .await;
    assert_eq!(late.closed().await, (4401, "access_expired".to_owned()));
}

#[tokio::test]
async fn a_credential_logs_in() {
    let world = World::new().await;
    let credential = world.credential("alice", "jti-1");
    let frame = json!({"type": "authenticate", "token": credential, "key": world.publishable,
        "device": {"name": "Phone"}, "nonce": "n"});
    let (mut client, welcome) = world.connect_with(frame.clone()).await;
    let access = text(&welcome["tokens"]["access_token"]);
    assert!(access.starts_with("cs_at_"));
    assert!(text(&welcome["tokens"]["refresh_token"]).starts_with("cs_rt_"));
    let answer = world.post("/v1/conversations", &access, json!({})).await;
    world.say(&access, &text(&answer["id"]), "hello").await;
    assert_eq!(
        in_short(&client.told().await),
        [
            "conversation added",
            "event 1 member:joined",
            "event 2 hello"
        ]
    );
    // The answer was lost: the same nonce gets the same session.
    let (_, again) = world.connect_with(frame).await;
    assert_eq!(again["session_id"], welcome["session_id"]);
    let fresh = |subject| world.credential(subject, &world.unique("jti"));
    for (frame, code, reason) in [
        (
            json!({"token": credential, "key": world.publishable}),
            4401,
            "credential_used",
        ),
        (
            json!({"token": fresh("bob"), "key": "cs_pk_x"}),
            4401,
            "unknown_key",
        ),
        (
            json!({"token": fresh("bob"), "key": access}),
            4403,
            "not_permitted",
        ),
        (
            json!({"token": fresh("bob"), "key": world.publishable, "current_token": access}),
            4403,
            "already_identified",
        ),
        (
            json!({"token": fresh("bob"), "application_id": "01a3185c-507b-7bab-abab-000000000000"}),
            4401,
            "wrong_audience",
        ),
    ] {
        let mut frame = frame;
        frame["type"] = json!("authenticate");
        let mut client = world.socket().await;
        client.send(frame).await;
        assert_eq!(client.closed().await, (code, reason.to_owned()));
    }
}

#[tokio::test]
async fn a_page_is_let_in_where_its_application_allows_it() {
    let world = World::new().await;
    world
        .set(json!({"allowed_origins": ["https://chat.example"]}))
        .await;
    let alice = world.user("alice").await;
    for (origin, allowed) in [
        ("https://chat.example", true),
        ("https://evil.example", false),
        ("null", false),
        ("http://test", true),
    ] {
        let credential = world.credential("bob", &world.unique("jti"));
        for frame in [
            json!({"type": "authenticate", "token": alice.access}),
            json!({"type": "authenticate", "token": credential}),
            json!({"type": "authenticate", "token": world.credential("bob", &world.unique("jti")),
                "key": world.publishable}),
        ] {
            let mut client = Client::open(world.address, &[("origin", origin)]).await;
            client.send(frame).await;
            match client.next().await {
                Ok(frame) => assert!(allowed && frame["type"] == "welcome", "{origin} {frame}"),
                Err(closed) => {
                    assert!(!allowed, "{origin} {closed:?}");
                    assert_eq!(closed, (4403, "not_permitted".to_owned()));
                }
            }
        }
    }
}

#[tokio::test]
async fn a_thousand_that_say_nothing_are_sent_away() {
    let patience = Patience {
        authenticate: Duration::from_millis(1_500),
        ..Patience::default()
    };
    let world = World::patient(patience).await;
    let alice = world.user("alice").await;
    let id = world.conversation(&alice).await;
    let mut known = world.connect(&alice).await;
    let mut silent = Vec::new();
    for _ in 0..1_000 {
        silent.push(world.socket().await);
    }
    world.say(&alice.access, &id, "in between").await;
    assert_eq!(in_short(&known.told().await), ["event 2 in between"]);
    for mut client in silent {
        let expected = (4401, "no_credential".to_owned());
        assert_eq!(client.next().await, Err(expected));
    }
    assert!(known.told().await.is_empty());
}
