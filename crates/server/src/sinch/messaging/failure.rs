//! From the domain's error to what clients of this protocol read.
//!
//! Where a subscription is refused, a client that finds `error` and `service` in
//! the body waits for a second before it asks again; without them it would ask at
//! once, and again. A sending that is refused rejects by `error` alone.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use countersign_core::error::{Code, Error};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::limit;
use crate::sinch::failure::{described, sentence};

/// Who refuses. That it is there is what counts.
const SERVICE: &str = "Countersign";

/// A refusal, as a handler returns it.
#[derive(Debug)]
pub(super) struct Refused(pub(super) Error);

/// A refusal on its way to the front, which logs it and writes its body.
#[derive(Debug, Clone)]
pub(super) struct Failure(pub(super) Arc<Error>);

/// The answer with the refusal as its body; headers that it has stay.
pub(super) fn rendered(response: Response, Failure(error): &Failure) -> Response {
    let status = status_of(error.code);
    let shown = json!({
        "error": true,
        "status": status.as_u16(),
        "message": sentence(error),
        "service": SERVICE,
    });
    let (mut parts, _) = response.into_parts();
    parts.status = status;
    parts.headers.remove(header::CONTENT_LENGTH);
    let json = HeaderValue::from_static("application/json");
    parts.headers.insert(header::CONTENT_TYPE, json);
    if error.code == Code::Unavailable {
        let retry_s = HeaderValue::from(limit::UNAVAILABLE_RETRY_S);
        parts.headers.insert(header::RETRY_AFTER, retry_s);
    }
    Response::from_parts(parts, Body::from(shown.to_string()))
}

/// As over REST, but that nobody logs in here: who may not ask is told so.
fn status_of(code: Code) -> StatusCode {
    let status = described(code).status();
    if code == Code::SessionEnded || status == StatusCode::UNAUTHORIZED {
        StatusCode::FORBIDDEN
    } else if code == Code::Conflict || code == Code::ClientIdReused {
        StatusCode::CONFLICT
    } else {
        status
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
        let mut response = status_of(self.0.code).into_response();
        response.extensions_mut().insert(Failure(Arc::new(self.0)));
        response
    }
}
