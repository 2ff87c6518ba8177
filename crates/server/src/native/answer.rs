//! How an answer is written: JSON, times, ids and pages.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_core::error::Error;
use countersign_credential::time::Timestamp;
use countersign_wire::time::Time;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;

use super::problem::Problem;

/// Room for the fields that an answer's head has in the end.
const FIELDS: usize = 12;
/// Room for most bodies: one noun.
const BODY_BYTES: usize = 512;

/// An answer with a status and a JSON body.
#[derive(Debug)]
pub(super) struct Answer<T>(pub(super) StatusCode, pub(super) T);

/// 201 for what this request made, 200 for what an earlier one had.
pub(super) fn created(new: bool) -> StatusCode {
    if new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    }
}

/// A time as the wire has it.
pub(super) fn time(timestamp: Timestamp) -> Time {
    Time {
        milliseconds: timestamp.milliseconds(),
    }
}

/// A page's end as a cursor: opaque to the client.
pub(super) fn cursor(next: Option<Vec<u8>>) -> Option<String> {
    next.map(|position| URL_SAFE_NO_PAD.encode(position))
}

/// An answer of this JSON.
pub(super) fn json(status: StatusCode, text: Vec<u8>) -> Response {
    let mut headers = HeaderMap::with_capacity(FIELDS);
    let media_type = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, media_type);
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

// === impl Answer ===

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let mut body = Vec::with_capacity(BODY_BYTES);
        match serde_json::to_writer(&mut body, &self.1) {
            Ok(()) => json(self.0, body),
            Err(error) => Problem(Error::internal(error)).into_response(),
        }
    }
}
