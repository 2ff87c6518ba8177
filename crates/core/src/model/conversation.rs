//! A conversation: members, and events numbered 1, 2, 3 … without holes.

use countersign_credential::time::Timestamp;

use super::member::{Member, MemberState};
use super::page::Order;
use crate::id::{ConversationId, MemberId, UserId};

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
    /// Who created it, where that was no backend.
    pub creator: Option<Creator>,
    /// The number of its newest event, 0 while it has none.
    pub last_event_id: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When something about it last changed, its events included.
    pub updated_at: Timestamp,
}

/// The user who created a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creator {
    /// By their place, whoever has it now.
    Member(MemberId),
    /// By themselves: they have had no place in it yet.
    User(UserId),
}

/// A conversation as one user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationView {
    /// The conversation.
    pub conversation: Conversation,
    /// The user; a backend is none.
    pub viewer: Option<UserId>,
    /// The user's own member row: the one that is not left, else the newest.
    pub member: Option<Member>,
    /// How many of others' events of the counted types follow the position
    /// that the user has seen. A store may stop at a thousand, and need not look
    /// further back than ten thousand events.
    pub unread: u64,
}

/// Which conversations are wanted, and which of them come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConversationList {
    /// Those in which a user has a place that is not left, the one that
    /// changed last first.
    Following(UserId),
    /// Those in which a user ever had a place, by their age.
    OfUser {
        /// The user.
        user: UserId,
        /// The state of the user's place, where only those are wanted.
        state: Option<MemberState>,
        /// Of which age, and which come first.
        ages: Ages,
    },
    /// All of the application's, by their age.
    All(Ages),
}

/// Which ages are wanted, and which of them come first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ages {
    /// Which come first.
    pub order: Order,
    /// Only those that were created at this moment or later.
    pub since: Option<Timestamp>,
    /// Only those that were created at this moment or earlier.
    pub until: Option<Timestamp>,
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

// === impl Ages ===

impl From<Order> for Ages {
    fn from(order: Order) -> Self {
        Self {
            order,
            ..Self::default()
        }
    }
}

// === impl Creator ===

impl Creator {
    /// Whether it is this user, who has this place.
    #[must_use]
    pub fn is(self, user: Option<UserId>, place: Option<MemberId>) -> bool {
        match self {
            Self::Member(id) => place == Some(id),
            Self::User(id) => user == Some(id),
        }
    }
}

// === impl ConversationView ===

impl ConversationView {
    /// Whether the user is the creator.
    #[must_use]
    pub fn is_creator(&self) -> bool {
        let place = self.member.as_ref().map(|member| member.id);
        let creator = self.conversation.creator;
        creator.is_some_and(|creator| creator.is(self.viewer, place))
    }
}
