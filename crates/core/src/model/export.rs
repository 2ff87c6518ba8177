//! What is kept of a person, one thing at a time, as a backend hands it out to
//! them.

use countersign_credential::time::Timestamp;

use super::attachment::Attachment;
use super::audit::AuditRecord;
use super::event::{Assurance, EventKind};
use super::member::MemberState;
use super::revocation::Revocation;
use super::session::Session;
use super::user::User;
use crate::id::{ConversationId, MemberId, UserId};

/// One thing.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// Who they are: the user, or a visitor who turned out to be that user.
    Profile(Box<Profile>),
    /// A login on a device, whether or not it is over.
    Session(Box<Session>),
    /// A place in a conversation, past ones included.
    Place(Box<Place>),
    /// What they wrote.
    Event(Box<Written>),
    /// A file that they stored, with its bytes.
    File(Box<(Attachment, Vec<u8>)>),
    /// What shuts them out.
    Revocation(Revocation),
    /// What a backend did about them.
    Audit(Box<AuditRecord>),
}

/// Who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The user.
    pub user: User,
    /// Whether there is a password, of which only a hash is kept.
    pub has_password: bool,
}

/// A place in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its id.
    pub member: MemberId,
    /// Whose it is: the user, or a visitor who turned out to be that user.
    pub user: UserId,
    /// The conversation.
    pub conversation: ConversationId,
    /// The conversation's name.
    pub name: Option<String>,
    /// What people see of it.
    pub display_name: Option<String>,
    /// Whether they are in it.
    pub state: MemberState,
    /// Delivered up to here.
    pub delivered: u64,
    /// Seen up to here.
    pub seen: u64,
    /// When they were asked in.
    pub invited_at: Option<Timestamp>,
    /// When they came in.
    pub joined_at: Option<Timestamp>,
    /// When they went out.
    pub left_at: Option<Timestamp>,
}

/// An event of theirs, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where.
    pub conversation: ConversationId,
    /// By which place.
    pub member: MemberId,
    /// Its number.
    pub id: u64,
    /// What it is.
    pub kind: EventKind,
    /// Its body, the text of a JSON object: that of an event about a member says
    /// why, if anything was said.
    pub body: String,
    /// How well they were known.
    pub assurance: Assurance,
    /// The client's own id of it.
    pub client_id: Option<String>,
    /// When it was accepted.
    pub timestamp: Timestamp,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}
