//! Events: append, edit, delete. Two statements for a message, and one
//! that tells its number and who sent it.

use super::{Plan, attachment};
use crate::engine::Value;
use crate::event_key::{conversation_number, event_key, event_number, newest_key, number_value};
use crate::read::person;
use crate::reason;
use countersign_core::id::{ConversationId, MemberId};
use countersign_core::model::event::{Assurance, Author, EventKind};
use countersign_core::model::member::Reason;
use countersign_core::ports::change::{Expectation, NewEvent, Touch};
use countersign_credential::time::Timestamp;

/// Locks the conversation, and answers the number that the event gets.
const TAKE_NUMBER: &str = "UPDATE conversations \
     SET last_event_id = last_event_id + 1, updated_at = $3 \
     WHERE application_id = $1 AND id = $2 RETURNING last_event_id";
/// The same, where the number is asked for with who sends the event: SQLite makes a table for each
/// row that an UPDATE answers.
const RAISE_NUMBER: &str = "UPDATE conversations \
     SET last_event_id = last_event_id + 1, updated_at = $3 \
     WHERE application_id = $1 AND id = $2 RETURNING 1";
macro_rules! append_of_place {
    ($place:literal) => {
        concat!(
            "INSERT INTO events (key, author_id, kind, body, assurance, counted, created_at, \
             touches, client_id, client_digest) SELECT ",
            newest_key!(),
            ", m.id, $4, $5, $6, $7, $8, $9, $10, $11 FROM conversations c JOIN members m \
             ON m.application_id = c.application_id AND m.conversation_id = c.id \
             WHERE c.application_id = $1 AND c.id = $2 AND ",
            $place,
            " AND m.state = 'joined' AND m.state <> 'left' RETURNING 1"
        )
    };
}

const APPEND_OF_USER: &str = append_of_place!("m.user_id = $3");
const APPEND_OF_MEMBER: &str = append_of_place!("m.id = $3");
const APPEND_OF_BACKEND: &str = concat!(
    "INSERT INTO events (key, author_id, kind, body, assurance, counted, created_at, touches, \
     client_id, client_digest) SELECT ",
    newest_key!(),
    ", $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM conversations c \
     WHERE c.application_id = $1 AND c.id = $2 RETURNING 1"
);
/// The author's own place may be the one that is told of, and left by now.
macro_rules! tell_of_place {
    ($place:literal) => {
        concat!(
            "INSERT INTO events (key, author_id, kind, body, subject_id, assurance, counted, \
             created_at) SELECT ",
            newest_key!(),
            ", m.id, $4, $8, $5, $6, 0, $7 FROM conversations c JOIN members m \
             ON m.application_id = c.application_id AND m.conversation_id = c.id \
             WHERE c.application_id = $1 AND c.id = $2 AND ",
            $place,
            " AND (m.state <> 'left' OR m.id = $5) RETURNING 1"
        )
    };
}

const TELL_OF_USER: &str = tell_of_place!("m.user_id = $3");
const TELL_OF_MEMBER: &str = tell_of_place!("m.id = $3");
const TELL_OF_BACKEND: &str = concat!(
    "INSERT INTO events (key, author_id, kind, body, subject_id, assurance, counted, \
     created_at) SELECT ",
    newest_key!(),
    ", $3, $4, $8, $5, $6, 0, $7 FROM conversations c \
     WHERE c.application_id = $1 AND c.id = $2 RETURNING 1"
);
/// What a change to an event sets, of which it may be: any that can be changed.
macro_rules! touch {
    ($set:literal, $rest:expr) => {
        concat!(
            "UPDATE events SET ",
            $set,
            " WHERE key = (SELECT ",
            event_key!("c", "$3"),
            " FROM conversations c WHERE c.application_id = $1 AND c.id = $2) \
             AND counted = 1 AND deleted_at IS NULL",
            $rest,
            " RETURNING 1"
        )
    };
}

/// Whether a user has written the event, be it from a place that was merged into theirs.
macro_rules! own {
    ($user:literal) => {
        concat!(
            " AND EXISTS (SELECT 1 FROM members m LEFT JOIN members a \
             ON a.application_id = m.application_id AND a.conversation_id = m.conversation_id \
             AND a.id = m.adopted_by WHERE m.application_id = $1 AND m.conversation_id = $2 \
             AND m.id = events.author_id AND (m.user_id = ",
            $user,
            " OR a.user_id = ",
            $user,
            "))"
        )
    };
}

const EDIT: &str = touch!("body = $4, edited_at = $5", "");
const EDIT_OWN: &str = touch!("body = $4, edited_at = $5", own!("$6"));
const DELETE: &str = touch!("body = '{}', deleted_at = $4", "");
const DELETE_OWN: &str = touch!("body = '{}', deleted_at = $4", own!("$5"));
const BLANK_EDITS: &str = concat!(
    "UPDATE events SET body = $4 WHERE ",
    conversation_number!("events"),
    " = (SELECT ",
    number_value!("c"),
    " FROM conversations c WHERE c.application_id = $1 AND c.id = $2) AND touches = $3 AND kind = 'edit'"
);

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[
    TAKE_NUMBER,
    RAISE_NUMBER,
    APPEND_OF_USER,
    APPEND_OF_MEMBER,
    APPEND_OF_BACKEND,
    TELL_OF_USER,
    TELL_OF_MEMBER,
    TELL_OF_BACKEND,
    EDIT,
    EDIT_OWN,
    DELETE,
    DELETE_OWN,
    BLANK_EDITS,
];

