//! Who does not read, or sends too much, is sent away; nobody else notices.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use countersign_core::limit::Rate;
use countersign_server::operations::{Operations, Rates};
use countersign_server::realtime::Patience;
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use crate::socket_client::{Came, Client};
use crate::world::{Identity, World};

const MESSAGE: &str = "kustomer.app.chat.message.send";
const TYPING: &str = "client-kustomer.app.chat.activity.typing";

/// A node at which a session may do this much.
async fn strict() -> World {
    let session = Rate {
        burst: NonZeroU32::new(20).unwrap(),
        per_second: NonZeroU32::MIN,
    };
    let rates = Rates {
        session,
        ..Rates::default()
    };
    World::with(rates).await
}

/// A socket in its own channel whose end takes little at once.
async fn slow(address: SocketAddr, world: &World, device: &Identity) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(address).await.unwrap();
    let mut client = Client::established_on(stream, world).await;
    let channel = world.tracking(device);
    client.enter(world, &device.token, &channel).await;
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_sent_away_and_nobody_else_waits() {
    let patience = Patience {
        write: Duration::from_millis(300),
        close: Duration::from_secs(15),
        ..Patience::default()
    };
    let operations = Operations::new(Rates::for_development(), Vec::new());
    let world = World::of(operations.with_patience(patience)).await;
    let (address, _stop) = world.listen().await;
    let phone = world.log_in(None, "alice").await;
    let tablet = world.log_in(None, "alice").await;
    let chat = world.chat(&phone.token).await;
    let mut slow = slow(address, &world, &phone).await;
    let mut prompt = Client::online(address, &world, &tablet).await;
    let large = "x".repeat(9_000);
    let mut sent = 0;
    while world.metric("slow_readers_total").await == 0 {
        sent += 1;
        assert!(sent < 10_000, "it was never given up");
        world.say(&phone.token, &chat, &large).await;
        assert_eq!(prompt.event().await.0, MESSAGE);
    }
    let (told, code) = slow.closed().await;
    assert_eq!(code, Some(4100), "it comes back after a while");
    assert!(told.len() < sent, "it was sent away before it had all");
    world.say(&phone.token, &chat, "still here").await;
    let (_, data) = prompt.event().await;
    assert_eq!(data["data"]["attributes"]["body"], "still here");
}

#[tokio::test]
async fn a_flood_ends_the_socket_and_no_other() {
    let world = strict().await;
    let (address, _stop) = world.listen().await;
    let bob = world.log_in(None, "bob").await;
    let mut bystander = Client::online(address, &world, &bob).await;
    for (customer, event) in [
        ("alice", "pusher:ping"),
        ("carol", "client-another"),
        ("dave", TYPING),
    ] {
        let device = world.log_in(None, customer).await;
        let chat = world.chat(&device.token).await;
        let mut client = Client::online(address, &world, &device).await;
        let channel = world.activity(&chat);
        client.enter(&world, &device.token, &channel).await;
        let data = json!({ "status": "typing" });
        let frame = json!({ "event": event, "channel": channel, "data": data }).to_string();
        let mut answers = 0;
        let code = loop {
            if !client.try_send(&frame).await {
                break None;
            }
            // Who types is answered nothing while it may.
            let answered = client.next_at_once().await;
            match answered {
                Some(Came::Event(..)) => answers += 1,
                Some(Came::Closed(code)) => break code,
                None => {}
            }
            assert!(answers < 1_000, "{event}: it was never sent away");
        };
        assert!(matches!(code, Some(4100) | None), "{event}: {code:?}");
    }
    bystander.is_told_nothing().await;
}

#[tokio::test]
async fn a_frame_that_is_too_long_ends_the_socket() {
    let world = World::new().await;
    let (address, _stop) = world.listen().await;
    let alice = world.log_in(None, "alice").await;
    let mut client = Client::online(address, &world, &alice).await;
    let data: Value = "x".repeat(70_000).into();
    let frame = json!({ "event": "client-another", "data": data });
    client.try_send(&frame.to_string()).await;
    let (told, code) = client.closed().await;
    assert!(told.is_empty());
    assert!(matches!(code, Some(1002) | None), "{code:?}");
}
