//! The server's own loop: how connections begin, are bounded, and end.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Extension;
use axum::routing::get;
use countersign_server::connection::Connection;
use countersign_server::route::Service;
use countersign_server::serve::{Door, Limits, Server, Stopped};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::http::Call;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";

struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    server: JoinHandle<Stopped>,
}

/// A router of axum's in a door's place.
pub(crate) fn of_router(router: Router) -> Service {
    Service::new(move |request| {
        let router = router.clone();
        Box::pin(async move {
            let Ok(response) = router.oneshot(request).await;
            response
        })
    })
}

async fn run(service: Service, limits: Limits) -> Running {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let doors = vec![Door { address, service }];
    let server = Server::bind(doors, limits)
        .await
        .expect("a free port can be bound");
    let address = server.addresses()[0];
    let stop = CancellationToken::new();
    let server = tokio::spawn(server.run(stop.clone()));
    Running {
        address,
        stop,
        server,
    }
}

fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

async fn read_answer(stream: &mut TcpStream) -> String {
    let mut received = Vec::new();
    let mut chunk = [0; 1024];
    while !received.ends_with(b"hello") {
        let length = stream
            .read(&mut chunk)
            .await
            .expect("the connection is open");
        assert_ne!(
            length,
            0,
            "closed after {}",
            String::from_utf8_lossy(&received)
        );
        received.extend_from_slice(&chunk[..length]);
    }
    String::from_utf8(received).expect("the answer is UTF-8")
}

#[tokio::test]
async fn a_request_knows_its_connection() {
    let show = async |Extension(connection): Extension<Connection>| {
        format!("{} {}", connection.peer, connection.tls)
    };
    let running = run(
        of_router(Router::new().route("/", get(show))),
        Limits::default(),
    )
    .await;
    let reply = Call::new(running.address, "GET", "/").send().await;
    assert_eq!(reply.text(), "127.0.0.1 false");
}

#[tokio::test]
async fn a_stop_closes_idle_connections_and_answers_open_requests() {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (begun, go_on) = (begun.clone(), go_on.clone());
        async move || {
            begun.notify_one();
            go_on.notified().await;
            "slow hello"
        }
    };
    let running = run(
        of_router(hello().route("/slow", get(slow))),
        Limits::default(),
    )
    .await;
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    idle.write_all(REQUEST).await.unwrap();
    read_answer(&mut idle).await;
    let mut open = TcpStream::connect(running.address).await.unwrap();
    open.write_all(b"GET /slow HTTP/1.1\r\nhost: test\r\n\r\n")
        .await
        .unwrap();
    begun.notified().await;

    running.stop.cancel();
    assert_eq!(idle.read(&mut [0; 16]).await.unwrap(), 0, "idle: closed");
    go_on.notify_one();
    assert!(read_answer(&mut open).await.ends_with("slow hello"));
    assert_eq!(running.server.await.unwrap(), Stopped { cut_off: 0 });
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn what_is_open_at_the_deadline_is_cut_off() {
    let begun = Arc::new(Notify::new());
    let never = {
        let begun = begun.clone();
        async move || {
            begun.notify_one();
            std::future::pending::<&str>().await
        }
    };
    let limits = Limits {
        drain_max: Duration::from_millis(20),
        ..Limits::default()
    };
    let running = run(of_router(Router::new().route("/", get(never))), limits).await;
    let mut open = TcpStream::connect(running.address).await.unwrap();
    open.write_all(REQUEST).await.unwrap();
    begun.notified().await;
    running.stop.cancel();
    assert_eq!(running.server.await.unwrap(), Stopped { cut_off: 1 });
    assert!(matches!(open.read(&mut [0; 16]).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_head_that_does_not_arrive_ends_the_connection() {
    let limits = Limits {
        head_max: Duration::from_millis(50),
        ..Limits::default()
    };
    let running = run(of_router(hello()), limits).await;
    for begin in [
        &b""[..],
        b"P",
        b"PRI * HTTP/2.0\r\n\r\nSM",
        b"GET / HTTP/1.1\r\nhost: t",
    ] {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(begin).await.unwrap();
        let mut received = Vec::new();
        // It ends; a reset is an end, too.
        let _ = stream.read_to_end(&mut received).await;
        assert!(!String::from_utf8_lossy(&received).contains("200 OK"));
    }
}

#[tokio::test]
async fn a_connection_that_is_idle_ends() {
    let limits = Limits {
        head_max: Duration::from_millis(50),
        ..Limits::default()
    };
    let running = run(of_router(hello()), limits).await;
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    for _ in 0..2 {
        idle.write_all(REQUEST).await.unwrap();
        read_answer(&mut idle).await;
    }
    assert_eq!(idle.read(&mut [0; 16]).await.unwrap(), 0);
}

#[tokio::test]
async fn connections_over_the_bound_wait_for_a_free_place() {
    let limits = Limits {
        connections_max: 1,
        ..Limits::default()
    };
    let running = run(of_router(hello()), limits).await;
    let mut first = TcpStream::connect(running.address).await.unwrap();
    first.write_all(REQUEST).await.unwrap();
    read_answer(&mut first).await;
    let mut second = TcpStream::connect(running.address).await.unwrap();
    second.write_all(REQUEST).await.unwrap();
    // The first is served again while the second waits.
    first.write_all(REQUEST).await.unwrap();
    read_answer(&mut first).await;
    assert_eq!(
        second.try_read(&mut [0; 16]).unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock
    );
    drop(first);
    read_answer(&mut second).await;
}

#[tokio::test]
async fn an_address_in_use_is_told() {
    let running = run(of_router(hello()), Limits::default()).await;
    let door = Door {
        address: running.address,
        service: of_router(hello()),
    };
    let error = Server::bind(vec![door], Limits::default())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot listen on {}", running.address)
    );
}
