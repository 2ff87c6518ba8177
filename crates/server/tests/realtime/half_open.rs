//! Half of something, of every kind: who leaves it at that is sent away, and
//! nobody else notices.

use std::time::Duration;

use countersign_core::limit::FRAME_BYTES_MAX;
use countersign_server::realtime::Patience;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::client::{in_short, in_time};
use crate::raw::{CLOSE, FIN, Raw, TEXT, frame, text};
use crate::world::World;

#[tokio::test]
async fn a_thousand_that_are_half_open_are_sent_away() {
    let patience = Patience {
        authenticate: Duration::from_millis(1_500),
        ..Patience::default()
    };
    let world = World::patient(patience).await;
    let alice = world.user("alice").await;
    let id = world.conversation(&alice).await;
    let mut bystander = world.connect(&alice).await;
    let large = text(&[b' '; FRAME_BYTES_MAX]);
    let first_of_many = frame(TEXT, &[b' '; 1_024]);
    let beginnings = [
        &b""[..],
        &[FIN | TEXT],
        &large[..9],
        &large[..FRAME_BYTES_MAX / 2],
        &first_of_many,
    ];
    let mut half_open = Vec::new();
    let mut silent = Vec::new();
    for number in 0..1_000 {
        if number % 4 == 0 {
            // They have not even ended their handshake.
            let mut stream = TcpStream::connect(world.address).await.unwrap();
            stream
                .write_all(b"GET /v1/connect HTTP/1.1\r\n")
                .await
                .unwrap();
            silent.push(stream);
        } else {
            let mut raw = Raw::open(&world).await;
            let begins = beginnings[number % beginnings.len()];
            raw.send(begins, usize::MAX).await;
            half_open.push(raw);
        }
    }
    world.say(&alice.access, &id, "in between").await;
    assert_eq!(in_short(&bystander.told().await), ["event 2 in between"]);
    for mut raw in half_open {
        let (head, payload) = in_time(raw.frame()).await.unwrap();
        assert_eq!(
            (head, &payload[..2]),
            (FIN | CLOSE, &4401_u16.to_be_bytes()[..])
        );
    }
    while world.metric("connections_entering").await > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.metric("connections").await, 1);
    assert!(bystander.told().await.is_empty());
}
