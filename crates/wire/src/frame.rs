//! Frames: what a client and a node say to each other over a socket.
//!
//! Each is one JSON object in one text frame of the WebSocket protocol
//! (RFC 6455), told apart by its `type`. `POST /v1/sync` answers the same
//! frames to who cannot hold a socket.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::openapi::schema::AnyOfBuilder;
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::conversation::Conversation;
use crate::event::{Event, From, NewEvent};
use crate::object;
use crate::schema;
use crate::secret::Secret;
use crate::session::{DeviceClaim, LoginUser};
use crate::tagged::Untagged;
use crate::time::Time;

/// The subprotocol that both sides name (RFC 6455 section 1.9).
pub const SUBPROTOCOL: &str = "countersign.v1";

/// What a client says. Unknown members are refused.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ClientFrame {
    /// Who it is: the first frame, and sent once.
    Authenticate(Box<Authenticate>),
    /// An event to be sent, or a signal.
    Send(Send),
    /// A newer access token of the same session.
    Refresh(Refresh),
}

/// Who a client is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authenticate {
    /// An access token; or a credential, and then the frame is a login.
    pub token: Secret,
    /// The history that `have` is of: the one that a `welcome` told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// The newest event that the client has, by conversation; one that is
    /// absent counts as 0. Without it only what is new from now on is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub have: Option<BTreeMap<String, u64>>,
    /// With a credential: the publishable key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Secret>,
    /// With a credential: the application, where neither key nor credential names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
    /// With a credential: the device, as far as it knows itself.
    #[serde(
        default,
        deserialize_with = "object::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub device: Option<DeviceClaim>,
    /// With a credential: the device's own access token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_token: Option<Secret>,
    /// With a credential: whether the device may become another user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch: Option<bool>,
    /// With a credential: the client's nonce, which makes a retry harmless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Secret>,
}

/// An event to be sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// The client's number for this frame, by which it is answered.
    #[serde(rename = "ref")]
    pub reference: u64,
    /// Where.
    pub conversation_id: String,
    /// What: as `POST /v1/conversations/{id}/events` takes it, or `typing`
    /// with the body `{"on": true}` or `{"on": false}`.
    pub event: NewEvent,
}

/// A newer access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The token, of the session that the socket is of.
    pub token: Secret,
}

/// The body of a `typing`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypingBody {
    /// Whether the user types, or has stopped.
    pub on: bool,
}

/// What a node says. Unknown members are skipped.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ServerFrame {
    /// The client is who it says; the first frame.
    Welcome(Box<Welcome>),
    /// An event of a conversation, in order.
    Event(EventFrame),
    /// Something of a conversation that has no number.
    #[serde(rename = "event")]
    Signal(SignalFrame),
    /// What this connection sent is durable; for an event, in its place in the order.
    Sent(Sent),
    /// Too much was missed to be told: it is read page by page.
    Gap(Gap),
    /// A conversation was gained, changed or lost.
    Conversation(ConversationFrame),
    /// What this connection sent was refused.
    Error(ErrorFrame),
    /// The access token is nearly over.
    Expiring(Expiring),
    /// What a newer node says, and this program does not know.
    #[serde(skip)]
    Unknown,
}

/// The beginning of a socket's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Welcome {
    /// The history that events' numbers are of.
    pub epoch: u64,
    /// The session.
    #[schema(value_type = schema::SessionId)]
    pub session_id: String,
    /// The device.
    #[schema(value_type = schema::DeviceId)]
    pub device_id: String,
    /// The session's user.
    pub user: LoginUser,
    /// The node's time.
    pub server_time: Time,
    /// Whether what follows begins where the client's `have` ends.
    pub resumed: bool,
    /// How many of others' messages the user has not seen, by conversation,
    /// where there are any; up to 1,000.
    pub unread: BTreeMap<String, u64>,
    /// When the access token is over.
    pub access_token_expires_at: Time,
    /// Where a credential was given: the session's tokens.
    #[schema(value_type = Tokens)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
}

/// The tokens of a login over a socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tokens {
    /// Shown with every call.
    pub access_token: Secret,
    /// Exchanged for the next pair.
    pub refresh_token: Secret,
    /// When the session ends, whatever happens.
    pub session_expires_at: Time,
}

