//! A client of the socket, which has its own reader of the protocol.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::Error as WebSocketError;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::Message;

/// How long anything may take before a test says that it does not come.
const DEADLINE: Duration = Duration::from_secs(20);

/// How often a node has its turn before a test says that nothing comes.
const TURNS: usize = 500;

/// One end of a socket.
pub(crate) struct Client {
    socket: WebSocketStream<TcpStream>,
    fences: u64,
}

/// What came in time; a test whose awaited thing does not come fails.
#[track_caller]
pub(crate) fn in_time<T>(what: impl Future<Output = T>) -> impl Future<Output = T> {
    let place = std::panic::Location::caller();
    async move {
        let in_time = timeout(DEADLINE, what).await;
        in_time.unwrap_or_else(|_| panic!("it did not come in time: {place}"))
    }
}

/// The status that a handshake is answered with.
pub(crate) async fn status(address: SocketAddr, path: &str, subprotocol: &str) -> u16 {
    let stream = TcpStream::connect(address).await.unwrap();
    let Err(error) = Client::on(stream, path, subprotocol, &[]).await else {
        return 101;
    };
    let WebSocketError::Http(response) = &*error else {
        panic!("{error}");
    };
    response.status().as_u16()
}

// === impl Client ===

impl Client {
    pub(crate) async fn open(address: SocketAddr, headers: &[(&'static str, &str)]) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::on(stream, "/v1/connect", "countersign.v1", headers)
            .await
            .unwrap()
    }

    /// Opens a socket on a connection that the test has made.
    pub(crate) async fn on(
        stream: TcpStream,
        path: &str,
        subprotocol: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Box<WebSocketError>> {
        let mut request = format!("ws://test{path}").into_client_request().unwrap();
        if !subprotocol.is_empty() {
            let value = HeaderValue::from_str(subprotocol).unwrap();
            request
                .headers_mut()
                .insert("sec-websocket-protocol", value);
        }
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().insert(*name, value);
        }
        let opened = in_time(tokio_tungstenite::client_async(request, stream)).await;
        let (socket, _) = opened.map_err(Box::new)?;
        Ok(Self { socket, fences: 0 })
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_message(Message::text(frame.to_string())).await;
    }

    /// Sends frames so that all are there when the node reads the first.
    pub(crate) async fn send_at_once(&mut self, frames: impl IntoIterator<Item = Value>) {
        for frame in frames {
            let message = Message::text(frame.to_string());
            in_time(self.socket.feed(message)).await.unwrap();
        }
        in_time(self.socket.flush()).await.unwrap();
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        in_time(self.socket.send(message)).await.unwrap();
    }

    /// Sends what the node may not want to read any more.
    pub(crate) async fn try_send(&mut self, frame: Value) -> bool {
        let message = Message::text(frame.to_string());
        in_time(self.socket.send(message)).await.is_ok()
    }

    pub(crate) async fn say(&mut self, reference: u64, conversation: &str, what: &str) {
        self.send(say(reference, conversation, what)).await;
    }

    /// The next frame of the node.
    #[track_caller]
    pub(crate) fn frame(&mut self) -> impl Future<Output = Value> + '_ {
        let place = std::panic::Location::caller();
        async move {
            match self.next().await {
                Ok(frame) => frame,
                Err(closed) => panic!("closed with {closed:?} at {place}"),
            }
        }
    }

    /// The next frames of the node.
    pub(crate) async fn frames(&mut self, count: usize) -> Vec<Value> {
        let mut frames = Vec::with_capacity(count);
        while frames.len() < count {
            frames.push(self.frame().await);
        }
        frames
    }

    /// The next frame, or the code and reason that the socket was closed with.
    pub(crate) async fn next(&mut self) -> Result<Value, (u16, String)> {
        loop {
            match in_time(self.socket.next()).await {
                Some(Ok(Message::Text(text))) => {
                    return Ok(serde_json::from_str(&text).expect("a frame is JSON"));
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err((frame.code.into(), frame.reason.to_string()));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("the node said {other:?}"),
                Some(Err(_)) | None => return Err((0, String::new())),
            }
        }
    }

    /// Nothing has come, however often the node had its turn.
    pub(crate) async fn is_told_nothing(&mut self) {
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
            let next = self.socket.next().now_or_never();
            assert!(next.is_none(), "it was told {next:?}");
        }
    }

    /// Nothing has come but to be asked whether anybody is there.
    pub(crate) async fn is_told_nothing_but_pings(&mut self) {
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
            match self.socket.next().now_or_never() {
                None | Some(Some(Ok(Message::Ping(_)))) => {}
                Some(told) => panic!("it was told {told:?}"),
            }
        }
    }

    /// The next message, of whatever kind; none, where the other end hung up.
    pub(crate) async fn message(&mut self) -> Option<Message> {
        in_time(self.socket.next()).await.and_then(Result::ok)
    }

    /// Lets the connection break: without a word, or as if the machine were gone.
    pub(crate) fn breaks(self, reset: bool) {
        if reset {
            self.socket.get_ref().set_zero_linger().unwrap();
        }
    }

    /// Reads to the end, and answers the close code and reason.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Err(closed) = self.next().await {
                return closed;
            }
        }
    }

    /// The close code, where no frame comes before it.
    pub(crate) async fn closed_at_once(&mut self) -> u16 {
        match self.next().await {
            Ok(frame) => panic!("it was told {frame}"),
            Err((code, _)) => code,
        }
    }

    /// Everything that was told up to now.
    pub(crate) async fn told(&mut self) -> Vec<Value> {
        self.fences += 1;
        let reference = 1_000_000 + self.fences;
        self.say(reference, "CON-none", "fence").await;
        let mut told = Vec::new();
        loop {
            let frame = self.frame().await;
            if frame["type"] == "error" && frame["ref"] == json!(reference) {
                return told;
            }
            told.push(frame);
        }
    }
}

/// A command that sends a text.
pub(crate) fn say(reference: u64, conversation: &str, what: &str) -> Value {
    json!({
        "type": "send",
        "ref": reference,
        "conversation_id": conversation,
        "event": {"type": "text", "body": {"text": what}},
    })
}

/// What frames tell, in short: the type, and what is particular.
pub(crate) fn in_short(frames: &[Value]) -> Vec<String> {
    frames
        .iter()
        .map(|frame| {
            let kind = frame["type"].as_str().unwrap_or_default();
            let event = &frame["event"];
            match kind {
                "event" | "sent" => {
                    let body = &event["body"];
                    let what = body["text"].as_str().map_or_else(
                        || event["type"].as_str().unwrap_or_default().to_owned(),
                        str::to_owned,
                    );
                    match event["id"].as_u64() {
                        Some(id) => format!("{kind} {id} {what}"),
                        None => format!("{kind} {what} {body}"),
                    }
                }
                "conversation" => format!("conversation {}", frame["change"].as_str().unwrap()),
                "gap" => format!("gap {} {}", frame["after"], frame["last"]),
                other => other.to_owned(),
            }
        })
        .collect()
}
