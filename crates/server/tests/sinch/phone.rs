//! A sinch client that fetches and sends messages, by hand: what the SDK does with
//! frames, keys and time tokens.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use countersign_server::sinch::frame::{Frame, split};
use countersign_server::sinch::sealed::{Content, Payload, TransportKey, Writer};
use serde_json::{Value, json};

use crate::world::{Instance, Reply, World, reply, request, text};

/// How long anything may take before a test says that it does not come.
const DEADLINE: Duration = Duration::from_secs(20);

/// What comes in time.
#[track_caller]
pub(crate) fn in_time<T>(what: impl Future<Output = T>) -> impl Future<Output = T> {
    let place = std::panic::Location::caller();
    async move {
        let in_time = tokio::time::timeout(DEADLINE, what).await;
        in_time.unwrap_or_else(|_| panic!("it did not come in time: {place}"))
    }
}

/// A client of a user, with what its configuration tells it.
pub(crate) struct Phone<'a> {
    pub(crate) world: &'a World,
    pub(crate) instance: Instance,
    pub(crate) name: String,
    pub(crate) publish_key: String,
    pub(crate) subscribe_key: String,
    pub(crate) broadcast: String,
    pub(crate) signal: String,
    /// Where messages for the user come.
    pub(crate) channel: String,
    serial: AtomicU64,
}

/// Where messages to some users go.
#[derive(Clone)]
pub(crate) struct Transport {
    pub(crate) id: String,
    pub(crate) key: TransportKey,
    /// The asker's own first.
    pub(crate) channels: Vec<String>,
}

/// What a poll told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) id: String,
    pub(crate) transport: String,
    pub(crate) from: String,
    /// None of a receipt.
    pub(crate) text: Option<String>,
    pub(crate) headers: Option<String>,
    pub(crate) frames: usize,
}

// === impl Phone ===

impl<'a> Phone<'a> {
    /// A new session of a user.
    pub(crate) async fn of(world: &'a World, name: &str) -> Self {
        Self::at(world, name, world.instance(name).await).await
    }

    /// A session that is open.
    pub(crate) async fn at(world: &'a World, name: &str, instance: Instance) -> Self {
        let told = world.signed(&instance, "GET", "/v1/configuration/user", "");
        let told = told.await.expect(200);
        let network = &told["rtcConfiguration"]["broadcastNetwork"];
        let profile = &told["rtcProfile"];
        Self {
            world,
            name: name.to_owned(),
            publish_key: text(&network["publishKey"]),
            subscribe_key: text(&network["subscribeKey"]),
            broadcast: text(&profile["broadcastChannel"]),
            signal: text(&profile["signalChannel"]),
            channel: text(&profile["transportChannel"]),
            instance,
            serial: AtomicU64::new(0),
        }
    }

