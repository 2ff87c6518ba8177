//! The audit log: of an application, and of the installation.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::context::Ctx;
use countersign_core::error::Error;
use countersign_core::model::audit::AuditRecord;
use countersign_core::model::page::{Order, Page, Window};
use countersign_core::op;
use countersign_wire::audit as wire;
use countersign_wire::digest::Digest;
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
    let (order, window) = part(&query)?;
    let asker = named.application(asker)?;
    let page = op::audit::list_audit(&ctx, &asker, order, window).await?;
    Ok(Answer(StatusCode::OK, listed(page)))
}

/// `GET /v1/audit`
pub(super) async fn list_of_installation(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    query: Query,
) -> Result<Answer<wire::Audit>, Problem> {
    let (order, window) = part(&query)?;
    let page = op::audit::list_installation_audit(&ctx, &asker, order, window).await?;
    Ok(Answer(StatusCode::OK, listed(page)))
}

// === helpers ===

/// Which part of the log is asked for: the newest entries, or those that follow a
/// number.
fn part(query: &Query) -> Result<(Order, Window), Error> {
    query.only(&["after", "limit", "cursor"])?;
    let mut window = query.window()?;
    let Some(number) = query.parsed::<u64>("after")? else {
        return Ok((Order::NewestFirst, window));
    };
    window.after.get_or_insert(number.to_be_bytes().to_vec());
    Ok((Order::OldestFirst, window))
}

fn listed(page: Page<AuditRecord>) -> wire::Audit {
    wire::Audit {
        audit: page.items.into_iter().map(entry).collect(),
        next: cursor(page.next),
    }
}

/// An entry as it is shown.
pub(super) fn entry(record: AuditRecord) -> wire::Entry {
    wire::Entry {
        number: record.number,
        id: record.id.to_string(),
        actor: record.actor,
        action: record.action,
        target: record.target,
        user_id: record.user.map(|user| user.to_string()),
        before: record.details.before,
        after: record.details.after,
        detail: record.details.remark,
        salt: record.salt.map(Digest),
        details_digest: record.details_digest.map(Digest),
        digest: record.digest.map(Digest),
        created_at: time(record.at),
    }
}
