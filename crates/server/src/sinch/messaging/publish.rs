//! Sending: a frame, for one of those who take part. Once a message is whole it is
//! opened, and becomes an event like one of any door; what is acknowledged moves
//! how far the user's devices have got.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::ConversationId;
use countersign_core::op;
use countersign_core::op::events::{Content as Event, Send};
use serde_json::json;

use super::Desk;
use super::asked::{Asked, refused};
use super::failure::Refused;
use super::protocol::InPath;
use super::sendings::Taken;
use super::text::Said;
use super::told::number_of;
use crate::sinch::answer::Answer;
use crate::sinch::frame::Frame;
use crate::sinch::names;
use crate::sinch::sealed::Content;

/// `GET /publish/{publish_key}/{subscribe_key}/0/{channel}/0`, and the message
pub(super) async fn send(
    State(ctx): State<Arc<Ctx>>,
    Extension(desk): Extension<Arc<Desk>>,
    message: Option<Extension<InPath>>,
    asked: Asked,
) -> Result<Response, Refused> {
    let Some(Extension(InPath(message))) = message else {
        return Err(Error::not_found("path").into());
    };
    let text: String = serde_json::from_str(&message)
        .map_err(|_| Error::new(Code::MalformedJson, "the message is no text of JSON"))?;
    let frame =
        Frame::parse(&text).map_err(|problem| Error::new(Code::BadRequest, problem.to_string()))?;
    let conversation = transport(&frame)?;
    check_channel(&ctx, &desk, &asked, conversation).await?;
    let session = asked.signed.session.id;
    match desk.sendings.take(session, &frame, ctx.now())? {
        Taken::Held | Taken::Before => {}
        Taken::Whole(sealed) => {
            let sent = Box::pin(carry_out(&ctx, &asked, conversation, &frame, &sealed)).await;
            if let Err(error) = sent {
                desk.sendings.forget(session, frame.message_id);
                return Err(error.into());
            }
            desk.sendings.sent(session, &frame);
        }
    }
    let token = desk.tokens.next(ctx.now());
    Ok(Answer(json!([1, "Sent", token.to_string()])).into_response())
}

/// A transport is a conversation, written as we write it.
fn transport(frame: &Frame<'_>) -> Result<ConversationId, Error> {
    let id: Option<ConversationId> = frame.transport_id.parse().ok();
    let written = id.filter(|id| id.to_string() == frame.transport_id);
    written.ok_or_else(|| Error::not_found("transport"))
}

/// A frame is for the user's own devices, or for somebody who takes part.
async fn check_channel(
    ctx: &Ctx,
    desk: &Desk,
    asked: &Asked,
    conversation: ConversationId,
) -> Result<(), Error> {
    let signed = &asked.signed;
    let channel = asked.parameters.get("channel").unwrap_or_default();
    let is_of = |user| {
        let own = names::transport_channel(ctx, &signed.signer, user);
        own.is_some_and(|own| names::is_same(&own, channel))
    };
    let session = signed.session.id;
    if is_of(signed.user.id) || desk.sendings.knows_channel(session, conversation, channel) {
        return Ok(());
    }
    let members = op::instant::participants(ctx, &signed.principal, conversation).await?;
    if !members.iter().any(|member| is_of(member.user)) {
        return Err(refused());
    }
    desk.sendings.note_channel(session, conversation, channel);
    Ok(())
}

async fn carry_out(
    ctx: &Ctx,
    asked: &Asked,
    conversation: ConversationId,
    frame: &Frame<'_>,
    sealed: &str,
) -> Result<(), Error> {
    let signed = &asked.signed;
    let key = names::transport_key(ctx, &signed.signer, conversation).ok_or_else(refused)?;
    let payload = key
        .open(sealed)
        .map_err(|problem| Error::new(Code::BadRequest, problem.to_string()))?;
    match payload.content {
        Content::Message { text, headers } => {
            let (kind, body) = Said { text, headers }.into_event();
            let send = Send {
                conversation,
                member: None,
                content: Event::New(kind, body),
                files: Vec::new(),
                client_id: Some(frame.message_id.to_owned()),
            };
            op::events::send(ctx, &signed.principal, send).await?;
        }
        Content::Ack => {
            let number = number_of(frame.message_id, conversation)
                .ok_or_else(|| Error::not_found("message"))?;
            op::signals::move_position(ctx, &signed.principal, conversation.into(), number, 0)
                .await?;
        }
    }
    Ok(())
}
