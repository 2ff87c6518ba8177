//! Erasures: all that is kept of a user goes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;
use crate::time::Time;

/// How far the erasure of a user has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Erasure {
    /// The user.
    #[schema(value_type = schema::UserId)]
    pub user_id: String,
    /// Whether it goes on.
    pub state: ErasureState,
    /// When it was asked for.
    pub begun_at: Time,
    /// When nothing of the user was left, neither in a row nor in a file.
    #[schema(required)]
    pub done_at: Option<Time>,
    /// How much went so far.
    pub removed: Removed,
}

/// Whether an erasure goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ErasureState {
    /// Something may be left.
    Running,
    /// Nothing is.
    Done,
}

/// How much went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Removed {
    /// Events that were emptied: messages, and what tells of edits, deletions and
    /// membership.
    pub events: u64,
    /// Attachments.
    pub attachments: u64,
    /// Sessions.
    pub sessions: u64,
}
