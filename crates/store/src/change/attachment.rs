//! Attachments: a file within its author's quota.

use super::{Plan, author_bytes, member};
use crate::columns::integer;
use countersign_core::ports::change::{Expectation, NewAttachment};

const LOCK: &str = "UPDATE conversations SET updated_at = updated_at \
     WHERE application_id = $1 AND id = $2 RETURNING 1";
const ADD: &str = "INSERT INTO attachments (application_id, id, conversation_id, author, \
     file_name, media_type, bytes, created_at, content) \
     SELECT c.application_id, $3, c.id, $4, $5, $6, $7, $8, $9 FROM conversations c \
     WHERE c.application_id = $1 AND c.id = $2 RETURNING 1";
const IS_WITHIN: &str = "SELECT 1 FROM (SELECT CAST(sum(bytes) AS BIGINT) AS used \
     FROM attachments WHERE application_id = $1 AND author = $2) a WHERE a.used <= $3";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[LOCK, ADD, IS_WITHIN];

/// Adds a file of who is joined, and then looks whether all of its author's are within the quota.
pub(super) fn add(plan: &mut Plan, new: NewAttachment) {
    let attachment = new.attachment;
    let conversation = attachment.conversation;
    let key = [plan.application(), conversation.bytes().into()];
    plan.expect(Expectation::Conversation, LOCK, key);
    member::expect_guard(plan, conversation, new.guard);
    let author = author_bytes(new.author);
    let quota = [
        plan.application(),
        author.clone().into(),
        integer(new.quota_bytes).into(),
    ];
    let parameters = [
        plan.application(),
        conversation.bytes().into(),
        attachment.id.bytes().into(),
        author.into(),
        attachment.file_name.into(),
        attachment.media_type.into(),
        integer(attachment.bytes).into(),
        attachment.created_at.milliseconds().into(),
        new.content.into(),
    ];
    plan.expect(Expectation::Conversation, ADD, parameters);
    plan.expect(Expectation::Quota, IS_WITHIN, quota);
}
