//! The node's numbers, for an operator.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use countersign_core::access::authorize_installation;
use countersign_core::context::Ctx;
use http::{HeaderValue, header};

use super::bearer::Asker;
use super::problem::Problem;
use super::query::Query;
use crate::operations::Operations;

/// `GET /metrics`
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    Extension(operations): Extension<Arc<Operations>>,
    Asker(asker): Asker,
    query: Query,
) -> Result<Response, Problem> {
    query.only(&[])?;
    authorize_installation(&asker)?;
    let mut samples: Vec<_> = operations.sources.iter().flat_map(|tell| tell()).collect();
    samples.extend(operations.realtime.samples());
    let page = operations.requests.page(&ctx.tally, &samples);
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], page).into_response())
}
