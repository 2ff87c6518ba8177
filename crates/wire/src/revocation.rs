//! Revocations: what is named ends.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;
use crate::time::Time;

/// `POST /v1/revocations`: exactly one thing is named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"user_id": "USR-01932d4c-7e58-7c21-9b0a-3f6f0d3f6a11"})))]
pub struct NewRevocation {
    /// One session.
    #[schema(value_type = Option<schema::SessionId>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The sessions on a device.
    #[schema(value_type = Option<schema::DeviceId>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// A user's sessions and credentials.
    #[schema(value_type = Option<schema::UserId>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Up to when a user's are meant; up to now where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Time>,
    /// The credential of this id.
    #[schema(value_type = Option<schema::Name>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The credentials of a signing key; an admin key revokes it.
    #[schema(value_type = Option<schema::Kid>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// An API key; an admin key revokes it.
    #[schema(value_type = Option<schema::ApiKeyId>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_id: Option<String>,
    /// The whole application up to now; an admin key revokes it.
    #[schema(value_type = Option<schema::ApplicationId>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
}

/// A revocation that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Revocation {
    /// What was named, by the member that named it.
    pub target: Target,
    /// The moment up to which it holds. What has no time of its own (a
    /// session, a device, a `jti`, a key) is revoked for ever.
    pub before: Time,
}

/// What a revocation names: `{"session_id":"SES-…"}` and so on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RevocationTarget)]
pub enum Target {
    /// One session.
    #[schema(value_type = schema::SessionId)]
    SessionId(String),
    /// The sessions on a device.
    #[schema(value_type = schema::DeviceId)]
    DeviceId(String),
    /// A user.
    #[schema(value_type = schema::UserId)]
    UserId(String),
    /// A credential.
    Jti(String),
    /// A signing key.
    #[schema(value_type = schema::Kid)]
    Kid(String),
    /// An API key.
    #[schema(value_type = schema::ApiKeyId)]
    ApiKeyId(String),
    /// An application.
    #[schema(value_type = schema::ApplicationId)]
    ApplicationId(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revocation_names_its_target_as_the_request_did() {
        let revocation = Revocation {
            target: Target::ApiKeyId("KEY-1".to_owned()),
            before: Time { milliseconds: 0 },
        };
        let text = r#"{"target":{"api_key_id":"KEY-1"},"before":"1970-01-01T00:00:00.000Z"}"#;
        assert_eq!(serde_json::to_string(&revocation).unwrap(), text);
        assert_eq!(
            serde_json::from_str::<Revocation>(text).unwrap(),
            revocation
        );
    }
}
