//! An answer: always 200, always JSON.

use axum::response::{IntoResponse, Response};
use countersign_core::error::Error;
use http::{HeaderValue, header};
use serde::Serialize;

use super::failure::Refused;

/// An answer with a JSON body.
#[derive(Debug)]
pub(super) struct Answer<T>(pub(super) T);

// === impl Answer ===

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                let json = HeaderValue::from_static("application/json");
                ([(header::CONTENT_TYPE, json)], body).into_response()
            }
            Err(error) => Refused::from(Error::internal(error)).into_response(),
        }
    }
}
