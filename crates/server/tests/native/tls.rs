//! The server's own loop where TLS is spoken: who agrees is served, and nobody
//! else keeps a place for long.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Extension;
use axum::routing::get;
use countersign_credential::time::Timestamp;
use countersign_server::connection::Connection;
use countersign_server::serve::{Limits, Server, Socket, Stopped};
use countersign_server::tls::{Validity, validity};
use rcgen::{CertificateParams, CertifiedKey, KeyPair, date_time_ymd};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use crate::certificate::Certificate;
use crate::serve::of_router;

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
    let server = Server::on(vec![(socket, of_router(router))], limits);
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

/// A request of a client that is served, and then the connection as it is.
async fn served(running: &Running) -> tokio_rustls::client::TlsStream<TcpStream> {
    let connected = running.certificate.connect(running.address, &[]).await;
    let mut stream = connected.expect("TLS is agreed on");
    stream.write_all(REQUEST).await.expect("the server reads");
    read_answer(&mut stream).await;
    stream
}

#[tokio::test]
async fn a_head_that_does_not_arrive_and_a_connection_that_is_idle_end() {
    let limits = Limits {
        head_max: Duration::from_millis(50),
        ..Limits::default()
    };
    let running = run(limits).await;
    for begin in [&b""[..], b"GET / HTTP/1.1\r\nhost: l"] {
        let mut idle = served(&running).await;
        idle.write_all(begin).await.unwrap();
        let mut received = Vec::new();
        // It ends; a reset is an end, too.
        let _ = idle.read_to_end(&mut received).await;
        assert!(!String::from_utf8_lossy(&received).contains("200 OK"));
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_who_connects_from_then_on() {
    let running = run(Limits::default()).await;
    let mut before = served(&running).await;
    let renewed = Renewed::new();
    running
        .certificate
        .tls
        .renew(&renewed.pem, &renewed.key_pem)
        .unwrap();
    // Who is connected already goes on.
    before.write_all(REQUEST).await.unwrap();
    read_answer(&mut before).await;
    let refused = running.certificate.connect(running.address, &[]).await;
    assert!(refused.is_err(), "the one before is shown no more");
    assert_eq!(renewed.shown_at(running.address).await, renewed.der);

    let other = Renewed::new();
    for (certificate, key) in [
        (&*other.pem, &*renewed.key_pem),
        (&*other.pem, "no key"),
        ("no certificate", &*other.key_pem),
    ] {
        assert!(running.certificate.tls.renew(certificate, key).is_err());
        assert_eq!(renewed.shown_at(running.address).await, renewed.der);
    }
}

#[test]
fn a_certificate_tells_when_it_is_good() {
    let day = |text: &str| Timestamp::from_iso_8601(text);
    let of = |from: (i32, u8, u8), until: (i32, u8, u8)| {
        let mut asked = CertificateParams::new(vec!["shop.example".to_owned()]).unwrap();
        asked.not_before = date_time_ymd(from.0, from.1, from.2);
        asked.not_after = date_time_ymd(until.0, until.1, until.2);
        let key = KeyPair::generate().unwrap();
        asked.self_signed(&key).unwrap().pem()
    };
    let one = of((2026, 2, 3), (2027, 4, 5));
    let expected = Validity {
        from: day("2026-02-03T00:00:00.000Z"),
        until: day("2027-04-05T00:00:00.000Z"),
    };
    assert!(expected.from.is_some() && expected.until.is_some());
    assert_eq!(validity(&one), Some(expected));
    // Those behind it do not count.
    let chain = format!("{one}{}", of((2000, 1, 1), (2001, 1, 1)));
    assert_eq!(validity(&chain), Some(expected));
    let long_ago = validity(&of((1980, 1, 1), (1981, 1, 1))).unwrap();
    assert_eq!(long_ago.until, day("1981-01-01T00:00:00.000Z"));
    for none in [
        "",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        assert!(
            validity(none).is_none_or(|good| good.until.is_none()),
            "{none}"
        );
    }
}

/// A certificate that takes the place of another.
struct Renewed {
    pem: String,
    key_pem: String,
    der: CertificateDer<'static>,
}

// === impl Renewed ===

impl Renewed {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
        let CertifiedKey { cert, signing_key } = made.expect("a certificate");
        Self {
            pem: cert.pem(),
            key_pem: signing_key.serialize_pem(),
            der: cert.der().clone(),
        }
    }

    /// What a client is shown that trusts this one.
    async fn shown_at(&self, address: SocketAddr) -> CertificateDer<'static> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).expect("a certificate");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("they are supported")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(address).await.expect("it listens");
        let name = ServerName::try_from("localhost").expect("a name");
        let connector = TlsConnector::from(Arc::new(config));
        let connected = connector
            .connect(name, stream)
            .await
            .expect("it is trusted");
        let shown = connected
            .get_ref()
            .1
            .peer_certificates()
            .expect("one is shown");
        shown[0].clone()
    }
}
