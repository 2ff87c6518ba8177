//! Revocations: one row ends what it covers.

use super::Plan;
use crate::read::revocation::queries;
use countersign_core::id::{SessionId, UserId};
use countersign_core::model::revocation::{Kind, Revocation, Target};
use countersign_core::ports::change::Expectation;
use countersign_credential::time::Timestamp;

macro_rules! upsert {
    ($source:literal) => {
        concat!(
            "INSERT INTO revocations \
             (application_id, kind, value, before_at, made_at, forget_at) ",
            $source,
            " ON CONFLICT (application_id, kind, value) DO UPDATE SET \
             before_at = CASE WHEN excluded.before_at > revocations.before_at \
                 THEN excluded.before_at ELSE revocations.before_at END, \
             made_at = CASE WHEN excluded.made_at > revocations.made_at \
                 THEN excluded.made_at ELSE revocations.made_at END, \
             forget_at = CASE WHEN excluded.forget_at > revocations.forget_at \
                 THEN excluded.forget_at ELSE revocations.forget_at END"
        )
    };
}
pub(super) use upsert;

const REVOKE: &str = upsert!("VALUES ($1, $2, $3, $4, $5, $6)");
/// Grouped, because two sessions may have come of one credential, and a row is written once.
const REVOKE_DIGESTS_OF: &str = upsert!(
    "SELECT s.application_id, CAST($4 AS BIGINT), s.digest, CAST($5 AS BIGINT), \
     CAST($5 AS BIGINT), CAST($6 AS BIGINT) FROM sessions s \
     WHERE s.application_id = $1 AND s.user_id = $2 AND s.digest IS NOT NULL \
     AND s.credential_issued_at > $3 AND s.opened_at <= $7 \
     GROUP BY s.application_id, s.digest"
);
const REVOKE_DIGEST_OF: &str = upsert!(
    "SELECT s.application_id, CAST($3 AS BIGINT), s.digest, CAST($4 AS BIGINT), \
     CAST($4 AS BIGINT), CAST($5 AS BIGINT) FROM sessions s \
     WHERE s.application_id = $1 AND s.id = $2 AND s.digest IS NOT NULL"
);

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[REVOKE, REVOKE_DIGESTS_OF, REVOKE_DIGEST_OF];

/// Adds a revocation, or moves the one that is there ahead.
pub(super) fn revoke(plan: &mut Plan, revocation: &Revocation) {
    let parameters = [
        plan.application(),
        revocation.target.kind().number().into(),
        revocation.target.value().into(),
        revocation.before.milliseconds().into(),
        revocation.made_at.milliseconds().into(),
        revocation.forget_at.milliseconds().into(),
    ];
    plan.run(REVOKE, parameters);
}

/// Expects that nothing covers any of the targets.
pub(super) fn expect_none(plan: &mut Plan, targets: &[Target], at: Timestamp) {
    for query in queries(plan.application_id(), targets, at) {
        plan.expect_unfound(Expectation::Uncovered, query);
    }
}

/// Revokes the credential that a session has, by digest.
pub(super) fn revoke_digest_of(
    plan: &mut Plan,
    session: SessionId,
    at: Timestamp,
    forget_at: Timestamp,
) {
    let parameters = [
        plan.application(),
        session.bytes().into(),
        Kind::Digest.number().into(),
        at.milliseconds().into(),
        forget_at.milliseconds().into(),
    ];
    plan.run(REVOKE_DIGEST_OF, parameters);
}

/// Revokes the credentials of a user's sessions that were issued after a moment, by digest; the
/// rows are made and forgotten at the two moments that come last.
pub(super) fn revoke_digests_of(
    plan: &mut Plan,
    user: UserId,
    opened_by: Option<Timestamp>,
    issued_after: Timestamp,
    (at, forget_at): (Timestamp, Timestamp),
) {
    let parameters = [
        plan.application(),
        user.bytes().into(),
        issued_after.milliseconds().into(),
        Kind::Digest.number().into(),
        at.milliseconds().into(),
        forget_at.milliseconds().into(),
        opened_by.map_or(i64::MAX, Timestamp::milliseconds).into(),
    ];
    plan.run(REVOKE_DIGESTS_OF, parameters);
}
