//! Members: add, change, and the positions that they have reached.

use super::event::{Told, append_told, take_number};
use super::{Plan, author_bytes};
use crate::columns::integer;
use crate::event_key::newest_key;
use countersign_core::id::{ConversationId, MemberId, UserId};
use countersign_core::limit;
use countersign_core::model::event::{Author, EventKind};
use countersign_core::model::member::MemberState;
use countersign_core::ports::change::{Expectation, Guard, MemberChange, NewMember};
use countersign_credential::time::Timestamp;

const INSERT: &str = "INSERT INTO members \
     (application_id, conversation_id, id, user_id, state, delivered, seen, changed_at, \
     invited_at, joined_at, invited_by) \
     SELECT u.application_id, $2, $3, u.id, $5, 0, 0, $6, $7, $8, COALESCE($10, (SELECT w.id \
       FROM members w WHERE w.application_id = $1 AND w.conversation_id = $2 \
       AND w.user_id = $9 AND w.state <> 'left')) FROM users u \
     WHERE u.application_id = $1 AND u.id = $4 AND u.deleted_at IS NULL RETURNING 1";
const IS_JOINED: &str = "SELECT 1 FROM members WHERE application_id = $1 \
     AND conversation_id = $2 AND user_id = $3 AND state = 'joined' AND state <> 'left'";
const IS_CREATOR: &str = "SELECT 1 FROM conversations WHERE application_id = $1 AND id = $2 \
     AND author = $3 AND creator_member_id IS NULL";
/// The first place of who created the conversation is the creator's.
const ENTER_CREATOR: &str = "UPDATE conversations SET creator_member_id = $4 \
     WHERE application_id = $1 AND id = $2 AND author = $3 AND creator_member_id IS NULL";
const HAS_ROOM: &str = "SELECT 1 FROM (SELECT count(*) AS places FROM members \
     WHERE application_id = $1 AND conversation_id = $2 AND state <> 'left') p \
     WHERE p.places < $3";
const SET_STATE: &str = "UPDATE members SET state = $5, changed_at = $6, \
     joined_at = CASE WHEN $5 = 'joined' THEN $6 ELSE joined_at END, \
     left_at = CASE WHEN $5 = 'left' THEN $6 ELSE left_at END WHERE application_id = $1 \
     AND conversation_id = $2 AND id = $3 AND state = $4 RETURNING 1";
const HAS_PLACE: &str = "SELECT 1 FROM members \
     WHERE application_id = $1 AND user_id = $2 AND state <> 'left'";
const MOVE_POSITION: &str = "UPDATE members SET \
     delivered = CASE WHEN $4 > c.last_event_id THEN c.last_event_id \
         WHEN $4 > members.delivered THEN $4 ELSE members.delivered END, \
     seen = CASE WHEN $5 > c.last_event_id THEN c.last_event_id \
         WHEN $5 > members.seen THEN $5 ELSE members.seen END \
     FROM conversations c WHERE c.application_id = $1 AND c.id = $2 \
     AND members.application_id = $1 AND members.conversation_id = $2 AND members.user_id = $3 \
     AND members.state = 'joined' AND members.state <> 'left' RETURNING 1";

/// All conversations in which a user has a place: lock them and take a number in each, append the
/// event, end the place. The parameters are application, user and time.
pub(super) const LEFT_BY_DELETION: [&str; 3] = [
    "UPDATE conversations SET last_event_id = last_event_id + 1, updated_at = $3 \
     WHERE application_id = $1 AND id IN (SELECT m.conversation_id FROM members m \
     WHERE m.application_id = $1 AND m.user_id = $2 AND m.state <> 'left')",
    concat!(
        "INSERT INTO events (key, author_id, kind, body, subject_id, assurance, counted, \
         created_at) SELECT ",
        newest_key!(),
        ", m.id, 'member:left', '{}', m.id, 'verified', 0, $3 FROM members m JOIN conversations c \
         ON c.application_id = m.application_id AND c.id = m.conversation_id \
         WHERE m.application_id = $1 AND m.user_id = $2 AND m.state <> 'left'"
    ),
    "UPDATE members SET state = 'left', changed_at = $3, left_at = $3 \
     WHERE application_id = $1 AND user_id = $2 AND state <> 'left'",
];

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[
    HAS_PLACE,
    INSERT,
    IS_JOINED,
    IS_CREATOR,
    ENTER_CREATOR,
    HAS_ROOM,
    SET_STATE,
    MOVE_POSITION,
    LEFT_BY_DELETION[0],
    LEFT_BY_DELETION[1],
    LEFT_BY_DELETION[2],
];

