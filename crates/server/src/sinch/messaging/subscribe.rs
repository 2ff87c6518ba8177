//! Fetching: a long poll, told apart from others of its session by what its client
//! has.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::op::signed_session::note_use;
use http::{HeaderValue, header};

use super::Desk;
use super::asked::Asked;
use super::failure::Refused;
use super::mailbox::{self, Poll};
use super::time_token::TimeToken;
use crate::passed::Passed;
use crate::realtime::look_after;
use crate::tasks::Tasks;

/// `GET /subscribe/{subscribe_key}/{channels}/0/{time_token}`
pub(super) async fn poll(
    State(ctx): State<Arc<Ctx>>,
    Passed { operations, .. }: Passed,
    Extension(desk): Extension<Arc<Desk>>,
    tasks: Tasks,
    asked: Asked,
) -> Result<Response, Refused> {
    let hears_messages = asked.hears_messages(&ctx)?;
    let has = asked.parameters.get("time_token").unwrap_or_default();
    let has = TimeToken::parse(has)
        .ok_or_else(|| Error::new(Code::BadRequest, "a time token is a number"))?;
    let signed = &asked.signed;
    note_use(&ctx, signed).await?;
    let realtime = &operations.realtime;
    look_after(&ctx, realtime, &tasks);
    let poll = Poll {
        ctx: &ctx,
        realtime,
        tokens: &desk.tokens,
        stop: &tasks.stop,
        has,
    };
    let session = signed.session.id;
    let begins = has == TimeToken::NONE;
    let known = desk.mailboxes.find(session, has, hears_messages);
    let mailbox = match known.filter(|_| !begins) {
        Some(mailbox) => mailbox,
        None => {
            let place = desk.mailboxes.place(session)?;
            let _turn = place.turn().await;
            let opened = Box::pin(mailbox::open(&poll, signed, hears_messages)).await?;
            let opened = Arc::new(opened);
            desk.mailboxes.add(session, Arc::clone(&opened));
            opened
        }
    };
    let told = if begins {
        // A client has not started until it has the first answer.
        Box::pin(mailbox.answer(&poll)).await
    } else {
        Box::pin(mailbox.poll(&poll)).await
    };
    Ok(answer(told?))
}

fn answer(body: Bytes) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], body).into_response()
}
