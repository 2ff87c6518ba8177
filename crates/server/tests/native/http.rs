//! A client of HTTP/1.1 (RFC 9112) that sends what it is told, byte for byte:
//! a polite one would clean up the requests that are worth testing.

use std::net::SocketAddr;

use crate::contract::Exchange;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    address: SocketAddr,
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    of_the_api: bool,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    request: String,
}

// === impl Call ===

impl Call {
    pub(crate) fn new(address: SocketAddr, method: &str, path: &str) -> Self {
        Self {
            address,
            line: format!("{method} {path}"),
            headers: Vec::new(),
            body: Vec::new(),
            of_the_api: false,
        }
    }

    /// The answer is held to the API's description.
    pub(crate) fn of_the_api(mut self) -> Self {
        self.of_the_api = true;
        self
    }

    pub(crate) fn bearer(self, text: &str) -> Self {
        self.header("authorization", &format!("Bearer {text}"))
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json")
            .body(body.to_string().as_bytes())
    }

    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    pub(crate) async fn send(self) -> Reply {
        let mut head = format!(
            "{} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n",
            self.line
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        let received = exchange(self.address, &bytes).await;
        let reply = Reply::parse(&received, self.line.clone());
        if self.of_the_api {
            self.check(&reply);
        }
        reply
    }

    fn check(&self, reply: &Reply) {
        let (method, path) = self.line.split_once(' ').unwrap_or_default();
        let sent_type = self.headers.iter().find(|(name, _)| name == "content-type");
        let exchange = Exchange {
            method,
            path,
            sent_type: sent_type.map(|(_, value)| value.as_str()),
            sent: &self.body,
            status: reply.status,
            received_type: reply.header("content-type"),
            received: &reply.body,
        };
        exchange.check();
    }
}

/// Sends bytes, and receives until the other side closes.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    let (mut reader, mut writer) = stream.into_split();
    let mut received = Vec::new();
    let mut chunk = vec![0; 16 * 1024];
    let receive = async {
        // Who closes with bytes unread resets the connection; what came before counts.
        while let Ok(length @ 1..) = reader.read(&mut chunk).await {
            received.extend_from_slice(&chunk[..length]);
        }
    };
    let (_, _sent) = tokio::join!(receive, writer.write_all(bytes));
    received
}

// === impl Reply ===

impl Reply {
    fn parse(received: &[u8], request: String) -> Self {
        let end = received
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap_or_else(|| panic!("{request}: no answer in {} bytes", received.len()));
        let head = std::str::from_utf8(&received[..end]).expect("a head is ASCII");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let headers = lines.filter_map(|line| line.split_once(": "));
        Self {
            status: status.and_then(|text| text.parse().ok()).expect("a status"),
            headers: headers
                .map(|(n, v)| (n.to_lowercase(), v.to_owned()))
                .collect(),
            body: received[end + 4..].to_vec(),
            request,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(other, _)| other == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{}: {name} twice", self.request);
        value
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body is UTF-8")
    }

    /// The body, where the status is this one.
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.request, self.text());
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).expect("a body is JSON")
    }

    /// The problem document, where it is one of this status and code, with
    /// all that every problem has.
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let document = self.expect(status);
        assert_eq!(document["code"], code, "{}: {document}", self.request);
        assert_eq!(document["type"], format!("/errors/{code}"));
        assert_eq!(document["status"], status);
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        for member in ["title", "detail"] {
            assert!(document[member].is_string(), "{}: {document}", self.request);
        }
        let challenge = self.header("www-authenticate");
        assert_eq!(challenge, (status == 401).then_some("Bearer"));
        self.has_the_headers_of_every_answer();
        document
    }

    pub(crate) fn has_the_headers_of_every_answer(&self) {
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"));
        let id = self.header("x-request-id").unwrap_or_default();
        assert_eq!(id.len(), 32, "{}: request id {id:?}", self.request);
    }
}