    /// A call of the listener for messages.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        let request = request("GET", path).body(Body::empty()).unwrap();
        reply(self.world.messages.clone(), request).await
    }

    pub(crate) fn poll_path(&self, time_token: &str) -> String {
        let Self {
            subscribe_key,
            broadcast,
            channel,
            ..
        } = self;
        format!("/subscribe/{subscribe_key}/{broadcast}%2C{channel}/0/{time_token}?uuid=u&pnsdk=p")
    }

    pub(crate) async fn poll(&self, time_token: &str) -> Reply {
        self.get(&self.poll_path(time_token)).await
    }

    /// Polls once, and answers what was told and the next time token.
    pub(crate) async fn fetch(&self, time_token: &str) -> (Vec<Told>, String) {
        let body = in_time(self.poll(time_token)).await.expect(200);
        (self.read(&body).await, text(&body[1]))
    }

    /// What an answer to a poll tells, in its order.
    pub(crate) async fn read(&self, body: &Value) -> Vec<Told> {
        let frames: Vec<String> = body[0].as_array().unwrap().iter().map(text).collect();
        let channels = vec![self.channel.as_str(); frames.len()].join(",");
        assert_eq!(body[2], channels);
        let mut told = Vec::new();
        let mut sealed = String::new();
        for frame in &frames {
            let frame = Frame::parse(frame).unwrap();
            sealed.push_str(frame.chunk);
            if frame.index + 1 < frame.count {
                continue;
            }
            let transport = self.transport_of(frame.transport_id).await;
            let payload = transport.key.open(&std::mem::take(&mut sealed)).unwrap();
            // So that it is acknowledged to whoever is always there.
            assert_eq!(payload.writer.channel, self.channel);
            let (text, headers) = match payload.content {
                Content::Message { text, headers } => (Some(text), headers),
                Content::Ack => (None, None),
            };
            told.push(Told {
                id: frame.message_id.to_owned(),
                transport: frame.transport_id.to_owned(),
                from: payload.writer.user,
                text,
                headers,
                frames: frame.count,
            });
        }
        told
    }

    /// Where messages to these users go.
    pub(crate) async fn transport(&self, names: &[&str]) -> Transport {
        let asked: Vec<Value> = names.iter().map(|name| json!({"identity": name})).collect();
        let body = Value::from(asked).to_string();
        let told = self
            .world
            .signed(&self.instance, "POST", "/v1/transport", &body);
        let mut transport = Transport::of(&told.await.expect(200));
        transport.channels.insert(0, self.channel.clone());
        transport
    }

    pub(crate) async fn transport_of(&self, id: &str) -> Transport {
        let path = format!("/v1/transport?transportId={id}&");
        let told = self.world.signed(&self.instance, "GET", &path, "").await;
        Transport::of(&told.expect(200))
    }

    /// An id that this client has given no message.
    pub(crate) fn new_id(&self) -> String {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        format!("{}-message-{serial:08}", self.name)
    }

    /// Sends a text as the SDK does: each frame to each participant. Answers the
    /// message's id.
    pub(crate) async fn send(&self, to: &Transport, text: &str) -> String {
        let id = self.new_id();
        let frames = self.frames(to, &id, message(text, None));
        for channel in &to.channels {
            for frame in &frames {
                self.publish(channel, frame).await.expect(200);
            }
        }
        id
    }

    /// Says that a message has arrived, as the SDK does where it is told one.
    pub(crate) async fn acknowledge(&self, told: &Told) {
        let transport = self.transport_of(&told.transport).await;
        let frames = self.frames(&transport, &told.id, Content::Ack);
        self.publish(&self.channel, &frames[0]).await.expect(200);
    }

    pub(crate) fn frames(&self, to: &Transport, id: &str, content: Content) -> Vec<String> {
        let payload = Payload {
            content,
            writer: Writer {
                user: self.name.clone(),
                ..Writer::default()
            },
        };
        let sealed = to.key.seal([7; 16], &payload);
        let frames = split(id, &to.id, 4_711, &sealed);
        frames.map(|frame| frame.to_string()).collect()
    }

    /// Sends a frame to one channel.
    pub(crate) async fn publish(&self, channel: &str, frame: &str) -> Reply {
        let message = encoded(&Value::from(frame).to_string());
        let Self {
            publish_key,
            subscribe_key,
            ..
        } = self;
        self.get(&format!(
            "/publish/{publish_key}/{subscribe_key}/0/{channel}/0/{message}?uuid=u&pnsdk=p"
        ))
        .await
    }

    /// Keeps the session from being idle.
    pub(crate) async fn profile_is_read(&self) {
        let path = "/v1/configuration/user";
        let told = self.world.signed(&self.instance, "GET", path, "").await;
        told.expect(200);
    }

    /// The events of a conversation that the user sees, by a backend's key.
    pub(crate) async fn events(&self, conversation: &str) -> Vec<Value> {
        let path = format!("/v1/conversations/{conversation}/events");
        let found = self.world.done("GET", &path, None).await;
        let events = found["events"].as_array().unwrap().iter();
        let said = events.filter(|event| event["body"].get("text").is_some());
        said.cloned().collect()
    }
}

// === impl Transport ===

impl Transport {
    fn of(told: &Value) -> Self {
        use base64::Engine as _;
        let key = base64::engine::general_purpose::STANDARD.decode(text(&told["key"]));
        let participants = told["participants"].as_array().unwrap().iter();
        Self {
            id: text(&told["transportId"]),
            key: TransportKey::new(key.unwrap().try_into().unwrap()),
            channels: participants.map(|it| text(&it["channel"])).collect(),
        }
    }
}

pub(crate) fn message(text: &str, headers: Option<&str>) -> Content {
    Content::Message {
        text: text.to_owned(),
        headers: headers.map(str::to_owned),
    }
}

/// As `encodeURIComponent` does.
pub(crate) fn encoded(text: &str) -> String {
    let mut written = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            written.push(char::from(byte));
        } else {
            written.push_str(&format!("%{byte:02X}"));
        }
    }
    written
}

/// The texts of what was told, receipts as the name of whom they are from.
pub(crate) fn in_short(told: &[Told]) -> Vec<String> {
    let short = |told: &Told| match &told.text {
        Some(text) => format!("{}: {text}", told.from),
        None => format!("{} has {}", told.from, told.id),
    };
    told.iter().map(short).collect()
}

/// Whether a refusal is one that every client understands: it waits for a second
/// before it asks again.
#[track_caller]
pub(crate) fn refused(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{}", reply.body);
    assert_eq!(reply.body["error"], true);
    assert_eq!(reply.body["status"], status);
    assert_eq!(reply.body["service"], "Countersign");
    assert!(reply.body["message"].is_string());
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.header("access-control-allow-origin"), "*");
}
