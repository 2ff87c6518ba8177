//! Events: send, list, read, delete; and what gets no number.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::{AttachmentId, ConversationId, MemberId};
use countersign_core::model::event::{Event, EventFilter, EventKind, KindFilter};
use countersign_core::model::page::Page;
use countersign_core::model::signal::Signal;
use countersign_core::op;
use countersign_core::op::events::{Content, Send};
use countersign_core::op::signals::Voice;
use countersign_credential::time::Timestamp;
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::asked::{Asked, Query};
use super::failure::Refused;
use super::media;
use super::page::{self, Answer, Noun, Wanted};
use super::shapes::time;
use super::shown_event::{self, ShownEvent};
use super::users::{done, made};
use crate::body::{compact, decode};

/// An event that is sent. Its other members are of no matter.
#[derive(Deserialize)]
struct NewEvent {
    r#type: String,
    body: Option<Box<RawValue>>,
    /// The member whose event it is. A client writes its own.
    from: Option<String>,
}

/// What a request sends.
enum Sent {
    Event(EventKind, String, Vec<AttachmentId>),
    Typing { on: bool },
    Delivered { up_to: u64 },
    Seen { up_to: u64 },
    Ephemeral(String),
}

/// A position names an event by its number, or by the number's text.
#[derive(Deserialize)]
struct PositionBody {
    event_id: EventNumber,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum EventNumber {
    Number(u64),
    Text(String),
}

/// `POST /{version}/conversations/{id}/events`
pub(super) async fn send(State(ctx): State<Arc<Ctx>>, asked: Asked) -> Result<Response, Refused> {
    let conversation = asked.id("conversation_id", "conversation")?;
    let new: NewEvent = asked.json()?;
    let body = new.body.as_ref().map_or("{}", |body| body.get());
    let asker = &asked.principal;
    let voice = Voice {
        conversation,
        member: spoken_for(asker, new.from.as_deref())?,
    };
    let signal = match read_event(&new.r#type, body)? {
        Sent::Event(kind, body, files) => {
            let send = Send {
                conversation,
                member: voice.member,
                content: Content::New(kind, body),
                files,
                client_id: None,
            };
            let event = op::events::send(&ctx, asker, send).await?.event;
            let id = Some(event.id);
            return Ok(accepted(
                &asked,
                conversation,
                id,
                &new.r#type,
                event.timestamp,
            ));
        }
        Sent::Typing { on } => op::signals::type_in(&ctx, asker, voice, on).await?,
        Sent::Ephemeral(body) => op::signals::send_ephemeral(&ctx, asker, voice, body).await?,
        Sent::Delivered { up_to } => {
            op::signals::move_position(&ctx, asker, voice, up_to, 0).await?
        }
        Sent::Seen { up_to } => {
            op::signals::move_position(&ctx, asker, voice, up_to, up_to).await?
        }
    };
    let Signal { at, .. } = signal;
    Ok(accepted(&asked, conversation, None, &new.r#type, at))
}

/// The member for whom a backend speaks. A user speaks for itself, whatever it
/// writes.
pub(super) fn spoken_for(asker: &Principal, from: Option<&str>) -> Result<Option<MemberId>, Error> {
    match from {
        Some(id) if asker.user().is_none() => {
            let id = id.parse().map_err(|_| Error::not_found("member"))?;
            Ok(Some(id))
        }
        Some(_) | None => Ok(None),
    }
}

/// The answer to what was sent; what got no number has none in it.
fn accepted(
    asked: &Asked,
    conversation: ConversationId,
    id: Option<u64>,
    name: &str,
    at: Timestamp,
) -> Response {
    let mut shown = json!({ "type": name, "timestamp": time(at) });
    if let (Some(id), Some(members)) = (id, shown.as_object_mut()) {
        let href = asked.href(&format!("conversations/{conversation}/events/{id}"));
        members.insert("id".to_owned(), json!(id));
        members.insert("href".to_owned(), json!(href));
        members.insert("_links".to_owned(), json!({ "self": { "href": href } }));
    }
    Answer(made(asked), shown).into_response()
}

fn read_event(name: &str, body: &str) -> Result<Sent, Error> {
    if !body.starts_with('{') {
        return Err(Error::new(Code::BadRequest, "body: expected an object"));
    }
    match name {
        "text" => {
            with_text(body, "text")?;
            Ok(Sent::Event(EventKind::Text, compact(body), Vec::new()))
        }
        "message" => {
            let files = media::files_of(&with_text(body, "message_type")?);
            Ok(Sent::Event(EventKind::Message, compact(body), files))
        }
        "image" => {
            let body = image(body)?;
            let files = media::files_of(&body);
            let body = serde_json::to_string(&body).map_err(Error::internal)?;
            Ok(Sent::Event(EventKind::Image, body, files))
        }
        "ephemeral" => Ok(Sent::Ephemeral(compact(body))),
        "text:typing:on" => Ok(Sent::Typing { on: true }),
        "text:typing:off" => Ok(Sent::Typing { on: false }),
        "text:delivered" | "message:delivered" | "image:delivered" | "event:delivered" => {
            let up_to = position(body)?;
            Ok(Sent::Delivered { up_to })
        }
        "text:seen" | "message:seen" | "image:seen" | "event:seen" => {
            let up_to = position(body)?;
            Ok(Sent::Seen { up_to })
        }
        _ => {
            let kind = custom(name)?;
            Ok(Sent::Event(kind, compact(body), Vec::new()))
        }
    }
}

fn custom(name: &str) -> Result<EventKind, Error> {
    let refused = || {
        Error::new(
            Code::BadRequest,
            "there is no such type of event to be sent",
        )
    };
    let name = name.strip_prefix("custom:").ok_or_else(refused)?;
    EventKind::custom(name).ok_or_else(|| {
        Error::new(
            Code::BadRequest,
            "the name after custom: has 1 to 100 of A-Z, a-z, 0-9, _, -, : and .",
        )
    })
}

/// Other doors rely on this member.
fn with_text(body: &str, member: &str) -> Result<Map<String, Value>, Error> {
    let body: Map<String, Value> = decode(body.as_bytes())?;
    if body.get(member).is_some_and(Value::is_string) {
        return Ok(body);
    }
    let detail = format!("body.{member}: expected a string");
    Err(Error::new(Code::BadRequest, detail))
}

/// Other doors know an image by one address.
fn image(text: &str) -> Result<Map<String, Value>, Error> {
    let mut body: Map<String, Value> = decode(text.as_bytes())?;
    if !body.contains_key("url") {
        let original = body
            .get("representations")
            .and_then(|sizes| sizes.get("original"))
            .and_then(|original| original.get("url"))
            .filter(|url| url.is_string())
            .cloned()
            .ok_or_else(|| {
                Error::new(
                    Code::BadRequest,
                    "body.representations.original.url: expected a string",
                )
            })?;
        // One of ours is found from every door.
        let file = original.as_str().and_then(media::file_at);
        let url = file.map(|file| Value::from(format!("/v1/media/{file}")));
        body.insert("url".to_owned(), url.unwrap_or(original));
    }
    Ok(body)
}

fn position(body: &str) -> Result<u64, Error> {
    let wrong = || {
        Error::new(
            Code::BadRequest,
            "body.event_id: expected an event's number",
        )
    };
    let body: PositionBody = serde_json::from_str(body).map_err(|_| wrong())?;
    match body.event_id {
        EventNumber::Number(number) => Ok(number),
        EventNumber::Text(text) => text.parse().map_err(|_| wrong()),
    }
}

/// `GET /{version}/conversations/{id}/events`
pub(super) async fn list(State(ctx): State<Arc<Ctx>>, asked: Asked) -> Result<Response, Refused> {
    let conversation = asked.id("conversation_id", "conversation")?;
    let wanted = Wanted::of(&asked.query)?;
    let Some(filter) = filter(&asked.query, &wanted)? else {
        let none = Page {
            items: Vec::<ShownEvent>::new(),
            next: None,
        };
        return page::answer(&asked, &wanted, Noun::Events, none);
    };
    let window = wanted.window();
    let asker = &asked.principal;
    let found = op::events::list_event_page(&ctx, asker, conversation, filter, window).await?;
    let origin = &asked.place.origin;
    let items = found.items.iter();
    let items = items.map(|event| shown_event::listed(event, origin));
    let found = Page {
        items: items.collect::<Result<Vec<ShownEvent>, Error>>()?,
        next: found.next,
    };
    page::answer(&asked, &wanted, Noun::Events, found)
}

/// Which events are asked for; `None`, where only types are named that there are
/// none of.
fn filter(query: &Query, wanted: &Wanted) -> Result<Option<EventFilter>, Error> {
    let all = EventFilter::default();
    let named = query.text("event_type");
    let names = named.into_iter().flat_map(|names| names.split(','));
    let kinds: Vec<KindFilter> = names.filter_map(kind_filter).collect();
    if named.is_some() && kinds.is_empty() {
        return Ok(None);
    }
    Ok(Some(EventFilter {
        first: query.parsed("start_id")?.unwrap_or(all.first),
        last: query.parsed("end_id")?.unwrap_or(all.last),
        kinds,
        deleted: !query.parsed("exclude_deleted_events")?.unwrap_or(false),
        order: wanted.order,
    }))
}

fn kind_filter(name: &str) -> Option<KindFilter> {
    match name {
        "member:*" => Some(KindFilter::Member),
        "custom:*" => Some(KindFilter::Custom),
        _ => shown_event::kind_of(name).map(KindFilter::One),
    }
}

/// `GET /{version}/conversations/{id}/events/{n}`
pub(super) async fn read(State(ctx): State<Arc<Ctx>>, asked: Asked) -> Result<Response, Refused> {
    let conversation = asked.id("conversation_id", "conversation")?;
    let number = number(&asked)?;
    let event: Event = op::events::read_event(&ctx, &asked.principal, conversation, number).await?;
    let shown = shown_event::listed(&event, &asked.place.origin)?;
    Ok(Answer(StatusCode::OK, shown).into_response())
}

/// `DELETE /{version}/conversations/{id}/events/{n}`
pub(super) async fn delete(State(ctx): State<Arc<Ctx>>, asked: Asked) -> Result<Response, Refused> {
    let conversation = asked.id("conversation_id", "conversation")?;
    let number = number(&asked)?;
    op::events::delete_event(&ctx, &asked.principal, conversation, number).await?;
    Ok(done(&asked))
}

fn number(asked: &Asked) -> Result<u64, Error> {
    asked.id("event_id", "event")
}
