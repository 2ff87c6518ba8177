//! From the domain's error to this protocol's own: a status, a code and a title.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use countersign_core::error::{Code, Error, Obstacle};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::version::{ErrorShape, Version};
use crate::limit;

/// Where a problem document says that its codes are explained.
const TYPES: &str = "https://developer.nexmo.com/api/conversation#";

const INVALID: &str = "http:error:validation-fail";
const NO_METHOD: &str = "http:error:method-not-allowed";
const NO_TYPE: &str = "http:error:unsupported-media-type";
const TOO_MANY: &str = "system:error:too-many-requests";
const FAULT: &str = "system:error:internal-error";
const CONFLICT: &str = "Conflict.";

/// A refusal, as a handler returns it.
#[derive(Debug)]
pub(super) struct Refused(pub(super) Error);

/// A refusal on its way to the front, which logs it and writes its body.
#[derive(Debug, Clone)]
pub(super) struct Failure(pub(super) Arc<Error>);

/// What a call is about, where the protocol has a code for each noun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Conversations,
    Members,
    Events,
    Users,
    Other,
}

/// An error as this protocol tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) title: &'static str,
}

#[derive(Serialize)]
struct Plain<'a> {
    code: &'a str,
    description: &'a str,
    rid: &'a str,
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    code: &'a str,
    title: &'a str,
    detail: &'a str,
    instance: &'a str,
}

/// The answer with the refusal as its body, in the shape of the version;
/// headers that it has, such as `Allow`, stay.
pub(super) fn rendered(
    response: Response,
    error: &Error,
    about: About,
    version: Version,
    request: &str,
) -> Response {
    let Described {
        status,
        code,
        title,
    } = described(error, about);
    let detail = sentence(error);
    let (media_type, body) = match version.error_shape() {
        ErrorShape::Plain => (
            "application/json",
            serde_json::to_vec(&Plain {
                code,
                description: &detail,
                rid: request,
            }),
        ),
        ErrorShape::Problem => (
            "application/problem+json",
            serde_json::to_vec(&Problem {
                r#type: format!("{TYPES}{code}"),
                code,
                title,
                detail: &detail,
                instance: request,
            }),
        ),
    };
    let body = body.expect("texts are JSON");
    let (mut parts, _) = response.into_parts();
    parts.status = status;
    parts.headers.remove(header::CONTENT_LENGTH);
    let media_type = HeaderValue::from_static(media_type);
    parts.headers.insert(header::CONTENT_TYPE, media_type);
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
pub(super) fn sentence(error: &Error) -> String {
    match &error.hint {
        Some(hint) => format!("{}; {hint}", error.detail),
        None => error.detail.clone().into_owned(),
    }
}

/// The status, code and title of an error.
pub(super) fn described(error: &Error, about: About) -> Described {
    use StatusCode as S;
    let (status, code, title) = match error.code {
        Code::MalformedJson
        | Code::BadRequest
        | Code::BadPath
        | Code::ApplicationRequired
        | Code::CurrentTokenInvalid => (S::BAD_REQUEST, invalid(error), "Bad request."),
        Code::NoCredential => unauthorized("system:error:missing-token"),
        Code::MalformedToken
        | Code::UnsupportedHeader
        | Code::UnsupportedAlgorithm
        | Code::UnknownKey
        | Code::BadSignature
        | Code::NotYetValid
        | Code::WrongAudience
        | Code::BadClaim
        | Code::BadAcl
        | Code::NoSubject
        | Code::CredentialUsed
        | Code::CredentialRevoked
        | Code::RefreshReused
        | Code::WrongPassword
        | Code::UserBlocked => unauthorized("system:error:invalid-token"),
        Code::Expired | Code::TooOld | Code::AccessExpired | Code::CurrentTokenExpired => {
            unauthorized("system:error:expired-token")
        }
        Code::UnknownUser => unauthorized("user:error:not-found"),
        Code::SessionEnded => unauthorized("session:error:invalid"),
        Code::NotPermitted | Code::AclDenied | Code::TlsRequired => {
            (S::FORBIDDEN, "system:error:permission", "Forbidden.")
        }
        Code::NotFound => (S::NOT_FOUND, not_found(error, about), "Not found."),
        Code::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, NO_METHOD, "Method not allowed."),
        Code::Conflict => conflict(error.obstacle(), about),
        Code::AlreadyIdentified | Code::IdentityConflict => {
            (S::CONFLICT, "user:error:invalid-user", CONFLICT)
        }
        Code::ClientIdReused | Code::TooManyConversations => {
            (S::CONFLICT, "conversation:error:not-allowed", CONFLICT)
        }
        Code::UserAnonymous => (S::CONFLICT, "conversation:error:invalid-member", CONFLICT),
        Code::TooLarge => (S::PAYLOAD_TOO_LARGE, INVALID, "Too large."),
        Code::UnsupportedMediaType => (
            S::UNSUPPORTED_MEDIA_TYPE,
            NO_TYPE,
            "Unsupported media type.",
        ),
        Code::RateLimited => (S::TOO_MANY_REQUESTS, TOO_MANY, "Too many requests."),
        Code::Internal => (S::INTERNAL_SERVER_ERROR, FAULT, "Internal Error."),
        Code::Unavailable => (
            S::SERVICE_UNAVAILABLE,
            FAULT,
            "Not available at the moment.",
        ),
    };
    Described {
        status,
        code,
        title,
    }
}

