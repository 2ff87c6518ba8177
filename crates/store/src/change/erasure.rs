//! Erasure: it begins in one batch, and what it takes goes some at a time.
//!
//! Each statement says by itself what is left to do, so that a piece which is done twice, after a
//! crash or by another node, changes nothing the second time. Messages go as if their author had
//! deleted each: the row stays, without its body, and an event tells of it, so that numbers have
//! no holes and a device that was away hears of it, too.

use super::{Plan, audit, author_bytes, password};
use crate::columns::only_members_wrote;
use crate::engine::Value;
use crate::event_key::{conversation_number, event_id, event_key, event_number, key};
use countersign_core::id::{ConversationId, MemberId, UserId};
use countersign_core::model::event::Author;
use countersign_core::ports::change::Expectation;
use countersign_core::ports::upkeep::Remains;
use countersign_credential::time::Timestamp;

/// Who is deleted is still there to be erased.
const EXISTS: &str = "SELECT 1 FROM users WHERE application_id = $1 AND id = $2";
const BEGIN: &str = "INSERT INTO erasures \
     (application_id, user_id, asked_for, begun_at, events, files, sessions) \
     VALUES ($1, $2, $2, $3, 0, 0, 0) ON CONFLICT (application_id, user_id) DO NOTHING";
/// Visitors who turned out to be the user: their place was merged into one of the user's, or their
/// session ended as one of the user's was opened on the same device.
macro_rules! begin_of_visitors {
    ($whose:literal) => {
        concat!(
            "INSERT INTO erasures \
             (application_id, user_id, asked_for, begun_at, events, files, sessions) \
             SELECT u.application_id, u.id, $2, $3, 0, 0, 0 FROM users u \
             WHERE u.application_id = $1 AND u.anonymous = 1 AND u.id IN (",
            $whose,
            ") ON CONFLICT (application_id, user_id) DO NOTHING"
        )
    };
}

const BEGIN_OF_MERGED: &str = begin_of_visitors!(
    "SELECT v.user_id FROM members p JOIN members v \
     ON v.application_id = p.application_id AND v.adopted_by = p.id \
     WHERE p.application_id = $1 AND p.user_id = $2"
);
const BEGIN_OF_ADOPTED: &str = begin_of_visitors!(
    "SELECT v.user_id FROM sessions s JOIN sessions v \
     ON v.application_id = s.application_id AND v.device_id = s.device_id \
     AND v.ended_at = s.opened_at AND v.ended_why = 'adopted' \
     WHERE s.application_id = $1 AND s.user_id = $2"
);
/// Nothing of theirs comes after what is the last event now: they have left by it.
const BEGIN_OF_PLACES: &str = "INSERT INTO erasure_places \
     (application_id, conversation_id, member_id, asked_for, after_id, until_id, taken) \
     SELECT m.application_id, m.conversation_id, m.id, x.asked_for, 0, c.last_event_id, 0 \
     FROM erasures x JOIN members m ON m.application_id = x.application_id \
     AND m.user_id = x.user_id JOIN conversations c ON c.application_id = m.application_id \
     AND c.id = m.conversation_id WHERE x.application_id = $1 AND x.asked_for = $2 \
     AND x.taken_at IS NULL ON CONFLICT (application_id, conversation_id, member_id) DO NOTHING";

/// What a member has written in a part of the history: the key that it follows, its last key, and
/// the member.
macro_rules! written {
    ($event:literal, $after:literal, $last:literal, $member:literal) => {
        concat!(
            $event,
            "key > ",
            $after,
            " AND ",
            $event,
            "key <= ",
            $last,
            " AND ",
            $event,
            "author_id = ",
            $member
        )
    };
}

/// The files that were given to what a member has written in a part of the history: application,
/// conversation, the key before all of its events, the number that the part follows, its last
/// number, the member, and how many at most.
macro_rules! files_given {
    () => {
        "SELECT a.id FROM attachments a JOIN events e \
         ON e.key = a.event_id + CAST($3 AS BIGINT) \
         WHERE a.application_id = $1 AND a.conversation_id = $2 AND a.event_id > $4 \
         AND a.event_id <= $5 AND e.author_id = $6 LIMIT $7"
    };
}
pub(crate) use files_given;

