//! Events: send, read, delete; and the positions that a user has reached.
//!
//! A body is checked by its type here, at the door, and goes on as compact
//! JSON text: what was sent, without the white space around it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::ConversationId;
use countersign_core::model::event::{EventKind, Range};
use countersign_core::op;
use countersign_core::op::events::{Content, Send};
use countersign_wire::event as wire;
use http::StatusCode;
use serde_json::value::RawValue;

use super::answer::created;
use super::bearer::Asker;
use super::body::Json;
use super::named::{Named, checked_client_id};
use super::problem::Problem;
use super::query::Query;
use super::written::{self, Reader, Written};
use crate::body::{compact, decode};

/// What a request sends: an event, or a position, which gets no number.
#[derive(Debug)]
pub(super) enum Sent {
    Event(Content),
    Position { delivered: u64, seen: u64 },
}

/// `POST /v1/conversations/{id}/events`
pub(super) async fn send(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
    Json(request): Json<wire::NewEvent>,
) -> Result<Response, Problem> {
    query.only(&[])?;
    let conversation: ConversationId = named.id("conversation_id", "conversation")?;
    let client_id = |text| checked_client_id("client_id", text);
    let client_id = request.client_id.map(client_id).transpose()?;
    match read_body(&request.kind, &request.body)? {
        Sent::Event(content) => {
            check_edit(&ctx, &asker, conversation, &content).await?;
            let send = Send {
                conversation,
                member: None,
                content,
                files: Vec::new(),
                client_id,
            };
            let sent = op::events::send(&ctx, &asker, send).await?;
            let status = created(sent.new);
            Ok(written::event(status, &sent.event, Reader::Sender).into_response())
        }
        Sent::Position { delivered, seen } => {
            op::signals::move_position(&ctx, &asker, conversation.into(), delivered, seen).await?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
    }
}

/// `GET /v1/conversations/{id}/events`
pub(super) async fn list(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<Written, Problem> {
    query.only(&["after", "before", "limit"])?;
    let conversation = named.id("conversation_id", "conversation")?;
    let range = match (query.parsed("after")?, query.parsed("before")?) {
        (None, None) => Range::Newest,
        (Some(after), None) => Range::After(after),
        (None, Some(before)) => Range::Before(before),
        (Some(_), Some(_)) => {
            return Err(Error::new(Code::BadRequest, "after and before exclude each other").into());
        }
    };
    let events = op::events::list_events(&ctx, &asker, conversation, range, query.limit()?).await?;
    Ok(written::page(&events, Reader::Asker(&asker)))
}

/// `GET /v1/conversations/{id}/events/{n}`
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<Written, Problem> {
    query.only(&[])?;
    let conversation = named.id("conversation_id", "conversation")?;
    let event = op::events::read_event(&ctx, &asker, conversation, named.event()?).await?;
    let reader = Reader::Asker(&asker);
    Ok(written::event(StatusCode::OK, &event, reader))
}

/// `DELETE /v1/conversations/{id}/events/{n}`
pub(super) async fn delete(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.only(&[])?;
    let conversation = named.id("conversation_id", "conversation")?;
    op::events::delete_event(&ctx, &asker, conversation, named.event()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Checks the new body of an edit by the type of what it edits.
pub(super) async fn check_edit(
    ctx: &Ctx,
    asker: &Principal,
    conversation: ConversationId,
    content: &Content,
) -> Result<(), Error> {
    let Content::Edit { event, body, .. } = content else {
        return Ok(());
    };
    let kind = op::events::kind_to_edit(ctx, asker, conversation, *event).await?;
    check_body(&kind.name(), body)
}

/// Checks a body that is no event of its own: an edit's.
fn check_body(kind: &str, body: &str) -> Result<(), Error> {
    let body: Box<RawValue> = decode(body.as_bytes())?;
    read_body(kind, &body).map(drop)
}

pub(super) fn read_body(kind: &str, body: &RawValue) -> Result<Sent, Error> {
    let text = body.get();
    if !text.starts_with('{') {
        return Err(in_body(Error::new(Code::BadRequest, "expected an object")));
    }
    let content = match kind {
        "edit" => {
            let edit: wire::EditBody = decode(text.as_bytes()).map_err(in_body)?;
            if !edit.body.get().starts_with('{') {
                return Err(in_body(Error::new(
                    Code::BadRequest,
                    "body: expected an object",
                )));
            }
            let body = compact(edit.body.get());
            let event = edit.event_id;
            let own = format!(r#"{{"event_id":{event},"body":{body}}}"#);
            Content::Edit { event, body, own }
        }
        "delete" => {
            let delete: wire::DeleteBody = decode(text.as_bytes()).map_err(in_body)?;
            Content::Delete(delete.event_id)
        }
        "delivered" | "seen" => {
            let position: wire::PositionBody = decode(text.as_bytes()).map_err(in_body)?;
            // What was seen was delivered.
            return Ok(Sent::Position {
                delivered: position.up_to,
                seen: if kind == "seen" { position.up_to } else { 0 },
            });
        }
        _ => Content::New(message_kind(kind, text)?, compact(text)),
    };
    Ok(Sent::Event(content))
}

fn message_kind(kind: &str, text: &str) -> Result<EventKind, Error> {
    match kind {
        "text" => {
            decode::<wire::TextBody>(text.as_bytes()).map_err(in_body)?;
            Ok(EventKind::Text)
        }
        "message" => {
            decode::<wire::MessageBody>(text.as_bytes()).map_err(in_body)?;
            Ok(EventKind::Message)
        }
        "image" => {
            decode::<wire::ImageBody>(text.as_bytes()).map_err(in_body)?;
            Ok(EventKind::Image)
        }
        _ => match kind.strip_prefix("custom:") {
            Some(name) => EventKind::custom(name).ok_or_else(|| {
                Error::new(
                    Code::BadRequest,
                    "the name after custom: has 1 to 100 of A-Z, a-z, 0-9, _, -, : and .",
                )
            }),
            None => Err(Error::new(
                Code::BadRequest,
                "there is no such type of event to be sent",
            )
            .hint("send text, message, image, custom:NAME, edit, delete, delivered or seen")),
        },
    }
}

pub(super) fn in_body(mut error: Error) -> Error {
    error.detail = format!("body: {}", error.detail).into();
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, body: &str) -> Result<Sent, Error> {
        read_body(kind, &RawValue::from_string(body.to_owned()).unwrap())
    }

    #[test]
    fn a_body_goes_by_its_type() {
        let longest = format!("custom:{}", "x".repeat(100));
        for (kind, body, expected) in [
            (
                "text",
                r#" { "text" : "a \" b " } "#,
                r#"{"text":"a \" b "}"#,
            ),
            ("text", r#"{"text":"\\"}"#, r#"{"text":"\\"}"#),
            ("text", r#"{"text":""}"#, r#"{"text":""}"#),
            (
                "message",
                r#"{"message_type":"location", "x":[1, 2.50]}"#,
                r#"{"message_type":"location","x":[1,2.50]}"#,
            ),
            ("image", r#"{"url":"/a"}"#, r#"{"url":"/a"}"#),
            ("custom:a-b:c.d_1", "{}", "{}"),
            (
                &longest,
                r#"{"z":1e400,"a":null}"#,
                r#"{"z":1e400,"a":null}"#,
            ),
        ] {
            match read(kind, body.trim()) {
                Ok(Sent::Event(Content::New(found, text))) => {
                    assert_eq!(found.name(), kind);
                    assert_eq!(text, expected);
                }
                other => panic!("{kind} {body}: {other:?}"),
            }
        }
        let edit = read("edit", r#"{"body": {"text": "b"}, "event_id": 7}"#);
        let Ok(Sent::Event(Content::Edit { event, body, own })) = edit else {
            panic!("{edit:?}");
        };
        assert_eq!((event, body.as_str()), (7, r#"{"text":"b"}"#));
        assert_eq!(own, r#"{"event_id":7,"body":{"text":"b"}}"#);
        assert!(matches!(
            read("delete", r#"{"event_id":7}"#),
            Ok(Sent::Event(Content::Delete(7)))
        ));
        for (kind, expected) in [("delivered", (9, 0)), ("seen", (9, 9))] {
            match read(kind, r#"{"up_to":9}"#) {
                Ok(Sent::Position { delivered, seen }) => assert_eq!((delivered, seen), expected),
                other => panic!("{kind}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_body_of_another_type_is_refused() {
        let too_long = format!("custom:{}", "x".repeat(101));
        for (kind, body) in [
            ("text", "{}"),
            ("text", r#""hello""#),
            ("text", r#"{"text":1}"#),
            ("text", r#"{"text":null}"#),
            ("text", r#"{"text":"a","html":"b"}"#),
            ("message", "{}"),
            ("message", r#"{"message_type":7}"#),
            ("image", r#"{"uri":"x"}"#),
            ("custom:", "{}"),
            ("custom:a b", "{}"),
            ("custom:ä", "{}"),
            ("custom:a/b", "{}"),
            ("custom:x", "[]"),
            (&too_long, "{}"),
            ("edit", r#"{"event_id":7}"#),
            ("edit", r#"{"event_id":7,"body":"x"}"#),
            ("edit", r#"{"event_id":"7","body":{}}"#),
            ("edit", r#"{"event_id":-7,"body":{}}"#),
            ("delete", r#"{"event_id":7,"x":1}"#),
            ("delete", r#"{"event_id":7.0}"#),
            ("seen", r#"{"up_to":-1}"#),
            ("typing", r#"{"on":true}"#),
            ("member:joined", r#"{"member_id":"MEM-1"}"#),
            ("", "{}"),
            ("Text", r#"{"text":"a"}"#),
        ] {
            let found = read(kind, body).map_err(|error| error.code);
            assert!(
                matches!(found, Err(Code::BadRequest)),
                "{kind} {body}: {found:?}"
            );
        }
    }
}
