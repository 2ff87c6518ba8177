//! The audit log: of an application, and of the installation.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::context::Ctx;
use countersign_core::model::audit::AuditRecord;
use countersign_core::model::page::Page;
use countersign_core::op;
use countersign_wire::audit as wire;
use http::StatusCode;

use super::answer::{Answer, cursor, time};
use super::bearer::Asker;
use super::named::Named;
use super::problem::Problem;
use super::query::Query;

/// `GET /v1/applications/{id}/audit`
pub(super) async fn list(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<Answer<wire::Audit>, Problem> {
    query.only(&["limit", "cursor"])?;
    let asker = named.application(asker)?;
    let page = op::audit::list_audit(&ctx, &asker, query.window()?).await?;
    Ok(Answer(StatusCode::OK, listed(page)))
}

/// `GET /v1/audit`
pub(super) async fn list_of_installation(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    query: Query,
) -> Result<Answer<wire::Audit>, Problem> {
    query.only(&["limit", "cursor"])?;
    let page = op::audit::list_installation_audit(&ctx, &asker, query.window()?).await?;
    Ok(Answer(StatusCode::OK, listed(page)))
}

// === helpers ===

fn listed(page: Page<AuditRecord>) -> wire::Audit {
    let entry = |record: AuditRecord| wire::Entry {
        id: record.id.to_string(),
        actor: record.actor,
        action: record.action,
        target: record.target,
        detail: record.detail,
        created_at: time(record.at),
    };
    wire::Audit {
        audit: page.items.into_iter().map(entry).collect(),
        next: cursor(page.next),
    }
}
