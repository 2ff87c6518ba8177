//! Files: attach one to a conversation, read it, delete it.
//!
//! What a file is, is recognised by its first bytes: what its sender calls it
//! decides nothing, since a browser that believed it would run it.
//!
//! Where a protocol has an image before it has a conversation for it, the image
//! waits for the event that will name it: until then it is its author's alone.

use super::conversations::{facts, view_for};
use super::visitor::keep;
use crate::access::action::Action;
use crate::access::principal::Principal;
use crate::access::{Facts, Permit, authorize};
use crate::context::Ctx;
use crate::error::{Code, Error};
use crate::id::{ApplicationId, AttachmentId, ConversationId};
use crate::limit;
use crate::model::attachment::Attachment;
use crate::model::media_type;
use crate::ports::change::{Change, FileChange, Guard, NewAttachment};

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
    let action = if media_type::is_image(media_type) {
        Action::UploadImage(attach.conversation)
    } else {
        Action::UploadMedia(attach.conversation)
    };
    let conditional = authorize(principal, &action)?;
    check_size(&attach.content)?;
    // Looked at first, so that no stranger's file gets as far as the writer; and
    // held to in the batch, since a place can be lost meanwhile.
    view_for(ctx, principal, conditional, attach.conversation).await?;
    let (permit, guard) = conditional.in_batch()?;
    let file = NewFile {
        id: AttachmentId::new(ctx.now(), &*ctx.random),
        conversation: Some(attach.conversation),
        file_name: attach.file_name,
        media_type,
        content: attach.content,
    };
    store(ctx, principal, &permit, guard, file).await
}

/// Stores an image that waits for the event that will name it: see
/// [`FILE_WAITS_S`](limit::FILE_WAITS_S).
///
/// # Errors
/// `unsupported_media_type` for what is no image; `too_large` for a file that
/// is, or that is one too many for its author; `not_permitted` for a visitor.
pub async fn upload_image_ahead(
    ctx: &Ctx,
    principal: &Principal,
    content: Vec<u8>,
) -> Result<Attachment, Error> {
    let permit = authorize(principal, &Action::UploadImageAhead)?.outright()?;
    check_size(&content)?;
    let media_type = media_type::recognised(&content);
    if !media_type::is_image(media_type) {
        return Err(
            Error::new(Code::UnsupportedMediaType, "the file is not an image")
                .hint("PNG, JPEG, GIF, WebP, AVIF and HEIC are known, by their first bytes"),
        );
    }
    let file = NewFile {
        id: AttachmentId::new(ctx.now(), &*ctx.random),
        conversation: None,
        file_name: None,
        media_type,
        content,
    };
    store(ctx, principal, &permit, Guard::None, file).await
}

/// Stores any file that waits for the event that will name it, under an id that
/// was given out before it came.
///
/// # Errors
/// `too_large` for a file that is, or that is one too many for its author.
pub(super) async fn upload_ahead(
    ctx: &Ctx,
    principal: &Principal,
    id: AttachmentId,
    file_name: String,
    content: Vec<u8>,
) -> Result<Attachment, Error> {
    let permit = authorize(principal, &Action::UploadMediaAhead)?.outright()?;
    check_size(&content)?;
    if let Some(found) = ctx.store.attachment(permit.application(), id).await? {
        // A retry, of which the first answer got lost.
        return Ok(found);
    }
    let file = NewFile {
        id,
        conversation: None,
        file_name: Some(file_name),
        media_type: media_type::recognised(&content),
        content,
    };
    store(ctx, principal, &permit, Guard::None, file).await
}

/// Reads what a file is, without its bytes.
///
/// # Errors
/// As [`read_attachment`].
pub async fn describe_attachment(
    ctx: &Ctx,
    principal: &Principal,
    id: AttachmentId,
) -> Result<Attachment, Error> {
    let actions = (Action::ReadMedia(id), Action::ReadWaiting(id));
    let (_, attachment) = permitted(ctx, principal, id, actions).await?;
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
    let actions = (Action::ReadMedia(id), Action::ReadWaiting(id));
    let (permit, attachment) = permitted(ctx, principal, id, actions).await?;
    // Only now: megabytes are not for strangers.
    let content = ctx
        .store
        .attachment_content(permit.application(), id)
        .await?;
    Ok((attachment, content.ok_or_else(not_found)?))
}

