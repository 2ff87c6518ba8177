//! An attachment: a file that belongs to a conversation.

use countersign_credential::time::Timestamp;

use crate::id::{AttachmentId, ConversationId};

/// What is known of a file, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// The conversation whose members may read it.
    pub conversation: ConversationId,
    /// What the sender called it.
    pub file_name: Option<String>,
    /// What its bytes were recognised as; never what the sender claimed.
    pub media_type: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was stored.
    pub created_at: Timestamp,
}
