//! The API's own description.

use std::sync::LazyLock;

use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderValue, header};

use super::openapi;

/// Built once: it is the same for every request.
static TEXT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(openapi::text()));

/// `GET /openapi.json`
pub(super) async fn read() -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], TEXT.clone()).into_response()
}