/// Adds a place for a user, and the event that tells of it.
pub(super) fn add(plan: &mut Plan, new: &NewMember) {
    let conversation = new.conversation;
    take_number(plan, conversation, new.at);
    expect_guard(plan, conversation, new.guard);
    let parameters = [
        plan.application(),
        conversation.bytes().into(),
        integer(limit::MEMBERS_MAX).into(),
    ];
    plan.expect(Expectation::MemberRoom, HAS_ROOM, parameters);
    let inviter = (new.state == MemberState::Invited).then_some(new.author);
    let place = (new.member, new.user);
    insert(plan, conversation, place, new.state, inviter, new.at);
    let parameters = [
        plan.application(),
        conversation.bytes().into(),
        author_bytes(Author::User(new.user)).into(),
        new.member.bytes().into(),
    ];
    plan.run(ENTER_CREATOR, parameters);
    let told = Told {
        kind: kind_of(new.state),
        author: new.author,
        subject: new.member,
        reason: None,
        assurance: new.assurance,
        at: new.at,
    };
    append_told(plan, conversation, &told);
}

/// Moves a place from one state to another, with the event that tells of it.
pub(super) fn change(plan: &mut Plan, change: &MemberChange) {
    let conversation = change.conversation;
    take_number(plan, conversation, change.at);
    let parameters = [
        plan.application(),
        conversation.bytes().into(),
        change.member.bytes().into(),
        change.from.as_str().into(),
        change.to.as_str().into(),
        change.at.milliseconds().into(),
    ];
    plan.expect(Expectation::MemberState, SET_STATE, parameters);
    let told = Told {
        kind: kind_of(change.to),
        author: change.author,
        subject: change.member,
        reason: change.reason.as_ref(),
        assurance: change.assurance,
        at: change.at,
    };
    append_told(plan, conversation, &told);
}

/// Expects the membership that a user's change needs. The conversation is locked by now.
pub(super) fn expect_guard(plan: &mut Plan, conversation: ConversationId, guard: Guard) {
    let [application, id] = [plan.application(), conversation.bytes().into()];
    match guard {
        Guard::None => {}
        Guard::Joined(user) => {
            let parameters = [application, id, user.bytes().into()];
            plan.expect(Expectation::Joined, IS_JOINED, parameters);
        }
        Guard::Creator(user) => {
            let parameters = [application, id, author_bytes(Author::User(user)).into()];
            plan.expect(Expectation::PlaceFree, IS_CREATOR, parameters);
        }
    }
}

/// Misses where a visitor has a place that is not left.
pub(super) fn expect_no_place(plan: &mut Plan, user: UserId) {
    let parameters = [plan.application(), user.bytes().into()];
    plan.expect_none(Expectation::VisitorPlace, HAS_PLACE, parameters);
}

/// Moves a joined user's positions ahead, and never past the newest event.
pub(super) fn move_position(
    plan: &mut Plan,
    conversation: ConversationId,
    user: UserId,
    delivered: u64,
    seen: u64,
) {
    let parameters = [
        plan.application(),
        conversation.bytes().into(),
        user.bytes().into(),
        integer(delivered).into(),
        integer(seen).into(),
    ];
    plan.expect(Expectation::Joined, MOVE_POSITION, parameters);
}

/// Adds the row alone, of a user who exists.
pub(super) fn insert(
    plan: &mut Plan,
    conversation: ConversationId,
    (member, user): (MemberId, UserId),
    state: MemberState,
    inviter: Option<Author>,
    at: Timestamp,
) {
    let (by_user, by_member) = match inviter {
        Some(Author::User(user)) => (Some(user.bytes()), None),
        Some(Author::Member(member)) => (None, Some(member.bytes())),
        Some(Author::ApiKey(_) | Author::Backend) | None => (None, None),
    };
    let since = |of| (state == of).then_some(at.milliseconds()).into();
    let parameters = [
        plan.application(),
        conversation.bytes().into(),
        member.bytes().into(),
        user.bytes().into(),
        state.as_str().into(),
        at.milliseconds().into(),
        since(MemberState::Invited),
        since(MemberState::Joined),
        by_user.into(),
        by_member.into(),
    ];
    plan.expect(Expectation::User, INSERT, parameters);
}

fn kind_of(state: MemberState) -> EventKind {
    match state {
        MemberState::Invited => EventKind::MemberInvited,
        MemberState::Joined => EventKind::MemberJoined,
        MemberState::Left => EventKind::MemberLeft,
    }
}
