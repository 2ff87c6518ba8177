//! The user of an instance. A client that comes back with what it has saved asks
//! for it first, and so learns whether that is still good.

use axum::response::{IntoResponse as _, Response};
use countersign_core::model::user::User;
use serde_json::{Value, json};

use super::answer::Answer;
use super::asked::Asked;

/// `GET /v1/user/profile`
pub(super) async fn read(asked: Asked) -> Response {
    Answer(json!({ "user": shown(&asked.signed.user), "profile": {} })).into_response()
}

/// A user, as this protocol shows it. Its name is the one identity that a
/// credential of this protocol proves.
pub(super) fn shown(user: &User) -> Value {
    let identity = |name: &str| json!({ "type": "username", "endpoint": name });
    let name = user.name.as_ref().map(|name| identity(name.as_str()));
    let identities: Vec<Value> = name.into_iter().collect();
    json!({ "id": user.id.to_string(), "identities": identities })
}
