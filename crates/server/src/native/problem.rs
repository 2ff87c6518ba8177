//! From the domain's error to a problem document (RFC 9457).

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use countersign_core::error::{Code, Error};
use countersign_credential::time::Timestamp;
use countersign_wire::problem::{MEDIA_TYPE, Problem as Document};
use http::{HeaderValue, StatusCode, header};

use super::answer::time;
use crate::limit;

/// A refusal, as a handler returns it.
#[derive(Debug)]
pub(super) struct Problem(pub(super) Error);

/// A refusal on its way to the front, which logs it and writes its body.
#[derive(Debug, Clone)]
pub(super) struct Failure(pub(super) Arc<Error>);

/// The answer with the refusal's document as its body; headers that it has,
/// such as `Allow`, stay.
pub(super) fn rendered(response: Response, error: &Error, now: Timestamp) -> Response {
    let (status, title) = described(error.code);
    let document = Document {
        kind: format!("/errors/{}", error.code.as_str()),
        title: title.to_owned(),
        status: status.as_u16(),
        code: error.code.as_str().to_owned(),
        detail: error.detail.clone().into_owned(),
        hint: error.hint.clone().map(std::borrow::Cow::into_owned),
        server_time: is_about_time(error.code).then(|| time(now)),
    };
    let (mut parts, _) = response.into_parts();
    parts.status = status;
    parts.headers.remove(header::CONTENT_LENGTH);
    parts
        .headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    if status == StatusCode::UNAUTHORIZED {
        // RFC 9110 section 11.6.1 asks for a challenge; Basic would make
        // browsers ask for, and then remember, a password.
        parts
            .headers
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if error.code == Code::Unavailable {
        let retry_s = HeaderValue::from(limit::UNAVAILABLE_RETRY_S);
        parts.headers.insert(header::RETRY_AFTER, retry_s);
    }
    let body = serde_json::to_vec(&document).expect("texts and numbers are JSON");
    Response::from_parts(parts, Body::from(body))
}

/// The status that a code has at this door.
pub(super) fn status_of(code: Code) -> StatusCode {
    described(code).0
}

/// What a code means, in few words.
pub(super) fn title_of(code: Code) -> &'static str {
    described(code).1
}

/// The status and the title of each code: API.md's table, line by line.
fn described(code: Code) -> (StatusCode, &'static str) {
    use StatusCode as S;
    match code {
        Code::MalformedJson => (S::BAD_REQUEST, "The body is not JSON"),
        Code::BadRequest => (S::BAD_REQUEST, "The request is wrong"),
        Code::BadPath => (S::BAD_REQUEST, "The path can be read in two ways"),
        Code::ApplicationRequired => (S::BAD_REQUEST, "No application is named"),
        Code::CurrentTokenInvalid => (S::BAD_REQUEST, "The device's own token is wrong"),
        Code::NoCredential => (S::UNAUTHORIZED, "No credential"),
        Code::MalformedToken => (S::UNAUTHORIZED, "The token is malformed"),
        Code::UnsupportedHeader => (S::UNAUTHORIZED, "The credential's header is not supported"),
        Code::UnsupportedAlgorithm => (S::UNAUTHORIZED, "The algorithm is not supported"),
        Code::UnknownKey => (S::UNAUTHORIZED, "The key is unknown"),
        Code::BadSignature => (S::UNAUTHORIZED, "The signature does not match"),
        Code::Expired => (S::UNAUTHORIZED, "The credential is over"),
        Code::NotYetValid => (S::UNAUTHORIZED, "The credential's time has not come"),
        Code::TooOld => (S::UNAUTHORIZED, "The credential is too old"),
        Code::WrongAudience => (S::UNAUTHORIZED, "Another application is meant"),
        Code::BadClaim => (S::UNAUTHORIZED, "A claim is missing or wrong"),
        Code::BadAcl => (S::UNAUTHORIZED, "The ACL is malformed"),
        Code::NoSubject => (S::UNAUTHORIZED, "The credential names no user"),
        Code::CredentialUsed => (S::UNAUTHORIZED, "The credential was used"),
        Code::CredentialRevoked => (S::UNAUTHORIZED, "The credential was revoked"),
        Code::UnknownUser => (S::UNAUTHORIZED, "The user is unknown"),
        Code::WrongPassword => (S::UNAUTHORIZED, "The name or the password is wrong"),
        Code::UserBlocked => (S::UNAUTHORIZED, "The user is blocked"),
        Code::SessionEnded => (S::UNAUTHORIZED, "The session is over"),
        Code::AccessExpired => (S::UNAUTHORIZED, "The access token is over"),
        Code::RefreshReused => (S::UNAUTHORIZED, "The refresh token was used twice"),
        Code::CurrentTokenExpired => (S::UNAUTHORIZED, "The device's own token is over"),
        Code::NotPermitted => (S::FORBIDDEN, "Not permitted"),
        Code::AclDenied => (S::FORBIDDEN, "The ACL does not allow it"),
        Code::TlsRequired => (S::FORBIDDEN, "TLS is required"),
        Code::NotFound => (S::NOT_FOUND, "Not found"),
        Code::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "The method is not allowed"),
        Code::AlreadyIdentified => (S::CONFLICT, "The device is another user's"),
        Code::IdentityConflict => (S::CONFLICT, "The identifiers name two users"),
        Code::Conflict => (S::CONFLICT, "Taken, or changed meanwhile"),
        Code::ClientIdReused => (S::CONFLICT, "The client_id was used for something else"),
        Code::TooManyConversations => (S::CONFLICT, "Too many open conversations"),
        Code::UserAnonymous => (S::CONFLICT, "The user is a visitor"),
        Code::TooLarge => (S::PAYLOAD_TOO_LARGE, "Too large"),
        Code::UnsupportedMediaType => (
            S::UNSUPPORTED_MEDIA_TYPE,
            "The body's type is not supported",
        ),
        Code::RateLimited => (S::TOO_MANY_REQUESTS, "Too many requests"),
        Code::Internal => (S::INTERNAL_SERVER_ERROR, "A fault of ours"),
        Code::Unavailable => (S::SERVICE_UNAVAILABLE, "Not available at the moment"),
    }
}

