//! An event: one entry of a conversation.

use std::borrow::Cow;
use std::sync::Arc;

use countersign_credential::time::Timestamp;

use super::person::Person;
use crate::id::{ApiKeyId, MemberId, UserId};

/// An event as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number in the conversation: 1, 2, 3 … without holes.
    pub id: u64,
    /// What it is.
    pub kind: EventKind,
    /// Its body, the text of a JSON object: the newest one, if it was edited;
    /// `{}`, if it was deleted.
    pub body: String,
    /// Who sent it.
    pub from: Sender,
    /// Of whom it tells, where it is about a member.
    pub subject: Option<Subject>,
    /// When it was accepted.
    pub timestamp: Timestamp,
    /// The client's own id of it, shown to its sender.
    pub client_id: Option<String>,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}

/// What an event is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A text.
    Text,
    /// A message of one of several types.
    Message,
    /// An image.
    Image,
    /// Whatever the application makes of it; the name is without `custom:`.
    Custom(String),
    /// A user was asked in.
    MemberInvited,
    /// A user came in.
    MemberJoined,
    /// A user went out, or declined.
    MemberLeft,
    /// A visitor logged in, and their place went to the user whom they are.
    MemberAdopted,
    /// An earlier event has a new body.
    Edit,
    /// An earlier event is no more.
    Delete,
}

/// Who sent an event, as it is read: the user is the present one of the member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The member, where a user sent it.
    pub member: Option<MemberId>,
    /// The member's present user.
    pub user: Option<UserId>,
    /// How others see the user, or the backend.
    pub person: Arc<Person>,
    /// How well the sender was known when it was sent.
    pub assurance: Assurance,
}

/// Of whom an event about a member tells, as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The member, by the id that it had when it was told of.
    pub member: MemberId,
    /// The member's present user.
    pub user: UserId,
    /// How others see that user.
    pub person: Arc<Person>,
}

/// Who sends an event, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Author {
    /// A user, through its joined member row.
    User(UserId),
    /// A backend, by its API key.
    ApiKey(ApiKeyId),
    /// A backend, by a token that one of its signing keys verified.
    Backend,
}

/// How well a sender is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Assurance {
    /// A visitor, about whom nothing is known.
    Anonymous,
    /// A visitor who has told something about themselves, unproved.
    Described,
    /// A user whom a credential has named, or a backend.
    Verified,
}

/// Which events of a conversation are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// The newest ones.
    Newest,
    /// Those that follow this number, the oldest first.
    After(u64),
    /// Those before this number, and of them the newest.
    Before(u64),
}

// === impl EventKind ===

impl EventKind {
    /// The type as the API and the store spell it.
    #[must_use]
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Custom(name) => Cow::Owned(format!("custom:{name}")),
            Self::Text => Cow::Borrowed("text"),
            Self::Message => Cow::Borrowed("message"),
            Self::Image => Cow::Borrowed("image"),
            Self::MemberInvited => Cow::Borrowed("member:invited"),
            Self::MemberJoined => Cow::Borrowed("member:joined"),
            Self::MemberLeft => Cow::Borrowed("member:left"),
            Self::MemberAdopted => Cow::Borrowed("member:adopted"),
            Self::Edit => Cow::Borrowed("edit"),
            Self::Delete => Cow::Borrowed("delete"),
        }
    }

    /// The kind that is spelled so.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "text" => Self::Text,
            "message" => Self::Message,
            "image" => Self::Image,
            "member:invited" => Self::MemberInvited,
            "member:joined" => Self::MemberJoined,
            "member:left" => Self::MemberLeft,
            "member:adopted" => Self::MemberAdopted,
            "edit" => Self::Edit,
            "delete" => Self::Delete,
            other => Self::Custom(other.strip_prefix("custom:")?.to_owned()),
        })
    }

    /// Whether it counts as unread for the others.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        match self {
            Self::Text | Self::Message | Self::Image | Self::Custom(_) => true,
            Self::MemberInvited
            | Self::MemberJoined
            | Self::MemberLeft
            | Self::MemberAdopted
            | Self::Edit
            | Self::Delete => false,
        }
    }
}

// === impl Assurance ===

impl Assurance {
    /// The word that the API and the store use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Described => "described",
            Self::Verified => "verified",
        }
    }

    /// The assurance that is spelled so.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Anonymous, Self::Described, Self::Verified]
            .into_iter()
            .find(|assurance| assurance.as_str() == name)
    }
}
