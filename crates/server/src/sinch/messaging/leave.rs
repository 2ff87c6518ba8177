//! Leaving: a client that ends says so.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use countersign_core::context::Ctx;
use serde_json::json;

use super::Desk;
use super::asked::Asked;
use super::failure::Refused;
use crate::sinch::answer::Answer;

/// `GET /v2/presence/sub_key/{subscribe_key}/channel/{channels}/leave`
pub(super) async fn leave(
    State(ctx): State<Arc<Ctx>>,
    Extension(desk): Extension<Arc<Desk>>,
    asked: Asked,
) -> Result<Response, Refused> {
    asked.hears_messages(&ctx)?;
    desk.mailboxes.leave(asked.signed.session.id);
    let left = json!({ "status": 200, "action": "leave", "message": "OK", "service": "Presence" });
    Ok(Answer(left).into_response())
}