/// Whether it helps the client to compare its clock with ours.
fn is_about_time(code: Code) -> bool {
    [
        Code::Expired,
        Code::NotYetValid,
        Code::TooOld,
        Code::CredentialRevoked,
        Code::AccessExpired,
        Code::CurrentTokenExpired,
        Code::SessionEnded,
    ]
    .contains(&code)
}

// === impl Problem ===

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = status_of(self.0.code).into_response();
        response.extensions_mut().insert(Failure(Arc::new(self.0)));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the API, as it is written there.
    const STATUSES: [(u16, &str); 10] = [
        (
            400,
            "malformed_json bad_request bad_path application_required current_token_invalid",
        ),
        (
            401,
            "no_credential malformed_token unsupported_header unsupported_algorithm unknown_key \
             bad_signature expired not_yet_valid too_old wrong_audience bad_claim bad_acl \
             no_subject credential_used credential_revoked unknown_user wrong_password user_blocked \
             session_ended access_expired refresh_reused current_token_expired",
        ),
        (403, "not_permitted acl_denied tls_required"),
        (404, "not_found"),
        (405, "method_not_allowed"),
        (
            409,
            "already_identified identity_conflict conflict client_id_reused \
             too_many_conversations user_anonymous",
        ),
        (413, "too_large"),
        (415, "unsupported_media_type"),
        (429, "rate_limited"),
        (500, "internal"),
    ];

    #[test]
    fn every_code_has_the_status_that_the_api_says() {
        let mut told = 0;
        for code in Code::ALL {
            let expected = STATUSES
                .iter()
                .find(|(_, codes)| codes.split_whitespace().any(|text| text == code.as_str()))
                .map_or(503, |(status, _)| *status);
            assert_eq!(status_of(*code).as_u16(), expected, "{}", code.as_str());
            told += 1;
        }
        let listed: usize = STATUSES
            .iter()
            .map(|(_, codes)| codes.split_whitespace().count())
            .sum();
        assert_eq!(
            told,
            listed + 1,
            "unavailable is the one that is not listed"
        );
    }

    #[test]
    fn a_cause_stays_inside() {
        let error = Error::internal("password=hunter2");
        let response = Problem(error).into_response();
        let Failure(error) = response.extensions().get().cloned().unwrap();
        let rendered = rendered(response, &error, Timestamp::from_seconds(0));
        assert_eq!(rendered.status(), 500);
        assert_eq!(rendered.headers()[header::CONTENT_TYPE], MEDIA_TYPE);
        let body = format!("{:?}", rendered.into_body());
        assert!(!body.contains("hunter2"), "{body}");
    }
}
