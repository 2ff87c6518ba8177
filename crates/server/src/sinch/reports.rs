//! What clients report of their messages. Nobody keeps it: what was sent and
//! fetched is counted where it happens.

use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::answer::Answer;
use super::asked::{Json, Somebody};

/// `POST /v1/report/im`: also by a client that has ended, and names its
/// application alone.
pub(super) async fn told(_: Somebody, _: Json<Report>) -> Response {
    Answer(json!({})).into_response()
}

/// What is reported, of which nothing is read.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Report {}
