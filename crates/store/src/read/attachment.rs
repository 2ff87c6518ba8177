//! Files.

use super::{ask, first};
use crate::engine::{Engine, Statement};
use crate::error::StoreError;
use crate::rows::Row;
use countersign_core::id::{ApplicationId, AttachmentId, ConversationId};
use countersign_core::model::attachment::Attachment;

const BY_ID: &str = "SELECT conversation_id, file_name, media_type, bytes, created_at, content \
     FROM attachments WHERE application_id = $1 AND id = $2";

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