/// Appends an event, and does to an earlier one what it says.
pub(super) fn append(plan: &mut Plan, new: NewEvent) {
    let conversation = new.conversation;
    let sender = person::query_of_sender(plan.application_id(), conversation, new.author);
    if sender.is_some() {
        let parameters = lock_parameters(plan, conversation, new.at);
        plan.expect(Expectation::Conversation, RAISE_NUMBER, parameters);
    } else {
        take_number(plan, conversation, new.at);
    }
    let touched = match &new.touches {
        Some(Touch::Edit { event, .. } | Touch::Delete { event }) => Some(event_number(*event)),
        None => None,
    };
    let (client_id, client_digest) = match new.client_id {
        Some(client_id) => (client_id.id.into(), client_id.digest.as_slice().into()),
        None => (Value::Null, Value::Null),
    };
    let parameters = [
        plan.application(),
        conversation.bytes().into(),
        author_id(new.author),
        new.kind.name().as_ref().into(),
        new.body.into(),
        new.assurance.as_str().into(),
        new.kind.is_counted().into(),
        new.at.milliseconds().into(),
        touched.into(),
        client_id,
        client_digest,
    ];
    match new.author {
        Author::User(_) => plan.expect(Expectation::Joined, APPEND_OF_USER, parameters),
        Author::Member(_) => plan.expect(Expectation::Joined, APPEND_OF_MEMBER, parameters),
        Author::ApiKey(_) | Author::Backend => {
            plan.expect(Expectation::Conversation, APPEND_OF_BACKEND, parameters);
        }
    }
    match sender {
        Some(query) => {
            plan.asks_sender(Some(query), new.assurance);
            plan.appends_to(conversation);
        }
        None => plan.asks_sender(person::query_of_key(new.author), new.assurance),
    }
    if let Some(touches) = new.touches {
        touch(plan, conversation, new.author, touches, new.at);
    }
}

fn touch(
    plan: &mut Plan,
    conversation: ConversationId,
    author: Author,
    touch: Touch,
    at: Timestamp,
) {
    let key = |event| {
        [
            plan.application(),
            conversation.bytes().into(),
            event_number(event).into(),
        ]
    };
    let own = match author {
        Author::User(user) => Some(Value::from(user.bytes())),
        // For whomever a backend speaks, it may do it to every event.
        Author::Member(_) | Author::ApiKey(_) | Author::Backend => None,
    };
    let at = Value::from(at.milliseconds());
    match touch {
        Touch::Edit { event, body } => {
            let sql = if own.is_some() { EDIT_OWN } else { EDIT };
            let parameters: Vec<Value> = key(event)
                .into_iter()
                .chain([body.into(), at])
                .chain(own)
                .collect();
            plan.expect(Expectation::EventTouchable, sql, parameters);
        }
        Touch::Delete { event } => {
            let sql = if own.is_some() { DELETE_OWN } else { DELETE };
            let parameters: Vec<Value> = key(event).into_iter().chain([at]).chain(own).collect();
            let blank = Value::from(format!(r#"{{"event_id":{event}}}"#));
            let edits: Vec<Value> = key(event).into_iter().chain([blank]).collect();
            plan.expect(Expectation::EventTouchable, sql, parameters);
            plan.run(BLANK_EDITS, edits);
            attachment::remove_of_event(plan, conversation, event);
        }
    }
}

/// Locks a conversation and raises its number; the event that gets it must follow.
pub(super) fn take_number(plan: &mut Plan, conversation: ConversationId, at: Timestamp) {
    take_number_of(plan, Expectation::Conversation, conversation, at);
}

/// The same, with what it means that there is no such conversation.
pub(super) fn take_number_of(
    plan: &mut Plan,
    expectation: Expectation,
    conversation: ConversationId,
    at: Timestamp,
) {
    let parameters = lock_parameters(plan, conversation, at);
    plan.expect(expectation, TAKE_NUMBER, parameters);
    plan.appends_to(conversation);
}

fn lock_parameters(plan: &Plan, conversation: ConversationId, at: Timestamp) -> [Value; 3] {
    [
        plan.application(),
        conversation.bytes().into(),
        at.milliseconds().into(),
    ]
}

/// An event that tells of a member.
pub(super) struct Told<'a> {
    pub(super) kind: EventKind,
    pub(super) author: Author,
    pub(super) subject: MemberId,
    pub(super) reason: Option<&'a Reason>,
    pub(super) assurance: Assurance,
    pub(super) at: Timestamp,
}

/// Appends the event that tells of a member, under the number that was taken. What its body says
/// is made when it is read; the row keeps why.
pub(super) fn append_told(plan: &mut Plan, conversation: ConversationId, told: &Told<'_>) {
    let parameters = [
        plan.application(),
        conversation.bytes().into(),
        author_id(told.author),
        told.kind.name().as_ref().into(),
        told.subject.bytes().into(),
        told.assurance.as_str().into(),
        told.at.milliseconds().into(),
        reason::text_of(told.reason).into(),
    ];
    match told.author {
        Author::User(_) => plan.expect(Expectation::Joined, TELL_OF_USER, parameters),
        Author::Member(_) => plan.expect(Expectation::Joined, TELL_OF_MEMBER, parameters),
        Author::ApiKey(_) | Author::Backend => {
            plan.expect(Expectation::Conversation, TELL_OF_BACKEND, parameters);
        }
    }
}

/// What names the author in a statement: a user, by whom the member is found, or what the event
/// keeps.
pub(crate) fn author_id(author: Author) -> Value {
    match author {
        Author::User(id) => id.bytes().into(),
        Author::Member(id) => id.bytes().into(),
        Author::ApiKey(id) => id.bytes().into(),
        Author::Backend => Value::from([].as_slice()),
    }
}
