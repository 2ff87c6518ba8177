//! Attachments: files that belong to a conversation.

use serde::{Deserialize, Serialize};

/// The answer to `POST /v1/conversations/{id}/attachments`, whose body is the
/// file itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The file.
    pub id: String,
    /// Where it is read, relative to the server.
    pub url: String,
}
