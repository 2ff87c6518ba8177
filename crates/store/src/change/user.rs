//! Users: add, change, delete.

use super::member::LEFT_BY_DELETION;
use super::{Plan, attachment, password};
use crate::engine::Value;
use countersign_core::id::UserId;
use countersign_core::model::user::{User, UserPatch};
use countersign_core::ports::change::Expectation;
use countersign_credential::time::Timestamp;

const ADD: &str = "INSERT INTO users \
     (application_id, id, name, external_id, email, display_name, image_url, custom_data, \
     described, anonymous, blocked, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
/// A visitor has neither name nor anything else that could be taken.
const KEEP: &str = "INSERT INTO users \
     (application_id, id, name, external_id, email, display_name, image_url, custom_data, \
     described, anonymous, blocked, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
     ON CONFLICT (application_id, id) DO NOTHING";
const LOCK: &str = "UPDATE users SET blocked = blocked \
     WHERE application_id = $1 AND id = $2 AND deleted_at IS NULL RETURNING 1";
const SET_NAME: &str = "UPDATE users SET name = $3 WHERE application_id = $1 AND id = $2";
const SET_EXTERNAL_ID: &str =
    "UPDATE users SET external_id = $3 WHERE application_id = $1 AND id = $2";
const SET_EMAIL: &str = "UPDATE users SET email = $3 WHERE application_id = $1 AND id = $2";
const SET_DISPLAY_NAME: &str =
    "UPDATE users SET display_name = $3 WHERE application_id = $1 AND id = $2";
const SET_IMAGE_URL: &str = "UPDATE users SET image_url = $3 WHERE application_id = $1 AND id = $2";
const SET_CUSTOM_DATA: &str =
    "UPDATE users SET custom_data = $3 WHERE application_id = $1 AND id = $2";
const SET_DESCRIBED: &str = "UPDATE users SET described = $3 WHERE application_id = $1 AND id = $2";
const SET_BLOCKED: &str = "UPDATE users SET blocked = $3 WHERE application_id = $1 AND id = $2";
const DELETE: &str = "UPDATE users \
     SET name = NULL, external_id = NULL, email = NULL, display_name = NULL, image_url = NULL, \
     custom_data = NULL, described = NULL, deleted_at = $3 \
     WHERE application_id = $1 AND id = $2 AND deleted_at IS NULL RETURNING 1";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[
    ADD,
    KEEP,
    LOCK,
    SET_NAME,
    SET_EXTERNAL_ID,
    SET_EMAIL,
    SET_DISPLAY_NAME,
    SET_IMAGE_URL,
    SET_CUSTOM_DATA,
    SET_DESCRIBED,
    SET_BLOCKED,
    DELETE,
];

/// Adds a user; the unique indexes say what is not free.
pub(super) fn add(plan: &mut Plan, user: &User) {
    let parameters = parameters(plan, user);
    plan.run(ADD, parameters);
}

/// Adds a visitor who may be there already.
pub(super) fn keep(plan: &mut Plan, visitor: &User) {
    let parameters = parameters(plan, visitor);
    plan.run(KEEP, parameters);
}

/// Changes what the patch names.
pub(super) fn change(plan: &mut Plan, id: UserId, patch: UserPatch) {
    let key = || [plan.application(), id.bytes().into()];
    let with = |value: Value| -> Vec<Value> { key().into_iter().chain([value]).collect() };
    let text = |text: Option<&str>| Value::from(text);
    let sets = [
        patch.name.map(|name| {
            (
                SET_NAME,
                with(text(name.as_ref().map(|name| name.as_str()))),
            )
        }),
        patch.external_id.map(|id| {
            (
                SET_EXTERNAL_ID,
                with(text(id.as_ref().map(|id| id.as_str()))),
            )
        }),
        patch.email.map(|email| {
            (
                SET_EMAIL,
                with(text(email.as_ref().map(|email| email.as_str()))),
            )
        }),
        patch
            .display_name
            .map(|name| (SET_DISPLAY_NAME, with(text(name.as_deref())))),
        patch.image_url.map(|url| (SET_IMAGE_URL, with(url.into()))),
        patch
            .custom_data
            .map(|data| (SET_CUSTOM_DATA, with(data.into()))),
        patch
            .described
            .map(|described| (SET_DESCRIBED, with(described.into()))),
        patch
            .blocked
            .map(|blocked| (SET_BLOCKED, with(blocked.into()))),
    ];
    lock(plan, id);
    for (sql, parameters) in sets.into_iter().flatten() {
        plan.run(sql, parameters);
    }
}

/// Locks a user who is there.
pub(super) fn lock(plan: &mut Plan, id: UserId) {
    let key = [plan.application(), id.bytes().into()];
    plan.expect(Expectation::User, LOCK, key);
}

/// Takes everything that names the user. Their places become left with an event each, in as many
/// conversations as there are, by statements over all of them; files that wait go.
pub(super) fn delete(plan: &mut Plan, id: UserId, at: Timestamp) {
    let parameters = [
        plan.application(),
        id.bytes().into(),
        at.milliseconds().into(),
    ];
    for sql in LEFT_BY_DELETION {
        plan.run(sql, parameters.clone());
    }
    plan.expect(Expectation::User, DELETE, parameters);
    attachment::remove_waiting_of(plan, id);
    password::forget(plan, id);
}

fn parameters(plan: &Plan, user: &User) -> [Value; 12] {
    [
        plan.application(),
        user.id.bytes().into(),
        user.name.as_ref().map(|name| name.as_str()).into(),
        user.external_id.as_ref().map(|id| id.as_str()).into(),
        user.email.as_ref().map(|email| email.as_str()).into(),
        user.display_name.as_deref().into(),
        user.image_url.as_deref().into(),
        user.custom_data.as_deref().into(),
        user.described.as_deref().into(),
        user.anonymous.into(),
        user.blocked.into(),
        user.created_at.milliseconds().into(),
    ]
}
