//! Whether the process lives, and whether it can serve.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Answer;
use super::problem::Problem;
use crate::tasks::Tasks;

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

/// Ready is who reaches the store, has not lost sight of it, and does not stop.
pub(super) async fn ready(
    State(ctx): State<Arc<Ctx>>,
    tasks: Tasks,
) -> Result<Answer<Status>, Problem> {
    if tasks.stop.is_cancelled() {
        let error = Error::new(Code::Unavailable, "this server is stopping");
        return Err(error
            .hint("ask another one, or this one once it has started again")
            .into());
    }
    ctx.store_watch.check(ctx.now())?;
    ctx.registry.ping().await.map_err(Error::from)?;
    Ok(Answer(StatusCode::OK, OK))
}
