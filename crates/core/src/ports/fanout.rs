//! The fan-out port: notices between nodes, and to this node's own sockets.
//!
//! A notice is a hint, published after the commit that it tells of. It may be
//! lost, doubled or late: the store is the truth, and every reader of notices
//! sweeps the store too.

use crate::id::{ApiKeyId, ApplicationId, ConversationId, SessionId, UserId};
use crate::model::event::Event;
use crate::model::revocation::Revocation;
use crate::model::signal::Signal;

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A conversation has events up to this number.
    Events {
        /// Whose conversation.
        application: ApplicationId,
        /// Which.
        conversation: ConversationId,
        /// The number of its newest event.
        last_event_id: u64,
    },
    /// A user gained, lost or changed conversations.
    Conversations {
        /// Whose user.
        application: ApplicationId,
        /// Which.
        user: UserId,
    },
    /// Something that becomes no event: told to who is there.
    Signal {
        /// Whose conversation.
        application: ApplicationId,
        /// What.
        signal: Signal,
    },
    /// Sessions and credentials that this covers are over.
    Revoked {
        /// Whose.
        application: ApplicationId,
        /// What is covered.
        revocation: Revocation,
    },
    /// A session's row has changed, and what is remembered of it is stale.
    Session {
        /// Whose.
        application: ApplicationId,
        /// Which.
        session: SessionId,
    },
    /// A user's row has changed, and what is remembered of it is stale.
    User {
        /// Whose.
        application: ApplicationId,
        /// Which.
        user: UserId,
    },
    /// An application, its keys or its settings have changed.
    Application(ApplicationId),
    /// An API key has changed.
    ApiKey(ApiKeyId),
}

/// Where notices go.
pub trait Fanout: Send + Sync {
    /// Tells every node, this one included. Never waits, and never fails: a
    /// notice that finds a full queue is dropped, and the sweep makes it good.
    fn publish(&self, notice: Notice);

    /// Tells this node alone, of what it has found by itself. As [`publish`]
    /// otherwise.
    ///
    /// [`publish`]: Fanout::publish
    fn publish_here(&self, notice: Notice);
}

/// This node's own sockets. They hear of everything before who made it happen
/// is answered: so nothing is sent to a session once its revocation is answered.
pub trait Listener: Send + Sync {
    /// Hears a notice, of this node or another. Never waits.
    fn hear(&self, notice: &Notice);
    /// Is given an event that this node has just appended, before the notice of
    /// it: so what is new need not be read. Not every event comes this way.
    fn appended(&self, conversation: ConversationId, event: &Event);
    /// Hears that revocations may have been missed: nothing goes out to a
    /// session before it was looked at again. Never waits.
    fn doubt_all(&self);
}