/// Locks the conversation, and takes a number for each message that goes.
const TAKE_NUMBERS: &str = concat!(
    "UPDATE conversations SET last_event_id = last_event_id + (SELECT count(*) FROM events e \
     WHERE ",
    written!("e.", "$3", "$4", "$5"),
    " AND e.counted = 1 AND e.deleted_at IS NULL), updated_at = $6 \
     WHERE application_id = $1 AND id = $2 RETURNING last_event_id"
);
const TELL: &str = concat!(
    "INSERT INTO events (key, author_id, kind, body, assurance, counted, created_at, touches) \
     SELECT ",
    event_key!("c", "c.last_event_id - n.total + n.place"),
    ", n.author_id, 'delete', '{\"event_id\":' || CAST(n.id AS TEXT) || '}', n.assurance, 0, $6, \
     n.id FROM (SELECT ",
    event_id!("e"),
    " AS id, e.author_id, e.assurance, row_number() OVER (ORDER BY e.key) AS place, \
       count(*) OVER () AS total FROM events e WHERE ",
    written!("e.", "$3", "$4", "$5"),
    " AND e.counted = 1 AND e.deleted_at IS NULL) n JOIN conversations c \
     ON c.application_id = $1 AND c.id = $2"
);
/// By the conversation's number and the part's numbers, then by its keys and the member.
const BLANK_EDITS: &str = concat!(
    "UPDATE events SET body = '{\"event_id\":' || CAST(touches AS TEXT) || '}', client_id = NULL, \
     client_digest = NULL WHERE ",
    conversation_number!("events"),
    " = $1 AND kind = 'edit' AND touches > $2 AND touches <= $3 AND touches IN (SELECT ",
    event_id!("e"),
    " FROM events e WHERE ",
    written!("e.", "$4", "$5", "$6"),
    ")"
);
const BLANK: &str = concat!(
    "UPDATE events SET body = CASE WHEN touches IS NULL THEN '{}' \
       ELSE '{\"event_id\":' || CAST(touches AS TEXT) || '}' END, \
     deleted_at = CASE WHEN counted = 1 THEN COALESCE(deleted_at, $4) ELSE deleted_at END, \
     client_id = NULL, client_digest = NULL WHERE ",
    written!("", "$1", "$2", "$3"),
    " RETURNING 1"
);
/// Why somebody asked them in, or out.
const BLANK_REASONS: &str = "UPDATE events SET body = '{}' WHERE key > $1 AND key <= $2 \
     AND subject_id = $3 AND body <> '{}'";
const FILES_OF_EVENTS: &str = concat!(
    "DELETE FROM attachments WHERE application_id = $1 AND id IN (",
    files_given!(),
    ") RETURNING 1"
);
const ADVANCE: &str = "UPDATE erasure_places SET after_id = $4, \
     taken = CASE WHEN until_id <= $4 THEN 1 ELSE 0 END \
     WHERE application_id = $1 AND conversation_id = $2 AND member_id = $3";
const FORGET_CLIENT_ID: &str = "UPDATE conversations SET client_id = NULL, client_digest = NULL \
     WHERE application_id = $1 AND id = $2 AND creator_member_id = $3 AND client_id IS NOT NULL";
/// A conversation that who is erased has created, and in which no other user ever had a place.
macro_rules! never_anybodys_else {
    ($forget:literal, $rest:expr) => {
        concat!(
            "UPDATE conversations SET ",
            $forget,
            " WHERE application_id = $1 AND id = $2 AND creator_member_id = $3 \
             AND NOT EXISTS (SELECT 1 FROM members o WHERE o.application_id = $1 \
               AND o.conversation_id = $2 AND NOT EXISTS (SELECT 1 FROM erasures x \
                 WHERE x.application_id = o.application_id AND x.user_id = o.user_id))",
            $rest
        )
    };
}

