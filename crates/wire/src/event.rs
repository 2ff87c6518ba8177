//! Events: the entries of a conversation.
//!
//! A body is kept as the JSON text that was sent: no number loses a digit, and
//! no member its place, on the way through.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::schema;
use crate::time::Time;

/// `POST /v1/conversations/{id}/events`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"type": "text", "body": {"text": "Hello"}, "client_id": "m-1"})))]
pub struct NewEvent {
    /// What it is: `text`, `message`, `image`, `custom:NAME`, `edit`,
    /// `delete`; or `delivered` or `seen`, which get no number.
    #[schema(value_type = schema::SentType)]
    #[serde(rename = "type")]
    pub kind: String,
    /// Its body, an object whose members go by the type.
    #[schema(value_type = Object)]
    pub body: Box<RawValue>,
    /// The client's own id: the same one makes a retry harmless.
    #[schema(value_type = Option<schema::ClientId>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// The body of a `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextBody {
    /// The text.
    pub text: String,
}

/// The members that every body of a `message` has; others may follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageBody {
    /// The type of message.
    pub message_type: String,
}

/// The members that every body of an `image` has; others may follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageBody {
    /// Where the image is.
    pub url: String,
}

/// The body of an `edit`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditBody {
    /// The event that gets a new body.
    pub event_id: u64,
    /// The new body, an object.
    pub body: Box<RawValue>,
}

/// The body of a `delete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteBody {
    /// The event that is no more.
    pub event_id: u64,
}

/// The body of a `delivered` or `seen`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PositionBody {
    /// The newest event that is delivered or seen, and with it all before it.
    pub up_to: u64,
}

/// An event.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Its number in the conversation: 1, 2, 3 … without holes.
    pub id: u64,
    /// What it is.
    #[schema(value_type = schema::EventType)]
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// Its body: the newest one if it was edited, `{}` if it was deleted.
    #[schema(value_type = Object)]
    pub body: Box<RawValue>,
    /// Who sent it.
    pub from: From,
    /// When it was accepted.
    pub timestamp: Time,
    /// The client's own id, shown to its sender.
    #[schema(value_type = schema::ClientId)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// When it was last edited.
    #[schema(value_type = Time)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Time>,
    /// When it was deleted.
    #[schema(value_type = Time)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Time>,
}

/// Who sent an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Sender)]
pub struct From {
    /// The member; a backend is none.
    #[schema(value_type = schema::MemberId)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_id: Option<String>,
    /// The member's present user.
    #[schema(value_type = schema::UserId)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// What others see of the sender.
    pub name: String,
    /// How well the sender was known: `anonymous`, `described` or `verified`.
    #[schema(value_type = schema::Assurance)]
    pub assurance: Cow<'static, str>,
}

/// A part of a conversation's history.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Events {
    /// The events, ascending.
    pub events: Vec<Event>,
}
