//! What this protocol shows of an event.

use std::borrow::Cow;

use countersign_core::error::Error;
use countersign_core::id::{ApplicationId, ConversationId, MemberId, UserId};
use countersign_core::model::event::{Event, EventKind, Subject};
use countersign_core::model::person::Person;
use countersign_credential::time::Timestamp;
use countersign_wire::time::Time;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::media;
use super::shapes::{from_user, media, raw, time, user_name};

/// A visitor has logged in, and their place went to the user whom they are.
const ADOPTED: &str = "custom:countersign_adopted";
/// An earlier event has a new body.
const EDIT: &str = "custom:countersign_edit";
/// An earlier event is no more.
const DELETE: &str = "event:delete";

/// Whose an event is that a backend has sent for itself: nobody's who could be asked for.
const BACKEND_MEMBER: MemberId = MemberId::from_bytes([0; 16]);
const BACKEND_USER: UserId = UserId::from_bytes([0; 16]);

/// An event, as it is pushed and listed.
#[derive(Serialize)]
pub(super) struct ShownEvent {
    #[serde(skip_serializing_if = "Option::is_none")]
    cid: Option<String>,
    /// A number; nothing, where the event has no place in the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<u64>,
    r#type: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    body: Box<RawValue>,
    timestamp: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_id: Option<String>,
    #[serde(rename = "_embedded")]
    embedded: Embedded,
}

/// Who sent an event, beside it.
#[derive(Serialize)]
struct Embedded {
    #[serde(skip_serializing_if = "Option::is_none")]
    from_user: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_member: Option<Value>,
}

/// How an event is called here. What this protocol has no word for is a custom
/// event: it has a number, and a client that is shown no such event would ask
/// for it again and again.
pub(super) fn event_name(kind: &EventKind) -> Cow<'static, str> {
    match kind {
        EventKind::Text
        | EventKind::Message
        | EventKind::Image
        | EventKind::Custom(_)
        | EventKind::MemberInvited
        | EventKind::MemberJoined
        | EventKind::MemberLeft => kind.name(),
        EventKind::MemberAdopted => Cow::Borrowed(ADOPTED),
        EventKind::Edit => Cow::Borrowed(EDIT),
        EventKind::Delete => Cow::Borrowed(DELETE),
    }
}

/// The kind that is called so here.
pub(super) fn kind_of(name: &str) -> Option<EventKind> {
    match name {
        ADOPTED => Some(EventKind::MemberAdopted),
        EDIT => Some(EventKind::Edit),
        DELETE => Some(EventKind::Delete),
        // As our own API calls what this protocol calls otherwise.
        "edit" | "delete" | "member:adopted" => None,
        other => EventKind::from_name(other),
    }
}

/// An event as a list shows it to who has reached the door at this origin.
pub(super) fn listed(event: &Event, origin: &str) -> Result<ShownEvent, Error> {
    let body = event_body(event, origin)?;
    let (from, embedded) = whose(event);
    Ok(ShownEvent {
        cid: None,
        id: Some(event.id),
        r#type: event_name(&event.kind),
        from,
        body,
        timestamp: time(event.timestamp),
        application_id: None,
        embedded,
    })
}

/// An event as it is pushed.
pub(super) fn pushed(
    application: ApplicationId,
    conversation: ConversationId,
    event: &Event,
    origin: &str,
) -> Result<ShownEvent, Error> {
    let mut shown = listed(event, origin)?;
    if let (EventKind::MemberInvited, Some(subject)) = (&event.kind, &event.subject) {
        let mut body = member_body(event, subject, "invited");
        let id = conversation.to_string();
        for members in body.as_object_mut().into_iter() {
            // Who is told of it as a member knows the conversation's name.
            let conversation = json!({ "conversation_id": id, "name": id });
            members.insert("conversation".to_owned(), conversation);
        }
        shown.body = raw(&body)?;
    }
    Ok(ShownEvent {
        cid: Some(conversation.to_string()),
        application_id: Some(application.to_string()),
        ..shown
    })
}

/// What happens in a conversation and gets no number.
pub(super) struct Unnumbered<'a> {
    /// A number all the same, for a client that takes nothing without one.
    pub(super) id: Option<u64>,
    pub(super) application: ApplicationId,
    pub(super) conversation: ConversationId,
    pub(super) name: Cow<'static, str>,
    pub(super) member: Option<String>,
    pub(super) user: Option<(UserId, &'a Person)>,
    pub(super) body: Value,
    pub(super) at: Timestamp,
}

