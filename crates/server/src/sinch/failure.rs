//! From the domain's error to this protocol's own: a status and a number.
//!
//! A number's first three digits are the status. One of them does something to
//! a client: at 40400 it forgets its instance, and logs in anew.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use countersign_core::error::{Code, Error};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::limit;
use crate::password_tries::Failed;

/// What a client may send to be let in, for who reads headers.
const SCHEMES: &str = "application, user, instance";

/// A refusal, as a handler returns it.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) error: Error,
    /// The number, where the domain's code is not enough to know it.
    told: Option<ErrorCode>,
    /// When to try again, in seconds, where the gate does not know it.
    retry_s: Option<u64>,
}

/// A refusal on its way to the front, which logs it and writes its body.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) error: Arc<Error>,
    pub(super) told: ErrorCode,
    pub(super) retry_s: Option<u64>,
}

/// The number of an error in this protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ErrorCode(u32);

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(rename = "errorCode")]
    error_code: u32,
    message: &'a str,
    reference: &'a str,
}

/// The answer with the refusal as its body; headers that it has, such as
/// `Allow`, stay.
pub(super) fn rendered(response: Response, failure: &Failure, request: &str) -> Response {
    let Failure {
        error,
        told,
        retry_s,
    } = failure;
    let status = told.status();
    let shown = Shown {
        error_code: told.0,
        message: &sentence(error),
        reference: request,
    };
    let body = serde_json::to_vec(&shown).expect("texts are JSON");
    let (mut parts, _) = response.into_parts();
    parts.status = status;
    parts.headers.remove(header::CONTENT_LENGTH);
    let json = HeaderValue::from_static("application/json");
    parts.headers.insert(header::CONTENT_TYPE, json);
    if status == StatusCode::UNAUTHORIZED {
        let schemes = HeaderValue::from_static(SCHEMES);
        parts.headers.insert(header::WWW_AUTHENTICATE, schemes);
    }
    let unavailable = error.code == Code::Unavailable;
    let retry_s = retry_s.or(unavailable.then_some(limit::UNAVAILABLE_RETRY_S));
    if let Some(retry_s) = retry_s {
        let retry_s = HeaderValue::from(retry_s);
        parts.headers.insert(header::RETRY_AFTER, retry_s);
    }
    Response::from_parts(parts, Body::from(body))
}

/// What an error says to a person, with what to do about it.
pub(super) fn sentence(error: &Error) -> String {
    match &error.hint {
        Some(hint) => format!("{}; {hint}", error.detail),
        None => error.detail.clone().into_owned(),
    }
}

/// The number of a code of the domain.
pub(super) fn described(code: Code) -> ErrorCode {
    ErrorCode(match code {
        Code::BadRequest | Code::BadPath | Code::CurrentTokenInvalid => 40_001,
        Code::ApplicationRequired => 40_002,
        // A name that is taken is an invalid request here.
        Code::MalformedJson
        | Code::Conflict
        | Code::AlreadyIdentified
        | Code::IdentityConflict
        | Code::ClientIdReused
        | Code::TooManyConversations
        | Code::UserAnonymous => 40_003,
        Code::NoCredential
        | Code::MalformedToken
        | Code::UnsupportedHeader
        | Code::UnsupportedAlgorithm
        | Code::UnknownKey
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
        | Code::AccessExpired
        | Code::RefreshReused
        | Code::CurrentTokenExpired => 40_100,
        Code::BadSignature => 40_102,
        Code::UserBlocked | Code::NotPermitted | Code::AclDenied | Code::TlsRequired => 40_300,
        Code::SessionEnded | Code::NotFound => 40_400,
        Code::MethodNotAllowed => 40_500,
        Code::TooLarge => 41_300,
        Code::UnsupportedMediaType => 41_500,
        Code::RateLimited => 42_900,
        Code::Internal => 50_000,
        Code::Unavailable => 50_300,
    })
}

// === impl Refused ===

impl Refused {
    /// A refusal with this number.
    pub(super) fn told(error: Error, told: ErrorCode) -> Self {
        Self {
            error,
            told: Some(told),
            retry_s: None,
        }
    }

    /// A refusal of a signed request: what is of another time there is not a
    /// credential.
    pub(super) fn of_signed(error: Error) -> Self {
        if matches!(error.code, Code::Expired | Code::NotYetValid) {
            Self::told(error, ErrorCode::BAD_TIMESTAMP)
        } else {
            error.into()
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self {
            error,
            told: None,
            retry_s: None,
        }
    }
}

impl From<Failed> for Refused {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Refused(error) => error.into(),
            Failed::TooMany(too_many) => Self {
                retry_s: Some(too_many.retry_s),
                ..Error::from(too_many).into()
            },
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let told = self.told.unwrap_or_else(|| described(self.error.code));
        let mut response = told.status().into_response();
        response.extensions_mut().insert(Failure {
            error: Arc::new(self.error),
            told,
            retry_s: self.retry_s,
        });
        response
    }
}

// === impl ErrorCode ===

impl ErrorCode {
    pub(super) const BAD_PARAMETER: Self = Self(40_001);
    pub(super) const MISSING_PARAMETER: Self = Self(40_002);
    pub(super) const BAD_CREDENTIALS: Self = Self(40_100);
    pub(super) const BAD_TIMESTAMP: Self = Self(40_101);
    pub(super) const BAD_SIGNATURE: Self = Self(40_102);
    pub(super) const WRONG_SCHEME: Self = Self(40_301);
    pub(super) const CONFIGURATION: Self = Self(42_200);

    pub(super) fn number(self) -> u32 {
        self.0
    }

    pub(super) fn status(self) -> StatusCode {
        let status = u16::try_from(self.0 / 100).ok();
        let status = status.and_then(|status| StatusCode::from_u16(status).ok());
        status.expect("a number begins with a status")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_number_and_its_status() {
        for code in Code::ALL {
            let told = described(*code);
            assert!(told.status().is_client_error() || told.status().is_server_error());
        }
        for code in [
            ErrorCode::BAD_PARAMETER,
            ErrorCode::MISSING_PARAMETER,
            ErrorCode::BAD_CREDENTIALS,
            ErrorCode::BAD_TIMESTAMP,
            ErrorCode::BAD_SIGNATURE,
            ErrorCode::WRONG_SCHEME,
            ErrorCode::CONFIGURATION,
        ] {
            assert!(code.status().is_client_error(), "{code:?}");
        }
    }

    #[test]
    fn a_cause_stays_inside() {
        let response = Refused::from(Error::internal("password=hunter2")).into_response();
        let failure = response.extensions().get::<Failure>().unwrap().clone();
        let told = rendered(response, &failure, "r");
        assert_eq!(told.status(), 500);
        assert!(!format!("{:?}", told.into_body()).contains("hunter2"));
    }
}
