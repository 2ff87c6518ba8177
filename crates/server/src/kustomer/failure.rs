//! From the domain's error to this protocol's: a list of one, whose members are
//! those of both shapes that are documented.
//!
//! Old clients take any body with such a list for a failure, whatever its status
//! is; so no other answer has a member of that name.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use countersign_core::error::{Code, Error};
use countersign_credential::time::Timestamp;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::answer::{JSON, time};
use crate::limit;

/// A refusal, as a handler returns it.
#[derive(Debug)]
pub(super) struct Refused(pub(super) Error);

/// A refusal on its way to the front, which logs it and writes its body.
#[derive(Debug, Clone)]
pub(super) struct Failure(pub(super) Arc<Error>);

#[derive(Serialize)]
struct Shown<'a> {
    errors: [ShownError<'a>; 1],
}

#[derive(Serialize)]
struct ShownError<'a> {
    code: &'static str,
    message: String,
    /// A text: that is what clients compare.
    status: String,
    title: &'static str,
    detail: &'a str,
    meta: Meta<'a>,
}

#[derive(Serialize)]
struct Meta<'a> {
    #[serde(rename = "requestId")]
    request_id: &'a str,
    #[serde(rename = "serverTime")]
    server_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    /// How old what was shown is, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    age: Option<f64>,
    /// How far it is ahead of our time, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    skew: Option<f64>,
    /// How many seconds of either are allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<i64>,
}

/// The answer with the refusal as its body; headers that it has, such as
/// `Allow`, stay.
pub(super) fn rendered(response: Response, error: &Error, now: Timestamp, id: &str) -> Response {
    let (status, title) = described(error.code);
    let shown = Shown {
        errors: [ShownError {
            code: error.code.as_str(),
            message: sentence(error),
            status: status.as_u16().to_string(),
            title,
            detail: &error.detail,
            meta: meta(error, now, id),
        }],
    };
    let body = serde_json::to_vec(&shown).expect("texts and numbers are JSON");
    let (mut parts, _) = response.into_parts();
    parts.status = status;
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, JSON);
    if status == StatusCode::UNAUTHORIZED {
        let bearer = HeaderValue::from_static("Bearer");
        parts.headers.insert(header::WWW_AUTHENTICATE, bearer);
    }
    if error.code == Code::Unavailable {
        let retry_s = HeaderValue::from(limit::UNAVAILABLE_RETRY_S);
        parts.headers.insert(header::RETRY_AFTER, retry_s);
    }
    Response::from_parts(parts, Body::from(body))
}

/// What an error says to a person, with what to do about it.
fn sentence(error: &Error) -> String {
    match &error.hint {
        Some(hint) => format!("{}; {hint}", error.detail),
        None => error.detail.clone().into_owned(),
    }
}

fn meta<'a>(error: &'a Error, now: Timestamp, request_id: &'a str) -> Meta<'a> {
    let measured = error.measured();
    let seconds = |milliseconds: i64| milliseconds as f64 / 1_000.0;
    let age_ms = measured.map(|measured| measured.age_ms);
    Meta {
        request_id,
        server_time: time(now),
        hint: error.hint.as_deref(),
        age: age_ms.filter(|age_ms| *age_ms >= 0).map(seconds),
        skew: age_ms.filter(|age_ms| *age_ms < 0).map(|ms| -seconds(ms)),
        limit: measured.map(|measured| measured.limit_s),
    }
}

/// The status and the title of each code.
fn described(code: Code) -> (StatusCode, &'static str) {
    use StatusCode as S;
    match code {
        Code::MalformedJson
        | Code::BadRequest
        | Code::BadPath
        | Code::ApplicationRequired
        | Code::CurrentTokenInvalid => (S::BAD_REQUEST, "Bad request"),
        Code::NoCredential
        | Code::MalformedToken
        | Code::UnsupportedHeader
        | Code::UnsupportedAlgorithm
        | Code::UnknownKey
        | Code::BadSignature
        | Code::Expired
        | Code::NotYetValid
        | Code::TooOld
        | Code::WrongAudience
        | Code::BadClaim
        | Code::BadAcl
        | Code::NoSubject
        | Code::CredentialUsed
        | Code::CredentialRevoked
        | Code::UnknownUser
        | Code::WrongPassword
        | Code::UserBlocked
        | Code::SessionEnded
        | Code::AccessExpired
        | Code::RefreshReused
        | Code::CurrentTokenExpired => (S::UNAUTHORIZED, "Unauthorized"),
        Code::NotPermitted | Code::AclDenied | Code::TlsRequired => (S::FORBIDDEN, "Forbidden"),
        Code::NotFound => (S::NOT_FOUND, "Not found"),
        Code::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "Method not allowed"),
        Code::AlreadyIdentified
        | Code::IdentityConflict
        | Code::Conflict
        | Code::ClientIdReused
        | Code::TooManyConversations
        | Code::UserAnonymous => (S::CONFLICT, "Conflict"),
        Code::TooLarge => (S::PAYLOAD_TOO_LARGE, "Too large"),
        Code::UnsupportedMediaType => (S::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type"),
        Code::RateLimited => (S::TOO_MANY_REQUESTS, "Too many requests"),
        Code::Internal => (S::INTERNAL_SERVER_ERROR, "Internal error"),
        Code::Unavailable => (S::SERVICE_UNAVAILABLE, "Unavailable"),
    }
}

// === impl Refused ===

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = described(self.0.code).0.into_response();
        response.extensions_mut().insert(Failure(Arc::new(self.0)));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_status_of_a_failure() {
        for code in Code::ALL {
            let (status, _) = described(*code);
            assert!(status.is_client_error() || status.is_server_error());
        }
    }

    #[test]
    fn a_cause_stays_inside() {
        let error = Error::internal("password=hunter2");
        let response = Refused(error).into_response();
        let Failure(error) = response.extensions().get().cloned().unwrap();
        let told = rendered(response, &error, Timestamp::from_seconds(0), "r");
        assert_eq!(told.status(), 500);
        assert!(!format!("{:?}", told.into_body()).contains("hunter2"));
    }
}
