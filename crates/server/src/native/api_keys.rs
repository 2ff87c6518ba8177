//! API keys: of an application, and of operators.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::model::api_key::{ApiKey, Cidr, Role, Roles};
use countersign_core::model::page::Page;
use countersign_core::op;
use countersign_core::op::api_keys::{CreatedApiKey, NewApiKey};
use countersign_wire::api_key as wire;
use countersign_wire::secret::Secret;
use http::StatusCode;

use super::answer::{Answer, cursor, time};
use super::bearer::Asker;
use super::body::Json;
use super::named::{Named, checked_name};
use super::problem::Problem;
use super::query::Query;

/// `POST /v1/applications/{id}/api-keys`
pub(super) async fn create(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
    Json(request): Json<wire::NewApiKey>,
) -> Result<Answer<wire::CreatedApiKey>, Problem> {
    query.only(&[])?;
    let asker = named.application(asker)?;
    let new = new(request)?;
    let created = op::api_keys::create_api_key(&ctx, &asker, new).await?;
    Ok(Answer(StatusCode::CREATED, shown_once(&created)))
}

/// `GET /v1/applications/{id}/api-keys`
pub(super) async fn list(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<Answer<wire::ApiKeys>, Problem> {
    query.only(&["limit", "cursor"])?;
    let asker = named.application(asker)?;
    let page = op::api_keys::list_api_keys(&ctx, &asker, query.window()?).await?;
    Ok(Answer(StatusCode::OK, listed(page)))
}

/// `DELETE /v1/applications/{id}/api-keys/{id}`
pub(super) async fn revoke(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.only(&[])?;
    let asker = named.application(asker)?;
    let id = named.id("api_key_id", "API key")?;
    op::api_keys::revoke_api_key(&ctx, &asker, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/api-keys`
pub(super) async fn create_of_operator(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    query: Query,
    Json(request): Json<wire::NewApiKey>,
) -> Result<Answer<wire::CreatedApiKey>, Problem> {
    query.only(&[])?;
    let new = new(request)?;
    let created = op::api_keys::create_key_of_operator(&ctx, &asker, new).await?;
    Ok(Answer(StatusCode::CREATED, shown_once(&created)))
}

/// `GET /v1/api-keys`
pub(super) async fn list_of_operators(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    query: Query,
) -> Result<Answer<wire::ApiKeys>, Problem> {
    query.only(&["limit", "cursor"])?;
    let page = op::api_keys::list_keys_of_operators(&ctx, &asker, query.window()?).await?;
    Ok(Answer(StatusCode::OK, listed(page)))
}

/// `DELETE /v1/api-keys/{id}`
pub(super) async fn revoke_of_operator(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.only(&[])?;
    let id = named.id("api_key_id", "API key")?;
    op::api_keys::revoke_key_of_operator(&ctx, &asker, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

// === helpers ===

fn new(request: wire::NewApiKey) -> Result<NewApiKey, Error> {
    let named: Option<Vec<Role>> = request
        .roles
        .iter()
        .map(|name| Role::from_name(name))
        .collect();
    let roles = named.and_then(Roles::new).ok_or_else(|| {
        Error::new(
            Code::BadRequest,
            "roles has one or more of admin, user and tracking, or operator alone",
        )
    })?;
    let cidr: Option<Cidr> = request
        .cidr
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|error| Error::new(Code::BadRequest, format!("cidr: {error}")))?;
    Ok(NewApiKey {
        name: checked_name("name", request.name)?,
        roles,
        expires_in_days: request.expires_in_days,
        cidr,
    })
}

fn shown_once(created: &CreatedApiKey) -> wire::CreatedApiKey {
    wire::CreatedApiKey {
        api_key: shown(&created.key),
        key: Secret(created.text.to_string()),
        jwt: created.jwt.as_ref().map(|jwt| Secret(jwt.to_string())),
    }
}

fn listed(page: Page<ApiKey>) -> wire::ApiKeys {
    wire::ApiKeys {
        api_keys: page.items.iter().map(shown).collect(),
        next: cursor(page.next),
    }
}

fn shown(key: &ApiKey) -> wire::ApiKey {
    let roles = key.roles.iter().map(|role| role.as_str().to_owned());
    wire::ApiKey {
        id: key.id.to_string(),
        name: key.name.clone(),
        roles: roles.collect(),
        expires_at: key.expires_at.map(time),
        cidr: key.cidr.map(|cidr| cidr.to_string()),
        last_characters: key.last_characters.clone(),
        last_used_at: key.last_used_at.map(time),
    }
}
