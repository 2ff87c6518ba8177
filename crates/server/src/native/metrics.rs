//! The node's numbers, for an operator.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use countersign_core::access::authorize_installation;
use countersign_core::context::Ctx;
use countersign_core::limit::SIGNED_REMEMBERED_MAX;
use http::{HeaderValue, header};

use super::bearer::Asker;
use super::problem::Problem;
use super::query::Query;
use crate::operations::{Reading, Sample};
use crate::passed::Passed;
use crate::tasks::Tasks;

/// `GET /metrics`
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    Passed { operations, .. }: Passed,
    Asker(asker): Asker,
    tasks: Tasks,
    query: Query,
) -> Result<Response, Problem> {
    query.only(&[])?;
    authorize_installation(&asker)?;
    // A disk that hangs keeps this answer waiting, and no other.
    let asked = Arc::clone(&operations);
    let mut samples = tasks.blocking(move || asked.samples()).await?;
    samples.extend(of_core(&ctx));
    let page = operations.requests.page(&ctx.tally, &samples);
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], page).into_response())
}

/// What the core knows of its node.
fn of_core(ctx: &Ctx) -> [Sample; 4] {
    let number = |name, help, value: u64| Sample {
        name,
        help,
        reading: Reading::Number(value),
    };
    [
        Sample {
            name: "countersign_store_unseen_seconds",
            help: "How long ago the store was seen; more than 5, and requests are refused.",
            reading: Reading::Seconds(ctx.store_watch.unseen_for(ctx.now())),
        },
        number(
            "countersign_store_gaps_total",
            "How often this node may have missed a revocation, and looked at all sessions anew.",
            ctx.store_watch.gaps(),
        ),
        number(
            "countersign_signed_requests_remembered",
            "Signed requests that are remembered, so that none is made twice.",
            ctx.signed_requests_remembered() as u64,
        ),
        number(
            "countersign_signed_requests_remembered_max",
            "Signed requests that there is room for.",
            SIGNED_REMEMBERED_MAX as u64,
        ),
    ]
}
