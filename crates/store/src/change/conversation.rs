//! Conversations: add, change, delete.

use super::event::{Told, append_told};
use super::{Plan, author_bytes, member};
use crate::columns::integer;
use crate::engine::Value;
use countersign_core::id::{ConversationId, MemberId, UserId};
use countersign_core::model::conversation::ConversationPatch;
use countersign_core::model::event::{Author, EventKind};
use countersign_core::model::member::MemberState;
use countersign_core::ports::change::{Expectation, NewConversation};
use countersign_credential::time::Timestamp;

/// For who adds to a conversation what must not come after its end, and for who ends it.
pub(super) const LOCK: &str = "UPDATE conversations SET updated_at = updated_at \
     WHERE application_id = $1 AND id = $2 RETURNING 1";
/// A number, and the one after it, fit into the 31 bits that leave a key its sign: the row of one
/// that does not is refused.
const ADD: &str = "INSERT INTO conversations (application_id, id, name, display_name, \
     image_url, custom_data, creator_member_id, last_event_id, created_at, updated_at, author, \
     client_id, client_digest, number) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
     (SELECT n.last FROM counters n WHERE n.name = 'conversations' \
     AND n.last < 2147483647)) RETURNING last_event_id";
/// The number of a conversation, by which its events are found, is never another's.
const COUNT: &str = "UPDATE counters SET last = last + 1 WHERE name = 'conversations'";
const HAS_ROOM: &str = "SELECT 1 FROM (SELECT count(*) AS places FROM members \
     WHERE application_id = $1 AND user_id = $2 AND state <> 'left') p WHERE p.places < $3";
const TOUCH: &str = "UPDATE conversations SET updated_at = $3 \
     WHERE application_id = $1 AND id = $2 RETURNING 1";
const SET_NAME: &str = "UPDATE conversations SET name = $3 WHERE application_id = $1 AND id = $2";
const SET_DISPLAY_NAME: &str =
    "UPDATE conversations SET display_name = $3 WHERE application_id = $1 AND id = $2";
const SET_IMAGE_URL: &str =
    "UPDATE conversations SET image_url = $3 WHERE application_id = $1 AND id = $2";
const SET_CUSTOM_DATA: &str =
    "UPDATE conversations SET custom_data = $3 WHERE application_id = $1 AND id = $2";
const DELETE: &str = "DELETE FROM conversations WHERE application_id = $1 AND id = $2";
const DELETE_MEMBERS: &str =
    "DELETE FROM members WHERE application_id = $1 AND conversation_id = $2";
const LEAVE: &str = "INSERT INTO leftovers (application_id, conversation_id, number) \
     SELECT c.application_id, c.id, c.number FROM conversations c \
     WHERE c.application_id = $1 AND c.id = $2";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[
    LOCK,
    ADD,
    COUNT,
    HAS_ROOM,
    TOUCH,
    SET_NAME,
    SET_DISPLAY_NAME,
    SET_IMAGE_URL,
    SET_CUSTOM_DATA,
    DELETE,
    DELETE_MEMBERS,
    LEAVE,
];

/// Adds a conversation, and the creator's place with the event that tells of it.
pub(super) fn add(plan: &mut Plan, new: &NewConversation) {
    let id = new.conversation.id;
    let creator = match (new.creator, new.author) {
        (Some(member), Author::User(user)) => Some((member, user)),
        (Some(_) | None, _) => None,
    };
    if let (Some((_, user)), Some(open_max)) = (creator, new.open_max) {
        let parameters = [
            plan.application(),
            user.bytes().into(),
            integer(open_max).into(),
        ];
        plan.expect(Expectation::ConversationRoom, HAS_ROOM, parameters);
    }
    let parameters = parameters(plan, new, creator.is_some());
    plan.run(COUNT, []);
    plan.run(ADD, parameters);
    if let Some((member, user)) = creator {
        plan.appends_to(id);
        add_creator(plan, new, member, user);
    }
}

fn add_creator(plan: &mut Plan, new: &NewConversation, member: MemberId, user: UserId) {
    let id = new.conversation.id;
    let at = new.conversation.created_at;
    member::insert(plan, id, (member, user), MemberState::Joined, None, at);
    let told = Told {
        kind: EventKind::MemberJoined,
        author: new.author,
        subject: member,
        reason: None,
        assurance: new.assurance,
        at,
    };
    append_told(plan, id, &told);
}

/// Changes what the patch names.
pub(super) fn change(plan: &mut Plan, id: ConversationId, patch: ConversationPatch, at: Timestamp) {
    let with = |plan: &Plan, value: Value| [plan.application(), id.bytes().into(), value];
    let parameters = with(plan, at.milliseconds().into());
    plan.expect(Expectation::Conversation, TOUCH, parameters);
    for (sql, changed) in [
        (SET_NAME, patch.name),
        (SET_DISPLAY_NAME, patch.display_name),
        (SET_IMAGE_URL, patch.image_url),
        (SET_CUSTOM_DATA, patch.custom_data),
    ] {
        if let Some(changed) = changed {
            let parameters = with(plan, changed.into());
            plan.run(sql, parameters);
        }
    }
}

/// Deletes a conversation, so that nothing in it is found any more. Its events and files may be
/// many: the janitor removes them, some at a time.
pub(super) fn delete(plan: &mut Plan, id: ConversationId) {
    let key = [plan.application(), id.bytes().into()];
    plan.expect(Expectation::Conversation, LOCK, key.clone());
    plan.run(LEAVE, key.clone());
    plan.run(DELETE, key.clone());
    plan.run(DELETE_MEMBERS, key);
}

fn parameters(plan: &Plan, new: &NewConversation, has_creator: bool) -> [Value; 13] {
    let conversation = &new.conversation;
    let creator = new.creator.filter(|_| has_creator);
    let client_id = new.client_id.as_ref();
    [
        plan.application(),
        conversation.id.bytes().into(),
        conversation.name.as_deref().into(),
        conversation.display_name.as_deref().into(),
        conversation.image_url.as_deref().into(),
        conversation.custom_data.as_deref().into(),
        creator.map(|id| id.bytes()).into(),
        i64::from(has_creator).into(),
        conversation.created_at.milliseconds().into(),
        conversation.updated_at.milliseconds().into(),
        author_bytes(new.author).into(),
        client_id.map(|client_id| client_id.id.as_str()).into(),
        client_id
            .map(|client_id| client_id.digest.as_slice())
            .into(),
    ]
}
