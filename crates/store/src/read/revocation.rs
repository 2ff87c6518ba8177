//! Revocations: what covers a target.

use super::{all, ask};
use crate::engine::{Engine, Statement, Value};
use crate::error::StoreError;
use crate::rows::Row;
use countersign_core::id::ApplicationId;
use countersign_core::model::revocation::{Revocation, Target};
use countersign_credential::time::Timestamp;

/// What finds a revocation of one target: its kind, its value, and how far ahead it has to reach.
macro_rules! covers {
    ($kind:literal, $value:literal, $at:literal) => {
        concat!(
            "SELECT 1 FROM revocations r WHERE r.application_id = $1 AND r.kind = ",
            $kind,
            " AND r.value = ",
            $value,
            " AND r.before_at >= ",
            $at
        )
    };
}

pub(crate) use covers;

/// How many targets one query is for: as many as a login has.
pub(crate) const TARGETS: usize = 7;

const COVERS_ANY: &str = concat!(
    covers!("$2", "$3", "$4"),
    " UNION ALL ",
    covers!("$5", "$6", "$7"),
    " UNION ALL ",
    covers!("$8", "$9", "$10"),
    " UNION ALL ",
    covers!("$11", "$12", "$13"),
    " UNION ALL ",
    covers!("$14", "$15", "$16"),
    " UNION ALL ",
    covers!("$17", "$18", "$19"),
    " UNION ALL ",
    covers!("$20", "$21", "$22")
);

const SINCE: &str = "SELECT application_id, kind, value, before_at, made_at, forget_at \
     FROM revocations WHERE made_at >= $1 ORDER BY made_at DESC LIMIT $2";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[COVERS_ANY, SINCE];

/// The queries that find a row where a revocation covers any of the targets, begun or issued at a
/// moment: one, but for who has more targets than anybody.
pub(crate) fn queries(
    application: ApplicationId,
    targets: &[Target],
    at: Timestamp,
) -> impl Iterator<Item = Statement> {
    targets.chunks(TARGETS).map(move |some| {
        let mut parameters = Vec::with_capacity(1 + 3 * TARGETS);
        parameters.push(application.bytes().into());
        parameters.extend(parameters_of(some, at));
        Statement::new(COVERS_ANY, parameters)
    })
}

/// The parameters that name [`TARGETS`] targets, three for each. A row of a kind that holds for
/// ever covers whatever begins; where there are fewer targets, the rest equal nothing.
pub(crate) fn parameters_of(targets: &[Target], at: Timestamp) -> impl Iterator<Item = Value> {
    let of_target = move |target: &Target| {
        let kind = target.kind();
        let reaches = if kind.is_for_ever() {
            i64::MIN
        } else {
            at.milliseconds()
        };
        [kind.number().into(), target.value().into(), reaches.into()]
    };
    let named = targets.iter().flat_map(of_target);
    named
        .chain(std::iter::repeat(Value::Null))
        .take(3 * TARGETS)
}

/// Whether any of the targets is covered.
pub(crate) async fn covered(
    engine: &impl Engine,
    application: ApplicationId,
    targets: &[Target],
    at: Timestamp,
) -> Result<bool, StoreError> {
    let queries: Vec<Statement> = queries(application, targets, at).collect();
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
