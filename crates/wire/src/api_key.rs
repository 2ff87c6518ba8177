//! API keys: what a backend or a page shows to call the API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;
use crate::secret::Secret;
use crate::time::Time;

/// `POST /v1/applications/{id}/api-keys`, and `POST /v1/api-keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"name": "backend", "roles": ["user"], "expires_in_days": 365})))]
pub struct NewApiKey {
    /// What people call it.
    #[schema(value_type = schema::Name)]
    pub name: String,
    /// What it may do: `operator`, `admin`, `user`, `tracking`.
    #[schema(value_type = Vec<schema::Role>, min_items = 1)]
    pub roles: Vec<String>,
    /// In how many days it stops to be accepted; never, where it is absent.
    #[schema(minimum = 1, maximum = 3650)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<u32>,
    /// The network that it may be used from; any, where it is absent.
    #[schema(value_type = Option<schema::Cidr>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cidr: Option<String>,
}

/// An API key, without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKey {
    /// Its id.
    #[schema(value_type = schema::ApiKeyId)]
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it may do, the strongest first.
    #[schema(value_type = Vec<schema::Role>, min_items = 1)]
    pub roles: Vec<String>,
    /// When it stops to be accepted.
    #[schema(required)]
    pub expires_at: Option<Time>,
    /// The network that it may be used from.
    #[schema(value_type = Option<schema::Cidr>, required)]
    pub cidr: Option<String>,
    /// The end of its text, by which people recognise it.
    pub last_characters: String,
    /// When it was last used; up to a minute behind, and a server that is killed
    /// loses as much.
    #[schema(required)]
    pub last_used_at: Option<Time>,
}

/// A key that was just made, with its text, which is in this answer alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreatedApiKey {
    /// The key.
    #[serde(flatten)]
    pub api_key: ApiKey,
    /// Its text.
    pub key: Secret,
    /// The same key as a JWT, for what expects one at the kustomer door; an
    /// operator key has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<Secret>,
}

/// A page of API keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKeys {
    /// The keys, the oldest first.
    pub api_keys: Vec<ApiKey>,
    /// The cursor of the next page, if there is one.
    #[schema(value_type = schema::Cursor)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
