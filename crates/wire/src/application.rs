//! Applications: what owns users, conversations, keys and settings.

use serde::{Deserialize, Serialize};

use crate::patch::Patch;
use crate::secret::Secret;
use crate::settings::Settings;
use crate::time::Time;

/// `POST /v1/applications`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewApplication {
    /// What people call it.
    pub name: String,
    /// Its short name in URLs; made by the server where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// A key that is written into shipped apps, and stands for the id there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

/// `PATCH /v1/applications/{id}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationPatch {
    /// The new name.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub name: Patch<String>,
    /// The new alias.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub alias: Patch<String>,
}

/// An application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// Its id.
    pub id: String,
    /// Its short name in URLs.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// What stands for the id in shipped apps.
    pub alias: Option<String>,
    /// When it was created.
    pub created_at: Time,
}

/// A page of applications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applications {
    /// The applications, the oldest first.
    pub applications: Vec<Application>,
    /// The cursor of the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `GET /v1/applications/{id}/export`: all that judging its users' credentials
/// needs. It holds secrets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Export {
    /// Its id.
    pub id: String,
    /// Its short name in URLs.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// What stands for the id in shipped apps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Its signing keys, in every state.
    pub keys: Vec<ExportedKey>,
    /// Its settings, the defaults filled in.
    pub settings: Settings,
}

/// A signing key with what it is made of: a public key, or a secret in one of
/// two forms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedKey {
    /// Its name.
    pub kid: String,
    /// Its state.
    pub state: String,
    /// Its algorithm.
    pub algorithm: String,
    /// A public key, as SPKI in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key_pem: Option<String>,
    /// A secret that is a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// A secret of any bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_base64: Option<Secret>,
}
