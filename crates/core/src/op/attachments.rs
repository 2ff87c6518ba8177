//! Files: attach one to a conversation, and read it.
//!
//! What a file is, is recognised by its first bytes: what its sender calls it
//! decides nothing, since a browser that believed it would run it.

use super::conversations::{facts, view_for};
use super::visitor::keep;
use crate::access::action::Action;
use crate::access::authorize;
use crate::access::principal::Principal;
use crate::context::Ctx;
use crate::error::{Code, Error};
use crate::id::{AttachmentId, ConversationId};
use crate::limit;
use crate::model::attachment::Attachment;
use crate::model::media_type;
use crate::ports::change::{Change, NewAttachment};

/// A file to be attached.
#[derive(Debug)]
pub struct Attach {
    /// Where.
    pub conversation: ConversationId,
    /// What the sender calls it.
    pub file_name: Option<String>,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// Attaches a file to a conversation, whose members may read it from then on.
///
/// # Errors
/// `not_found` where who sends has no place, `not_permitted` for the invited;
/// `too_large` for a file that is, or that is one too many for its author.
pub async fn attach(ctx: &Ctx, principal: &Principal, attach: Attach) -> Result<Attachment, Error> {
    let media_type = media_type::recognised(&attach.content);
    let action = if media_type.starts_with("image/") {
        Action::UploadImage(attach.conversation)
    } else {
        Action::UploadMedia(attach.conversation)
    };
    let conditional = authorize(principal, &action)?;
    if attach.content.len() > limit::ATTACHMENT_BYTES_MAX {
        return Err(Error::new(Code::TooLarge, "the file is too large"));
    }
    if attach.content.is_empty() {
        return Err(Error::new(Code::BadRequest, "the file is empty")
            .hint("the request's body is the file itself"));
    }
    // Looked at first, so that no stranger's file gets as far as the writer; and
    // held to in the batch, since a place can be lost meanwhile.
    view_for(ctx, principal, conditional, attach.conversation).await?;
    let (permit, guard) = conditional.in_batch()?;
    let judge = ctx.judge_of(permit.application()).await?;
    let now = ctx.now();
    let attachment = Attachment {
        id: AttachmentId::new(now, &*ctx.random),
        conversation: attach.conversation,
        file_name: attach.file_name,
        media_type: media_type.to_owned(),
        bytes: attach.content.len() as u64,
        created_at: now,
    };
    let new = NewAttachment {
        attachment: attachment.clone(),
        author: principal.author(),
        guard,
        content: attach.content,
        quota_bytes: limit::ATTACHMENT_QUOTA_BYTES,
    };
    let mut changes = keep(principal, &judge, now);
    changes.push(Change::AddAttachment(Box::new(new)));
    ctx.store.commit(&permit, changes).await?;
    Ok(attachment)
}

/// Reads a file with its bytes.
///
/// # Errors
/// `not_found` where there is none, or who asks has no place in its
/// conversation; `not_permitted` for the invited.
pub async fn read_attachment(
    ctx: &Ctx,
    principal: &Principal,
    id: AttachmentId,
) -> Result<(Attachment, Vec<u8>), Error> {
    let conditional = authorize(principal, &Action::ReadMedia(id))?;
    let application = conditional.application();
    let not_found = || Error::not_found("file");
    let found = ctx.store.attachment(application, id).await?;
    let (attachment, content) = found.ok_or_else(not_found)?;
    let view = ctx
        .store
        .conversation(application, attachment.conversation, principal.user())
        .await?
        .ok_or_else(not_found)?;
    let refused = |error: Error| {
        // The same words as for a file that is not there.
        if error.code == Code::NotFound {
            not_found()
        } else {
            error
        }
    };
    conditional.given(&facts(&view)).map_err(refused)?;
    Ok((attachment, content))
}
