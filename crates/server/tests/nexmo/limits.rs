//! Who does not read, or begins and does not go on, is sent away; nobody else
//! notices.

use std::time::Duration;

use countersign_server::realtime::Patience;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};

use crate::socket_client::{Came, Client};
use crate::world::{Person, World, text};

/// A socket whose end takes little at once.
async fn slow(world: &World, person: &Person) -> (Client, Value) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(world.address).await.unwrap();
    let query = format!("EIO=4&transport=websocket&token={}", person.token);
    let mut client = Client::on(stream, "/v2/rtc/", &query).await.unwrap();
    client.enter().await;
    let Came::Event(name, payload) = client.next().await else {
        panic!("the login is answered");
    };
    assert_eq!(name, "session:success");
    (client, payload["body"].clone())
}

/// Sends until the node has given somebody up. What the kernel takes for a
/// client that does not read differs from machine to machine.
async fn overfill(world: &World, alice: &Person, conversation: &str, prompt: &mut Client) {
    let large = "x".repeat(50_000);
    for _ in 0..2_000 {
        if world.metric("slow_readers_total").await > 0 {
            return;
        }
        let number = world.say(&alice.token, conversation, &large).await;
        assert_eq!(prompt.named("text").await["id"], number);
    }
    panic!("it was never given up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_sent_away_and_misses_nothing() {
    let patience = Patience {
        write: Duration::from_millis(300),
        close: Duration::from_secs(15),
        ..Patience::default()
    };
    let world = World::patient(patience).await;
    let [alice, bob] = [world.person("alice").await, world.person("bob").await];
    let conversation = world.shared(&[&alice, &bob]).await;
    let (mut slow, session) = slow(&world, &bob).await;
    let (mut prompt, _) = world.connect(&alice.token).await;
    overfill(&world, &alice, &conversation, &mut prompt).await;
    let mut heard = Vec::new();
    let end = loop {
        match slow.next().await {
            Came::Event(name, payload) => {
                assert_eq!(name, "text");
                heard.push(payload["id"].as_u64().unwrap());
            }
            end @ (Came::Left | Came::Closed(_) | Came::Packet(_)) => break end,
        }
    };
    assert_eq!(end, Came::Closed(Some(4408)));
    let last = world.say(&alice.token, &conversation, "the last").await;
    prompt.named("text").await;
    // It comes back by itself, and is told the rest.
    let back = format!("session_id={}&token={}", text(&session["id"]), bob.token);
    let (mut slow, first) = world.login(&back).await;
    assert!(matches!(&first, Came::Event(name, _) if name == "session:success"));
    while heard.last() != Some(&last) {
        let number = slow.named("text").await["id"].as_u64().unwrap();
        // What it has not said to have is told again, and it drops that.
        if heard.last().is_none_or(|heard| number > *heard) {
            heard.push(number);
        }
    }
    // The two came in by the first two events.
    assert_eq!(heard, (3..=last).collect::<Vec<u64>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_reads_again_is_hung_up_on() {
    let patience = Patience {
        write: Duration::from_millis(300),
        close: Duration::from_millis(300),
        ..Patience::default()
    };
    let world = World::patient(patience).await;
    let [alice, bob] = [world.person("alice").await, world.person("bob").await];
    let conversation = world.shared(&[&alice, &bob]).await;
    let (_slow, _) = slow(&world, &bob).await;
    let (mut prompt, _) = world.connect(&alice.token).await;
    assert_eq!(world.metric("connections").await, 2);
    overfill(&world, &alice, &conversation, &mut prompt).await;
    while world.metric("connections").await > 1 {
        tokio::task::yield_now().await;
    }
    world.say(&alice.token, &conversation, "nobody waits").await;
    prompt.named("text").await;
}

#[tokio::test]
async fn many_that_are_half_open_are_sent_away() {
    let patience = Patience {
        authenticate: Duration::from_millis(1_500),
        ..Patience::default()
    };
    let world = World::patient(patience).await;
    let alice = world.person("alice").await;
    let conversation = world.shared(&[&alice]).await;
    let (mut bystander, _) = world.connect(&alice.token).await;
    let (mut half_open, mut silent) = (Vec::new(), Vec::new());
    for number in 0..400 {
        if number % 4 == 0 {
            // They have not even ended their handshake.
            let mut stream = TcpStream::connect(world.address).await.unwrap();
            let begun = b"GET /v2/rtc/?EIO=4&transport=websocket HTTP/1.1\r\n";
            stream.write_all(begun).await.unwrap();
            silent.push(stream);
            continue;
        }
        // Without the namespace, or without the login that is an event.
        let query = match number % 4 {
            1 => format!("EIO=4&transport=websocket&token={}", alice.token),
            2 => "EIO=4&transport=websocket".to_owned(),
            _ => "EIO=3&transport=websocket".to_owned(),
        };
        let mut client = world.socket(&query).await;
        if number % 4 == 2 {
            client.enter().await;
        }
        half_open.push(client);
    }
    world.say(&alice.token, &conversation, "in between").await;
    bystander.named("text").await;
    for mut client in half_open {
        let end = client.rest().await.pop();
        assert_eq!(end, Some(Came::Closed(Some(1002))));
    }
    while world.metric("connections_entering").await > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.metric("connections").await, 1);
    world.say(&alice.token, &conversation, "after").await;
    bystander.named("text").await;
}
