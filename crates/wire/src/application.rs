//! Applications: what owns users, conversations, keys and settings.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::patch::Patch;
use crate::schema;
use crate::secret::Secret;
use crate::settings::Settings;
use crate::time::Time;

/// `POST /v1/applications`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"name": "Shop", "slug": "shop"})))]
pub struct NewApplication {
    /// What people call it.
    #[schema(value_type = schema::Name)]
    pub name: String,
    /// Its short name in URLs; made by the server where it is absent.
    #[schema(value_type = Option<schema::Slug>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// A key that is written into shipped apps, and stands for the id there.
    #[schema(value_type = Option<schema::Name>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

/// `PATCH /v1/applications/{id}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"name": "Shop"})))]
pub struct ApplicationPatch {
    /// The new name.
    #[schema(value_type = schema::Name)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub name: Patch<String>,
    /// The new alias.
    #[schema(value_type = Option<schema::Name>)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub alias: Patch<String>,
}

/// An application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Application {
    /// Its id.
    #[schema(value_type = schema::ApplicationId)]
    pub id: String,
    /// Its short name in URLs.
    #[schema(value_type = schema::Slug)]
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// What stands for the id in shipped apps.
    #[schema(required)]
    pub alias: Option<String>,
    /// When it was created.
    pub created_at: Time,
}

/// A page of applications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Applications {
    /// The applications, the oldest first.
    pub applications: Vec<Application>,
    /// The cursor of the next page, if there is one.
    #[schema(value_type = schema::Cursor)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `GET /v1/applications/{id}/export`: all that judging its users' credentials
/// needs. It holds secrets.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Export {
    /// Its id.
    #[schema(value_type = schema::ApplicationId)]
    pub id: String,
    /// Its short name in URLs.
    #[schema(value_type = schema::Slug)]
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// What stands for the id in shipped apps.
    #[schema(value_type = String)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Its signing keys, in every state.
    pub keys: Vec<ExportedKey>,
    /// Its settings, the defaults filled in.
    pub settings: Settings,
}

/// A signing key with what it is made of: a public key, or a secret in one of
/// two forms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExportedKey {
    /// Its name.
    #[schema(value_type = schema::Kid)]
    pub kid: String,
    /// Its state.
    #[schema(value_type = schema::KeyState)]
    pub state: String,
    /// Its algorithm.
    #[schema(value_type = schema::KeyAlgorithm)]
    pub algorithm: String,
    /// A public key, as SPKI in PEM.
    #[schema(value_type = String)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key_pem: Option<String>,
    /// A secret that is a text.
    #[schema(value_type = Secret)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// A secret of any bytes.
    #[schema(value_type = Secret)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_base64: Option<Secret>,
}
