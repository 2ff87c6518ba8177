//! Files.

use super::{ask, first};
use crate::engine::{Engine, Statement};
use crate::error::StoreError;
use crate::rows::Row;
use countersign_core::id::{ApplicationId, AttachmentId, ConversationId};
use countersign_core::model::attachment::Attachment;

/// That of a deleted conversation may be there for a while, and is not found.
const BY_ID: &str = "SELECT a.conversation_id, a.file_name, a.media_type, a.bytes, a.created_at, \
     a.content FROM attachments a JOIN conversations c \
     ON c.application_id = a.application_id AND c.id = a.conversation_id \
     WHERE a.application_id = $1 AND a.id = $2";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[BY_ID];

/// A file with its bytes.
pub(crate) async fn find(
    engine: &impl Engine,
    application: ApplicationId,
    id: AttachmentId,
) -> Result<Option<(Attachment, Vec<u8>)>, StoreError> {
    let parameters = [application.bytes().into(), id.bytes().into()];
    let rows = ask(engine, Statement::new(BY_ID, parameters)).await?;
    first(&rows, |columns| {
        let attachment = Attachment {
            id,
            conversation: ConversationId::from_bytes(columns.id()?),
            file_name: columns.optional_text()?.map(str::to_owned),
            media_type: columns.text()?.to_owned(),
            bytes: columns.number()?,
            created_at: columns.time()?,
        };
        Ok((attachment, columns.next(Row::blob)?.to_vec()))
    })
}
