//! Whether the process lives, and whether it can serve.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::context::Ctx;
use countersign_core::error::Error;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Answer;
use super::problem::Problem;

/// `{"status":"ok"}`
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NodeStatus)]
pub(super) struct Status {
    /// `ok`.
    status: &'static str,
}

const OK: Status = Status { status: "ok" };

pub(super) async fn alive() -> Answer<Status> {
    Answer(StatusCode::OK, OK)
}

/// Ready is who reaches the store, and has not lost sight of it.
pub(super) async fn ready(State(ctx): State<Arc<Ctx>>) -> Result<Answer<Status>, Problem> {
    ctx.store_watch.check(ctx.now())?;
    ctx.registry.ping().await.map_err(Error::from)?;
    Ok(Answer(StatusCode::OK, OK))
}
