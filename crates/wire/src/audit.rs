//! The audit log: who did what, to whom, and when.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::digest::Digest;
use crate::schema;
use crate::time::Time;

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct Entry {
    /// Its place in the log, counted from 1 without holes.
    #[schema(value_type = schema::EntryNumber)]
    pub number: u64,
    /// Its id.
    #[schema(value_type = schema::AuditId)]
    pub id: String,
    /// Who did it: an API key's or user's id, or `backend`, `client`, `system`.
    pub actor: String,
    /// What was done, as `noun.verb`.
    #[schema(examples("settings.change"))]
    pub action: String,
    /// What it was done to: an id, a `kid` or a `jti`.
    pub target: String,
    /// The user whom it is about.
    #[schema(value_type = Option<schema::UserId>, required)]
    pub user_id: Option<String>,
    /// What was there before, as far as it changed: the text of a JSON object.
    #[schema(required)]
    pub before: Option<String>,
    /// What is there since, as far as it changed: the text of a JSON object.
    #[schema(required)]
    pub after: Option<String>,
    /// A remark.
    #[schema(required)]
    pub detail: Option<String>,
    /// The salt of `details_digest`. Absent where before, after and detail were
    /// erased with the user.
    #[schema(required)]
    pub salt: Option<Digest>,
    /// SHA-256 over the salt, before, after and detail. It stays when they are erased.
    #[schema(required)]
    pub details_digest: Option<Digest>,
    /// SHA-256 over the entry and the digest of the entry before. Absent for the
    /// second or so until the entry is sealed.
    #[schema(required)]
    pub digest: Option<Digest>,
    /// When it happened.
    pub created_at: Time,
}

/// A page of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Audit {
    /// The entries, the newest first; the oldest first where `after` was given.
    pub audit: Vec<Entry>,
    /// The cursor of the next page, if there is one.
    #[schema(value_type = schema::Cursor)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
