//! Users: create, find, read, change, delete.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error, Obstacle};
use countersign_core::id::UserId;
use countersign_core::model::page::Page;
use countersign_core::model::user::{Identifier, UserPatch};
use countersign_core::op;
use countersign_core::op::users::NewUser;
use countersign_core::ports::store::UserFilter;
use countersign_credential::subject::UserName;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::asked::Asked;
use super::failure::Refused;
use super::page::{self, Answer, Noun, Wanted};
use super::shapes;
use crate::body::compact;

/// What a user is asked to be.
#[derive(Deserialize)]
struct Profile {
    name: Option<String>,
    display_name: Option<String>,
    image_url: Option<String>,
    properties: Option<Properties>,
}

/// What an application keeps with something.
#[derive(Deserialize)]
pub(super) struct Properties {
    pub(super) custom_data: Option<Box<RawValue>>,
}

/// `POST /{version}/users`
pub(super) async fn create(State(ctx): State<Arc<Ctx>>, asked: Asked) -> Result<Response, Refused> {
    let profile: Profile = asked.json()?;
    let name = match &profile.name {
        Some(name) => user_name(name)?,
        None => generated(&ctx)?,
    };
    let new = NewUser {
        name: Some(name),
        display_name: text("display_name", profile.display_name)?,
        image_url: profile.image_url,
        custom_data: custom_data(profile.properties)?,
        ..NewUser::default()
    };
    let user = op::users::create_user(&ctx, &asked.principal, new).await?;
    let href = asked.href(&format!("users/{}", user.id));
    let status = made(&asked);
    Ok(Answer(status, shapes::user(&user, &href)).into_response())
}

/// `GET /{version}/users`
pub(super) async fn list(State(ctx): State<Arc<Ctx>>, asked: Asked) -> Result<Response, Refused> {
    let wanted = Wanted::of(&asked.query)?;
    let name = asked.query.text("name").map(UserName::parse);
    let identifier = match name {
        // Nobody has a name that cannot be one.
        Some(Err(_)) => {
            let none = Page {
                items: Vec::<()>::new(),
                next: None,
            };
            return page::answer(&asked, &wanted, Noun::Users, none);
        }
        Some(Ok(name)) => Some(Identifier::Name(name)),
        None => None,
    };
    let filter = UserFilter {
        identifier,
        order: wanted.order,
    };
    let window = wanted.window();
    let found = op::users::list_users(&ctx, &asked.principal, filter, window).await?;
    let shown = found.items.iter().map(|user| {
        let href = asked.href(&format!("users/{}", user.id));
        shapes::user(user, &href)
    });
    let found = Page {
        items: shown.collect(),
        next: found.next,
    };
    page::answer(&asked, &wanted, Noun::Users, found)
}

/// `GET /{version}/users/{id}`, or `me`.
pub(super) async fn read(State(ctx): State<Arc<Ctx>>, asked: Asked) -> Result<Response, Refused> {
    let id = user_id(&asked)?;
    let user = op::users::read_user(&ctx, &asked.principal, id).await?;
    let href = asked.href(&format!("users/{id}"));
    Ok(Answer(StatusCode::OK, shapes::user(&user, &href)).into_response())
}

/// `PATCH /{version}/users/{id}`: what the body does not name stays. The oldest
/// versions write `PUT`.
pub(super) async fn update(State(ctx): State<Arc<Ctx>>, asked: Asked) -> Result<Response, Refused> {
    let id = user_id(&asked)?;
    let profile: Profile = asked.json()?;
    let custom_data = custom_data(profile.properties)?;
    let patch = UserPatch {
        name: profile
            .name
            .as_deref()
            .map(user_name)
            .transpose()?
            .map(Some),
        display_name: text("display_name", profile.display_name)?.map(Some),
        image_url: profile.image_url.map(Some),
        custom_data: custom_data.map(Some),
        ..UserPatch::default()
    };
    let user = op::users::update_user(&ctx, &asked.principal, id, patch).await?;
    let href = asked.href(&format!("users/{id}"));
    Ok(Answer(StatusCode::OK, shapes::user(&user, &href)).into_response())
}

/// `DELETE /{version}/users/{id}`
pub(super) async fn delete(State(ctx): State<Arc<Ctx>>, asked: Asked) -> Result<Response, Refused> {
    let id = user_id(&asked)?;
    op::users::delete_user(&ctx, &asked.principal, id).await?;
    Ok(done(&asked))
}

/// The user whom the path names.
pub(super) fn user_id(asked: &Asked) -> Result<UserId, Error> {
    if asked.text("user_id") == Some("me") {
        return asked
            .principal
            .user()
            .ok_or_else(|| Error::not_found("user"));
    }
    asked.id("user_id", "user")
}

/// The status of what was made: the oldest versions say 200.
pub(super) fn made(asked: &Asked) -> StatusCode {
    if asked.version.is_old() {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    }
}

/// The answer to what was done: the oldest versions have an empty object.
pub(super) fn done(asked: &Asked) -> Response {
    if asked.version.is_old() {
        Answer(StatusCode::OK, json!({})).into_response()
    } else {
        StatusCode::NO_CONTENT.into_response()
    }
}

pub(super) fn user_name(text: &str) -> Result<UserName, Error> {
    UserName::parse(text).map_err(|error| {
        Error::new(Code::BadRequest, error.to_string()).because_of(Obstacle::NoUserName)
    })
}

fn generated(ctx: &Ctx) -> Result<UserName, Error> {
    let id = UserId::new(ctx.now(), &*ctx.random).to_string();
    UserName::parse(&id.replacen("USR-", "NAM-", 1)).map_err(Error::internal)
}

/// A text that people see.
pub(super) fn text(member: &str, text: Option<String>) -> Result<Option<String>, Error> {
    let max = countersign_core::limit::NAME_BYTES_MAX;
    match text {
        Some(text) if text.len() > max || text.contains(char::is_control) => Err(Error::new(
            Code::BadRequest,
            format!("{member} has at most {max} bytes and no control character"),
        )),
        Some(text) if text.is_empty() => Ok(None),
        other => Ok(other),
    }
}

/// What an application keeps, as its text.
pub(super) fn custom_data(properties: Option<Properties>) -> Result<Option<String>, Error> {
    let Some(data) = properties.and_then(|properties| properties.custom_data) else {
        return Ok(None);
    };
    match data.get() {
        "null" => Ok(None),
        text if text.starts_with('{') => Ok(Some(compact(text))),
        _ => Err(Error::new(
            Code::BadRequest,
            "properties.custom_data: expected an object",
        )),
    }
}