/// What was said of a chat was said by who is erased, though a backend has answered.
const FORGET_DATA: &str = never_anybodys_else!("custom_data = NULL", "");
/// What a conversation is called is theirs who are in it, backends included.
const FORGET_NAMES: &str = never_anybodys_else!(
    "name = NULL, display_name = NULL, image_url = NULL",
    concat!(
        " AND EXISTS (SELECT 1 FROM conversations c WHERE c.application_id = $1 AND c.id = $2 \
         AND ",
        only_members_wrote!(),
        ")"
    )
);

const SESSIONS: &str = "DELETE FROM sessions WHERE application_id = $1 \
     AND id IN (SELECT s.id FROM sessions s WHERE s.application_id = $1 AND s.user_id = $2 \
     AND s.dialect <> 'anonymous' LIMIT $3) RETURNING 1";
/// A visitor without a row is one who has written nothing yet, so theirs stays until the janitor
/// may take it.
const VISITS: &str = "UPDATE sessions SET device_name = NULL WHERE application_id = $1 \
     AND id IN (SELECT s.id FROM sessions s WHERE s.application_id = $1 AND s.user_id = $2 \
     AND s.device_name IS NOT NULL LIMIT $3)";
const FILES: &str = "DELETE FROM attachments WHERE application_id = $1 \
     AND id IN (SELECT a.id FROM attachments a WHERE a.application_id = $1 AND a.author = $2 \
     LIMIT $3) RETURNING 1";
const USER: &str = "UPDATE users SET name = NULL, external_id = NULL, email = NULL, \
     display_name = NULL, image_url = NULL, custom_data = NULL, described = NULL, \
     deleted_at = COALESCE(deleted_at, $3) WHERE application_id = $1 AND id = $2";
const TAKEN: &str = "UPDATE erasures SET taken_at = $3 WHERE application_id = $1 AND user_id = $2 \
     AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.application_id = $1 AND s.user_id = $2 \
       AND (s.dialect <> 'anonymous' OR s.device_name IS NOT NULL)) \
     AND NOT EXISTS (SELECT 1 FROM attachments a WHERE a.application_id = $1 AND a.author = $4)";
const FORGET_PLACES: &str = "DELETE FROM erasure_places WHERE application_id = $1 \
     AND asked_for = $2 AND EXISTS (SELECT 1 FROM erasures x WHERE x.application_id = $1 \
       AND x.user_id = $2 AND x.taken_at IS NOT NULL)";
const COUNT: &str = "UPDATE erasures SET events = events + CAST($3 AS BIGINT), \
     files = files + CAST($4 AS BIGINT), sessions = sessions + CAST($5 AS BIGINT) \
     WHERE application_id = $1 AND user_id = $2";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[
    EXISTS,
    BEGIN,
    BEGIN_OF_MERGED,
    BEGIN_OF_ADOPTED,
    BEGIN_OF_PLACES,
    TAKE_NUMBERS,
    TELL,
    BLANK_EDITS,
    BLANK,
    BLANK_REASONS,
    FILES_OF_EVENTS,
    ADVANCE,
    FORGET_CLIENT_ID,
    FORGET_DATA,
    FORGET_NAMES,
    SESSIONS,
    VISITS,
    FILES,
    USER,
    TAKEN,
    FORGET_PLACES,
    COUNT,
];

/// A part of a conversation in which a member has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) conversation: ConversationId,
    /// The conversation's own, in the keys of its events.
    pub(crate) number: i64,
    pub(crate) member: MemberId,
    /// The number that it follows.
    pub(crate) after: u64,
    /// Its last number.
    pub(crate) last: u64,
    /// How many events the member has written in it.
    pub(crate) events: usize,
    /// How many files were given to these.
    pub(crate) files: usize,
    pub(crate) ends: End,
}

/// What a person has besides, as far as a piece takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) user: UserId,
    pub(crate) sessions: usize,
    /// At most so many of their sessions from before they logged in.
    pub(crate) visits: usize,
    pub(crate) files: usize,
}

