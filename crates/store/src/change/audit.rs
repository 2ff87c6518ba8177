//! The audit log only grows: no statement but those of this file touches an entry, and what they
//! change is no part of what the log tells, but for the details that are erased with a person.

use super::Plan;
use crate::engine::Value;
use countersign_core::audit_chain::Head;
use countersign_core::id::UserId;
use countersign_core::model::audit::AuditEntry;
use countersign_core::ports::change::Expectation;
use countersign_core::ports::upkeep::{Salted, Sealing};

/// The log's row is locked before its number is taken, so that numbers have no holes.
const COUNT: &str = "INSERT INTO audit_logs (application_id, last_number, sealed_number) \
     VALUES ($1, 1, 0) ON CONFLICT (application_id) \
     DO UPDATE SET last_number = audit_logs.last_number + 1";
const ADD: &str = "INSERT INTO audit (application_id, number, id, happened_at, actor, action, \
     target, user_id, salt, before_json, after_json, detail, details_digest) \
     SELECT l.application_id, l.last_number, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 \
     FROM audit_logs l WHERE l.application_id = $1";
const MOVE_HEAD: &str = "UPDATE audit_logs SET sealed_number = $3, sealed_digest = $4 \
     WHERE application_id = $1 AND sealed_number = $2 RETURNING 1";
const SALT: &str = "UPDATE audit SET salt = $3, details_digest = $4 \
     WHERE application_id = $1 AND number = $2 AND details_digest IS NULL \
     AND detail IS NOT DISTINCT FROM $5 RETURNING 1";
const SEAL: &str = "UPDATE audit SET digest = $3 \
     WHERE application_id = $1 AND number = $2 AND digest IS NULL";
const ERASE: &str = "UPDATE audit \
     SET salt = NULL, before_json = NULL, after_json = NULL, detail = NULL \
     WHERE application_id = $1 AND user_id = $2";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[COUNT, ADD, MOVE_HEAD, SALT, SEAL, ERASE];

/// Adds an entry, which gets the log's next number.
pub(crate) fn add(plan: &mut Plan, entry: AuditEntry) {
    plan.run(COUNT, [plan.application()]);
    let details_digest = entry.details_digest();
    let parameters = [
        plan.application(),
        entry.id.bytes().into(),
        entry.at.milliseconds().into(),
        entry.actor.to_string().into(),
        entry.action.into(),
        entry.target.into(),
        entry.user.map(|user| user.bytes()).into(),
        entry.salt.to_vec().into(),
        entry.details.before.into(),
        entry.details.after.into(),
        entry.details.remark.into(),
        details_digest.to_vec().into(),
    ];
    plan.run(ADD, parameters);
}

/// Seals entries, from where the log is sealed up to now.
pub(crate) fn seal(plan: &mut Plan, sealing: Sealing) {
    let Some(last) = sealing.heads.last() else {
        return;
    };
    let [number, digest] = sealed(last);
    let from = number_of(sealing.from.number);
    let parameters = [plan.application(), from, number, digest];
    plan.expect(Expectation::AuditHead, MOVE_HEAD, parameters);
    for salted in sealing.salted {
        salt(plan, salted);
    }
    for head in &sealing.heads {
        let [number, digest] = sealed(head);
        plan.run(SEAL, [plan.application(), number, digest]);
    }
}

/// Erases the details of the entries about a user.
pub(super) fn erase_details(plan: &mut Plan, user: UserId) {
    plan.run(ERASE, [plan.application(), user.bytes().into()]);
}

fn salt(plan: &mut Plan, salted: Salted) {
    let parameters = [
        plan.application(),
        number_of(salted.number),
        salted.salt.to_vec().into(),
        salted.details_digest.to_vec().into(),
        salted.remark.into(),
    ];
    plan.expect(Expectation::AuditHead, SALT, parameters);
}

fn sealed(head: &Head) -> [Value; 2] {
    [number_of(head.number), head.digest.to_vec().into()]
}

fn number_of(number: u64) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}
