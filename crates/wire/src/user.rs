//! Users: a backend keeps them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::patch::Patch;
use crate::schema;
use crate::time::Time;

/// `POST /v1/users`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"external_id": "customer-1207", "display_name": "Alice"})))]
pub struct NewUser {
    /// Unique in the application.
    #[schema(value_type = Option<schema::Name>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The application's own id of it, unique too.
    #[schema(value_type = Option<schema::Name>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Its e-mail address, unique too; the backend vouches for it.
    #[schema(value_type = Option<schema::Email>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What others see.
    #[schema(value_type = Option<schema::Name>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// `PATCH /v1/users/{id}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"display_name": "Alice"})))]
pub struct UserPatch {
    /// The new name.
    #[schema(value_type = Option<schema::Name>)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub name: Patch<String>,
    /// The new external id.
    #[schema(value_type = Option<schema::Name>)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub external_id: Patch<String>,
    /// The new e-mail address.
    #[schema(value_type = Option<schema::Email>)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub email: Patch<String>,
    /// The new display name.
    #[schema(value_type = Option<schema::Name>)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub display_name: Patch<String>,
    /// Whether the application refuses this user; a backend says so.
    #[schema(value_type = Option<bool>)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub blocked: Patch<bool>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// Its id.
    #[schema(value_type = schema::UserId)]
    pub id: String,
    /// Its name, unique in the application.
    #[schema(required)]
    pub name: Option<String>,
    /// The application's own id of it; only itself and a backend see it.
    #[schema(required)]
    pub external_id: Option<String>,
    /// Its e-mail address; only itself and a backend see it.
    #[schema(required)]
    pub email: Option<String>,
    /// What others see.
    #[schema(required)]
    pub display_name: Option<String>,
    /// Whether it is a visitor.
    pub anonymous: bool,
    /// Whether the application refuses it; only a backend sees it.
    #[schema(required)]
    pub blocked: Option<bool>,
    /// When it was created.
    pub created_at: Time,
}

/// A page of users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Users {
    /// The users, the oldest first.
    pub users: Vec<User>,
    /// The cursor of the next page, if there is one.
    #[schema(value_type = schema::Cursor)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
