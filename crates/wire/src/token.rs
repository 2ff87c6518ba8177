//! Tokens and credentials, as a backend asks about them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schema;
use crate::secret::Secret;
use crate::time::Time;

/// `POST /v1/tokens/explain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"})))]
pub struct ExplainRequest {
    /// The credential.
    pub token: Secret,
    /// The only dialect that is taken.
    #[schema(value_type = Option<schema::Dialect>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<String>,
}

/// What the doctor found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// Whether the credential would log its user in.
    pub accepted: bool,
    /// Why not.
    #[schema(value_type = String)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The sentence that tells why not.
    #[schema(value_type = String)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to do about it.
    #[schema(value_type = String)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Its dialect, where its form tells.
    #[schema(value_type = schema::Dialect)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<String>,
    /// Whom it names, once it is accepted.
    #[schema(value_type = String)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it is over.
    #[schema(value_type = Time)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// Every check that could be made, in order.
    pub checks: Vec<Check>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = TokenCheck)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// Whether it passed.
    pub passed: bool,
    /// What was seen.
    pub detail: String,
    /// What to do about it; on a check that passed, what to be aware of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// `POST /v1/tokens/introspect`, as a form or as JSON (RFC 7662 section 2.1).
/// Other parameters are ignored, as OAuth's clients expect (RFC 6749 section
/// 3.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(examples(json!({"token": "cs_at_…"})))]
pub struct IntrospectRequest {
    /// The token.
    pub token: Secret,
    /// What the caller takes it for; the token itself tells better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type_hint: Option<String>,
}

/// What a token is worth (RFC 7662 section 2.2). One that is worth nothing has
/// no member but `active`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Introspection {
    /// Whether it is worth something.
    pub active: bool,
    /// `Bearer` for what is shown with calls, `N_A` for what is not (RFC 8693
    /// section 2.2.1).
    #[schema(value_type = String)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<String>,
    /// `access`, `refresh` or `credential`.
    #[schema(value_type = String)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_use: Option<String>,
    /// The user's id.
    #[schema(value_type = schema::UserId)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The user's name.
    #[schema(value_type = String)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The application's id.
    #[schema(value_type = schema::ApplicationId)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<String>,
    /// The id of the client's publishable key.
    #[schema(value_type = schema::ApiKeyId)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The session's id.
    #[schema(value_type = schema::SessionId)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The device's id.
    #[schema(value_type = schema::DeviceId)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// The credential's own id.
    #[schema(value_type = String)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// When it was made, in seconds since 1970-01-01T00:00:00Z.
    #[schema(value_type = i64)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// When it is over, in seconds since 1970-01-01T00:00:00Z.
    #[schema(value_type = i64)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_worth_nothing_says_nothing_else() {
        let text = serde_json::to_string(&Introspection::default()).unwrap();
        assert_eq!(text, r#"{"active":false}"#);
    }
}
