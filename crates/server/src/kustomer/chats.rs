//! Chats: a conversation is a *session* in this protocol, and a chat here, since
//! a session is something else.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::ConversationId;
use countersign_core::limit::{NAME_BYTES_MAX, PAGE_MAX};
use countersign_core::model::conversation::{Conversation, ConversationPatch, ConversationView};
use countersign_core::model::event::{Event, Range};
use countersign_core::model::page::{Page, Window};
use countersign_core::op;
use countersign_core::op::conversations::{Create, CreatorEnters};
use countersign_core::op::signals::Voice;
use countersign_credential::time::Timestamp;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{Answer, one, resource, time};
use super::asked::{Customer, Device, Json};
use super::failure::Refused;
use super::messages;
use super::page::Wanted;
use crate::route::Parameters;

/// What is kept with a conversation for this protocol.
const LOCKED_AT: &str = "lockedAt";
const LOCK_REASON: &str = "lockReason";
const CUSTOM: &str = "custom";

#[derive(Debug, Deserialize)]
pub(super) struct NewChat {
    title: Option<String>,
}

/// A change of a chat.
#[derive(Debug, Deserialize)]
pub(super) struct Changed {
    #[serde(rename = "lastSeenAt")]
    last_seen_at: Option<String>,
    #[serde(default)]
    locked: bool,
    #[serde(rename = "lockReason")]
    lock_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Described {
    custom: Map<String, Value>,
}

/// `GET /c/v1/chat/customers/stats`: a client that polls looks whether it changed.
pub(super) async fn stats(
    State(ctx): State<Arc<Ctx>>,
    Device(device): Device,
) -> Result<Answer, Refused> {
    let newest = Window {
        after: None,
        limit: 1,
    };
    let page = op::conversations::list_conversations(&ctx, &device.principal, newest).await?;
    let newest = page.items.first();
    let changed_at = newest.map(|view| time(view.conversation.updated_at));
    let attributes = json!({ "lastActivity": changed_at });
    let stats = resource("customer_stats", &device.user.id, attributes);
    Ok(one(stats))
}

/// `GET /c/v1/chat/sessions`: with `active=true` those alone that nobody has ended.
pub(super) async fn list(
    State(ctx): State<Arc<Ctx>>,
    Device(device): Device,
    wanted: Wanted,
) -> Result<Answer, Refused> {
    let principal = &device.principal;
    let window = wanted.window.clone();
    let page = op::conversations::list_conversations(&ctx, principal, window).await?;
    let mut items = Vec::with_capacity(page.items.len());
    for view in &page.items {
        if !wanted.active || !is_ended(&view.conversation) {
            items.push(shown(&ctx, principal, Customer::of(&device), view).await?);
        }
    }
    let page = Page {
        items,
        next: page.next,
    };
    Ok(wanted.answer("/c/v1/chat/sessions", &page, Value::clone))
}

/// `POST /c/v1/chat/sessions`
pub(super) async fn create(
    State(ctx): State<Arc<Ctx>>,
    Device(device): Device,
    Json(new): Json<NewChat>,
) -> Result<Answer, Refused> {
    let create = Create {
        display_name: new.title.map(checked_title).transpose()?.flatten(),
        creator_enters: CreatorEnters::AtOnce,
        ..Create::default()
    };
    let made = op::conversations::create_conversation(&ctx, &device.principal, create).await?;
    let shown = shown(&ctx, &device.principal, Customer::of(&device), &made.view).await?;
    let Answer(_, body) = one(shown);
    Ok(Answer(StatusCode::CREATED, body))
}

/// `PUT /c/v1/chat/sessions/{id}`: it was seen, or is ended by the customer.
pub(super) async fn change(
    State(ctx): State<Arc<Ctx>>,
    Device(device): Device,
    parameters: Parameters,
    Json(changed): Json<Changed>,
) -> Result<Answer, Refused> {
    let id = chat_id(&parameters)?;
    let principal = &device.principal;
    if let Some(text) = &changed.last_seen_at {
        let seen_at = moment(text)?;
        see(&ctx, principal, id, seen_at).await?;
    }
    let view = op::conversations::read_conversation(&ctx, principal, id).await?;
    let mut kept = kept(&view.conversation);
    let view = if changed.locked && !kept.contains_key(LOCKED_AT) {
        kept.insert(LOCKED_AT.to_owned(), time(ctx.now()).into());
        let reason = changed
            .lock_reason
            .map(checked_title)
            .transpose()?
            .flatten();
        kept.extend(reason.map(|reason| (LOCK_REASON.to_owned(), reason.into())));
        keep(&ctx, principal, id, &kept).await?
    } else {
        view
    };
    Ok(one(
        shown(&ctx, principal, Customer::of(&device), &view).await?
    ))
}

/// `PATCH /c/v1/conversations/{id}`
pub(super) async fn describe(
    State(ctx): State<Arc<Ctx>>,
    Device(device): Device,
    parameters: Parameters,
    Json(described): Json<Described>,
) -> Result<Answer, Refused> {
    let id = chat_id(&parameters)?;
    let principal = &device.principal;
    let view = op::conversations::read_conversation(&ctx, principal, id).await?;
    let mut kept = kept(&view.conversation);
    let custom = kept.entry(CUSTOM).or_insert_with(|| json!({}));
    if let Value::Object(custom) = custom {
        custom.extend(described.custom);
    }
    let view = keep(&ctx, principal, id, &kept).await?;
    let custom = self::kept(&view.conversation).remove(CUSTOM);
    let attributes = json!({
        "custom": custom,
        "name": view.conversation.display_name,
        "createdAt": time(view.conversation.created_at),
        "updatedAt": time(view.conversation.updated_at),
    });
    Ok(one(resource("conversation", &id, attributes)))
}

/// The chat that a path names.
pub(super) fn chat_id(parameters: &Parameters) -> Result<ConversationId, Error> {
    let id = parameters
        .get("session_id")
        .and_then(|text| text.parse().ok());
    id.ok_or_else(|| Error::not_found("session"))
}

/// Whether somebody has ended the chat.
pub(super) fn is_ended(conversation: &Conversation) -> bool {
    kept(conversation).contains_key(LOCKED_AT)
}

/// What is kept with a conversation, if that is an object as it should be.
fn kept(conversation: &Conversation) -> Map<String, Value> {
    let text = conversation.custom_data.as_deref().unwrap_or("{}");
    serde_json::from_str(text).unwrap_or_default()
}

async fn keep(
    ctx: &Ctx,
    principal: &Principal,
    id: ConversationId,
    kept: &Map<String, Value>,
) -> Result<ConversationView, Error> {
    let data = serde_json::to_string(kept).map_err(Error::internal)?;
    let patch = ConversationPatch {
        custom_data: Some(Some(data)),
        ..ConversationPatch::default()
    };
    op::conversations::update_conversation(ctx, principal, id, patch).await
}

/// Moves the position to the newest event of that moment: a client tells a time,
/// and each member has a number.
async fn see(
    ctx: &Ctx,
    principal: &Principal,
    id: ConversationId,
    seen_at: Timestamp,
) -> Result<(), Error> {
    let events = op::events::list_events(ctx, principal, id, Range::Newest, PAGE_MAX).await?;
    let seen = events.iter().rev().find(|event| event.timestamp <= seen_at);
    let Some(Event { id: up_to, .. }) = seen else {
        return Ok(());
    };
    let voice = Voice {
        conversation: id,
        member: None,
    };
    op::signals::move_position(ctx, principal, voice, *up_to, *up_to).await?;
    Ok(())
}

/// When the last event came that was seen. Mostly that is the newest message,
/// which is known already.
async fn seen_at(
    ctx: &Ctx,
    principal: &Principal,
    id: ConversationId,
    seen: u64,
    newest: Option<&Event>,
) -> Result<Option<Timestamp>, Error> {
    if seen == 0 {
        return Ok(None);
    }
    if let Some(newest) = newest.filter(|newest| newest.id <= seen) {
        return Ok(Some(newest.timestamp));
    }
    let range = Range::After(seen.saturating_sub(1));
    let found = op::events::list_events(ctx, principal, id, range, 1).await?;
    Ok(found.first().map(|event| event.timestamp))
}

/// A chat as it is shown to who asks.
pub(super) async fn shown(
    ctx: &Ctx,
    principal: &Principal,
    of: Customer,
    view: &ConversationView,
) -> Result<Value, Error> {
    let conversation = &view.conversation;
    let newest = messages::newest(ctx, principal, conversation.id).await?;
    let seen = view.member.as_ref().map_or(0, |member| member.seen);
    let seen_at = seen_at(ctx, principal, conversation.id, seen, newest.as_ref()).await?;
    let kept = kept(conversation);
    let attributes = json!({
        "title": conversation.display_name,
        "preview": newest.as_ref().map(messages::text),
        "trackingId": of.session.map(|id| id.to_string()),
        "createdAt": time(conversation.created_at),
        "lastSeenAt": seen_at.map(time),
        "lastMessageAt": newest.map(|event| time(event.timestamp)),
        "lockedAt": kept.get(LOCKED_AT),
        "lockReason": kept.get(LOCK_REASON),
        "unread": view.unread,
    });
    let mut shown = resource("chat_session", &conversation.id, attributes);
    shown["relationships"] = json!({
        "customer": { "data": { "type": "customer", "id": of.user.to_string() } },
    });
    Ok(shown)
}

/// A text that people see; an empty one is none.
fn checked_title(text: String) -> Result<Option<String>, Error> {
    if text.len() > NAME_BYTES_MAX || text.contains(char::is_control) {
        let detail = format!("a title has at most {NAME_BYTES_MAX} bytes and no control character");
        return Err(Error::new(Code::BadRequest, detail));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn moment(text: &str) -> Result<Timestamp, Error> {
    let time: countersign_wire::time::Time = text.parse().map_err(|_| {
        let detail = "lastSeenAt: expected a time such as 2027-01-15T08:00:00.000Z";
        Error::new(Code::BadRequest, detail)
    })?;
    Ok(Timestamp::from_milliseconds(time.milliseconds))
}
