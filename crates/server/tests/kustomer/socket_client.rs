//! A socket, spoken by hand.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use countersign_server::serve::{Door, Limits, Server};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{WebSocketStream, tungstenite};
use tokio_util::sync::CancellationToken;

use crate::world::{Identity, World, text};

/// How often everything else may go on before a test says that nothing comes.
const TURNS: usize = 200;
/// How long anything may take before a test says that it does not come.
const DEADLINE: Duration = Duration::from_secs(20);
pub(crate) const PASS: &str = "/c/v1/pusher/auth";

/// One end of a socket, with the id that it was told.
pub(crate) struct Client {
    socket: WebSocketStream<TcpStream>,
    pub(crate) id: String,
}

/// What came.
#[derive(Debug, PartialEq)]
pub(crate) enum Came {
    /// An event, its channel and its data.
    Event(String, Value, Value),
    Closed(Option<u16>),
}

// === impl World ===

impl World {
    /// The door on a port of its own, until the token is dropped.
    pub(crate) async fn listen(&self) -> (SocketAddr, CancellationToken) {
        let door = Door {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            service: self.door(),
        };
        let server = Server::bind(vec![door], Limits::default()).await.unwrap();
        let address = server.addresses()[0];
        let stop = CancellationToken::new();
        tokio::spawn(server.run(stop.clone()));
        (address, stop)
    }

    /// What the device shows to be let into a channel.
    pub(crate) async fn pass(&self, token: &str, socket: &str, channel: &str) -> Value {
        let asked = json!({ "socket_id": socket, "channel_name": channel });
        let reply = self.device("POST", PASS, Some(token), Some(asked)).await;
        let mut pass = reply.expect(200);
        pass["channel"] = channel.into();
        pass
    }

    pub(crate) fn tracking(&self, device: &Identity) -> String {
        format!(
            "presence-external-{}-tracking-{}",
            self.application, device.tracking_id
        )
    }

    pub(crate) fn activity(&self, chat: &str) -> String {
        format!("private-external-{}-chat-activity-{chat}", self.application)
    }
}

// === impl Client ===

impl Client {
    pub(crate) async fn open(address: SocketAddr, path: &str) -> Self {
        Self::on(TcpStream::connect(address).await.unwrap(), path).await
    }

    async fn on(stream: TcpStream, path: &str) -> Self {
        let request = format!("ws://127.0.0.1{path}").into_client_request();
        let opened = tokio_tungstenite::client_async(request.unwrap(), stream);
        let (socket, _) = timeout(DEADLINE, opened).await.unwrap().unwrap();
        let id = String::new();
        Self { socket, id }
    }

    /// A socket that was told its id.
    pub(crate) async fn established(address: SocketAddr, world: &World) -> Self {
        Self::established_on(TcpStream::connect(address).await.unwrap(), world).await
    }

    /// The same, on a connection of the test's.
    pub(crate) async fn established_on(stream: TcpStream, world: &World) -> Self {
        let path = format!("/app/{}?protocol=7&client=js&version=8", world.application);
        let mut client = Self::on(stream, &path).await;
        let (name, data) = client.event().await;
        assert_eq!(name, "pusher:connection_established");
        client.id = text(&data["socket_id"]);
        client
    }

    /// A socket of a device, in its own channel.
    pub(crate) async fn online(address: SocketAddr, world: &World, device: &Identity) -> Self {
        let mut client = Self::established(address, world).await;
        let channel = world.tracking(device);
        let told = client.enter(world, &device.token, &channel).await;
        assert_eq!(told.0, "pusher_internal:subscription_succeeded");
        assert_eq!(told.1["presence"]["ids"], json!([device.customer]));
        client
    }

    pub(crate) async fn enter(
        &mut self,
        world: &World,
        token: &str,
        channel: &str,
    ) -> (String, Value) {
        let pass = world.pass(token, &self.id, channel).await;
        self.say("pusher:subscribe", pass).await;
        self.event().await
    }

    pub(crate) async fn say(&mut self, event: &str, data: Value) {
        self.send(json!({ "event": event, "data": data }).to_string())
            .await;
    }

    pub(crate) async fn send(&mut self, frame: String) {
        let sent = self.socket.send(Message::text(frame));
        timeout(DEADLINE, sent).await.unwrap().unwrap();
    }

    /// Whether the other end still takes it.
    pub(crate) async fn try_send(&mut self, frame: &str) -> bool {
        let sent = self.socket.send(Message::text(frame));
        timeout(DEADLINE, sent).await.unwrap().is_ok()
    }

    pub(crate) async fn next(&mut self) -> Came {
        loop {
            let next = timeout(DEADLINE, self.socket.next()).await;
            if let Some(came) = read(next.expect("something comes in time")) {
                return came;
            }
        }
    }

    /// What has come already.
    pub(crate) async fn next_at_once(&mut self) -> Option<Came> {
        tokio::task::yield_now().await;
        self.socket.next().now_or_never().and_then(read)
    }

    pub(crate) async fn event(&mut self) -> (String, Value) {
        match self.next().await {
            Came::Event(name, _, data) => (name, data),
            Came::Closed(code) => panic!("it was closed: {code:?}"),
        }
    }

    /// The number that it ends with, and whatever was told before.
    pub(crate) async fn closed(&mut self) -> (Vec<String>, Option<u16>) {
        let mut told = Vec::new();
        loop {
            match self.next().await {
                Came::Event(name, _, _) => told.push(name),
                Came::Closed(code) => return (told, code),
            }
        }
    }

    /// Nothing comes for a while.
    pub(crate) async fn hears_nothing_yet(&mut self) {
        for _ in 0..TURNS {
            let came = self.next_at_once().await;
            assert_eq!(came, None);
        }
    }

    /// Nothing else is told before the answer to a ping.
    pub(crate) async fn is_told_nothing(&mut self) {
        self.say("pusher:ping", json!({})).await;
        assert_eq!(self.event().await.0, "pusher:pong");
    }
}

/// What a message means to a client, if anything.
fn read(message: Option<Result<Message, tungstenite::Error>>) -> Option<Came> {
    match message {
        Some(Ok(Message::Text(frame))) => {
            let frame: Value = serde_json::from_str(&frame).unwrap();
            let data = &frame["data"];
            let read = data
                .as_str()
                .map(|text| serde_json::from_str(text).unwrap());
            let data = read.unwrap_or_else(|| data.clone());
            let channel = frame["channel"].clone();
            Some(Came::Event(text(&frame["event"]), channel, data))
        }
        Some(Ok(Message::Close(frame))) => Some(Came::Closed(frame.map(|frame| frame.code.into()))),
        Some(Ok(_)) => None,
        Some(Err(_)) | None => Some(Came::Closed(None)),
    }
}
