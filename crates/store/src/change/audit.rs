//! The audit log only grows.

use super::Plan;
use countersign_core::model::audit::AuditEntry;

const ADD: &str = "INSERT INTO audit \
     (application_id, id, happened_at, actor, action, target, detail) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[ADD];

/// Adds an entry.
pub(crate) fn add(plan: &mut Plan, entry: AuditEntry) {
    let parameters = [
        plan.application(),
        entry.id.bytes().into(),
        entry.at.milliseconds().into(),
        entry.actor.to_string().into(),
        entry.action.into(),
        entry.target.into(),
        entry.detail.into(),
    ];
    plan.run(ADD, parameters);
}
