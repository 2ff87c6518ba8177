//! Users: a backend keeps them; a user reads whom it talks with, and itself.

use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::model::user::{Identifier, User, UserPatch};
use countersign_core::op;
use countersign_core::op::users::NewUser;
use countersign_core::ports::store::UserFilter;
use countersign_credential::subject::{Email, ExternalId, UserName};
use countersign_wire::patch::Patch;
use countersign_wire::user as wire;
use http::StatusCode;

use super::answer::{Answer, cursor, time};
use super::bearer::Asker;
use super::body::Json;
use super::named::{Named, checked_name};
use super::problem::Problem;
use super::query::Query;

/// `POST /v1/users`
pub(super) async fn create(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    query: Query,
    Json(request): Json<wire::NewUser>,
) -> Result<Answer<wire::User>, Problem> {
    query.only(&[])?;
    let new = NewUser {
        name: request.name.as_deref().map(name).transpose()?,
        external_id: request
            .external_id
            .as_deref()
            .map(external_id)
            .transpose()?,
        email: request.email.as_deref().map(email).transpose()?,
        display_name: request.display_name.map(display_name).transpose()?,
        ..NewUser::default()
    };
    let user = op::users::create_user(&ctx, &asker, new).await?;
    Ok(Answer(StatusCode::CREATED, shown(user, &asker)))
}

/// `GET /v1/users`
pub(super) async fn list(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    query: Query,
) -> Result<Answer<wire::Users>, Problem> {
    query.only(&["name", "external_id", "email", "limit", "cursor"])?;
    let filter = UserFilter {
        identifier: identifier(&query)?,
        ..UserFilter::default()
    };
    let page = op::users::list_users(&ctx, &asker, filter, query.window()?).await?;
    let users = page.items.into_iter().map(|user| shown(user, &asker));
    let list = wire::Users {
        users: users.collect(),
        next: cursor(page.next),
    };
    Ok(Answer(StatusCode::OK, list))
}

/// `GET /v1/users/{id}`
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<Answer<wire::User>, Problem> {
    query.only(&[])?;
    let id = named.id("user_id", "user")?;
    let user = op::users::read_user(&ctx, &asker, id).await?;
    Ok(Answer(StatusCode::OK, shown(user, &asker)))
}

/// `PATCH /v1/users/{id}`
pub(super) async fn update(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
    Json(request): Json<wire::UserPatch>,
) -> Result<Answer<wire::User>, Problem> {
    query.only(&[])?;
    let id = named.id("user_id", "user")?;
    let patch = UserPatch {
        name: parsed(request.name, |text| name(&text))?,
        external_id: parsed(request.external_id, |text| external_id(&text))?,
        email: parsed(request.email, |text| email(&text))?,
        display_name: parsed(request.display_name, display_name)?,
        blocked: request.blocked.into_change().map(Option::unwrap_or_default),
        ..UserPatch::default()
    };
    let user = op::users::update_user(&ctx, &asker, id, patch).await?;
    Ok(Answer(StatusCode::OK, shown(user, &asker)))
}

/// `DELETE /v1/users/{id}`
pub(super) async fn delete(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.only(&[])?;
    let id = named.id("user_id", "user")?;
    op::users::delete_user(&ctx, &asker, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A user's name, as a request has it.
pub(super) fn name(text: &str) -> Result<UserName, Error> {
    UserName::parse(text).map_err(wrong)
}

/// An external id, as a request has it.
pub(super) fn external_id(text: &str) -> Result<ExternalId, Error> {
    ExternalId::parse(text).map_err(wrong)
}

fn email(text: &str) -> Result<Email, Error> {
    Email::parse(text).map_err(wrong)
}

fn display_name(text: String) -> Result<String, Error> {
    checked_name("display_name", text)
}

fn wrong(why: impl fmt::Display) -> Error {
    Error::new(Code::BadRequest, why.to_string())
}

fn parsed<T>(
    patch: Patch<String>,
    parse: impl FnOnce(String) -> Result<T, Error>,
) -> Result<Option<Option<T>>, Error> {
    match patch.into_change() {
        None => Ok(None),
        Some(None) => Ok(Some(None)),
        Some(Some(text)) => Ok(Some(Some(parse(text)?))),
    }
}

fn identifier(query: &Query) -> Result<Option<Identifier>, Error> {
    let by_name = query.text("name").map(name).transpose()?;
    let by_external_id = query.text("external_id").map(external_id).transpose()?;
    let by_email = query.text("email").map(email).transpose()?;
    match (by_name, by_external_id, by_email) {
        (None, None, None) => Ok(None),
        (Some(name), None, None) => Ok(Some(Identifier::Name(name))),
        (None, Some(id), None) => Ok(Some(Identifier::ExternalId(id))),
        (None, None, Some(email)) => Ok(Some(Identifier::Email(email))),
        _ => Err(Error::new(
            Code::BadRequest,
            "a user is found by one identifier at a time",
        )),
    }
}

/// What a backend sees is everything. A user sees of others what they show;
/// the identifiers by which a backend knows them are not for others.
fn shown(user: User, asker: &Principal) -> wire::User {
    let backend = asker.session().is_none();
    let own = asker.user() == Some(user.id);
    let (external_id, email) = if backend || own {
        (user.external_id, user.email)
    } else {
        (None, None)
    };
    wire::User {
        id: user.id.to_string(),
        name: user.name.map(|name| name.as_str().to_owned()),
        external_id: external_id.map(|id| id.as_str().to_owned()),
        email: email.map(|email| email.as_str().to_owned()),
        display_name: user.display_name,
        anonymous: user.anonymous,
        blocked: backend.then_some(user.blocked),
        created_at: time(user.created_at),
    }
}