fn unauthorized(code: &'static str) -> (StatusCode, &'static str, &'static str) {
    (StatusCode::UNAUTHORIZED, code, "Unauthorized.")
}

fn not_found(error: &Error, about: About) -> &'static str {
    match (error.missing(), about) {
        (Some("path"), _) => "http:error:not-found",
        (Some("conversation"), _) => "conversation:error:not-found",
        (Some("member"), _) => "conversation:error:member-not-found",
        (Some("event"), _) => "event:error:not-found",
        (Some("user"), _) => "user:error:not-found",
        (Some("session"), _) => "session:error:not-found",
        (Some("file"), _) => "media:error:not-found",
        // What somebody may not know of has no noun; the call has one.
        (_, About::Users) => "user:error:not-found",
        (_, About::Conversations | About::Members | About::Events) => {
            "conversation:error:not-found"
        }
        (_, About::Other) => "http:error:not-found",
    }
}

fn invalid(error: &Error) -> &'static str {
    match error.obstacle() {
        Some(Obstacle::NoUserName) => "user:error:invalid-user-name",
        Some(
            Obstacle::UserName
            | Obstacle::ConversationName
            | Obstacle::Joined
            | Obstacle::Invited
            | Obstacle::Full,
        )
        | None => INVALID,
    }
}

fn conflict(obstacle: Option<Obstacle>, about: About) -> (StatusCode, &'static str, &'static str) {
    let bad = |code| (StatusCode::BAD_REQUEST, code, "Bad request.");
    let taken = |code| (StatusCode::CONFLICT, code, CONFLICT);
    match (obstacle, about) {
        (Some(Obstacle::UserName), _) => taken("user:error:duplicate-name"),
        (Some(Obstacle::ConversationName), _) => taken("conversation:error:duplicate-name"),
        (Some(Obstacle::Joined), _) => bad("conversation:error:member-already-joined"),
        (Some(Obstacle::Invited), _) => bad("conversation:error:member-already-invited"),
        (Some(Obstacle::Full), _) => taken("conversation:error:maximum-number-of-members"),
        (Some(Obstacle::NoUserName), _) | (None, About::Users) => taken("user:error:invalid-user"),
        (None, About::Members) => taken("conversation:error:invalid-member-state"),
        (None, About::Conversations | About::Events | About::Other) => {
            taken("conversation:error:not-allowed")
        }
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
        let mut response = described(&self.0, About::Other).status.into_response();
        response.extensions_mut().insert(Failure(Arc::new(self.0)));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_status_and_one_of_the_protocols_codes() {
        for code in Code::ALL {
            let told = described(&Error::new(*code, "x"), About::Conversations);
            assert!(told.status.as_u16() >= 400, "{code:?}");
            assert_eq!(told.code.split(':').count(), 3, "{code:?}");
        }
    }

    #[test]
    fn what_is_missing_has_its_own_code() {
        for (noun, expected) in [
            ("conversation", "conversation:error:not-found"),
            ("member", "conversation:error:member-not-found"),
            ("event", "event:error:not-found"),
            ("user", "user:error:not-found"),
            ("session", "session:error:not-found"),
            ("file", "media:error:not-found"),
            ("path", "http:error:not-found"),
        ] {
            let told = described(&Error::not_found(noun), About::Other);
            assert_eq!((told.status.as_u16(), told.code), (404, expected));
        }
    }

    #[test]
    fn a_cause_stays_inside() {
        let error = Error::internal("password=hunter2");
        let response = Refused(error).into_response();
        let Failure(error) = response.extensions().get::<Failure>().unwrap().clone();
        let told = rendered(response, &error, About::Other, Version::V1, "r");
        assert_eq!(told.status(), 500);
        assert!(!format!("{:?}", told.into_body()).contains("hunter2"));
    }
}
