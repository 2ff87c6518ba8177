//! Users. A deleted one is found by nothing.

use super::{after_in, ask, first, page, rows_of};
use crate::columns::{user, user_columns};
use crate::engine::{Engine, Statement, Value};
use crate::error::StoreError;
use countersign_core::id::{ApplicationId, UserId};
use countersign_core::model::page::{Order, Page, Window};
use countersign_core::model::user::{Identifier, User};
use countersign_core::ports::store::UserFilter;

macro_rules! by {
    ($column:literal) => {
        concat!(
            "SELECT ",
            user_columns!(),
            ", (SELECT max(r.before_at) FROM revocations r \
             WHERE r.application_id = u.application_id AND r.kind = 6 AND r.value = u.id) \
             FROM users u WHERE u.application_id = $1 AND u.deleted_at IS NULL AND u.",
            $column,
            " = $2"
        )
    };
}

macro_rules! list {
    ($page:literal) => {
        concat!(
            "SELECT ",
            user_columns!(),
            " FROM users u WHERE u.application_id = $1 AND u.anonymous = 0 \
             AND u.deleted_at IS NULL AND ",
            $page
        )
    };
}

/// The user of an identifier, and up to when a revocation covers them.
const BY_ID: &str = by!("id");
const BY_NAME: &str = by!("name");
const BY_EXTERNAL_ID: &str = by!("external_id");
const BY_EMAIL: &str = by!("email");
const OLDEST_FIRST: &str = list!("u.id > $2 ORDER BY u.id LIMIT $3");
const NEWEST_FIRST: &str = list!("u.id < $2 ORDER BY u.id DESC LIMIT $3");
const SHARES: &str = "SELECT 1 FROM members a JOIN members b \
     ON b.application_id = a.application_id AND b.conversation_id = a.conversation_id \
     WHERE a.application_id = $1 AND a.user_id = $2 AND a.state <> 'left' \
     AND b.user_id = $3 AND b.state <> 'left' LIMIT 1";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[
    BY_ID,
    BY_NAME,
    BY_EXTERNAL_ID,
    BY_EMAIL,
    OLDEST_FIRST,
    NEWEST_FIRST,
    SHARES,
];

/// The query for a user; its row also ends with up to when a revocation covers them.
pub(crate) fn query(application: ApplicationId, identifier: &Identifier) -> Statement {
    let (sql, value) = match identifier {
        Identifier::Id(id) => (BY_ID, Value::from(id.bytes())),
        Identifier::Name(name) => (BY_NAME, name.as_str().into()),
        Identifier::ExternalId(id) => (BY_EXTERNAL_ID, id.as_str().into()),
        Identifier::Email(email) => (BY_EMAIL, email.as_str().into()),
    };
    Statement::new(sql, [application.bytes().into(), value])
}

/// The user of an identifier.
pub(crate) async fn find(
    engine: &impl Engine,
    application: ApplicationId,
    identifier: &Identifier,
) -> Result<Option<User>, StoreError> {
    first(&ask(engine, query(application, identifier)).await?, user)
}

/// The user of each identifier, in their order.
pub(crate) async fn find_each(
    engine: &impl Engine,
    application: ApplicationId,
    identifiers: &[Identifier],
) -> Result<Vec<Option<User>>, StoreError> {
    let queries = identifiers.iter().map(|one| query(application, one));
    let answers = engine.read(queries.collect::<Vec<_>>().into()).await?;
    answers.iter().map(|rows| first(rows, user)).collect()
}

/// Identified users, by their age.
pub(crate) async fn list(
    engine: &impl Engine,
    application: ApplicationId,
    filter: &UserFilter,
    window: &Window,
) -> Result<Page<User>, StoreError> {
    if let Some(identifier) = &filter.identifier {
        let found = find(engine, application, identifier).await?;
        let items = found.into_iter().filter(|user| !user.anonymous).collect();
        return Ok(Page { items, next: None });
    }
    let parameters = [
        application.bytes().into(),
        after_in(window, filter.order),
        rows_of(window),
    ];
    let sql = match filter.order {
        Order::OldestFirst => OLDEST_FIRST,
        Order::NewestFirst => NEWEST_FIRST,
    };
    let rows = ask(engine, Statement::new(sql, parameters)).await?;
    let users = super::all(&rows, user)?;
    Ok(page(users, window, |user| user.id.bytes().to_vec()))
}

/// Whether two users have places in one conversation.
pub(crate) async fn share(
    engine: &impl Engine,
    application: ApplicationId,
    one: UserId,
    other: UserId,
) -> Result<bool, StoreError> {
    let parameters = [
        application.bytes().into(),
        one.bytes().into(),
        other.bytes().into(),
    ];
    let rows = ask(engine, Statement::new(SHARES, parameters)).await?;
    Ok(!rows.is_empty())
}
