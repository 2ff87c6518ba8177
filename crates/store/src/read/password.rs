//! Passwords.

use super::{ask, first};
use crate::columns::{user, user_columns};
use crate::engine::{Engine, Statement, Value};
use crate::error::StoreError;
use countersign_core::id::ApplicationId;
use countersign_core::model::password::PasswordHash;
use countersign_core::model::user::{Identifier, User};
use countersign_credential::subject::UserName;

macro_rules! of {
    ($column:literal) => {
        concat!(
            "SELECT ",
            user_columns!(),
            ", p.hash FROM users u JOIN passwords p \
             ON p.application_id = u.application_id AND p.user_id = u.id \
             WHERE u.application_id = $1 AND u.deleted_at IS NULL AND u.",
            $column,
            " = $2"
        )
    };
}

const OF_ID: &str = of!("id");
const OF_NAME: &str = of!("name");
const OF_EXTERNAL_ID: &str = of!("external_id");
const OF_EMAIL: &str = of!("email");
const HAS: &str = "SELECT 1 FROM users u JOIN passwords p \
     ON p.application_id = u.application_id AND p.user_id = u.id \
     WHERE u.application_id = $1 AND u.name = $2 AND u.deleted_at IS NULL";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[OF_ID, OF_NAME, OF_EXTERNAL_ID, OF_EMAIL, HAS];

/// A user who has a password, and what is kept of it.
pub(crate) async fn find(
    engine: &impl Engine,
    application: ApplicationId,
    identifier: &Identifier,
) -> Result<Option<(User, PasswordHash)>, StoreError> {
    let (sql, value) = match identifier {
        Identifier::Id(id) => (OF_ID, Value::from(id.bytes())),
        Identifier::Name(name) => (OF_NAME, name.as_str().into()),
        Identifier::ExternalId(id) => (OF_EXTERNAL_ID, id.as_str().into()),
        Identifier::Email(email) => (OF_EMAIL, email.as_str().into()),
    };
    let rows = ask(
        engine,
        Statement::new(sql, [application.bytes().into(), value]),
    )
    .await?;
    first(&rows, |columns| {
        let user = user(columns)?;
        let hash = PasswordHash::from_text(columns.text()?.to_owned());
        Ok((user, hash))
    })
}

/// Answers a row where the user of a name has a password.
pub(super) fn query_has(application: ApplicationId, name: &UserName) -> Statement {
    Statement::new(HAS, [application.bytes().into(), name.as_str().into()])
}
