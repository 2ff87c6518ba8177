//! What the janitor looks at: pages in the order of keys, whatever is in them.

use super::{FIRST_ID, all, ask};
use crate::columns::{Columns, covers_session, is_alone, session, session_columns};
use crate::engine::{Engine, Statement, Value};
use crate::error::StoreError;
use crate::event_key::is_of;
use countersign_core::id::{ApplicationId, SessionId, UserId};
use countersign_core::ports::upkeep::{SweptSession, SweptVisitor, Visitors};
use countersign_credential::time::Timestamp;

const SESSIONS: &str = concat!(
    "SELECT ",
    session_columns!(),
    ", CASE WHEN ",
    covers_session!(),
    " THEN 1 ELSE 0 END FROM sessions s \
     WHERE s.application_id = $1 AND s.id > $2 ORDER BY s.id LIMIT $3"
);
/// The page is chosen first, so that no more than the page is looked at.
const VISITORS: &str = concat!(
    "SELECT p.id, CASE WHEN EXISTS (SELECT 1 FROM sessions s \
       WHERE s.application_id = p.application_id AND s.user_id = p.id) \
     OR EXISTS (SELECT 1 FROM members m JOIN conversations c \
       ON c.application_id = m.application_id AND c.id = m.conversation_id \
       WHERE m.application_id = p.application_id AND m.user_id = p.id AND c.updated_at > $4) \
     THEN 0 WHEN NOT EXISTS (SELECT 1 FROM members m \
       WHERE m.application_id = p.application_id AND m.user_id = p.id) \
     OR EXISTS (SELECT 1 FROM members m JOIN conversations c \
       ON c.application_id = m.application_id AND c.id = m.conversation_id \
       WHERE m.application_id = p.application_id AND m.user_id = p.id AND ",
    is_alone!("p.id"),
    ") THEN 1 ELSE 0 END FROM (SELECT u.application_id, u.id FROM users u \
       WHERE u.application_id = $1 AND u.id > $2 AND u.id < $3 AND u.anonymous = 1 \
       ORDER BY u.id LIMIT $5) p ORDER BY p.id"
);
/// Each with how many events and files it has, as far as a batch would remove them.
const LEFTOVERS: &str = concat!(
    "SELECT l.application_id, l.conversation_id, \
     (SELECT count(*) FROM (SELECT e.key FROM events e WHERE ",
    is_of!("e", "l"),
    " LIMIT $1) n), \
     (SELECT count(*) FROM (SELECT a.id FROM attachments a \
       WHERE a.application_id = l.application_id AND a.conversation_id = l.conversation_id \
       LIMIT $2) n) \
     FROM leftovers l ORDER BY l.application_id, l.conversation_id LIMIT $3"
);
const HAS_DUE_TOMBSTONE: &str =
    "SELECT 1 FROM revocations WHERE forget_at <= $1 AND made_at <= $2 LIMIT 1";
const HAS_WAITING_FILE: &str = "SELECT 1 FROM attachments \
     WHERE length(conversation_id) = 0 AND created_at <= $1 LIMIT 1";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[
    SESSIONS,
    VISITORS,
    LEFTOVERS,
    HAS_DUE_TOMBSTONE,
    HAS_WAITING_FILE,
];

/// A conversation that is deleted, with how much of it is still there, up to what was asked for.
pub(crate) struct Leftover {
    /// Application and conversation.
    pub(crate) key: [Value; 2],
    pub(crate) events: usize,
    pub(crate) files: usize,
}

/// Sessions in the order of their ids, with whether a revocation covers them.
pub(crate) async fn sessions(
    engine: &impl Engine,
    application: ApplicationId,
    after: Option<SessionId>,
    limit: usize,
) -> Result<Vec<SweptSession>, StoreError> {
    let after = after.map_or(FIRST_ID, |id| id.bytes());
    let parameters = [application.bytes().into(), after.into(), most(limit)];
    let rows = ask(engine, Statement::new(SESSIONS, parameters)).await?;
    all(&rows, |columns| {
        Ok(SweptSession {
            session: session(columns)?,
            revoked: columns.flag()?,
        })
    })
}

/// Visitors in the order of their ids, with whether they can be removed.
pub(crate) async fn visitors(
    engine: &impl Engine,
    application: ApplicationId,
    visitors: Visitors,
) -> Result<Vec<SweptVisitor>, StoreError> {
    let after = visitors.after.map_or(FIRST_ID, |id| id.bytes());
    let parameters = [
        application.bytes().into(),
        after.into(),
        crate::change::first_id_of(visitors.silent_since).into(),
        visitors.silent_since.milliseconds().into(),
        most(visitors.limit),
    ];
    let rows = ask(engine, Statement::new(VISITORS, parameters)).await?;
    all(&rows, |columns| {
        Ok(SweptVisitor {
            user: UserId::from_bytes(columns.id()?),
            removable: columns.flag()?,
        })
    })
}

/// Conversations that are deleted and have left something behind, or nothing by now.
pub(crate) async fn leftovers(
    engine: &impl Engine,
    events: usize,
    files: usize,
    limit: usize,
) -> Result<Vec<Leftover>, StoreError> {
    let parameters = [most(events), most(files), most(limit)];
    let rows = ask(engine, Statement::new(LEFTOVERS, parameters)).await?;
    all(&rows, |columns| {
        Ok(Leftover {
            key: [columns.id()?.into(), columns.id()?.into()],
            events: size(columns)?,
            files: size(columns)?,
        })
    })
}

/// Whether there is a revocation to be forgotten that was made up to a moment.
pub(crate) async fn has_due_tombstone(
    engine: &impl Engine,
    due: Timestamp,
    made_by: Timestamp,
) -> Result<bool, StoreError> {
    let parameters = [due.milliseconds().into(), made_by.milliseconds().into()];
    let rows = ask(engine, Statement::new(HAS_DUE_TOMBSTONE, parameters)).await?;
    Ok(!rows.is_empty())
}

/// Whether a file that was stored up to a moment still waits for its event.
pub(crate) async fn has_waiting_file(
    engine: &impl Engine,
    stored_by: Timestamp,
) -> Result<bool, StoreError> {
    let parameters = [stored_by.milliseconds().into()];
    let rows = ask(engine, Statement::new(HAS_WAITING_FILE, parameters)).await?;
    Ok(!rows.is_empty())
}

fn most(limit: usize) -> Value {
    i64::try_from(limit).unwrap_or(i64::MAX).into()
}

fn size(columns: &mut Columns<'_>) -> Result<usize, StoreError> {
    columns.number()
}
