//! An erasure: all that is kept of a person goes, and nothing of it is left in the
//! files.

use countersign_credential::time::Timestamp;

use crate::id::UserId;

/// How far the erasure of a user has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasure {
    /// Whose it is.
    pub user: UserId,
    /// When it was asked for.
    pub begun_at: Timestamp,
    /// When no row had anything of them any more.
    pub taken_at: Option<Timestamp>,
    /// When nothing was left in the files either.
    pub done_at: Option<Timestamp>,
    /// How many events were taken.
    pub events: u64,
    /// How many files were.
    pub files: u64,
    /// How many sessions were.
    pub sessions: u64,
}
