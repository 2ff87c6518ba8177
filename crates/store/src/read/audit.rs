//! The audit log, in either order, and what of it is to be sealed.

use super::{all, ask, first, page, rows_of};
use crate::columns::{Columns, digest};
use crate::engine::{Engine, Statement, Value};
use crate::error::StoreError;
use crate::rows::Row;
use countersign_core::audit_chain::Head;
use countersign_core::id::{ApplicationId, AuditId, UserId};
use countersign_core::model::audit::{AuditRecord, Details};
use countersign_core::model::page::{Order, Page, Window};
use countersign_core::ports::upkeep::Unsealed;

/// The columns of an entry, as [`record`] reads them.
macro_rules! columns {
    () => {
        "SELECT number, id, happened_at, actor, action, target, user_id, before_json, \
         after_json, detail, salt, details_digest, digest FROM audit "
    };
}

const NEWEST_FIRST: &str = concat!(
    columns!(),
    "WHERE application_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3"
);
const OLDEST_FIRST: &str = concat!(
    columns!(),
    "WHERE application_id = $1 AND number > $2 ORDER BY number LIMIT $3"
);
const ABOUT: &str = concat!(
    columns!(),
    "WHERE application_id = $1 AND user_id = $2 AND number > $3 ORDER BY number LIMIT $4"
);
const UNSEALED_LOGS: &str = "SELECT application_id FROM audit_logs \
     WHERE sealed_number < last_number ORDER BY application_id LIMIT $1";
const HEAD: &str = "SELECT sealed_number, sealed_digest FROM audit_logs WHERE application_id = $1";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[NEWEST_FIRST, OLDEST_FIRST, ABOUT, UNSEALED_LOGS, HEAD];

/// A part of a log.
pub(crate) async fn list(
    engine: &impl Engine,
    application: ApplicationId,
    order: Order,
    window: &Window,
) -> Result<Page<AuditRecord>, StoreError> {
    let (sql, begin) = match order {
        Order::NewestFirst => (NEWEST_FIRST, i64::MAX),
        Order::OldestFirst => (OLDEST_FIRST, 0),
    };
    let after = number_after(window).unwrap_or(begin);
    let parameters = [application.bytes().into(), after.into(), rows_of(window)];
    let rows = ask(engine, Statement::new(sql, parameters)).await?;
    let records = all(&rows, record)?;
    let position = |record: &AuditRecord| record.number.to_be_bytes().to_vec();
    Ok(page(records, window, position))
}

/// What a log says about a user, after the number that a key holds; and the key to go on from.
pub(crate) async fn about(
    engine: &impl Engine,
    (application, user): (ApplicationId, UserId),
    key: &[u8],
    limit: usize,
) -> Result<(Vec<AuditRecord>, Option<Vec<u8>>), StoreError> {
    let after = <[u8; 8]>::try_from(key).map_or(0, i64::from_be_bytes);
    let parameters = [
        application.bytes().into(),
        user.bytes().into(),
        after.into(),
        most(limit),
    ];
    let rows = ask(engine, Statement::new(ABOUT, parameters)).await?;
    let records = all(&rows, record)?;
    let last = records.last().filter(|_| records.len() == limit);
    let next = last.map(|record| record.number.to_be_bytes().to_vec());
    Ok((records, next))
}

/// The logs that have entries to be sealed.
pub(crate) async fn unsealed_logs(
    engine: &impl Engine,
    limit: usize,
) -> Result<Vec<ApplicationId>, StoreError> {
    let rows = ask(engine, Statement::new(UNSEALED_LOGS, [most(limit)])).await?;
    all(&rows, |columns| {
        Ok(ApplicationId::from_bytes(columns.id()?))
    })
}

/// What follows the sealed part of a log.
pub(crate) async fn unsealed(
    engine: &impl Engine,
    application: ApplicationId,
    limit: usize,
) -> Result<Unsealed, StoreError> {
    let key = Value::from(application.bytes());
    let rows = ask(engine, Statement::new(HEAD, [key.clone()])).await?;
    let found = first(&rows, |columns| {
        Ok(Head {
            number: columns.number()?,
            digest: columns.optional(digest)?.unwrap_or(Head::START.digest),
        })
    })?;
    let head = found.unwrap_or(Head::START);
    let after = i64::try_from(head.number).unwrap_or(i64::MAX);
    let parameters = [key, after.into(), most(limit)];
    let rows = ask(engine, Statement::new(OLDEST_FIRST, parameters)).await?;
    let records = all(&rows, record)?;
    Ok(Unsealed { head, records })
}

fn record(columns: &mut Columns<'_>) -> Result<AuditRecord, StoreError> {
    Ok(AuditRecord {
        number: columns.number()?,
        id: AuditId::from_bytes(columns.id()?),
        at: columns.time()?,
        actor: columns.text()?.to_owned(),
        action: columns.text()?.to_owned(),
        target: columns.text()?.to_owned(),
        user: columns.optional(Row::id)?.map(UserId::from_bytes),
        details: Details {
            before: columns.optional_text()?.map(str::to_owned),
            after: columns.optional_text()?.map(str::to_owned),
            remark: columns.optional_text()?.map(str::to_owned),
        },
        salt: columns.optional(digest)?,
        details_digest: columns.optional(digest)?,
        digest: columns.optional(digest)?,
    })
}

/// The number that a window goes on from. A position that is none begins anew.
fn number_after(window: &Window) -> Option<i64> {
    let bytes = <[u8; 8]>::try_from(window.after.as_deref()?).ok()?;
    Some(i64::try_from(u64::from_be_bytes(bytes)).unwrap_or(i64::MAX))
}

fn most(limit: usize) -> Value {
    i64::try_from(limit).unwrap_or(i64::MAX).into()
}
