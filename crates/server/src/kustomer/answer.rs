//! Answers in the envelope of JSON:API, as far as this protocol has it.

use axum::response::{IntoResponse, Response};
use countersign_core::error::Error;
use countersign_credential::time::Timestamp;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::failure::Refused;

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// An answer with a JSON body.
#[derive(Debug)]
pub(super) struct Answer(pub(super) StatusCode, pub(super) Value);

/// A thing with its type and id.
pub(super) fn resource(kind: &str, id: &impl ToString, attributes: Value) -> Value {
    let mut resource = json!({ "type": kind, "id": id.to_string() });
    resource["attributes"] = attributes;
    resource
}

/// The answer that is one thing.
pub(super) fn one(resource: Value) -> Answer {
    let mut body = json!({});
    body["data"] = resource;
    Answer(StatusCode::OK, body)
}

/// A moment as clients read it: with milliseconds, in UTC.
pub(super) fn time(at: Timestamp) -> String {
    at.to_string()
}

// === impl Answer ===

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.1) {
            Ok(body) => (self.0, [(header::CONTENT_TYPE, JSON)], body).into_response(),
            Err(error) => Refused(Error::internal(error)).into_response(),
        }
    }
}
