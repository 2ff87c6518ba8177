//! The listener for messages over TLS, as clients reach it.

use std::net::{Ipv4Addr, SocketAddr};

use countersign_server::serve::{Limits, Server, Socket, Stopped};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::certificate::Certificate;
use crate::phone::{Phone, in_short, in_time};
use crate::world::{World, text};

async fn ask(stream: &mut TlsStream<TcpStream>, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
}

async fn answer(stream: &mut TlsStream<TcpStream>) -> Value {
    let mut received = Vec::new();
    loop {
        let head = received.windows(4).position(|end| end == b"\r\n\r\n");
        if let Some(body) = head.map(|head| &received[head + 4..])
            && let Ok(body) = serde_json::from_slice(body)
        {
            return body;
        }
        let length = stream.read_buf(&mut received).await.unwrap();
        assert_ne!(length, 0, "{}", String::from_utf8_lossy(&received));
    }
}

#[tokio::test]
async fn messages_come_over_tls_and_a_stop_answers_who_waits() {
    let world = World::new().await;
    let (alice, bob) = (
        Phone::of(&world, "alice").await,
        Phone::of(&world, "bob").await,
    );
    let certificate = Certificate::new();
    let socket = Socket::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .await
        .unwrap();
    let socket = socket.with_tls(certificate.tls.clone());
    let address = socket.address();
    let server = Server::on(vec![(socket, world.messages.clone())], Limits::default());
    let stop = CancellationToken::new();
    let server = tokio::spawn(server.run(stop.clone()));
    let mut stream = certificate.connect(address, &[b"http/1.1"]).await.unwrap();
    ask(&mut stream, &bob.poll_path("0")).await;
    let first = in_time(answer(&mut stream)).await;
    ask(&mut stream, &bob.poll_path(&text(&first[1]))).await;
    let to_bob = alice.transport(&["bob"]).await;
    alice.send(&to_bob, "hello").await;
    let second = in_time(answer(&mut stream)).await;
    assert_eq!(in_short(&bob.read(&second).await), ["alice: hello"]);
    ask(&mut stream, &bob.poll_path(&text(&second[1]))).await;
    // It waits before the server stops.
    let mut probe = certificate.connect(address, &[]).await.unwrap();
    ask(&mut probe, "/time/0").await;
    in_time(answer(&mut probe)).await;
    stop.cancel();
    let last = in_time(answer(&mut stream)).await;
    assert_eq!(last[0], Value::Array(Vec::new()));
    assert_eq!(in_time(server).await.unwrap(), Stopped { cut_off: 0 });
}
