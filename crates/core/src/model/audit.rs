//! The audit log: who did what, to whom, and when.

use countersign_credential::time::Timestamp;

use crate::id::{ApiKeyId, AuditId, UserId};

/// One entry. It is only ever added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its id.
    pub id: AuditId,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What was done, as `noun.verb`.
    pub action: &'static str,
    /// What it was done to, in its text form.
    pub target: String,
    /// More about it, without any secret.
    pub detail: Option<String>,
}

/// One entry as it is read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its id.
    pub id: AuditId,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it, in text form.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// What it was done to.
    pub target: String,
    /// More about it.
    pub detail: Option<String>,
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A user or visitor.
    User(UserId),
    /// A backend, by its API key.
    ApiKey(ApiKeyId),
    /// A backend, by a token that one of its signing keys verified.
    Backend,
    /// Somebody who presented a publishable key or nothing.
    Client,
    /// Countersign itself: its janitor, its first start.
    System,
}
