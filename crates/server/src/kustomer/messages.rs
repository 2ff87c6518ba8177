//! Messages of a chat: what the customer and the organization have written.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::ConversationId;
use countersign_core::model::event::{Event, EventFilter, EventKind, KindFilter};
use countersign_core::model::page::{Order, Window};
use countersign_core::op;
use countersign_core::op::events::{Content, Send};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{Answer, one, resource, time};
use super::asked::{Customer, Device, Json};
use super::attachments;
use super::chats::chat_id;
use super::failure::Refused;
use super::page::Wanted;
use crate::route::Parameters;

/// A message as a client sends it.
#[derive(Debug, Deserialize)]
pub(super) struct NewMessage {
    session: String,
    body: Option<String>,
    #[serde(default)]
    attachments: Vec<String>,
    /// What makes a retry harmless, for a client that has it.
    #[serde(rename = "clientMessageId")]
    client_message_id: Option<String>,
}

/// `GET /c/v1/chat/sessions/{id}/messages`, the newest first.
pub(super) async fn list(
    State(ctx): State<Arc<Ctx>>,
    Device(device): Device,
    parameters: Parameters,
    wanted: Wanted,
) -> Result<Answer, Refused> {
    let chat = chat_id(&parameters)?;
    let principal = &device.principal;
    let window = wanted.window.clone();
    let page = op::events::list_event_page(&ctx, principal, chat, filter(), window).await?;
    let path = format!("/c/v1/chat/sessions/{chat}/messages");
    Ok(wanted.answer(&path, &page, |event| {
        shown(Customer::of(&device), chat, event)
    }))
}

/// `GET /c/v1/chat/sessions/{id}/messages/{id}`
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    Device(device): Device,
    parameters: Parameters,
) -> Result<Answer, Refused> {
    let chat = chat_id(&parameters)?;
    let id = parameters.get("message_id").unwrap_or_default();
    let event = named(&ctx, &device.principal, Some(chat), id).await?;
    Ok(one(shown(Customer::of(&device), chat, &event)))
}

/// The message of this id, which has its chat's in it.
pub(super) async fn named(
    ctx: &Ctx,
    principal: &Principal,
    within: Option<ConversationId>,
    id: &str,
) -> Result<Event, Error> {
    let missing = || Error::not_found("message");
    let (chat, number) = id.rsplit_once('-').ok_or_else(missing)?;
    let chat: ConversationId = chat.parse().map_err(|_| missing())?;
    let number: u64 = number.parse().map_err(|_| missing())?;
    if within.is_some_and(|within| within != chat) {
        return Err(missing());
    }
    let event = op::events::read_event(ctx, principal, chat, number).await?;
    if is_message(&event) {
        Ok(event)
    } else {
        Err(missing())
    }
}

/// `POST /c/v1/chat/messages`
pub(super) async fn send(
    State(ctx): State<Arc<Ctx>>,
    Device(device): Device,
    Json(new): Json<NewMessage>,
) -> Result<Answer, Refused> {
    let chat: ConversationId = new
        .session
        .parse()
        .map_err(|_| Error::not_found("session"))?;
    let wrong = |detail| Error::new(Code::BadRequest, detail);
    let files = attachments::named(&new.attachments)?;
    let text = new.body.filter(|text| !text.is_empty());
    let client_id = new.client_message_id.map(checked_client_id).transpose()?;
    let (kind, body) = match text {
        text if !files.is_empty() => {
            let body = attachments::body(&ctx, &device.principal, text, &files).await?;
            (EventKind::Message, body)
        }
        Some(text) => (EventKind::Text, json!({ "text": text })),
        None => return Err(wrong("body: a message has a text, or attachments").into()),
    };
    let send = Send {
        conversation: chat,
        member: None,
        content: Content::New(kind, body.to_string()),
        files,
        client_id,
    };
    let sent = op::events::send(&ctx, &device.principal, send).await?;
    let Answer(_, body) = one(shown(Customer::of(&device), chat, &sent.event));
    let status = if sent.new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(Answer(status, body))
}

/// The newest message of a chat, if there is one.
pub(super) async fn newest(
    ctx: &Ctx,
    principal: &Principal,
    chat: ConversationId,
) -> Result<Option<Event>, Error> {
    let window = Window {
        after: None,
        limit: 1,
    };
    let page = op::events::list_event_page(ctx, principal, chat, filter(), window).await?;
    Ok(page.items.into_iter().next())
}

/// What a message says, as far as this protocol can: a text, or an address. Files of
/// ours are attachments, and no text.
pub(super) fn text(event: &Event) -> String {
    let body: Map<String, Value> = serde_json::from_str(&event.body).unwrap_or_default();
    let member = |name: &str| body.get(name).and_then(Value::as_str);
    let url = member("url").filter(|_| attachments::of(event).is_empty());
    let text = member("text").or(url);
    text.unwrap_or_default().to_owned()
}

const KINDS: [EventKind; 3] = [EventKind::Text, EventKind::Message, EventKind::Image];

pub(super) fn is_message(event: &Event) -> bool {
    KINDS.contains(&event.kind) && event.deleted_at.is_none()
}

pub(super) fn filter() -> EventFilter {
    EventFilter {
        kinds: KINDS.map(KindFilter::One).into(),
        deleted: false,
        order: Order::NewestFirst,
        ..EventFilter::default()
    }
}

/// A message's id has its chat's, since its number alone is another one's, too.
pub(super) fn shown(of: Customer, chat: ConversationId, event: &Event) -> Value {
    let own = event.from.user == Some(of.user);
    let sender = match event.from.user {
        Some(user) if own => json!({ "type": "customer", "id": user.to_string() }),
        Some(user) => json!({ "type": "user", "id": user.to_string() }),
        None => Value::Null,
    };
    let attributes = json!({
        "body": text(event),
        "direction": if own { "in" } else { "out" },
        "createdAt": time(event.timestamp),
        "importedAt": null,
        "trackingId": of.session.map(|id| id.to_string()),
    });
    let attachments: Vec<Value> = attachments::of(event)
        .into_iter()
        .map(|id| json!({ "type": "attachment", "id": id.to_string() }))
        .collect();
    let id = format!("{chat}-{}", event.id);
    let mut shown = resource("chat_message", &id, attributes);
    shown["relationships"] = json!({
        "session": { "data": { "type": "chat_session", "id": chat.to_string() } },
        "customer": { "data": { "type": "customer", "id": of.user.to_string() } },
        "sentBy": { "data": sender },
        "attachments": { "data": attachments },
    });
    shown
}

pub(super) fn checked_client_id(text: String) -> Result<String, Error> {
    let fits = (1..=countersign_core::limit::CLIENT_ID_BYTES_MAX).contains(&text.len());
    if fits && !text.contains(char::is_control) {
        return Ok(text);
    }
    let detail = "clientMessageId has 1 to 255 bytes and no control character";
    Err(Error::new(Code::BadRequest, detail))
}
