//! API keys: what a backend or a page shows to call the API.

use serde::{Deserialize, Serialize};

use crate::secret::Secret;
use crate::time::Time;

/// `POST /v1/applications/{id}/api-keys`, and `POST /v1/api-keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// What people call it.
    pub name: String,
    /// What it may do: `operator`, `admin`, `user`, `tracking`.
    pub roles: Vec<String>,
    /// In how many days it stops to be accepted; never, where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<u32>,
    /// The network that it may be used from; any, where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cidr: Option<String>,
}

/// An API key, without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it may do, the strongest first.
    pub roles: Vec<String>,
    /// When it stops to be accepted.
    pub expires_at: Option<Time>,
    /// The network that it may be used from.
    pub cidr: Option<String>,
    /// The end of its text, by which people recognise it.
    pub last_characters: String,
    /// When it was last used, to the hour.
    pub last_used_at: Option<Time>,
}

/// A key that was just made, with its text, which is in this answer alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedApiKey {
    /// The key.
    #[serde(flatten)]
    pub api_key: ApiKey,
    /// Its text.
    pub key: Secret,
}

/// A page of API keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeys {
    /// The keys, the oldest first.
    pub api_keys: Vec<ApiKey>,
    /// The cursor of the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
