//! The upkeep port: what a node asks of the store by itself, over all applications.
//!
//! Nothing here answers a request. Each call is bounded by its arguments, so
//! that whoever waits for the store does not wait for upkeep. What it removes
//! may be removed by another node at the same time.

use async_trait::async_trait;
use countersign_credential::time::Timestamp;

use crate::audit_chain::Head;
use crate::id::{ApplicationId, ConversationId, SessionId, UserId};
use crate::model::audit::AuditRecord;
use crate::model::revocation::Revocation;
use crate::model::session::Session;
use crate::ports::Clock;
use crate::ports::store::{CommitError, StoreError};

/// What can be removed for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remains {
    /// The row of a session that is over.
    Session,
    /// That a credential was used, of such a session.
    UsedCredential,
    /// A revocation that covers nothing which could live.
    Tombstone,
    /// A visitor who has been silent.
    Visitor,
    /// A conversation of such a visitor.
    Conversation,
    /// An event of a deleted conversation, or the body of one whose author is erased.
    Event,
    /// A file of a deleted conversation, one that no event came to name, or one of who is erased.
    File,
}

/// A session that the janitor looks at.
#[derive(Debug, Clone, PartialEq)]
pub struct SweptSession {
    /// The session.
    pub session: Session,
    /// Whether a revocation covers it.
    pub revoked: bool,
}

/// Which visitors the janitor wants to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visitors {
    /// Those that follow this one.
    pub after: Option<UserId>,
    /// Those that came before this moment.
    pub silent_since: Timestamp,
    /// At most so many.
    pub limit: usize,
}

/// A visitor that the janitor looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweptVisitor {
    /// Who.
    pub user: UserId,
    /// Whether they have no session, none of their conversations has changed
    /// since the moment that was named, and
    /// [`RemoveVisitor`](crate::ports::change::Change::RemoveVisitor) finds
    /// something to remove. Who is silent and stays is not asked for each time.
    pub removable: bool,
}

/// How much one piece of work may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Conversations.
    pub conversations: usize,
    /// Events of all of them.
    pub events: usize,
    /// Files of all of them.
    pub files: usize,
}

/// How much of an erasure one piece of work may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErasurePiece {
    /// Places in conversations.
    pub places: usize,
    /// Events that are looked at, whoever wrote them.
    pub scanned: u64,
    /// Events that are taken.
    pub events: usize,
    /// Files that are taken.
    pub files: usize,
    /// Sessions that are taken.
    pub sessions: usize,
}

/// What a piece of an erasure did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasedPiece {
    /// Where.
    pub application: ApplicationId,
    /// The conversations in which events were taken, with the number of the
    /// last event that tells of it.
    pub conversations: Vec<(ConversationId, u64)>,
    /// How much was removed.
    pub removed: Vec<(Remains, u64)>,
}

/// A part of an audit log that is not sealed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsealed {
    /// Up to where the log is sealed.
    pub head: Head,
    /// The entries that follow, in order.
    pub records: Vec<AuditRecord>,
}

/// Entries that are sealed, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealing {
    /// Where the log must be sealed up to, and no further.
    pub from: Head,
    /// The head after each entry, in order.
    pub heads: Vec<Head>,
    /// Salt and digest for entries that have none: those from before the chain.
    pub salted: Vec<Salted>,
}

/// Salt and digest for an entry from before the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salted {
    /// The entry's number.
    pub number: u64,
    /// The remark that it must still have.
    pub remark: Option<String>,
    /// The salt.
    pub salt: [u8; 32],
    /// The digest of its details under that salt.
    pub details_digest: [u8; 32],
}

/// What a node does by itself.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// The revocations that were made since a moment, that one included: the
    /// newest first, and at most so many.
    async fn revocations_since(
        &self,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<(ApplicationId, Revocation)>, StoreError>;

    /// Sessions of any state, in the order of their ids.
    async fn sessions_after(
        &self,
        application: ApplicationId,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<SweptSession>, StoreError>;

    /// Visitors, in the order of their ids.
    async fn visitors_after(
        &self,
        application: ApplicationId,
        visitors: Visitors,
    ) -> Result<Vec<SweptVisitor>, StoreError>;

    /// Removes revocations that may be forgotten at a moment and were made up
    /// to another one, at most so many, and answers how many.
    async fn remove_tombstones(
        &self,
        due: Timestamp,
        made_by: Timestamp,
        limit: usize,
    ) -> Result<u64, StoreError>;

    /// Removes files that were stored up to a moment and still wait for their
    /// events, at most so many, and answers how many.
    async fn remove_waiting_files(
        &self,
        stored_by: Timestamp,
        limit: usize,
    ) -> Result<u64, StoreError>;

    /// Takes the next piece of whoever is being erased. There is none once no
    /// row has anything of any of them.
    async fn erase_piece(
        &self,
        piece: ErasurePiece,
        at: Timestamp,
    ) -> Result<Option<ErasedPiece>, StoreError>;

    /// Whether anybody is in no row any more, and may still be in the files.
    async fn has_erased(&self) -> Result<bool, StoreError>;

    /// Leaves nothing in the files of who is in no row any more, and notes that
    /// they are erased; answers how many had been waiting for it. It takes as
    /// long as it takes to look at all that is stored.
    async fn forget_erased(&self, clock: &dyn Clock) -> Result<u64, StoreError>;

    /// The audit logs that have entries to be sealed, at most so many; that of
    /// the installation is among them.
    async fn unsealed_logs(&self, limit: usize) -> Result<Vec<ApplicationId>, StoreError>;

    /// What is to be sealed of a log, at most so many entries.
    async fn unsealed(
        &self,
        application: ApplicationId,
        limit: usize,
    ) -> Result<Unsealed, StoreError>;

    /// Seals entries. Expects the log to be sealed up to where it was read, so
    /// that two nodes make one chain.
    async fn seal(&self, application: ApplicationId, sealing: Sealing) -> Result<(), CommitError>;

    /// Removes a piece of what deleted conversations have left behind. The
    /// answer is empty once there is nothing left.
    async fn remove_leftovers(&self, piece: Piece) -> Result<Vec<(Remains, u64)>, StoreError>;
}

// === impl Remains ===

impl Remains {
    /// The word in a metric.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::UsedCredential => "used_credential",
            Self::Tombstone => "tombstone",
            Self::Visitor => "visitor",
            Self::Conversation => "conversation",
            Self::Event => "event",
            Self::File => "file",
        }
    }
}
