//! API keys, of applications and of operators.

use super::{FIRST_ID, after, all, ask, first, page, rows_of};
use crate::columns::{Columns, digest};
use crate::engine::{Engine, Statement};
use crate::error::StoreError;
use crate::rows::Row;
use countersign_core::id::{ApiKeyId, ApplicationId};
use countersign_core::model::api_key::{ApiKey, Role, Roles};
use countersign_core::model::page::{Page, Window};

macro_rules! api_keys {
    ($rest:literal) => {
        concat!(
            "SELECT id, application_id, name, roles, digest, publishable_text, last_characters, \
             created_at, expires_at, cidr, last_used_at, revoked FROM api_keys WHERE ",
            $rest
        )
    };
}

const BY_ID: &str = api_keys!("id = $1");
const OF_APPLICATION: &str =
    api_keys!("application_id = $3 AND id > $1 AND revoked = 0 ORDER BY id LIMIT $2");
const OF_OPERATORS: &str =
    api_keys!("application_id IS NULL AND id > $1 AND revoked = 0 ORDER BY id LIMIT $2");

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[BY_ID, OF_APPLICATION, OF_OPERATORS];

/// One key.
pub(crate) async fn find(engine: &impl Engine, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
    let rows = ask(engine, Statement::new(BY_ID, [id.bytes().into()])).await?;
    first(&rows, api_key)
}

/// The keys of an application, or of operators, that are not revoked; the oldest first.
pub(crate) async fn list(
    engine: &impl Engine,
    application: Option<ApplicationId>,
    window: &Window,
) -> Result<Page<ApiKey>, StoreError> {
    let [after, most] = [after(window, FIRST_ID), rows_of(window)];
    let query = match application {
        Some(id) => Statement::new(OF_APPLICATION, [after, most, id.bytes().into()]),
        None => Statement::new(OF_OPERATORS, [after, most]),
    };
    let keys = all(&ask(engine, query).await?, api_key)?;
    Ok(page(keys, window, |key| key.id.bytes().to_vec()))
}

fn api_key(columns: &mut Columns<'_>) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: ApiKeyId::from_bytes(columns.id()?),
        application: columns.optional(Row::id)?.map(ApplicationId::from_bytes),
        name: columns.text()?.to_owned(),
        roles: columns.parsed("roles", roles)?,
        digest: columns.next(digest)?,
        text: columns.optional_text()?.map(str::to_owned),
        last_characters: columns.text()?.to_owned(),
        created_at: columns.time()?,
        expires_at: columns.optional_time()?,
        cidr: columns.optional_parsed("a network", |text| text.parse().ok())?,
        last_used_at: columns.optional_time()?,
        revoked: columns.flag()?,
    })
}

/// The roles of their names with commas between. A name that is not known is no role, and so the
/// row is refused, not read as a weaker key.
fn roles(names: &str) -> Option<Roles> {
    let roles: Option<Vec<Role>> = names.split(',').map(Role::from_name).collect();
    Roles::new(roles?)
}
