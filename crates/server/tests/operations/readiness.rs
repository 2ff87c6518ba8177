//! Whether the node says that it can serve.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use countersign_server::native;
use countersign_server::operations::Operations;
use countersign_server::serve::{Door, Limits, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::node::Node;

/// The end of a head whose body is still to come: who asks is told to go on.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A request whose last byte comes once the server stops: what balances load
/// may have asked just then.
#[tokio::test]
async fn who_stops_is_not_ready_any_more() {
    let node = Node::new(Operations::default()).await;
    let door = Door {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        service: native::operated(Arc::clone(&node.ctx), Operations::default()),
    };
    let server = Server::bind(vec![door], Limits::default()).await;
    let server = server.expect("a free port can be bound");
    let address = server.addresses()[0];
    let stop = CancellationToken::new();
    let stopped = tokio::spawn(server.run(stop.clone()));
    for (path, expected) in [
        ("/healthz", "200 OK"),
        ("/readyz", "503 Service Unavailable"),
    ] {
        let mut one = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n"
        );
        one.write_all(head.as_bytes()).await.unwrap();
        let mut told = [0; CONTINUE.len()];
        one.read_exact(&mut told).await.unwrap();
        assert_eq!(told, *CONTINUE);
        if path == "/readyz" {
            stop.cancel();
        }
        one.write_all(b" ").await.unwrap();
        let mut answer = vec![0; 4_096];
        let length = one.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]);
        let status = format!("HTTP/1.1 {expected}\r\n");
        assert!(answer.starts_with(&status), "{path}: {answer}");
    }
    assert_eq!(stopped.await.unwrap().cut_off, 0);
}
