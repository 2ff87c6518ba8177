//! An attachment: a file that belongs to a conversation, or will.

use countersign_credential::time::Timestamp;

use crate::id::{AttachmentId, ConversationId};
use crate::model::event::Author;

/// What is known of a file, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// The conversation whose members may read it; none, as long as the file
    /// waits for the event that will name it, and is its author's alone.
    pub conversation: Option<ConversationId>,
    /// Who stored it.
    pub author: Author,
    /// What the sender called it.
    pub file_name: Option<String>,
    /// What its bytes were recognised as; never what the sender claimed.
    pub media_type: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was stored.
    pub created_at: Timestamp,
}
