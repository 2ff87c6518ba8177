//! The time here, by which clients sign.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use countersign_core::context::Ctx;
use serde_json::json;

use super::answer::Answer;

/// `GET /v1/timestamp/`: for anybody, and never refused. A client that gets no
/// time waits for it without end; what is wrong with it, its next call tells.
pub(super) async fn read(State(ctx): State<Arc<Ctx>>) -> Response {
    Answer(json!({ "timestamp": ctx.now().to_string() })).into_response()
}