/// An event of a conversation.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EventFrame {
    /// Where.
    #[schema(value_type = schema::ConversationId)]
    pub conversation_id: String,
    /// The event.
    pub event: Event,
}

/// Something of a conversation that has no number.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SignalFrame {
    /// Where.
    #[schema(value_type = schema::ConversationId)]
    pub conversation_id: String,
    /// What.
    pub event: Signal,
}

/// An event without a number: who types, how far a member has got, and what an
/// application passes on through another door and nobody keeps.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Signal {
    /// `typing`, `delivered`, `seen` or `ephemeral`.
    #[schema(value_type = schema::SignalType)]
    #[serde(rename = "type")]
    pub kind: String,
    /// `{"on"}` of a `typing`, `{"up_to"}` of a `delivered` or `seen`; any object
    /// of an `ephemeral`.
    #[schema(value_type = Object)]
    pub body: Box<RawValue>,
    /// Whose it is.
    pub from: From,
    /// When.
    pub timestamp: Time,
}

/// What this connection sent is durable.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Sent {
    /// The client's number.
    #[serde(rename = "ref")]
    pub reference: u64,
    /// The event; a signal becomes none.
    #[schema(value_type = Event)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Event>,
}

/// Too much was missed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Gap {
    /// Where.
    #[schema(value_type = schema::ConversationId)]
    pub conversation_id: String,
    /// What the client has.
    pub after: u64,
    /// The last event that is missed; what follows it is told.
    pub last: u64,
}

/// A conversation was gained, changed or lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConversationFrame {
    /// Which of the three.
    pub change: ConversationChange,
    /// The conversation: all of it, or of a lost one its id.
    pub conversation: ShownConversation,
}

/// What happened to a conversation, as the user sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConversationChange {
    /// The user was asked in or is in; the events follow, where they may be read.
    Added,
    /// It has another name, or the user another place in it.
    Changed,
    /// The user is out, or it is gone; nothing of it follows.
    Removed,
}

/// A conversation, or its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ShownConversation {
    /// As the user sees it.
    Whole(Conversation),
    /// One that the user does not see any more.
    Lost(LostConversation),
}

/// All that is told of a conversation that was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LostConversation {
    /// Its id.
    #[schema(value_type = schema::ConversationId)]
    pub id: String,
}

/// What this connection sent was refused, in the words of a problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorFrame {
    /// The client's number.
    #[serde(rename = "ref")]
    pub reference: u64,
    /// The stable code, for programs.
    pub code: String,
    /// What happened this time, for people.
    pub detail: String,
    /// What to do about it.
    #[schema(value_type = String)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The access token is nearly over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Expiring {
    /// How long it lasts; then the socket is closed, unless a `refresh` brings
    /// a newer one.
    pub in_seconds: u64,
}

/// Why a node closes a socket. Codes of an application's own are those from
/// 4000 on (RFC 6455 section 7.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// A frame is none of ours.
    BadFrame,
    /// The credential or token was refused; the reason is its code.
    CredentialRefused,
    /// Who it is may not connect, or not from this page; the reason is the code.
    NotPermitted,
    /// The client did not read what it was sent.
    SlowReader,
    /// The session ended, or was revoked.
    SessionEnded,
    /// Too many sockets, commands or pings.
    TooMany,
    /// The node goes away, or cannot answer; the reason is a [`GoingAway`].
    GoingAway,
}

/// The reason of a close with [`CloseCode::GoingAway`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoingAway {
    /// Milliseconds to wait before the next attempt. They differ from client
    /// to client, so that not all come back at once.
    pub reconnect_after: u64,
}

/// `POST /v1/sync`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"have": {"CON-01932d4c-7e58-7c21-9b0a-3f6f0d3f6a11": 41}, "epoch": 1, "wait_seconds": 20})))]
pub struct SyncRequest {
    /// The newest event that the client has, by conversation; one that is
    /// absent counts as 0. Without it only what is new from now on is told.
    #[schema(value_type = Option<BTreeMap<String, u64>>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub have: Option<BTreeMap<String, u64>>,
    /// The history that `have` is of: the one that a `welcome` told.
    #[schema(value_type = Option<u64>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// How long to wait for something new, at most 25.
    #[schema(value_type = Option<u64>, maximum = 25)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_seconds: Option<u64>,
}

