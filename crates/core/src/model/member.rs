//! A member: a user's place in a conversation.

use countersign_credential::time::Timestamp;

use super::person::Names;
use crate::id::{MemberId, UserId};

/// A user's place in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its id. Events carry it, so that a merge moves them without a write.
    pub id: MemberId,
    /// Whose place it is, now.
    pub user: UserId,
    /// The names of that user.
    pub names: Names,
    /// Its state.
    pub state: MemberState,
    /// The newest event that reached one of the user's devices.
    pub delivered: u64,
    /// The newest event that the user has seen.
    pub seen: u64,
    /// When the state last changed.
    pub changed_at: Timestamp,
    /// When the user was asked in, if ever.
    pub invited_at: Option<Timestamp>,
    /// When the user came in, if ever.
    pub joined_at: Option<Timestamp>,
    /// When the user went out, if ever.
    pub left_at: Option<Timestamp>,
    /// Who asked the user in, where that was a member and no backend.
    pub invited_by: Option<MemberId>,
}

/// The state of a member. Left is final: who comes back is a new member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MemberState {
    /// Asked in; reads the conversation and its members.
    Invited,
    /// In; reads and sends.
    Joined,
    /// Out; sees nothing.
    Left,
}

/// Why a member went out, as whoever did it said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reason {
    /// For a program.
    pub code: Option<String>,
    /// For people.
    pub text: Option<String>,
}

// === impl MemberState ===

impl MemberState {
    /// The word that the API and the store use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Joined => "joined",
            Self::Left => "left",
        }
    }

    /// The state that is spelled so.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Invited, Self::Joined, Self::Left]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}
