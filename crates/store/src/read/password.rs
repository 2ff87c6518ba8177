//! Passwords.

use super::{ask, first};
use crate::engine::{Engine, Statement};
use crate::error::StoreError;
use countersign_core::id::{ApplicationId, UserId};
use countersign_core::model::password::PasswordHash;
use countersign_credential::subject::UserName;

const OF_USER: &str = "SELECT hash FROM passwords WHERE application_id = $1 AND user_id = $2";
const HAS: &str = "SELECT 1 FROM users u JOIN passwords p \
     ON p.application_id = u.application_id AND p.user_id = u.id \
     WHERE u.application_id = $1 AND u.name = $2 AND u.deleted_at IS NULL";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[OF_USER, HAS];

/// What is kept of a user's password.
pub(crate) async fn find(
    engine: &impl Engine,
    application: ApplicationId,
    user: UserId,
) -> Result<Option<PasswordHash>, StoreError> {
    let parameters = [application.bytes().into(), user.bytes().into()];
    let rows = ask(engine, Statement::new(OF_USER, parameters)).await?;
    first(&rows, |columns| {
        Ok(PasswordHash::from_text(columns.text()?.to_owned()))
    })
}

/// Answers a row where the user of a name has a password.
pub(super) fn query_has(application: ApplicationId, name: &UserName) -> Statement {
    Statement::new(HAS, [application.bytes().into(), name.as_str().into()])
}
