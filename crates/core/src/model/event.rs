//! An event: one entry of a conversation.

use std::borrow::Cow;
use std::sync::Arc;

use countersign_credential::time::Timestamp;

use super::member::Reason;
use super::page::Order;
use super::person::Person;
use crate::id::{ApiKeyId, MemberId, UserId};
use crate::limit::CUSTOM_NAME_BYTES_MAX;

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
    /// Why, where a member went out and somebody said it; apart, since few events
    /// have any.
    pub reason: Option<Box<Reason>>,
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
    /// A joined member, for whom a backend speaks.
    Member(MemberId),
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
    /// Who it is was told, and not proved: a visitor who has said something about
    /// themselves, or a member for whom a backend speaks.
    Described,
    /// A user whom a credential has named, or a backend.
    Verified,
}

/// Which events of a conversation are wanted, up to a number of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// The newest ones.
    Newest,
    /// Those that follow this number, the oldest first.
    After(u64),
    /// Those before this number, and of them the newest.
    Before(u64),
}

/// Which events of a conversation are wanted, page by page; by default all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    /// None before this number.
    pub first: u64,
    /// None after this number.
    pub last: u64,
    /// Of one of these kinds; of any, where none is named. At most
    /// [`EVENT_KINDS_MAX`](crate::limit::EVENT_KINDS_MAX).
    pub kinds: Vec<KindFilter>,
    /// Whether deleted ones are wanted, too.
    pub deleted: bool,
    /// Which come first.
    pub order: Order,
}

/// Which kinds of events are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KindFilter {
    /// This one.
    One(EventKind),
    /// All that tell of a member.
    Member,
    /// All that the application makes something of, whatever their names.
    Custom,
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

    /// What an application makes something of, by its name without `custom:`, in
    /// characters that mean nothing to a path, a query or a list: 1 to
    /// [`CUSTOM_NAME_BYTES_MAX`] of `A-Z`, `a-z`, `0-9`, `_`, `-`, `:` and `.`.
    #[must_use]
    pub fn custom(name: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-:.".contains(&byte);
        let fits = (1..=CUSTOM_NAME_BYTES_MAX).contains(&name.len());
        (fits && name.bytes().all(allowed)).then(|| Self::Custom(name.to_owned()))
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

// === impl EventFilter ===

impl Default for EventFilter {
    fn default() -> Self {
        Self {
            first: 0,
            last: u64::MAX,
            kinds: Vec::new(),
            deleted: true,
            order: Order::default(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_custom_name_has_characters_that_mean_nothing_elsewhere() {
        let longest = "x".repeat(CUSTOM_NAME_BYTES_MAX);
        for name in ["a", "A-z_0:9.", ":", "poll:vote", longest.as_str()] {
            let kind = EventKind::custom(name).unwrap();
            assert_eq!(kind.name(), format!("custom:{name}"));
            assert_eq!(EventKind::from_name(&kind.name()), Some(kind));
        }
        let too_long = "x".repeat(CUSTOM_NAME_BYTES_MAX + 1);
        for name in ["", "a b", "a/b", "a,b", "a*", "\u{e4}", "a\n", &too_long] {
            assert_eq!(EventKind::custom(name), None, "{name}");
        }
    }
}
