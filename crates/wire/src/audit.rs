//! The audit log: who did what, to whom, and when.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;
use crate::time::Time;

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct Entry {
    /// Its id.
    #[schema(value_type = schema::AuditId)]
    pub id: String,
    /// Who did it: an API key's or user's id, or `backend`, `client`, `system`.
    pub actor: String,
    /// What was done, as `noun.verb`.
    #[schema(examples("settings.change"))]
    pub action: String,
    /// What it was done to.
    pub target: String,
    /// More about it.
    #[schema(required)]
    pub detail: Option<String>,
    /// When it happened.
    pub created_at: Time,
}

/// A page of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Audit {
    /// The entries, the newest first.
    pub audit: Vec<Entry>,
    /// The cursor of the next page, if there is one.
    #[schema(value_type = schema::Cursor)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
