//! Applications: create, list, read, change, delete, export.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::model::application::{Application, ApplicationPatch, Slug};
use countersign_core::model::settings::Settings;
use countersign_core::model::signing_key::{KeyMaterial, SigningKey};
use countersign_core::op;
use countersign_core::op::applications::NewApplication;
use countersign_wire::application as wire;
use countersign_wire::patch::Patch;
use http::StatusCode;

use super::answer::{Answer, cursor, time};
use super::bearer::Asker;
use super::body::Json;
use super::named::{Named, checked_name};
use super::problem::Problem;
use super::query::Query;
use super::{settings, signing_keys};

/// `POST /v1/applications`
pub(super) async fn create(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    query: Query,
    Json(request): Json<wire::NewApplication>,
) -> Result<Answer<wire::Application>, Problem> {
    query.only(&[])?;
    let alias = |text| checked_name("alias", text);
    let new = NewApplication {
        name: checked_name("name", request.name)?,
        slug: request.slug.as_deref().map(slug).transpose()?,
        alias: request.alias.map(alias).transpose()?,
        settings: Settings::default(),
    };
    let application = op::applications::create_application(&ctx, &asker, new).await?;
    Ok(Answer(StatusCode::CREATED, shown(application)))
}

/// `GET /v1/applications`
pub(super) async fn list(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    query: Query,
) -> Result<Answer<wire::Applications>, Problem> {
    query.only(&["limit", "cursor"])?;
    let page = op::applications::list_applications(&ctx, &asker, query.window()?).await?;
    let list = wire::Applications {
        applications: page.items.into_iter().map(shown).collect(),
        next: cursor(page.next),
    };
    Ok(Answer(StatusCode::OK, list))
}

/// `GET /v1/applications/{id}`
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<Answer<wire::Application>, Problem> {
    query.only(&[])?;
    let asker = named.application(asker)?;
    let application = op::applications::read_application(&ctx, &asker).await?;
    Ok(Answer(StatusCode::OK, shown(application)))
}

/// `PATCH /v1/applications/{id}`
pub(super) async fn update(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
    Json(request): Json<wire::ApplicationPatch>,
) -> Result<Answer<wire::Application>, Problem> {
    query.only(&[])?;
    let asker = named.application(asker)?;
    let name = match request.name {
        Patch::Absent => None,
        Patch::Null => {
            let error = Error::new(Code::BadRequest, "an application's name cannot be cleared");
            return Err(error.into());
        }
        Patch::Value(name) => Some(checked_name("name", name)?),
    };
    let alias = match request.alias.into_change() {
        Some(Some(alias)) => Some(Some(checked_name("alias", alias)?)),
        unchanged_or_cleared => unchanged_or_cleared,
    };
    let patch = ApplicationPatch { name, alias };
    let application = op::applications::change_application(&ctx, &asker, patch).await?;
    Ok(Answer(StatusCode::OK, shown(application)))
}

/// `DELETE /v1/applications/{id}`
pub(super) async fn delete(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.only(&[])?;
    let asker = named.application(asker)?;
    op::applications::delete_application(&ctx, &asker).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/applications/{id}/export`
pub(super) async fn export(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<Answer<wire::Export>, Problem> {
    query.only(&[])?;
    let asker = named.application(asker)?;
    let application = op::applications::export_application(&ctx, &asker).await?;
    let export = wire::Export {
        id: application.id.to_string(),
        slug: application.slug.to_string(),
        name: application.name,
        alias: application.alias,
        keys: application.keys.into_iter().map(exported).collect(),
        settings: settings::shown(&application.settings)?,
    };
    Ok(Answer(StatusCode::OK, export))
}

// === helpers ===

fn slug(text: &str) -> Result<Slug, Error> {
    text.parse()
        .map_err(|error| Error::new(Code::BadRequest, format!("slug: {error}")))
}

fn shown(application: Application) -> wire::Application {
    wire::Application {
        id: application.id.to_string(),
        slug: application.slug.to_string(),
        name: application.name,
        alias: application.alias,
        created_at: time(application.created_at),
    }
}

fn exported(key: SigningKey) -> wire::ExportedKey {
    let (public_key_pem, (secret, secret_base64)) = match key.material {
        KeyMaterial::Public(pem) => (Some(pem), (None, None)),
        KeyMaterial::Secret(secret) => (None, signing_keys::spelled(key.algorithm, &secret)),
    };
    wire::ExportedKey {
        kid: key.kid.as_str().to_owned(),
        state: key.state.as_str().to_owned(),
        algorithm: key.algorithm.as_str().to_owned(),
        public_key_pem,
        secret,
        secret_base64,
    }
}
