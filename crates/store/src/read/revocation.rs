//! Revocations: what covers a target.

use crate::engine::{Engine, Statement};
use crate::error::StoreError;
use countersign_core::id::ApplicationId;
use countersign_core::model::revocation::Target;
use countersign_credential::time::Timestamp;

const COVERS_FOR_EVER: &str =
    "SELECT 1 FROM revocations WHERE application_id = $1 AND kind = $2 AND value = $3";
const COVERS_AT: &str = "SELECT 1 FROM revocations \
     WHERE application_id = $1 AND kind = $2 AND value = $3 AND before_at >= $4";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[COVERS_FOR_EVER, COVERS_AT];

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
