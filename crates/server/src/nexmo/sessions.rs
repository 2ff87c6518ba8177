//! Sessions: list a user's, and put a new credential into one's own.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use countersign_core::context::Ctx;
use countersign_core::error::Code;
use countersign_core::id::SessionId;
use countersign_core::model::page::Page;
use countersign_core::model::person::Person;
use countersign_core::op;
use http::StatusCode;
use serde_json::json;

use super::asked::{Asked, Shown};
use super::failure::Refused;
use super::page::{self, Answer, Noun, Wanted};
use super::shapes;
use super::users::user_id;

/// `GET /{version}/users/{id}/sessions`
pub(super) async fn list_of_user(
    State(ctx): State<Arc<Ctx>>,
    asked: Asked,
) -> Result<Response, Refused> {
    let wanted = Wanted::of(&asked.query)?;
    let id = user_id(&asked)?;
    let asker = &asked.principal;
    let found = op::sessions::list_sessions(&ctx, asker, Some(id), wanted.window()).await?;
    let name = match op::users::read_user(&ctx, asker, id).await {
        Ok(user) => shapes::user_name(&Person::of(&user).names, id),
        // Who may list sessions and read no users is shown none.
        Err(error) if error.code == Code::AclDenied => id.to_string(),
        Err(error) => return Err(error.into()),
    };
    let application = asker.application.map(|id| id.to_string());
    let shown = found.items.iter().map(|session| {
        let href = asked.href(&format!("sessions/{}", session.id));
        json!({
            "id": session.id.to_string(),
            "_embedded": {
                "user": { "id": id.to_string(), "name": name },
                "api_key": application,
            },
            "properties": {},
            "_links": { "self": { "href": href } },
        })
    });
    let found = Page {
        items: shown.collect(),
        next: found.next,
    };
    page::answer(&asked, &wanted, Noun::Sessions, found)
}

/// `PUT /{version}/sessions/{id}`: the bearer of this call is the session's
/// credential from now on.
pub(super) async fn renew(
    State(ctx): State<Arc<Ctx>>,
    Shown(credential): Shown,
    asked: Asked,
) -> Result<Response, Refused> {
    let session: SessionId = asked.id("session_id", "session")?;
    let renewing = op::user_bearer::renew_session(&ctx, &asked.principal, &credential, session);
    Box::pin(renewing).await?;
    let answer = json!({ "session_id": session.to_string() });
    Ok(Answer(StatusCode::OK, answer).into_response())
}
