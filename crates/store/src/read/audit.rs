//! The audit log, the newest entry first.

use super::{LAST_ID, after, all, ask, page, rows_of};
use crate::engine::{Engine, Statement};
use crate::error::StoreError;
use countersign_core::id::{ApplicationId, AuditId};
use countersign_core::model::audit::AuditRecord;
use countersign_core::model::page::{Page, Window};

const LIST: &str = "SELECT id, happened_at, actor, action, target, detail FROM audit \
     WHERE application_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[LIST];

/// A part of the log.
pub(crate) async fn list(
    engine: &impl Engine,
    application: ApplicationId,
    window: &Window,
) -> Result<Page<AuditRecord>, StoreError> {
    let parameters = [
        application.bytes().into(),
        after(window, LAST_ID),
        rows_of(window),
    ];
    let rows = ask(engine, Statement::new(LIST, parameters)).await?;
    let records = all(&rows, |columns| {
        Ok(AuditRecord {
            id: AuditId::from_bytes(columns.id()?),
            at: columns.time()?,
            actor: columns.text()?.to_owned(),
            action: columns.text()?.to_owned(),
            target: columns.text()?.to_owned(),
            detail: columns.optional_text()?.map(str::to_owned),
        })
    })?;
    Ok(page(records, window, |record| record.id.bytes().to_vec()))
}
