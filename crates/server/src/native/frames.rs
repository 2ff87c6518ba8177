//! Frames: from what the domain tells to what a native client reads.

use axum::extract::ws::Utf8Bytes;
use countersign_core::error::Error;
use countersign_core::id::{ConversationId, UserId};
use countersign_core::model::conversation::ConversationView;
use countersign_core::model::event::{Event, Sender};
use countersign_core::model::signal::{Signal, SignalKind};
use countersign_wire::event as wire_event;
use countersign_wire::frame as wire;
use countersign_wire::frame::{ConversationChange, ServerFrame, ShownConversation};
use serde_json::value::RawValue;

use super::answer::time;
use super::conversations;
use super::written::{self, Reader};
use crate::realtime::follower::Delivery;
use crate::realtime::recent::{Form, Recent};

/// A frame's text.
pub(super) fn text(frame: &ServerFrame) -> Result<Utf8Bytes, Error> {
    let text = serde_json::to_string(frame).map_err(Error::internal)?;
    Ok(text.into())
}

/// What a connection of a user is told.
pub(super) fn delivery(delivery: Delivery, user: UserId) -> Result<Utf8Bytes, Error> {
    match delivery {
        Delivery::Event(conversation, recent) => event(conversation, &recent, user),
        Delivery::Gap {
            conversation,
            after,
            last,
        } => text(&ServerFrame::Gap(wire::Gap {
            conversation_id: conversation.to_string(),
            after,
            last,
        })),
        Delivery::Added(view) => changed(ConversationChange::Added, whole(*view)),
        Delivery::Changed(view) => changed(ConversationChange::Changed, whole(*view)),
        Delivery::Removed(id, _) => {
            let id = id.to_string();
            let lost = ShownConversation::Lost(wire::LostConversation { id });
            changed(ConversationChange::Removed, lost)
        }
    }
}

fn event(conversation: ConversationId, recent: &Recent, user: UserId) -> Result<Utf8Bytes, Error> {
    let own = recent.event.client_id.is_some() && recent.event.from.user == Some(user);
    let (form, reader) = if own {
        (Form::NativeSender, Reader::Sender)
    } else {
        (Form::Native, Reader::Other)
    };
    recent.form(form, |event| {
        Ok(written::event_frame(conversation, event, reader))
    })
}

/// The answer to what a connection has sent.
pub(super) fn sent(reference: u64, event: Option<Event>) -> Result<Utf8Bytes, Error> {
    match event {
        Some(event) => Ok(written::sent_frame(reference, &event)),
        None => text(&ServerFrame::Sent(wire::Sent {
            reference,
            event: None,
        })),
    }
}

/// The refusal of what a connection has sent.
pub(super) fn refused(reference: u64, error: &Error) -> Result<Utf8Bytes, Error> {
    text(&ServerFrame::Error(wire::ErrorFrame {
        reference,
        code: error.code.as_str().to_owned(),
        detail: error.detail.clone().into_owned(),
        hint: error.hint.clone().map(std::borrow::Cow::into_owned),
    }))
}

/// A signal of another connection.
pub(super) fn signal(signal: &Signal) -> Result<Utf8Bytes, Error> {
    let body = match &signal.kind {
        SignalKind::Typing { on } => format!(r#"{{"on":{on}}}"#),
        SignalKind::Delivered { up_to } | SignalKind::Seen { up_to } => {
            format!(r#"{{"up_to":{up_to}}}"#)
        }
        SignalKind::Ephemeral { body } => body.to_string(),
    };
    text(&ServerFrame::Signal(wire::SignalFrame {
        conversation_id: signal.conversation.to_string(),
        event: wire::Signal {
            kind: signal.kind.name().to_owned(),
            body: RawValue::from_string(body).map_err(Error::internal)?,
            from: sender(&signal.from),
            timestamp: time(signal.at),
        },
    }))
}

/// How long the access token still lasts, in milliseconds.
pub(super) fn expiring(left_ms: i64) -> Result<Utf8Bytes, Error> {
    let left_ms = u64::try_from(left_ms).unwrap_or(0);
    text(&ServerFrame::Expiring(wire::Expiring {
        in_seconds: left_ms / 1_000,
    }))
}

fn sender(from: &Sender) -> wire_event::From {
    wire_event::From {
        member_id: from.member.map(|id| id.to_string()),
        user_id: from.user.map(|id| id.to_string()),
        name: from.person.names.shown().to_owned(),
        assurance: from.assurance.as_str().into(),
    }
}

fn whole(view: ConversationView) -> ShownConversation {
    ShownConversation::Whole(conversations::shown(view))
}

fn changed(
    change: ConversationChange,
    conversation: ShownConversation,
) -> Result<Utf8Bytes, Error> {
    text(&ServerFrame::Conversation(wire::ConversationFrame {
        change,
        conversation,
    }))
}
