//! Attachments: a file within its author's quota, of a conversation or waiting for its event.

use super::{Plan, author_bytes, conversation, member, user};
use crate::columns::integer;
use crate::engine::Value;
use countersign_core::id::{AttachmentId, ConversationId, UserId};
use countersign_core::model::event::Author;
use countersign_core::ports::change::{Expectation, FileChange, NewAttachment};

const ADD: &str = "INSERT INTO attachments (application_id, id, conversation_id, author, \
     file_name, media_type, bytes, created_at, content) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const IS_WITHIN: &str = "SELECT 1 FROM (SELECT CAST(sum(bytes) AS BIGINT) AS used \
     FROM attachments WHERE application_id = $1 AND author = $2) a WHERE a.used <= $3";
const HAS_ROOM: &str = "SELECT 1 FROM (SELECT count(*) AS waiting FROM attachments \
     WHERE application_id = $1 AND author = $2 AND length(conversation_id) = 0) a \
     WHERE a.waiting <= $3";
const ATTACH: &str = "UPDATE attachments SET conversation_id = c.id, event_id = c.last_event_id \
     FROM conversations c WHERE c.application_id = $1 AND c.id = $2 \
     AND attachments.application_id = $1 AND attachments.id = $3 AND attachments.author = $4 \
     AND length(attachments.conversation_id) = 0";
const IS_ATTACHED: &str = "SELECT 1 FROM attachments \
     WHERE application_id = $1 AND conversation_id = $2 AND id = $3";
const REMOVE: &str = "DELETE FROM attachments WHERE application_id = $1 AND id = $2 RETURNING 1";
const REMOVE_OF_EVENT: &str = "DELETE FROM attachments \
     WHERE application_id = $1 AND conversation_id = $2 AND event_id = $3";
const REMOVE_WAITING_OF: &str = "DELETE FROM attachments \
     WHERE application_id = $1 AND author = $2 AND length(conversation_id) = 0";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[
    ADD,
    IS_WITHIN,
    HAS_ROOM,
    ATTACH,
    IS_ATTACHED,
    REMOVE,
    REMOVE_OF_EVENT,
    REMOVE_WAITING_OF,
];

/// Stores a file, gives it to an event, or removes it.
pub(super) fn change(plan: &mut Plan, change: FileChange) {
    match change {
        FileChange::Add(new) => add(plan, *new),
        FileChange::Attach {
            file,
            conversation,
            author,
        } => attach(plan, file, conversation, author),
        FileChange::Remove(file) => {
            let key = [plan.application(), file.bytes().into()];
            plan.expect(Expectation::File, REMOVE, key);
        }
    }
}

/// Removes the files that were given to an event.
pub(super) fn remove_of_event(plan: &mut Plan, conversation: ConversationId, event: u64) {
    let key = [
        plan.application(),
        conversation.bytes().into(),
        integer(event).into(),
    ];
    plan.run(REMOVE_OF_EVENT, key);
}

/// Removes the files of a user that nobody else has been shown.
pub(super) fn remove_waiting_of(plan: &mut Plan, user: UserId) {
    let author = author_bytes(Author::User(user)).into();
    plan.run(REMOVE_WAITING_OF, [plan.application(), author]);
}

/// Adds a file of who is joined, or one that waits, and then looks whether all of its author's are
/// within the quota.
fn add(plan: &mut Plan, new: NewAttachment) {
    let attachment = new.attachment;
    let author = author_bytes(attachment.author);
    match (attachment.conversation, attachment.author) {
        (Some(conversation), _) => {
            let key = [plan.application(), conversation.bytes().into()];
            plan.expect(Expectation::Conversation, conversation::LOCK, key);
            member::expect_guard(plan, conversation, new.guard);
        }
        (None, Author::User(id)) => user::lock(plan, id),
        (None, Author::Member(_) | Author::ApiKey(_) | Author::Backend) => {}
    }
    let parameters = [
        plan.application(),
        attachment.id.bytes().into(),
        conversation_bytes(attachment.conversation),
        author.clone().into(),
        attachment.file_name.into(),
        attachment.media_type.into(),
        integer(attachment.bytes).into(),
        attachment.created_at.milliseconds().into(),
        new.content.into(),
    ];
    plan.run(ADD, parameters);
    let most = |most| -> [Value; 3] {
        let author = author.clone().into();
        [plan.application(), author, integer(most).into()]
    };
    let (quota, room) = (most(new.quota_bytes), most(new.waiting_max));
    if attachment.conversation.is_none() {
        plan.expect(Expectation::WaitingRoom, HAS_ROOM, room);
    }
    plan.expect(Expectation::Quota, IS_WITHIN, quota);
}

/// Gives a file that waits to the newest event of a conversation. One that is the conversation's
/// stays with the event that named it first: another's naming must not outlive its deletion.
fn attach(plan: &mut Plan, file: AttachmentId, conversation: ConversationId, author: Author) {
    let key = [
        plan.application(),
        conversation.bytes().into(),
        file.bytes().into(),
    ];
    let author = [author_bytes(author).into()];
    plan.run(ATTACH, [key.as_slice(), &author].concat());
    plan.expect(Expectation::File, IS_ATTACHED, key);
}

fn conversation_bytes(conversation: Option<ConversationId>) -> Value {
    match conversation {
        Some(id) => id.bytes().into(),
        None => Value::from([].as_slice()),
    }
}