/// How far a part goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// There are more files than fit: only they go, and the part is taken again.
    Files,
    /// More events may follow.
    Events,
    /// It is the last.
    Place,
}

/// Notes whom to erase, and where they have written.
pub(super) fn begin(plan: &mut Plan, user: UserId, at: Timestamp) {
    let key = [plan.application(), user.bytes().into()];
    let [application, id] = key.clone();
    let at_the_time = [application, id, at.milliseconds().into()];
    plan.expect(Expectation::User, EXISTS, key.clone());
    plan.run(BEGIN, at_the_time.clone());
    plan.run(BEGIN_OF_MERGED, at_the_time.clone());
    plan.run(BEGIN_OF_ADOPTED, at_the_time);
    plan.run(BEGIN_OF_PLACES, key);
}

/// Takes what a member has written in a part of a conversation.
pub(crate) fn take_part(plan: &mut Plan, part: &Part, at: Timestamp) {
    let [application, conversation] = [plan.application(), part.conversation.bytes().into()];
    let member = Value::from(part.member.bytes());
    let keys = [part.after, part.last].map(|id| Value::from(key(part.number, id)));
    let numbers = [part.after, part.last].map(|id| Value::from(event_number(id)));
    let place = [application, conversation, member.clone()];
    let written = [keys.as_slice(), &place[2..]].concat();
    if part.files > 0 {
        let first = [key(part.number, 0).into()];
        let most = [most(part.files)];
        let given = [&place[..2], &first, &numbers, &place[2..], &most].concat();
        plan.run(FILES_OF_EVENTS, given);
        plan.removes(Remains::File);
    }
    if part.ends == End::Files {
        return;
    }
    if part.events > 0 {
        let at = [Value::from(at.milliseconds())];
        let in_place = [&place[..2], &written, &at].concat();
        plan.run(TAKE_NUMBERS, in_place.clone());
        plan.appends_to(part.conversation);
        plan.run(TELL, in_place);
        let edits = [&[part.number.into()], numbers.as_slice(), &written].concat();
        plan.run(BLANK_EDITS, edits);
        plan.run(BLANK, [written.as_slice(), &at].concat());
        plan.removes(Remains::Event);
    }
    plan.run(BLANK_REASONS, written);
    plan.run(ADVANCE, [place.as_slice(), &numbers[1..]].concat());
    if part.ends == End::Place {
        plan.run(FORGET_CLIENT_ID, place.clone());
        plan.run(FORGET_DATA, place.clone());
        plan.run(FORGET_NAMES, place);
    }
}

/// Takes sessions, files and all that tells who somebody is, and notes where that was all of it.
pub(crate) fn take_person(plan: &mut Plan, person: &Person, at: Timestamp) {
    let key: [Value; 2] = [plan.application(), person.user.bytes().into()];
    let with = |value: Value| [key.as_slice(), &[value]].concat();
    let author = Value::from(author_bytes(Author::User(person.user)));
    plan.run(SESSIONS, with(most(person.sessions)));
    plan.removes(Remains::Session);
    plan.run(VISITS, with(most(person.visits)));
    let files = [plan.application(), author.clone(), most(person.files)];
    plan.run(FILES, files);
    plan.removes(Remains::File);
    password::forget(plan, person.user);
    audit::erase_details(plan, person.user);
    let at = Value::from(at.milliseconds());
    plan.run(USER, with(at.clone()));
    plan.run(TAKEN, [with(at).as_slice(), &[author]].concat());
    plan.run(FORGET_PLACES, key);
}

/// Adds to what the erasure of a user tells that it took.
pub(crate) fn count(plan: &mut Plan, asked_for: UserId, taken: [usize; 3]) {
    let [events, files, sessions] = taken.map(most);
    let parameters = [
        plan.application(),
        asked_for.bytes().into(),
        events,
        files,
        sessions,
    ];
    plan.run(COUNT, parameters);
}

fn most(limit: usize) -> Value {
    i64::try_from(limit).unwrap_or(i64::MAX).into()
}
