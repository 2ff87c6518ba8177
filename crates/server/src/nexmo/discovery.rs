//! Discovery: where a client could connect to, when an application asks its SDK
//! for a report of what can be reached. There is this one place, and nobody
//! speaks here, so there is no media server.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::json;

use super::asked::Asked;
use super::page::Answer;

/// What the one place is called.
const PLACE: &str = "countersign";

/// `GET /{version}/discovery/api`: the places, each with what is tried there.
pub(super) async fn places(asked: Asked) -> Response {
    let origin = &asked.place.origin;
    let place = json!({
        "endpoint": origin,
        // An SDK asks without a token where the address has this word in it.
        "https": format!("{origin}/ping"),
        "ws": origin,
    });
    Answer(StatusCode::OK, json!({ PLACE: place })).into_response()
}

/// `GET /{version}/discovery/media/{place}`
pub(super) async fn media_servers(_: Asked) -> Response {
    Answer(StatusCode::OK, json!([])).into_response()
}

/// `GET /ping`: whoever reads the answer has reached the door.
pub(super) async fn ping() -> Response {
    Answer(StatusCode::OK, json!({})).into_response()
}
