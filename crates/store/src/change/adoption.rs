//! Adoption: a visitor has logged in, and their place goes to the user whom they are.
//!
//! Whether the user has a place already is decided by the statements themselves: of the two ways
//! one finds nothing to do. The visitor's place is found by its user, so the event is written
//! before the place moves.

use super::Plan;
use super::event::take_number_of;
use crate::engine::Value;
use crate::event_key::newest_key;
use countersign_core::id::{ConversationId, UserId};
use countersign_core::ports::change::Expectation;
use countersign_credential::time::Timestamp;

const TELL: &str = concat!(
    "INSERT INTO events (key, author_id, kind, body, subject_id, assurance, counted, created_at) \
     SELECT ",
    newest_key!(),
    ", v.id, 'member:adopted', '{}', v.id, 'verified', 0, $4 FROM conversations c JOIN members v \
     ON v.application_id = c.application_id AND v.conversation_id = c.id \
     WHERE c.application_id = $1 AND c.id = $2 AND v.user_id = $3 AND v.state <> 'left' \
     RETURNING 1"
);
/// Who was invited comes in with the visitor's place, and has seen what the visitor has seen.
const MERGE_PLACES: &str = "UPDATE members SET \
     changed_at = CASE WHEN members.state = 'joined' THEN members.changed_at ELSE $5 END, \
     joined_at = CASE WHEN members.state = 'joined' OR v.state <> 'joined' \
         THEN members.joined_at ELSE $5 END, \
     state = CASE WHEN v.state = 'joined' THEN v.state ELSE members.state END, \
     delivered = CASE WHEN v.delivered > members.delivered THEN v.delivered \
         ELSE members.delivered END, \
     seen = CASE WHEN v.seen > members.seen THEN v.seen ELSE members.seen END \
     FROM members v WHERE members.application_id = $1 AND members.conversation_id = $2 \
     AND members.user_id = $4 AND members.state <> 'left' AND v.application_id = $1 \
     AND v.conversation_id = $2 AND v.user_id = $3 AND v.state <> 'left'";
const MOVE_CREATOR: &str = "UPDATE conversations SET creator_member_id = p.id \
     FROM members v JOIN members p \
     ON p.application_id = v.application_id AND p.conversation_id = v.conversation_id \
     WHERE conversations.application_id = $1 AND conversations.id = $2 \
     AND v.application_id = $1 AND v.conversation_id = $2 AND v.user_id = $3 \
     AND v.state <> 'left' AND v.id = conversations.creator_member_id \
     AND p.user_id = $4 AND p.state <> 'left'";
const LEAVE_TO_PLACE: &str = "UPDATE members \
     SET state = 'left', changed_at = $5, left_at = $5, adopted_by = p.id FROM members p \
     WHERE members.application_id = $1 AND members.conversation_id = $2 \
     AND members.user_id = $3 AND members.state <> 'left' AND p.application_id = $1 \
     AND p.conversation_id = $2 AND p.user_id = $4 AND p.state <> 'left'";
const MOVE_PLACE: &str = "UPDATE members SET user_id = $4 WHERE application_id = $1 \
     AND conversation_id = $2 AND user_id = $3 AND state <> 'left'";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[TELL, MERGE_PLACES, MOVE_CREATOR, LEAVE_TO_PLACE, MOVE_PLACE];

/// Moves a visitor's place to a user.
pub(super) fn adopt(
    plan: &mut Plan,
    conversation: ConversationId,
    from: UserId,
    to: UserId,
    at: Timestamp,
) {
    let key = [plan.application(), conversation.bytes().into()];
    let places = [from.bytes().into(), to.bytes().into()];
    let at_ms = [at.milliseconds().into()];
    let parameters = |parts: &[&[Value]]| parts.concat();
    take_number_of(plan, Expectation::VisitorPlace, conversation, at);
    let told = parameters(&[&key, &places[..1], &at_ms]);
    plan.expect(Expectation::VisitorPlace, TELL, told);
    plan.run(MERGE_PLACES, parameters(&[&key, &places, &at_ms]));
    plan.run(MOVE_CREATOR, parameters(&[&key, &places]));
    plan.run(LEAVE_TO_PLACE, parameters(&[&key, &places, &at_ms]));
    plan.run(MOVE_PLACE, parameters(&[&key, &places]));
}