/// Deletes a file. The event that named it stays, and names nothing.
///
/// # Errors
/// As [`read_attachment`]; `not_permitted` where it is another's.
pub async fn delete_attachment(
    ctx: &Ctx,
    principal: &Principal,
    id: AttachmentId,
) -> Result<(), Error> {
    let actions = (Action::DeleteMedia(id), Action::DeleteWaiting(id));
    let (permit, _) = permitted(ctx, principal, id, actions).await?;
    let judge = ctx.judge_of(permit.application()).await?;
    let mut changes = keep(principal, &judge, ctx.now());
    changes.push(Change::File(FileChange::Remove(id)));
    ctx.store.commit(&permit, changes).await?;
    Ok(())
}

/// A file that is to be stored.
struct NewFile {
    id: AttachmentId,
    conversation: Option<ConversationId>,
    file_name: Option<String>,
    media_type: &'static str,
    content: Vec<u8>,
}

async fn store(
    ctx: &Ctx,
    principal: &Principal,
    permit: &Permit,
    guard: Guard,
    file: NewFile,
) -> Result<Attachment, Error> {
    let judge = ctx.judge_of(permit.application()).await?;
    let now = ctx.now();
    let attachment = Attachment {
        id: file.id,
        conversation: file.conversation,
        author: principal.author(),
        file_name: file.file_name,
        media_type: file.media_type.to_owned(),
        bytes: file.content.len() as u64,
        created_at: now,
    };
    let new = NewAttachment {
        attachment: attachment.clone(),
        guard,
        content: file.content,
        quota_bytes: limit::ATTACHMENT_QUOTA_BYTES,
        waiting_max: limit::FILES_WAITING_MAX,
    };
    let mut changes = keep(principal, &judge, now);
    changes.push(Change::File(FileChange::Add(Box::new(new))));
    ctx.store.commit(permit, changes).await?;
    Ok(attachment)
}

fn check_size(content: &[u8]) -> Result<(), Error> {
    if content.len() > limit::ATTACHMENT_BYTES_MAX {
        return Err(Error::new(Code::TooLarge, "the file is too large"));
    }
    if content.is_empty() {
        return Err(Error::new(Code::BadRequest, "the file is empty")
            .hint("the request's body is the file itself, or has it in it"));
    }
    Ok(())
}

/// A file, where who asks may do what they ask for: the first action where the
/// file is a conversation's, the second where it waits.
async fn permitted(
    ctx: &Ctx,
    principal: &Principal,
    id: AttachmentId,
    (in_conversation, waiting): (Action, Action),
) -> Result<(Permit, Attachment), Error> {
    let conditional = authorize(principal, &in_conversation)?;
    let application = conditional.application();
    let found = ctx.store.attachment(application, id).await?;
    let attachment = found.ok_or_else(not_found)?;
    let own = attachment.author == principal.author();
    let permit = match attachment.conversation {
        Some(conversation) => {
            let place = place_in(ctx, principal, application, conversation).await?;
            conditional.given(&Facts { own, ..place })
        }
        None => authorize(principal, &waiting)?.given(&Facts {
            own,
            ..Facts::default()
        }),
    };
    let refused = |error: Error| {
        // The same words as for a file that is not there.
        if error.code == Code::NotFound {
            not_found()
        } else {
            error
        }
    };
    Ok((permit.map_err(refused)?, attachment))
}

async fn place_in(
    ctx: &Ctx,
    principal: &Principal,
    application: ApplicationId,
    conversation: ConversationId,
) -> Result<Facts, Error> {
    let found = ctx
        .store
        .conversation(application, conversation, principal.user())
        .await?;
    Ok(facts(&found.ok_or_else(not_found)?))
}

fn not_found() -> Error {
    Error::not_found("file")
}
