//! Passwords: set, and taken away.

use super::Plan;
use countersign_core::id::UserId;
use countersign_core::model::password::PasswordHash;
use countersign_core::ports::change::{Expectation, PasswordChange};

const SET: &str = "INSERT INTO passwords (application_id, user_id, hash) \
     SELECT u.application_id, u.id, $3 FROM users u \
     WHERE u.application_id = $1 AND u.id = $2 AND u.deleted_at IS NULL AND u.anonymous = 0 \
     ON CONFLICT (application_id, user_id) DO UPDATE SET hash = excluded.hash RETURNING 1";
const REMOVE: &str = "DELETE FROM passwords WHERE application_id = $1 AND user_id = $2 RETURNING 1";
/// The row is locked, so that it stays what it is until the commit.
const EXPECT: &str = "UPDATE passwords SET hash = hash \
     WHERE application_id = $1 AND user_id = $2 AND hash = $3 RETURNING 1";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[SET, REMOVE, EXPECT];

/// Sets a user's password, takes it away or expects it.
pub(super) fn change(plan: &mut Plan, user: UserId, change: &PasswordChange) {
    match change {
        PasswordChange::Set(hash) => set(plan, user, hash),
        PasswordChange::Remove => remove(plan, user),
        PasswordChange::Expect(hash) => expect(plan, user, hash),
    }
}

/// Takes a user's password away, if there is one.
pub(super) fn forget(plan: &mut Plan, user: UserId) {
    plan.run(REMOVE, [plan.application(), user.bytes().into()]);
}

/// In the place of the one before.
fn set(plan: &mut Plan, user: UserId, hash: &PasswordHash) {
    let parameters = [
        plan.application(),
        user.bytes().into(),
        hash.as_str().into(),
    ];
    plan.expect(Expectation::User, SET, parameters);
}

fn remove(plan: &mut Plan, user: UserId) {
    let key = [plan.application(), user.bytes().into()];
    plan.expect(Expectation::Password, REMOVE, key);
}

fn expect(plan: &mut Plan, user: UserId, hash: &PasswordHash) {
    let parameters = [
        plan.application(),
        user.bytes().into(),
        hash.as_str().into(),
    ];
    plan.expect(Expectation::Password, EXPECT, parameters);
}
