//! A login of a user who is there, without a question before it.
//!
//! Most logins are of a known user on a device that brings nothing along, and nothing is against
//! them. One statement looks at all that could be, and adds the session where there is nothing.
//! Where there is, it adds none and the batch is as good as any: who tried reads, and plans.

use super::Plan;
use super::session::{insert, parameters};
use crate::engine::Statement;
use crate::read::login::value_of;
use crate::read::revocation::{TARGETS, covers, parameters_of};
use crate::read::user;
use countersign_core::model::user::Identifier;
use countersign_core::ports::change::TriedLogin;

/// A revocation names the user by the id, of kind 6 in the domain; a password belongs to a name.
macro_rules! open {
    ($column:literal, $of_column:literal) => {
        insert!(
            "SELECT u.application_id, $2, u.id, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
             $15, $16, $17, $18, $19, $20, $21 FROM users u \
             WHERE u.application_id = $1 AND u.",
            $column,
            " = $3 AND u.deleted_at IS NULL AND u.blocked = 0 ",
            $of_column,
            "AND NOT EXISTS (SELECT 1 FROM sessions o WHERE o.application_id = u.application_id \
               AND o.user_id = u.id AND o.ended_at IS NULL LIMIT 1 OFFSET $22) \
             AND NOT EXISTS (SELECT 1 FROM revocations r \
               WHERE r.application_id = u.application_id \
               AND r.kind = 6 AND r.value = u.id AND r.before_at >= $23) \
             AND NOT EXISTS (",
            covers!("$24", "$25", "$26"),
            ") AND NOT EXISTS (",
            covers!("$27", "$28", "$29"),
            ") AND NOT EXISTS (",
            covers!("$30", "$31", "$32"),
            ") AND NOT EXISTS (",
            covers!("$33", "$34", "$35"),
            ") AND NOT EXISTS (",
            covers!("$36", "$37", "$38"),
            ") AND NOT EXISTS (",
            covers!("$39", "$40", "$41"),
            ") AND NOT EXISTS (",
            covers!("$42", "$43", "$44"),
            ") RETURNING 1"
        )
    };
}

const OPEN_BY_ID: &str = open!("id", "");
const OPEN_BY_NAME: &str = open!(
    "name",
    "AND NOT EXISTS (SELECT 1 FROM passwords p WHERE p.application_id = u.application_id \
     AND p.user_id = u.id) "
);
const OPEN_BY_EXTERNAL_ID: &str = open!("external_id", "");
const OPEN_BY_EMAIL: &str = open!("email", "");

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[OPEN_BY_ID, OPEN_BY_NAME, OPEN_BY_EXTERNAL_ID, OPEN_BY_EMAIL];

/// Adds a session of whoever the identifier names, where nothing is against it.
pub(super) fn attempt(plan: &mut Plan, tried: &TriedLogin) {
    let TriedLogin {
        identifier,
        session,
        targets,
        at,
        sessions_max,
    } = tried;
    let sql = match identifier {
        Identifier::Id(_) => OPEN_BY_ID,
        Identifier::Name(_) => OPEN_BY_NAME,
        Identifier::ExternalId(_) => OPEN_BY_EXTERNAL_ID,
        Identifier::Email(_) => OPEN_BY_EMAIL,
    };
    let mut parameters = parameters(plan, session, value_of(identifier), None);
    parameters.push(i64::from(sessions_max.saturating_sub(1)).into());
    parameters.push(at.milliseconds().into());
    parameters.extend(parameters_of(targets, *at));
    // There is room for all that a login has; none is ever left out.
    let open = (targets.len() <= TARGETS).then(|| Statement::new(sql, parameters));
    let user = user::query(plan.application_id(), identifier);
    plan.tries_login(open, user);
}
