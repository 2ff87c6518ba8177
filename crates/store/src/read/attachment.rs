//! Files.

use super::{ask, first};
use crate::columns::author;
use crate::engine::{Engine, Statement};
use crate::error::StoreError;
use crate::rows::Row;
use countersign_core::id::{ApplicationId, AttachmentId, ConversationId};
use countersign_core::model::attachment::Attachment;

/// That of a deleted conversation may be there for a while, and is not found.
const BY_ID: &str = "SELECT a.conversation_id, a.author, a.file_name, a.media_type, a.bytes, \
     a.created_at FROM attachments a WHERE a.application_id = $1 AND a.id = $2 \
     AND (length(a.conversation_id) = 0 OR EXISTS (SELECT 1 FROM conversations c \
       WHERE c.application_id = a.application_id AND c.id = a.conversation_id))";
const CONTENT: &str = "SELECT content FROM attachments WHERE application_id = $1 AND id = $2";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[BY_ID, CONTENT];

/// What is known of a file.
pub(crate) async fn find(
    engine: &impl Engine,
    application: ApplicationId,
    id: AttachmentId,
) -> Result<Option<Attachment>, StoreError> {
    let parameters = [application.bytes().into(), id.bytes().into()];
    let rows = ask(engine, Statement::new(BY_ID, parameters)).await?;
    first(&rows, |columns| {
        Ok(Attachment {
            id,
            // A file that waits has no byte of one.
            conversation: <[u8; 16]>::try_from(columns.next(Row::blob)?)
                .ok()
                .map(ConversationId::from_bytes),
            author: author(columns)?,
            file_name: columns.optional_text()?.map(str::to_owned),
            media_type: columns.text()?.to_owned(),
            bytes: columns.number()?,
            created_at: columns.time()?,
        })
    })
}

/// A file's bytes.
pub(crate) async fn content(
    engine: &impl Engine,
    application: ApplicationId,
    id: AttachmentId,
) -> Result<Option<Vec<u8>>, StoreError> {
    let parameters = [application.bytes().into(), id.bytes().into()];
    let rows = ask(engine, Statement::new(CONTENT, parameters)).await?;
    first(&rows, |columns| Ok(columns.next(Row::blob)?.to_vec()))
}
