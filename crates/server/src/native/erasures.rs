//! Erasures of users.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::context::Ctx;
use countersign_core::model::erasure::Erasure;
use countersign_core::op;
use countersign_wire::erasure as wire;
use http::StatusCode;

use super::answer::{Answer, time};
use super::bearer::Asker;
use super::named::Named;
use super::problem::Problem;
use super::query::Query;

/// `POST /v1/users/{id}/erasure`
pub(super) async fn create(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<Answer<wire::Erasure>, Problem> {
    query.only(&[])?;
    let id = named.id("user_id", "user")?;
    let erasure = op::erasures::erase_user(&ctx, &asker, id).await?;
    let status = match erasure.done_at {
        Some(_) => StatusCode::OK,
        None => StatusCode::ACCEPTED,
    };
    Ok(Answer(status, told(erasure)))
}

/// `GET /v1/users/{id}/erasure`
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<Answer<wire::Erasure>, Problem> {
    query.only(&[])?;
    let id = named.id("user_id", "erasure")?;
    let erasure = op::erasures::read_erasure(&ctx, &asker, id).await?;
    Ok(Answer(StatusCode::OK, told(erasure)))
}

fn told(erasure: Erasure) -> wire::Erasure {
    wire::Erasure {
        user_id: erasure.user.to_string(),
        state: match erasure.done_at {
            Some(_) => wire::ErasureState::Done,
            None => wire::ErasureState::Running,
        },
        begun_at: time(erasure.begun_at),
        done_at: erasure.done_at.map(time),
        removed: wire::Removed {
            events: erasure.events,
            attachments: erasure.files,
            sessions: erasure.sessions,
        },
    }
}