/// What a client has missed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SyncAnswer {
    /// The frames that a socket would have been sent, the `welcome` first.
    pub frames: Vec<ServerFrame>,
}

// === impl ClientFrame ===

impl<'de> Deserialize<'de> for ClientFrame {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?.get();
        let frame = match read::<Head, D>(text)?.kind.as_str() {
            "authenticate" => Self::Authenticate(Box::new(members::<_, D>(text)?)),
            "send" => Self::Send(members::<_, D>(text)?),
            "refresh" => Self::Refresh(members::<_, D>(text)?),
            other => {
                const KNOWN: &[&str] = &["authenticate", "send", "refresh"];
                return Err(D::Error::unknown_variant(other, KNOWN));
            }
        };
        Ok(frame)
    }
}

// === impl ServerFrame ===

impl<'de> Deserialize<'de> for ServerFrame {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?.get();
        let head: Head = read::<_, D>(text)?;
        let numbered = head.event.is_some_and(|event| event.id.is_some());
        Ok(match head.kind.as_str() {
            "welcome" => Self::Welcome(Box::new(members::<_, D>(text)?)),
            "event" if numbered => Self::Event(members::<_, D>(text)?),
            "event" => Self::Signal(members::<_, D>(text)?),
            "sent" => Self::Sent(members::<_, D>(text)?),
            "gap" => Self::Gap(members::<_, D>(text)?),
            "conversation" => Self::Conversation(members::<_, D>(text)?),
            "error" => Self::Error(members::<_, D>(text)?),
            "expiring" => Self::Expiring(members::<_, D>(text)?),
            _ => Self::Unknown,
        })
    }
}

// === impl ShownConversation ===

impl PartialSchema for ShownConversation {
    fn schema() -> RefOr<Schema> {
        // Whoever has all of it has its id, too: so it is not one of the two.
        AnyOfBuilder::new()
            .item(Ref::from_schema_name(Conversation::name()))
            .item(Ref::from_schema_name(LostConversation::name()))
            .into()
    }
}

impl ToSchema for ShownConversation {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Conversation::schemas(schemas);
        schemas.push((Conversation::name().into_owned(), Conversation::schema()));
        LostConversation::schemas(schemas);
        let lost = (
            LostConversation::name().into_owned(),
            LostConversation::schema(),
        );
        schemas.push(lost);
    }
}

// === impl CloseCode ===

impl CloseCode {
    /// Every code.
    pub const ALL: [Self; 7] = [
        Self::BadFrame,
        Self::CredentialRefused,
        Self::NotPermitted,
        Self::SlowReader,
        Self::SessionEnded,
        Self::TooMany,
        Self::GoingAway,
    ];

    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u16 {
        match self {
            Self::BadFrame => 4400,
            Self::CredentialRefused => 4401,
            Self::NotPermitted => 4403,
            Self::SlowReader => 4408,
            Self::SessionEnded => 4410,
            Self::TooMany => 4429,
            Self::GoingAway => 4503,
        }
    }

    /// The code of a number, where it is one of ours.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }

    /// Whether the same frames may be received better another time. After the
    /// others a client needs another token, or another program.
    #[must_use]
    pub fn may_reconnect(self) -> bool {
        match self {
            Self::SlowReader | Self::TooMany | Self::GoingAway => true,
            Self::BadFrame | Self::CredentialRefused | Self::NotPermitted | Self::SessionEnded => {
                false
            }
        }
    }
}

// === impl GoingAway ===

impl GoingAway {
    /// How long to wait.
    #[must_use]
    pub fn wait(self) -> Duration {
        Duration::from_millis(self.reconnect_after)
    }
}

/// What tells a frame from others.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    event: Option<EventHead>,
}

#[derive(Deserialize)]
struct EventHead {
    #[serde(default)]
    id: Option<serde::de::IgnoredAny>,
}

fn read<'a, T: Deserialize<'a>, D: Deserializer<'a>>(text: &'a str) -> Result<T, D::Error> {
    serde_json::from_str(text).map_err(D::Error::custom)
}

fn members<'a, T: Deserialize<'a>, D: Deserializer<'a>>(text: &'a str) -> Result<T, D::Error> {
    read::<Untagged<T>, D>(text).map(|untagged| untagged.0)
}
