//! What is said on a socket: the arguments of Socket.IO events, as their text.

use std::borrow::Cow;

use axum::extract::ws::Utf8Bytes;
use countersign_core::error::Error;
use countersign_core::id::{ApplicationId, ConversationId, SessionId};
use countersign_core::model::conversation::ConversationView;
use countersign_core::model::event::{Event, EventKind, Subject};
use countersign_core::model::member::Member;
use countersign_core::model::person::Person;
use countersign_core::model::signal::{Signal, SignalKind};
use countersign_core::model::user::User;
use countersign_credential::time::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::failure::{self, About};
use super::shapes;
use super::shown_event::{self, Unnumbered};
use crate::realtime::Realtime;

/// What a client makes of an event without a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    /// It has no place in the order.
    Order,
    /// It is malformed, and dropped: such a client does not go by the order.
    Numbers,
}

// === impl Wants ===

impl Wants {
    fn number(self, number: u64) -> Option<u64> {
        (self == Self::Numbers).then_some(number)
    }
}

/// The name and the one argument of an event.
fn arguments(name: &str, argument: &impl Serialize) -> Result<Utf8Bytes, Error> {
    let text = serde_json::to_string(&(name, argument)).map_err(Error::internal)?;
    Ok(text.into())
}

/// The login has opened a session, or one goes on.
pub(super) fn success(
    application: ApplicationId,
    session: SessionId,
    user: &User,
    answers: Option<&str>,
) -> Result<Utf8Bytes, Error> {
    let name = shapes::user_name(&Person::of(user).names, user.id);
    let body = json!({
        "id": session.to_string(),
        "user_id": user.id.to_string(),
        "name": name,
        "api_key": application.to_string(),
    });
    let own = session.to_string();
    let payload = json!({ "rid": answers.unwrap_or(&own), "body": body });
    arguments("session:success", &payload)
}

/// Something was refused: a login, where it is the first event, else what bears
/// this id.
pub(super) fn refused(error: &Error, answers: Option<&str>) -> Result<Utf8Bytes, Error> {
    let code = failure::described(error, About::Other).code;
    let description = failure::sentence(error);
    let body = json!({ "code": code, "description": description });
    // Beside the body, too: from there the clients take what a person reads.
    let told = json!({ "rid": answers, "description": description, "body": body });
    arguments(code, &told)
}

/// The session bears another credential now.
pub(super) fn renewed(answers: &str) -> Result<Utf8Bytes, Error> {
    let payload = json!({ "rid": answers, "body": {} });
    arguments("session:update-token:success", &payload)
}

/// The session is over, as the client has asked.
pub(super) fn logged_out(answers: &str) -> Result<Utf8Bytes, Error> {
    let payload = json!({ "rid": answers, "body": {} });
    arguments("session:logged-out", &payload)
}

/// The credential is over soon: a client may show another one.
pub(super) fn expiring() -> Result<Utf8Bytes, Error> {
    const CODE: &str = "system:error:expired-token";
    let body = json!({ "code": CODE, "description": "the token is over in less than a minute" });
    arguments(CODE, &json!({ "body": body }))
}

/// An event in its place in the order, for a client that has reached the door at
/// this origin; that is of no matter for an event that names no file of ours.
pub(super) fn event(
    application: ApplicationId,
    conversation: ConversationId,
    event: &Event,
    origin: &str,
) -> Result<Utf8Bytes, Error> {
    let shown = shown_event::pushed(application, conversation, event, origin)?;
    arguments(&shown_event::event_name(&event.kind), &shown)
}

/// The user goes out who was only asked in. It has no number, as what asked the
/// user in had none.
pub(super) fn declined(
    application: ApplicationId,
    conversation: ConversationId,
    event: &Event,
    wants: Wants,
) -> Result<Utf8Bytes, Error> {
    // It names no file.
    let mut shown = shown_event::pushed(application, conversation, event, "")?;
    shown.id = wants.number(event.id);
    arguments(&shown_event::event_name(&event.kind), &shown)
}

