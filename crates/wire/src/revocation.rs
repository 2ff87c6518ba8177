//! Revocations: what is named ends.

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// `POST /v1/revocations`: exactly one thing is named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRevocation {
    /// One session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The sessions on a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// A user's sessions and credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Up to when a user's are meant; up to now where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Time>,
    /// The credential of this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The credentials of a signing key; an admin key revokes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// An API key; an admin key revokes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_id: Option<String>,
    /// The whole application up to now; an admin key revokes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
}

/// A revocation that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// What was named, by the member that named it.
    pub target: Target,
    /// The moment up to which it holds. What has no time of its own (a
    /// session, a device, a `jti`, a key) is revoked for ever.
    pub before: Time,
}

/// What a revocation names: `{"session_id":"SES-…"}` and so on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// One session.
    SessionId(String),
    /// The sessions on a device.
    DeviceId(String),
    /// A user.
    UserId(String),
    /// A credential.
    Jti(String),
    /// A signing key.
    Kid(String),
    /// An API key.
    ApiKeyId(String),
    /// An application.
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
