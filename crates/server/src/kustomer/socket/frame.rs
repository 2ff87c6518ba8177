//! Frames of the Pusher protocol: an event with its data, mostly of a channel.
//! What goes out has its data as a text of JSON; what comes in has either.

use axum::extract::ws::Utf8Bytes;
use countersign_core::error::{Code, Error};
use countersign_core::model::signal::{Signal, SignalKind};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::channel::{Channel, Of};
use crate::body;

/// How many seconds of silence make a client ask whether the node is there.
const ACTIVITY_TIMEOUT_S: u64 = 120;

const TYPING: &str = "client-kustomer.app.chat.activity.typing";
const TYPES: &str = "typing";

/// What a client says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    Ping,
    Pong,
    Subscribe(Subscribe),
    Unsubscribe(String),
    /// The customer types in the chat of this channel, or has stopped.
    Typing {
        channel: String,
        on: bool,
    },
    /// What only other clients could make something of.
    Other,
}

/// What lets a socket into a channel.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Subscribe {
    pub(super) channel: String,
    #[serde(default)]
    pub(super) auth: String,
    #[serde(default)]
    pub(super) channel_data: Option<String>,
}

#[derive(Deserialize)]
struct Frame {
    event: String,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    data: Value,
}

#[derive(Deserialize)]
struct Left {
    channel: String,
}

/// What a frame of a client says.
///
/// # Errors
/// `bad_request` and `malformed_json`.
pub(super) fn read(text: &str) -> Result<Said, Error> {
    body::check_strict(text.as_bytes())?;
    let frame: Frame = body::decode(text.as_bytes())?;
    let data = match frame.data {
        Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            frame.data
        }
    };
    let wrong = |_| Error::new(Code::BadRequest, "the event's data is not as it should be");
    Ok(match frame.event.as_str() {
        "pusher:ping" => Said::Ping,
        "pusher:pong" => Said::Pong,
        "pusher:subscribe" => Said::Subscribe(serde_json::from_value(data).map_err(wrong)?),
        "pusher:unsubscribe" => {
            let left: Left = serde_json::from_value(data).map_err(wrong)?;
            Said::Unsubscribe(left.channel)
        }
        TYPING => Said::Typing {
            channel: frame.channel.unwrap_or_default(),
            on: data.get("status").and_then(Value::as_str) == Some(TYPES),
        },
        _ => Said::Other,
    })
}

/// The first that a socket is told.
pub(super) fn established(socket_id: &str) -> Utf8Bytes {
    let data = json!({ "socket_id": socket_id, "activity_timeout": ACTIVITY_TIMEOUT_S });
    event("pusher:connection_established", None, &data)
}

pub(super) fn pong() -> Utf8Bytes {
    event("pusher:pong", None, &json!({}))
}

/// Something is wrong; a code of the protocol's own tells a client what to do.
pub(super) fn error(code: Option<u16>, message: &str) -> Utf8Bytes {
    let told = json!({ "code": code, "message": message });
    json!({ "event": "pusher:error", "data": told })
        .to_string()
        .into()
}

/// The socket is in a channel now. Of those that tell who is there it is told
/// itself alone: a customer's devices are no news to each other.
pub(super) fn subscribed(channel: Channel, user: &str) -> Utf8Bytes {
    let data = if channel.has_presence() {
        json!({ "presence": { "count": 1, "ids": [user], "hash": { user: {} } } })
    } else {
        json!({})
    };
    let name = channel.to_string();
    event("pusher_internal:subscription_succeeded", Some(&name), &data)
}

/// The socket is not let into a channel.
pub(super) fn refused(channel: &str, status: u16, error: &Error) -> Utf8Bytes {
    let data = json!({ "type": "AuthError", "error": error.detail, "status": status });
    event("pusher:subscription_error", Some(channel), &data)
}

/// There is a message.
pub(super) fn message(channel: Channel, resource: &Value) -> Utf8Bytes {
    told("kustomer.app.chat.message.send", channel, resource)
}

/// A chat was ended.
pub(super) fn ended(channel: Channel, resource: &Value) -> Utf8Bytes {
    told("kustomer.app.chat.session.end", channel, resource)
}

/// Somebody else types, where a signal says so.
pub(super) fn typing(channel: Channel, signal: &Signal) -> Option<Utf8Bytes> {
    let on = match signal.kind {
        SignalKind::Typing { on } => on,
        SignalKind::Delivered { .. } | SignalKind::Seen { .. } | SignalKind::Ephemeral { .. } => {
            return None;
        }
    };
    let Of::Chat(chat) = channel.of else {
        return None;
    };
    let data = json!({
        "type": "conversation",
        "id": chat.to_string(),
        "userId": signal.from.user.map(|id| id.to_string()),
        "userType": "user",
        "status": if on { TYPES } else { "typing-ended" },
        "createdAt": signal.at.milliseconds(),
    });
    Some(event(TYPING, Some(&channel.to_string()), &data))
}

fn told(name: &str, channel: Channel, resource: &Value) -> Utf8Bytes {
    event(
        name,
        Some(&channel.to_string()),
        &json!({ "data": resource }),
    )
}

fn event(name: &str, channel: Option<&str>, data: &Value) -> Utf8Bytes {
    let mut frame = json!({ "event": name, "data": data.to_string() });
    if let Some(channel) = channel {
        frame["channel"] = channel.into();
    }
    frame.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_with_its_data_in_either_form() {
        let subscribe = |data: Option<&str>| {
            Some(Said::Subscribe(Subscribe {
                channel: "c".into(),
                auth: "k:s".into(),
                channel_data: data.map(str::to_owned),
            }))
        };
        let typing = |on| {
            let channel = "c".into();
            Some(Said::Typing { channel, on })
        };
        for (text, expected) in [
            (r#"{"event":"pusher:ping","data":{}}"#, Some(Said::Ping)),
            (r#"{"event":"pusher:pong"}"#, Some(Said::Pong)),
            (
                r#"{"event":"pusher:subscribe","data":{"channel":"c","auth":"k:s"}}"#,
                subscribe(None),
            ),
            (
                r#"{"event":"pusher:subscribe","data":"{\"channel\":\"c\",\"auth\":\"k:s\",\"channel_data\":\"{}\"}"}"#,
                subscribe(Some("{}")),
            ),
            (
                r#"{"event":"pusher:unsubscribe","data":{"channel":"c"}}"#,
                Some(Said::Unsubscribe("c".into())),
            ),
            (
                r#"{"event":"client-kustomer.app.chat.activity.typing","channel":"c","data":{"status":"typing"}}"#,
                typing(true),
            ),
            (
                r#"{"event":"client-kustomer.app.chat.activity.typing","channel":"c","data":"{\"status\":\"typing-ended\"}"}"#,
                typing(false),
            ),
            (r#"{"event":"client-x","channel":"c"}"#, Some(Said::Other)),
            (r#"{"event":"pusher:subscribe","data":{}}"#, None),
            (r#"{"event":"pusher:subscribe","data":[]}"#, None),
            (r#"{"event":7}"#, None),
            ("{}", None),
            ("[]", None),
            ("", None),
            ("null", None),
        ] {
            assert_eq!(read(text).ok(), expected, "{text}");
        }
    }
}