/// The user is asked in. It has no number: what the user is told of the
/// conversation begins with their own coming in.
pub(super) fn invited(
    application: ApplicationId,
    view: &ConversationView,
    member: &Member,
    by: Option<&Member>,
    wants: Wants,
    now: Timestamp,
) -> Result<Utf8Bytes, Error> {
    let person = Person {
        names: member.names.clone(),
        ..Person::default()
    };
    let subject = Subject {
        member: member.id,
        user: member.user,
        person: person.clone().into(),
    };
    let at = member.invited_at.unwrap_or(now);
    let mut body = shown_event::invitation(&subject, shapes::time(at), "invited");
    if let Some(members) = body.as_object_mut() {
        let id = view.conversation.id.to_string();
        let name = view.conversation.name.as_ref().unwrap_or(&id);
        let conversation = json!({
            "conversation_id": id,
            "name": name,
            "display_name": view.conversation.display_name,
        });
        members.insert("conversation".to_owned(), conversation);
        members.insert("cname".to_owned(), json!(name));
        let name = by.map(|by| shapes::user_name(&by.names, by.user));
        members.insert("invited_by".to_owned(), json!(name));
        let initiator = json!({
            "is_system": member.invited_by.is_none(),
            "user_id": by.map(|by| by.user.to_string()),
            "member_id": member.invited_by.map(|id| id.to_string()),
        });
        members.insert("initiator".to_owned(), json!({ "invited": initiator }));
    }
    let told = Unnumbered {
        id: wants.number(view.conversation.last_event_id),
        application,
        conversation: view.conversation.id,
        name: Cow::Borrowed("member:invited"),
        member: Some(member.id.to_string()),
        user: Some((member.user, &person)),
        body,
        at,
    };
    arguments("member:invited", &shown_event::unnumbered(told)?)
}

/// What happens and gets no number.
pub(super) fn signal(
    application: ApplicationId,
    signal: &Signal,
    realtime: &Realtime,
    wants: Wants,
) -> Result<Utf8Bytes, Error> {
    let (name, body): (Cow<'static, str>, Value) = match &signal.kind {
        SignalKind::Typing { on: true } => ("text:typing:on".into(), json!({ "activity": 1 })),
        SignalKind::Typing { on: false } => ("text:typing:off".into(), json!({ "activity": 0 })),
        SignalKind::Delivered { up_to } => {
            let of = kind_of(realtime, signal.conversation, *up_to);
            (
                format!("{of}:delivered").into(),
                json!({ "event_id": up_to }),
            )
        }
        SignalKind::Seen { up_to } => {
            let of = kind_of(realtime, signal.conversation, *up_to);
            (format!("{of}:seen").into(), json!({ "event_id": up_to }))
        }
        SignalKind::Ephemeral { body } => {
            let body = serde_json::from_str(body).map_err(Error::internal)?;
            ("ephemeral".into(), body)
        }
    };
    let from = &signal.from;
    let id = match &signal.kind {
        SignalKind::Delivered { up_to } | SignalKind::Seen { up_to } => wants.number(*up_to),
        SignalKind::Typing { .. } | SignalKind::Ephemeral { .. } => None,
    };
    let told = Unnumbered {
        id,
        application,
        conversation: signal.conversation,
        name: name.clone(),
        member: from.member.map(|id| id.to_string()),
        user: from.user.map(|id| (id, &*from.person)),
        body,
        at: signal.at,
    };
    arguments(&name, &shown_event::unnumbered(told)?)
}

/// What the name of a position begins with: the type of the event that it names.
fn kind_of(realtime: &Realtime, conversation: ConversationId, number: u64) -> &'static str {
    match realtime.kind_of(conversation, number) {
        Some(EventKind::Message) => "message",
        Some(EventKind::Image) => "image",
        Some(
            EventKind::Text
            | EventKind::Custom(_)
            | EventKind::MemberInvited
            | EventKind::MemberJoined
            | EventKind::MemberLeft
            | EventKind::MemberAdopted
            | EventKind::Edit
            | EventKind::Delete,
        )
        | None => "text",
    }
}
