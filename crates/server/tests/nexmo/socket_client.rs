//! A client of Engine.IO and Socket.IO, which has its own reader of both.

use std::future::Future;
use std::time::Duration;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::Error as WebSocketError;
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::world::World;

/// How long anything may take before a test says that it does not come.
const DEADLINE: Duration = Duration::from_secs(20);

/// Turns of the runtime in which whatever is to come has come.
const TURNS: usize = 200;

/// One end of a socket.
pub(crate) struct Client {
    socket: WebSocketStream<TcpStream>,
    acknowledges: bool,
}

/// What came.
#[derive(Debug, PartialEq)]
pub(crate) enum Came {
    /// An event: its name and payload.
    Event(String, Value),
    /// The namespace is left.
    Left,
    /// The socket was closed, with a code or without.
    Closed(Option<u16>),
    /// Another packet.
    Packet(String),
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

// === impl World ===

impl World {
    /// A socket on which nothing was said yet.
    pub(crate) async fn socket(&self, query: &str) -> Client {
        self.try_socket("/v2/rtc/", query).await.unwrap()
    }

    /// A socket, or the status of the refusal.
    pub(crate) async fn try_socket(&self, path: &str, query: &str) -> Result<Client, u16> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        Client::on(stream, path, query).await
    }

    /// A socket of the newer revision, up to its first event.
    pub(crate) async fn login(&self, query: &str) -> (Client, Came) {
        let mut client = self
            .socket(&format!("EIO=4&transport=websocket&{query}"))
            .await;
        client.enter().await;
        let first = client.next().await;
        (client, first)
    }

    /// A socket of who is logged in, and its session.
    pub(crate) async fn connect(&self, token: &str) -> (Client, Value) {
        let (client, first) = self.login(&format!("token={token}")).await;
        let Came::Event(name, payload) = first else {
            panic!("{first:?}");
        };
        assert_eq!(name, "session:success", "{payload}");
        (client, payload["body"].clone())
    }
}

// === impl Client ===

impl Client {
    /// A socket on this connection, or the status of the refusal.
    pub(crate) async fn on(stream: TcpStream, path: &str, query: &str) -> Result<Self, u16> {
        stream.set_nodelay(true).unwrap();
        let url = format!("ws://test{path}?{query}");
        let request = url.into_client_request().unwrap();
        match in_time(tokio_tungstenite::client_async(request, stream)).await {
            Ok((socket, _)) => Ok(Self {
                socket,
                acknowledges: true,
            }),
            Err(WebSocketError::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Nothing has come in as many turns as anything takes.
    pub(crate) async fn is_told_nothing(&mut self) {
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
            let next = self.socket.next().now_or_never();
            assert!(next.is_none(), "it was told {next:?}");
        }
    }

    /// Reads the first packet and asks for the namespace.
    pub(crate) async fn enter(&mut self) {
        let Came::Packet(open) = self.next().await else {
            panic!("the first packet opens");
        };
        let open: Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
        assert_eq!(open["pingInterval"], 25_000);
        assert!(open["sid"].as_str().unwrap().len() >= 20);
        self.send("40").await;
        let Came::Packet(connected) = self.next().await else {
            panic!("the namespace is answered");
        };
        assert!(connected.starts_with("40{\"sid\":\""), "{connected}");
    }

    /// Leaves events unacknowledged from now on.
    pub(crate) fn keep_silent(&mut self) {
        self.acknowledges = false;
    }

    pub(crate) async fn send(&mut self, packet: &str) {
        self.send_message(Message::text(packet)).await;
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        in_time(self.socket.send(message)).await.unwrap();
    }

    /// What comes next; pings are answered on the way.
    pub(crate) async fn next(&mut self) -> Came {
        loop {
            let Some(Ok(message)) = in_time(self.socket.next()).await else {
                return Came::Closed(None);
            };
            let text = match message {
                Message::Text(text) => text.to_string(),
                Message::Close(frame) => {
                    return Came::Closed(frame.map(|frame| frame.code.into()));
                }
                Message::Ping(_) | Message::Pong(_) => continue,
                Message::Binary(_) | Message::Frame(_) => panic!("{message:?}"),
            };
            match text.as_str() {
                "2" => self.send("3").await,
                "41" => return Came::Left,
                _ => return self.read(&text).await,
            }
        }
    }

    async fn read(&mut self, text: &str) -> Came {
        let Some(rest) = text.strip_prefix("42") else {
            return Came::Packet(text.to_owned());
        };
        let begin = rest.find('[').unwrap();
        let (number, arguments) = rest.split_at(begin);
        if !number.is_empty() && self.acknowledges {
            self.send(&format!("43{number}[]")).await;
        }
        let (name, payload): (String, Value) = serde_json::from_str(arguments).unwrap();
        Came::Event(name, payload)
    }

    /// The next event.
    #[track_caller]
    pub(crate) fn event(&mut self) -> impl Future<Output = (String, Value)> {
        let place = std::panic::Location::caller();
        async move {
            match self.next().await {
                Came::Event(name, payload) => (name, payload),
                other @ (Came::Left | Came::Closed(_) | Came::Packet(_)) => {
                    panic!("{other:?} instead of an event: {place}")
                }
            }
        }
    }

    /// The next event, which has this name.
    #[track_caller]
    pub(crate) fn named(&mut self, name: &str) -> impl Future<Output = Value> {
        let place = std::panic::Location::caller();
        async move {
            let (found, payload) = self.event().await;
            assert_eq!(found, name, "{payload}: {place}");
            payload
        }
    }

    /// Emits an event.
    pub(crate) async fn emit(&mut self, name: &str, payload: Value) {
        let arguments = json!([name, payload]);
        self.send(&format!("42{arguments}")).await;
    }

    /// Whatever still comes, up to the end.
    pub(crate) async fn rest(&mut self) -> Vec<Came> {
        let mut all = Vec::new();
        loop {
            let came = self.next().await;
            let ended = matches!(came, Came::Closed(_));
            all.push(came);
            if ended {
                return all;
            }
        }
    }

    /// Lets the connection go without a word.
    pub(crate) fn drop_transport(self) {
        drop(self);
    }
}
