//! Revocations: what covers a target.

use super::{all, ask};
use crate::engine::{Engine, Statement};
use crate::error::StoreError;
use crate::rows::Row;
use countersign_core::id::ApplicationId;
use countersign_core::model::revocation::{Revocation, Target};
use countersign_credential::time::Timestamp;

const COVERS_FOR_EVER: &str =
    "SELECT 1 FROM revocations WHERE application_id = $1 AND kind = $2 AND value = $3";
const COVERS_AT: &str = "SELECT 1 FROM revocations \
     WHERE application_id = $1 AND kind = $2 AND value = $3 AND before_at >= $4";

const SINCE: &str = "SELECT application_id, kind, value, before_at, made_at, forget_at \
     FROM revocations WHERE made_at >= $1 ORDER BY made_at DESC LIMIT $2";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[COVERS_FOR_EVER, COVERS_AT, SINCE];

/// The query that finds a row where a revocation covers the target, begun or issued at a moment.
pub(crate) fn query(application: ApplicationId, target: &Target, at: Timestamp) -> Statement {
    let kind = target.kind();
    let parameters = [
        application.bytes().into(),
        kind.number().into(),
        target.value().into(),
    ];
    if kind.is_for_ever() {
        return Statement::new(COVERS_FOR_EVER, parameters);
    }
    let [application, kind, value] = parameters;
    Statement::new(
        COVERS_AT,
        [application, kind, value, at.milliseconds().into()],
    )
}

/// Whether any of the targets is covered.
pub(crate) async fn covered(
    engine: &impl Engine,
    application: ApplicationId,
    targets: &[Target],
    at: Timestamp,
) -> Result<bool, StoreError> {
    let queries: Vec<Statement> = targets
        .iter()
        .map(|target| query(application, target, at))
        .collect();
    let answers = engine.read(queries.into()).await?;
    Ok(answers.iter().any(|rows| !rows.is_empty()))
}

/// The revocations of all applications that were made since a moment, the newest first.
pub(crate) async fn since(
    engine: &impl Engine,
    since: Timestamp,
    limit: usize,
) -> Result<Vec<(ApplicationId, Revocation)>, StoreError> {
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let parameters = [since.milliseconds().into(), most.into()];
    let rows = ask(engine, Statement::new(SINCE, parameters)).await?;
    all(&rows, |columns| {
        let application = ApplicationId::from_bytes(columns.id()?);
        let kind = columns.number()?;
        let revocation = Revocation {
            target: columns.next(|row, column| target_of(kind, row, column))?,
            before: columns.time()?,
            made_at: columns.time()?,
            forget_at: columns.time()?,
        };
        Ok((application, revocation))
    })
}

fn target_of(kind: i64, row: &Row<'_>, column: usize) -> Result<Target, StoreError> {
    Target::from_parts(kind, row.blob(column)?).ok_or(StoreError::Decode {
        row: 0,
        column,
        wanted: "what a revocation of this kind names",
        found: "a blob",
    })
}
