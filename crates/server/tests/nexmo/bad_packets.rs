//! Packets that are none: a close, and nobody else notices.

use serde_json::json;
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::socket_client::Came;
use crate::world::World;

const MALFORMED: [&str; 20] = [
    "",
    "2",
    "5",
    "7",
    "x",
    "4",
    "42",
    "42[]",
    "42{}",
    "42[1]",
    "42[null]",
    "42[\"a\"",
    "42[\"a\",{\"b\":}]",
    "43",
    "43x[]",
    "44",
    "451-[\"a\",{\"_placeholder\":true,\"num\":0}]",
    "461-[{\"_placeholder\":true,\"num\":0}]",
    "4\u{20ac}",
    "\u{1f4a5}",
];

#[tokio::test]
async fn a_malformed_packet_ends_its_own_socket_alone() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let conversation = world.shared(&[&alice, &bob]).await;
    let (mut bystander, _) = world.connect(&bob.token).await;
    for packet in MALFORMED {
        let (mut client, _) = world.connect(&alice.token).await;
        client.send(packet).await;
        assert_eq!(client.next().await, Came::Closed(Some(1002)), "{packet:?}");
        // Before a login, too.
        let mut client = world.socket("EIO=4&transport=websocket&token=x").await;
        client.next().await;
        client.send(packet).await;
        assert_eq!(client.next().await, Came::Closed(Some(1002)), "{packet:?}");
    }
    let number = world.say(&alice.token, &conversation, "still here").await;
    assert_eq!(bystander.named("text").await["id"], number);
}

#[tokio::test]
async fn binary_and_oversized_frames_end_the_socket() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    for message in [
        Message::binary(vec![4, 2]),
        Message::text(format!("42[\"a\",\"{}\"]", "x".repeat(70_000))),
    ] {
        let (mut client, _) = world.connect(&alice.token).await;
        client.send_message(message).await;
        let ended = client.next().await;
        assert!(matches!(ended, Came::Closed(_)), "{ended:?}");
    }
}

#[tokio::test]
async fn an_unknown_event_is_refused_by_what_the_client_calls_it() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let (mut client, _) = world.connect(&alice.token).await;
    for name in ["text", "session:login", "constructor", "__proto__", ""] {
        client.emit(name, json!({ "tid": name })).await;
        let payload = client.named("http:error:validation-fail").await;
        assert_eq!(payload["rid"], name);
    }
    client.send("42[\"text\"]").await;
    client.named("http:error:validation-fail").await;
    client.send("42[\"text\",[1,2]]").await;
    client.named("http:error:validation-fail").await;
    client.send("439999[]").await;
    client.send("42/other,[\"text\"]").await;
    client.emit("last", json!({ "tid": "last" })).await;
    assert_eq!(
        client.named("http:error:validation-fail").await["rid"],
        "last"
    );
}

#[tokio::test]
async fn there_is_no_namespace_but_one() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let (mut client, _) = world.connect(&alice.token).await;
    client.send("40/admin,{\"token\":\"x\"}").await;
    let refused = Came::Packet("44/admin,{\"message\":\"Invalid namespace\"}".to_owned());
    assert_eq!(client.next().await, refused);
    client.send("40").await;
    assert_eq!(client.next().await, Came::Closed(Some(1002)));
}
