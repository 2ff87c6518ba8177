//! Attachments: files that belong to a conversation.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;

/// The answer to `POST /v1/conversations/{id}/attachments`, whose body is the
/// file itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attachment {
    /// The file.
    #[schema(value_type = schema::AttachmentId)]
    pub id: String,
    /// Where it is read, relative to the server.
    #[schema(examples("/v1/media/ATT-01932d4c-7e58-7c21-9b0a-3f6f0d3f6a11"))]
    pub url: String,
}
