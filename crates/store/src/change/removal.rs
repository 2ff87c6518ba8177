//! Removal: rows that nothing needs any more go for good.
//!
//! Each statement tells by itself whether its rows may go, so that what went on since the janitor
//! looked stays, and another janitor's work is no error.

use super::{Plan, revocation};
use crate::columns::{integer, is_alone};
use countersign_core::id::UserId;
use countersign_core::model::session::{EndReason, Session};
use countersign_core::ports::upkeep::Remains;
use countersign_credential::time::Timestamp;

const SESSION_ENDED: &str = "DELETE FROM sessions WHERE application_id = $1 AND id = $2 \
     AND generation = $3 AND rotated_at = $4 AND ended_at IS NOT NULL RETURNING 1";
const SESSION_OPEN: &str = "DELETE FROM sessions WHERE application_id = $1 AND id = $2 \
     AND generation = $3 AND rotated_at = $4 AND ended_at IS NULL RETURNING 1";
/// The kind is that of a session.
const LEAVE_TOMBSTONE: &str = revocation::upsert!(
    "SELECT s.application_id, 1, s.id, s.rotated_at, s.rotated_at, s.expires_at FROM sessions s \
     WHERE s.application_id = $1 AND s.id = $2 AND s.generation = $3 AND s.rotated_at = $4 \
     AND s.dialect = 'anonymous' AND s.expires_at > $5"
);

/// Locks all conversations in which a visitor ever had a place.
const LOCK_ALL: &str = "UPDATE conversations SET updated_at = updated_at \
     WHERE application_id = $1 AND id IN (SELECT m.conversation_id FROM members m \
     WHERE m.application_id = $1 AND m.user_id = $2)";
/// Those in which nobody else ever had a place or wrote, of a visitor who has no session and of
/// whose conversations none has changed since the moment.
const LEAVE_OWN: &str = concat!(
    "INSERT INTO leftovers (application_id, conversation_id, number) \
     SELECT c.application_id, c.id, c.number FROM conversations c WHERE c.application_id = $1 \
     AND c.id IN (SELECT m.conversation_id FROM members m \
       WHERE m.application_id = $1 AND m.user_id = $2) \
     AND EXISTS (SELECT 1 FROM users u \
       WHERE u.application_id = $1 AND u.id = $2 AND u.anonymous = 1) \
     AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.application_id = $1 AND s.user_id = $2) \
     AND NOT EXISTS (SELECT 1 FROM members m JOIN conversations n \
       ON n.application_id = m.application_id AND n.id = m.conversation_id \
       WHERE m.application_id = $1 AND m.user_id = $2 AND n.updated_at > $3) AND ",
    is_alone!("$2")
);
const CONVERSATIONS: &str = "DELETE FROM conversations WHERE application_id = $1 \
     AND id IN (SELECT m.conversation_id FROM members m JOIN leftovers l \
       ON l.application_id = m.application_id AND l.conversation_id = m.conversation_id \
       WHERE m.application_id = $1 AND m.user_id = $2) RETURNING 1";
const PLACES: &str = "DELETE FROM members WHERE application_id = $1 AND user_id = $2 \
     AND EXISTS (SELECT 1 FROM leftovers l WHERE l.application_id = members.application_id \
       AND l.conversation_id = members.conversation_id)";
/// Whoever still has a place stays, since events name who sent them by it.
const VISITOR: &str = "DELETE FROM users WHERE application_id = $1 AND id = $2 AND anonymous = 1 \
     AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.application_id = $1 AND s.user_id = $2) \
     AND NOT EXISTS (SELECT 1 FROM members m WHERE m.application_id = $1 AND m.user_id = $2) \
     RETURNING 1";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[
    SESSION_ENDED,
    SESSION_OPEN,
    LEAVE_TOMBSTONE,
    LOCK_ALL,
    LEAVE_OWN,
    CONVERSATIONS,
    PLACES,
    VISITOR,
];

/// Removes the row of a session, if it is as it was read. One that nobody has ended was over by
/// time.
pub(super) fn session(plan: &mut Plan, session: &Session, at: Timestamp) {
    let parameters = [
        plan.application(),
        session.id.bytes().into(),
        integer(session.generation.into()).into(),
        session.rotated_at.milliseconds().into(),
    ];
    if session.credential.is_none() {
        let at = [at.milliseconds().into()];
        plan.run(LEAVE_TOMBSTONE, [parameters.as_slice(), &at].concat());
    }
    if session.ended.is_some() {
        plan.run(SESSION_ENDED, parameters);
    } else {
        plan.run(SESSION_OPEN, parameters);
        plan.ends(EndReason::TimedOut);
    }
    plan.removes(Remains::Session);
    let credential = session.credential.as_ref();
    if credential.is_some_and(|credential| credential.one_time_id.is_some()) {
        plan.removes(Remains::UsedCredential);
    }
}

/// Removes what is a silent visitor's alone; their events and files go some at a time.
pub(super) fn visitor(plan: &mut Plan, user: UserId, silent_since: Timestamp) {
    let key = [plan.application(), user.bytes().into()];
    let [application, id] = key.clone();
    plan.run(LOCK_ALL, key.clone());
    let silent_since = silent_since.milliseconds().into();
    plan.run(LEAVE_OWN, [application, id, silent_since]);
    plan.run(CONVERSATIONS, key.clone());
    plan.removes(Remains::Conversation);
    plan.run(PLACES, key.clone());
    plan.run(VISITOR, key);
    plan.removes(Remains::Visitor);
}
