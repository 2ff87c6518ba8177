//! Signing keys: what verifies an application's credentials.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::schema;
use crate::secret::Secret;
use crate::time::Time;

/// `POST /v1/applications/{id}/keys`: with one of the four forms of a key it is
/// imported, with none the server makes one.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"algorithm": "RS256", "kid": "2027-01"})))]
pub struct NewSigningKey {
    /// Its algorithm; a JWK may tell it by itself.
    #[schema(value_type = Option<schema::KeyAlgorithm>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// Its name; a JWK's own, or made by the server, where it is absent.
    #[schema(value_type = Option<schema::Kid>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// A public key in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key_pem: Option<String>,
    /// A JWK (RFC 7517), which may hold a secret.
    #[schema(value_type = Option<Object>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwk: Option<Box<RawValue>>,
    /// A secret that is a text, whose bytes sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// A secret of any bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_base64: Option<Secret>,
    /// Whether a secret may be shorter than it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_weak: Option<bool>,
}

/// `PATCH /v1/applications/{id}/keys/{kid}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"state": "current"})))]
pub struct SigningKeyPatch {
    /// The new state: `current`, `previous`, `standby`, or `revoked` for ever.
    #[schema(value_type = schema::KeyState)]
    pub state: String,
}

/// A signing key, without what it is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SigningKey {
    /// Its name, by which credentials ask for it.
    #[schema(value_type = schema::Kid)]
    pub kid: String,
    /// Its one algorithm.
    #[schema(value_type = schema::KeyAlgorithm)]
    pub algorithm: String,
    /// Its state in the ring.
    #[schema(value_type = schema::KeyState)]
    pub state: String,
    /// When it was made or imported.
    pub created_at: Time,
    /// When it last verified a credential; up to a minute behind, and a server
    /// that is killed loses as much.
    #[schema(required)]
    pub last_used_at: Option<Time>,
}

/// A key that was just added. What the server made itself is in this answer
/// alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddedSigningKey {
    /// The key.
    #[serde(flatten)]
    pub key: SigningKey,
    /// The private key that the server made, PKCS#8 in PEM.
    #[schema(value_type = Secret)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key_pem: Option<Secret>,
    /// The secret that the server made, as a text.
    #[schema(value_type = Secret)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// The secret that the server made, in base64.
    #[schema(value_type = Secret)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_base64: Option<Secret>,
}

/// A page of signing keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SigningKeys {
    /// The keys, the oldest first.
    pub keys: Vec<SigningKey>,
    /// The cursor of the next page, if there is one.
    #[schema(value_type = schema::Cursor)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

// === impl NewSigningKey ===

// A JWK may hold a secret.
impl fmt::Debug for NewSigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("NewSigningKey")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}
