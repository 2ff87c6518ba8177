//! The server's own loop where TLS is spoken: who agrees is served, and nobody
//! else keeps a place for long.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::extract::Extension;
use axum::routing::get;
use countersign_server::connection::Connection;
use countersign_server::route::Service;
use countersign_server::serve::{Limits, Server, Socket, Stopped};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::certificate::Certificate;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
/// More than a socket's buffers take.
const LONG: usize = 64 * 1024 * 1024;

struct Running {
    address: SocketAddr,
    certificate: Certificate,
    stop: CancellationToken,
    server: JoinHandle<Stopped>,
}

async fn run(limits: Limits) -> Running {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let certificate = Certificate::new();
    let socket = Socket::bind(address).await.expect("a free port");
    let socket = socket.with_tls(certificate.tls.clone());
    let address = socket.address();
    let shown = async |Extension(connection): Extension<Connection>| {
        format!("hello over TLS: {}.", connection.tls)
    };
    let router = Router::new()
        .route("/", get(shown))
        .route("/long", get(async || "x".repeat(LONG)));
    let server = Server::on(vec![(socket, Service::new(router))], limits);
    let stop = CancellationToken::new();
    Running {
        address,
        certificate,
        server: tokio::spawn(server.run(stop.clone())),
        stop,
    }
}

async fn read_answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut received = Vec::new();
    let mut chunk = [0; 1024];
    while !received.ends_with(b".") {
        let read = stream.read(&mut chunk).await;
        let length = read.expect("the connection is open");
        assert_ne!(length, 0, "{}", String::from_utf8_lossy(&received));
        received.extend_from_slice(&chunk[..length]);
    }
    String::from_utf8(received).expect("the answer is UTF-8")
}

#[tokio::test]
async fn who_agrees_is_served_over_http_1_1() {
    let running = run(Limits::default()).await;
    for (offered, agreed) in [
        (&[][..], None),
        (&[&b"http/1.1"[..]][..], Some(&b"http/1.1"[..])),
        (&[b"h2", b"http/1.1"], Some(b"http/1.1")),
    ] {
        let connected = running.certificate.connect(running.address, offered).await;
        let mut stream = connected.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), agreed);
        for _ in 0..2 {
            stream.write_all(REQUEST).await.unwrap();
            assert!(read_answer(&mut stream).await.ends_with("over TLS: true."));
        }
    }
    // Who speaks HTTP/2 alone is told at once that there is none.
    let refused = running.certificate.connect(running.address, &[b"h2"]).await;
    assert!(refused.is_err());
    let other = Certificate::new();
    assert!(other.connect(running.address, &[]).await.is_err());
}

#[tokio::test]
async fn whoever_speaks_anything_else_is_hung_up_on() {
    let running = run(Limits::default()).await;
    for begin in [REQUEST, &[0x16, 3, 1, 0xff, 0xff, 1, 2, 3][..], &[0; 64]] {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(begin).await.unwrap();
        let mut received = Vec::new();
        let _ = stream.read_to_end(&mut received).await;
        assert!(!String::from_utf8_lossy(&received).contains("HTTP"));
    }
}

#[tokio::test]
async fn who_does_not_get_to_the_end_of_it_counts_and_is_hung_up_on() {
    let limits = Limits {
        connections_max: 1,
        handshake_max: Duration::from_millis(50),
        ..Limits::default()
    };
    let running = run(limits).await;
    for begin in [&b""[..], &[0x16, 3, 1, 2]] {
        let mut half_open = TcpStream::connect(running.address).await.unwrap();
        half_open.write_all(begin).await.unwrap();
        // It has the one place until then.
        let connected = running.certificate.connect(running.address, &[]).await;
        let mut stream = connected.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        read_answer(&mut stream).await;
        let mut received = Vec::new();
        let _ = half_open.read_to_end(&mut received).await;
    }
}

#[tokio::test]
async fn a_stop_does_not_wait_for_who_is_half_open() {
    let running = run(Limits::default()).await;
    let mut half_open = TcpStream::connect(running.address).await.unwrap();
    half_open.write_all(&[0x16, 3, 1, 2]).await.unwrap();
    let connected = running.certificate.connect(running.address, &[]).await;
    let mut idle = connected.unwrap();
    idle.write_all(REQUEST).await.unwrap();
    read_answer(&mut idle).await;
    running.stop.cancel();
    assert_eq!(running.server.await.unwrap(), Stopped { cut_off: 0 });
    assert_eq!(idle.read(&mut [0; 16]).await.unwrap(), 0);
}

#[tokio::test]
async fn who_does_not_read_is_hung_up_on() {
    let limits = Limits {
        write_max: Duration::from_millis(50),
        ..Limits::default()
    };
    let running = run(limits).await;
    let connected = running.certificate.connect(running.address, &[]).await;
    let mut stream = connected.unwrap();
    let request = b"GET /long HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(request).await.unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 1);
    // It has begun to answer; once it has given up, nothing keeps the server.
    running.stop.cancel();
    assert_eq!(running.server.await.unwrap(), Stopped { cut_off: 0 });
    let mut received = Vec::new();
    let _ = stream.read_to_end(&mut received).await;
    assert!((0..LONG).contains(&received.len()), "{}", received.len());
}
