//! The audit log: who did what, to whom, and when.

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// Who did it: an API key's or user's id, or `backend`, `client`, `system`.
    pub actor: String,
    /// What was done, as `noun.verb`.
    pub action: String,
    /// What it was done to.
    pub target: String,
    /// More about it.
    pub detail: Option<String>,
    /// When it happened.
    pub created_at: Time,
}

/// A page of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// The entries, the newest first.
    pub audit: Vec<Entry>,
    /// The cursor of the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
