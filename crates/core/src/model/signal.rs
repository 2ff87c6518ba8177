//! A signal: what happens in a conversation and becomes no event of it.

use std::sync::Arc;

use countersign_credential::time::Timestamp;

use super::event::Sender;
use crate::id::ConversationId;

/// Something that is told to who is there, and to nobody later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// Where.
    pub conversation: ConversationId,
    /// Whose it is: a member.
    pub from: Sender,
    /// What.
    pub kind: SignalKind,
    /// When.
    pub at: Timestamp,
}

/// What a signal tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignalKind {
    /// The member types, or has stopped.
    Typing {
        /// Whether it types.
        on: bool,
    },
    /// Events have reached one of the member's devices.
    Delivered {
        /// The newest of them.
        up_to: u64,
    },
    /// The member has seen events.
    Seen {
        /// The newest of them.
        up_to: u64,
    },
    /// Whatever the application makes of it.
    Ephemeral {
        /// Its body, the text of a JSON object.
        body: Arc<str>,
    },
}

// === impl SignalKind ===

impl SignalKind {
    /// The type as the API spells it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Typing { .. } => "typing",
            Self::Delivered { .. } => "delivered",
            Self::Seen { .. } => "seen",
            Self::Ephemeral { .. } => "ephemeral",
        }
    }
}
