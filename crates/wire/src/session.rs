//! Sessions: log in, become a visitor, refresh, list.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::object;
use crate::schema;
use crate::secret::Secret;
use crate::time::Time;

/// `POST /v1/sessions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"credential": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl", "device": {"name": "Safari on iPhone"}, "nonce": "8f14e45f"})))]
pub struct LoginRequest {
    /// What the user's backend has signed.
    pub credential: Secret,
    /// The application, where neither bearer nor credential names it.
    #[schema(value_type = Option<schema::ApplicationId>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
    /// The device, as far as it knows itself.
    #[serde(
        default,
        deserialize_with = "object::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub device: Option<DeviceClaim>,
    /// The device's own access token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_token: Option<Secret>,
    /// Whether the device may become another user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch: Option<bool>,
    /// The client's nonce: the same one makes a retry harmless.
    #[schema(value_type = Option<schema::ClientId>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Secret>,
}

/// `POST /v1/sessions/anonymous`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"device": {"name": "Safari on iPhone"}})))]
pub struct AnonymousRequest {
    /// The device, as far as it knows itself.
    #[serde(
        default,
        deserialize_with = "object::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub device: Option<DeviceClaim>,
}

/// `POST /v1/sessions/refresh`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"refresh_token": "cs_rt_…", "nonce": "8f14e45f"})))]
pub struct RefreshRequest {
    /// The refresh token.
    pub refresh_token: Secret,
    /// The client's nonce: the same one makes a retry harmless.
    #[schema(value_type = Option<schema::ClientId>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Secret>,
}

/// What a device says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceClaim {
    /// The id that it was given earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What it calls itself.
    #[schema(value_type = Option<schema::Name>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The login answer: what a device keeps of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoginAnswer {
    /// The session.
    pub session: LoginSession,
    /// Its user.
    pub user: LoginUser,
    /// Shown with every call.
    pub access_token: Secret,
    /// When that is over.
    pub access_token_expires_at: Time,
    /// Exchanged for the next pair.
    pub refresh_token: Secret,
    /// The server's time, so that the device can tell how wrong its clock is.
    pub server_time: Time,
}

/// The session in a login answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoginSession {
    /// Its id.
    #[schema(value_type = schema::SessionId)]
    pub id: String,
    /// The device, whose id the client keeps.
    #[schema(value_type = schema::DeviceId)]
    pub device_id: String,
    /// When it ends, whatever happens.
    pub expires_at: Time,
}

/// The user in a login answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoginUser {
    /// Its id.
    #[schema(value_type = schema::UserId)]
    pub id: String,
    /// Its name, unique in the application.
    #[schema(required)]
    pub name: Option<String>,
    /// The application's own id of it.
    #[schema(required)]
    pub external_id: Option<String>,
    /// Its verified e-mail address.
    #[schema(required)]
    pub email: Option<String>,
    /// Whether it is a visitor.
    pub anonymous: bool,
}

/// A session in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Its id.
    #[schema(value_type = schema::SessionId)]
    pub id: String,
    /// Whose it is.
    #[schema(value_type = schema::UserId)]
    pub user_id: String,
    /// Where it was opened.
    #[schema(value_type = schema::DeviceId)]
    pub device_id: String,
    /// The dialect of the credential that opened it; a visitor's has none.
    #[schema(value_type = Option<schema::Dialect>, required)]
    pub dialect: Option<String>,
    /// When it was opened.
    pub created_at: Time,
    /// When it was last refreshed.
    pub last_seen_at: Time,
    /// When it ends, whatever happens.
    pub expires_at: Time,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// A page of sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sessions {
    /// The sessions, the newest first.
    pub sessions: Vec<Session>,
    /// The cursor of the next page, if there is one.
    #[schema(value_type = schema::Cursor)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
