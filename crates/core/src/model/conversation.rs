//! A conversation: members, and events numbered 1, 2, 3 … without holes.

use countersign_credential::time::Timestamp;

use super::member::Member;
use crate::id::{ConversationId, MemberId};

/// A conversation, without its members and events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Unique in the application, where it has one.
    pub name: Option<String>,
    /// What people see.
    pub display_name: Option<String>,
    /// Where a picture of it is; never fetched here.
    pub image_url: Option<String>,
    /// What the application keeps with it, the text of a JSON object.
    pub custom_data: Option<String>,
    /// The member that created it; a backend that created it is none.
    pub creator: Option<MemberId>,
    /// The number of its newest event, 0 while it has none.
    pub last_event_id: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When something about it last changed, its events included.
    pub updated_at: Timestamp,
}

/// A conversation as one user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationView {
    /// The conversation.
    pub conversation: Conversation,
    /// The user's own member row: the one that is not left, else the newest.
    pub member: Option<Member>,
    /// How many of others' events of the counted types follow the position
    /// that the user has seen.
    pub unread: u64,
}

/// A change of a conversation: an outer `None` leaves the member, an inner one clears it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConversationPatch {
    /// The new name.
    pub name: Option<Option<String>>,
    /// The new display name.
    pub display_name: Option<Option<String>>,
    /// The new picture.
    pub image_url: Option<Option<String>>,
    /// The new data, the text of a JSON object.
    pub custom_data: Option<Option<String>>,
}

// === impl ConversationView ===

impl ConversationView {
    /// Whether the user's member row is the creator's.
    #[must_use]
    pub fn is_creator(&self) -> bool {
        self.member
            .as_ref()
            .is_some_and(|m| self.conversation.creator == Some(m.id))
    }
}
