//! API keys: add and revoke those of an application.

use super::Plan;
use crate::engine::Value;
use countersign_core::id::ApiKeyId;
use countersign_core::model::api_key::{ApiKey, Role};
use countersign_core::ports::change::Expectation;

/// The application must exist.
const ADD: &str = "INSERT INTO api_keys (application_id, id, name, roles, digest, \
     publishable_text, last_characters, created_at, expires_at, cidr, last_used_at, revoked) \
     SELECT a.id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 \
     FROM applications a WHERE a.id = $1 RETURNING 1";
/// An operator key is of no application.
pub(crate) const ADD_OPERATOR: &str = "INSERT INTO api_keys (application_id, id, name, roles, \
     digest, publishable_text, last_characters, created_at, expires_at, cidr, last_used_at, \
     revoked) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const REVOKE: &str = "UPDATE api_keys SET revoked = 1 \
     WHERE application_id = $1 AND id = $2 AND revoked = 0 RETURNING 1";
pub(crate) const REVOKE_OPERATOR: &str = "UPDATE api_keys SET revoked = 1 \
     WHERE application_id IS NULL AND id = $1 AND revoked = 0 RETURNING 1";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[ADD, ADD_OPERATOR, REVOKE, REVOKE_OPERATOR];

/// Adds a key of the batch's application.
pub(super) fn add(plan: &mut Plan, key: &ApiKey) {
    let parameters = parameters(plan.application(), key);
    plan.expect(Expectation::Application, ADD, parameters);
}

/// Revokes a key of the batch's application.
pub(super) fn revoke(plan: &mut Plan, id: ApiKeyId) {
    let parameters = [plan.application(), id.bytes().into()];
    plan.expect(Expectation::Key, REVOKE, parameters);
}

/// The parameters of both ways to add a key.
pub(crate) fn parameters(application: Value, key: &ApiKey) -> [Value; 12] {
    let roles: Vec<&str> = key.roles.iter().map(Role::as_str).collect();
    [
        application,
        key.id.bytes().into(),
        key.name.as_str().into(),
        roles.join(",").into(),
        key.digest.as_slice().into(),
        key.text.as_deref().into(),
        key.last_characters.as_str().into(),
        key.created_at.milliseconds().into(),
        key.expires_at.map(|at| at.milliseconds()).into(),
        key.cidr.map(|cidr| cidr.to_string()).into(),
        key.last_used_at.map(|at| at.milliseconds()).into(),
        key.revoked.into(),
    ]
}