pub(super) fn unnumbered(told: Unnumbered<'_>) -> Result<ShownEvent, Error> {
    Ok(ShownEvent {
        cid: Some(told.conversation.to_string()),
        id: told.id,
        r#type: told.name,
        embedded: Embedded {
            from_user: told.user.map(|(id, person)| from_user(id, person)),
            from_member: told.member.as_ref().map(|id| json!({ "id": id })),
        },
        from: told.member,
        body: raw(&told.body)?,
        timestamp: time(told.at),
        application_id: Some(told.application.to_string()),
    })
}

/// Whose an event is: of one about a member, that member's.
fn whose(event: &Event) -> (Option<String>, Embedded) {
    let (member, user, person) = match &event.subject {
        Some(subject) if is_of_member(&event.kind) => {
            (Some(subject.member), Some(subject.user), &subject.person)
        }
        Some(_) | None => (event.from.member, event.from.user, &event.from.person),
    };
    // Clients look for a member and a user in every event.
    let member = member.unwrap_or(BACKEND_MEMBER).to_string();
    let embedded = Embedded {
        from_user: Some(from_user(user.unwrap_or(BACKEND_USER), person)),
        from_member: Some(json!({ "id": member })),
    };
    (Some(member), embedded)
}

fn is_of_member(kind: &EventKind) -> bool {
    match kind {
        EventKind::MemberInvited | EventKind::MemberJoined | EventKind::MemberLeft => true,
        EventKind::Text
        | EventKind::Message
        | EventKind::Image
        | EventKind::Custom(_)
        | EventKind::MemberAdopted
        | EventKind::Edit
        | EventKind::Delete => false,
    }
}

fn event_body(event: &Event, origin: &str) -> Result<Box<RawValue>, Error> {
    if let Some(deleted_at) = event.deleted_at {
        return raw(&json!({ "timestamp": { "deleted": time(deleted_at) } }));
    }
    match (&event.kind, &event.subject) {
        (EventKind::MemberInvited, Some(subject)) => raw(&member_body(event, subject, "invited")),
        (EventKind::MemberJoined, Some(subject)) => raw(&member_body(event, subject, "joined")),
        (EventKind::MemberLeft, Some(subject)) => raw(&member_body(event, subject, "left")),
        (EventKind::Image, _) => image_body(&event.body, origin),
        (EventKind::Message, _) if media::names_file(event) => {
            let body = serde_json::from_str(&event.body).map_err(Error::internal)?;
            raw(&Value::Object(media::found_from(body, origin)))
        }
        (
            EventKind::Text
            | EventKind::Message
            | EventKind::Custom(_)
            | EventKind::MemberInvited
            | EventKind::MemberJoined
            | EventKind::MemberLeft
            | EventKind::MemberAdopted
            | EventKind::Edit
            | EventKind::Delete,
            _,
        ) => RawValue::from_string(event.body.clone()).map_err(Error::internal),
    }
}

fn member_body(event: &Event, subject: &Subject, change: &str) -> Value {
    let by = &event.from;
    let initiator = json!({
        "is_system": by.member.is_none(),
        "user_id": by.user.map(|id| id.to_string()),
        "member_id": by.member.map(|id| id.to_string()),
    });
    let mut body = invitation(subject, time(event.timestamp), change);
    let members = body.as_object_mut().into_iter();
    for members in members {
        members.insert("initiator".to_owned(), json!({ change: initiator }));
        if let Some(reason) = &event.reason {
            let reason = json!({ "code": reason.code, "text": reason.text });
            members.insert("reason".to_owned(), reason);
        }
        if change == "invited" {
            let name = by.user.map(|id| user_name(&by.person.names, id));
            members.insert("invited_by".to_owned(), json!(name));
        }
    }
    body
}

/// What is told of a member that comes or goes.
pub(super) fn invitation(subject: &Subject, at: Time, change: &str) -> Value {
    let user = subject.user.to_string();
    let member = subject.member.to_string();
    let names = &subject.person.names;
    json!({
        "user": {
            "id": user,
            "user_id": user,
            "name": user_name(names, subject.user),
            "display_name": names.display_name,
            "member_id": member,
        },
        "member_id": member,
        "media": media(),
        "channel": { "type": "app", "from": { "type": "app" }, "to": { "type": "app" } },
        "timestamp": { change: at },
    })
}

/// An image from a door that knows one size of it has that one in all sizes.
fn image_body(text: &str, origin: &str) -> Result<Box<RawValue>, Error> {
    let mut body: Map<String, Value> = serde_json::from_str(text).map_err(Error::internal)?;
    if let (Some(url), false) = (body.get("url"), body.contains_key("representations")) {
        let size = json!({ "url": url });
        let sizes = json!({ "original": size, "medium": size, "thumbnail": size });
        body.insert("representations".to_owned(), sizes);
    }
    raw(&Value::Object(media::found_from(body, origin)))
}
