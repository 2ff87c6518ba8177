//! The Application API: create, list, read, change, delete, each with a key pair.
//!
//! It is called with `Basic` (RFC 7617), an API key's id and its text. A browser
//! sends that by itself, to a page of anybody; so a call from a page is refused.

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign_core::access::principal::{Principal, Who};
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::generate::generate;
use countersign_core::id::ApiKeyId;
use countersign_core::limit::PAGE_MAX;
use countersign_core::model::application::{Application, ApplicationPatch};
use countersign_core::model::page::Window;
use countersign_core::model::settings::Settings;
use countersign_core::model::signing_key::{KeyMaterial, SigningKey};
use countersign_core::op;
use countersign_core::op::applications::NewApplication;
use countersign_core::op::authenticate::{Bearer, authenticate, in_application};
use countersign_core::op::signing_keys::{ImportedKey, KeySource, NewSigningKey};
use countersign_credential::key::{KeyAlgorithm, KeyState};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::asked::Query;
use super::failure::Refused;
use super::page::Answer;
use crate::body::{ReadBody, check_strict, decode};
use crate::connection::Connection;
use crate::passed::Passed;
use crate::route::Parameters;
use crate::tasks::Tasks;

/// Applications that a list numbers.
const LISTED_MAX: usize = 1_000;

/// A call by who manages applications.
#[derive(Debug)]
pub(super) struct Managed {
    principal: Principal,
    query: Query,
    body: Bytes,
}

/// What an application is asked to be. Its capabilities are not ours.
#[derive(Deserialize)]
struct Profile {
    name: Option<String>,
    keys: Option<Keys>,
}

#[derive(Deserialize)]
struct Keys {
    public_key: Option<String>,
}

/// `POST /v2/applications`
pub(super) async fn create(
    State(ctx): State<Arc<Ctx>>,
    tasks: Tasks,
    managed: Managed,
) -> Result<Response, Refused> {
    let profile = managed.profile()?;
    let missing = || Error::new(Code::BadRequest, "name: expected a string");
    let new = NewApplication {
        name: profile.name.ok_or_else(missing)?,
        slug: None,
        alias: None,
        settings: Settings::default(),
    };
    let created = op::applications::create_application(&ctx, &managed.principal, new).await?;
    let within = in_application(managed.principal, created.id)?;
    let public_key = profile.keys.and_then(|keys| keys.public_key);
    match with_key(&ctx, &within, public_key, &tasks).await {
        Ok((key, private)) => {
            let shown = shown(&created, Some(&key), private.as_deref());
            Ok(Answer(StatusCode::CREATED, shown).into_response())
        }
        Err(error) => {
            // Without a key nobody could use it.
            op::applications::delete_application(&ctx, &within).await?;
            Err(error.into())
        }
    }
}

/// Adds the backend's public key, or makes a pair, whose private half is shown
/// this once.
async fn with_key(
    ctx: &Arc<Ctx>,
    within: &Principal,
    public_key: Option<String>,
    tasks: &Tasks,
) -> Result<(SigningKey, Option<String>), Error> {
    if let Some(pem) = public_key {
        let imported = ImportedKey {
            kid: None,
            algorithm: Some(KeyAlgorithm::Rs256),
            source: KeySource::PublicKeyPem(pem),
            allow_weak: false,
        };
        let key = op::signing_keys::import_signing_key(ctx, within, imported).await?;
        return Ok((key, None));
    }
    op::signing_keys::check_may_add(within)?;
    let random = Arc::clone(&ctx.random);
    let made = tasks.blocking(move || generate(KeyAlgorithm::Rs256, &*random));
    let made = made.await??;
    let new = NewSigningKey {
        kid: None,
        algorithm: KeyAlgorithm::Rs256,
        material: made.material,
    };
    let key = op::signing_keys::add_signing_key(ctx, within, new).await?;
    Ok((key, made.private_key_pem.map(|pem| pem.to_string())))
}

/// `GET /v2/applications`
pub(super) async fn list(
    State(ctx): State<Arc<Ctx>>,
    managed: Managed,
) -> Result<Response, Refused> {
    let size = managed.query.parsed("page_size")?.unwrap_or(10);
    let page: usize = managed.query.parsed("page")?.unwrap_or(1);
    if !(1..=PAGE_MAX).contains(&size) || page == 0 {
        let detail = "page begins at 1, and page_size is from 1 to 100";
        return Err(Error::new(Code::BadRequest, detail).into());
    }
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let window = Window {
            after,
            limit: PAGE_MAX,
        };
        let found = op::applications::list_applications(&ctx, &managed.principal, window).await?;
        all.extend(found.items);
        after = found.next;
        if after.is_none() || all.len() >= LISTED_MAX {
            break;
        }
    }
    let of_page = all.iter().skip((page - 1).saturating_mul(size)).take(size);
    let shown: Vec<Value> = of_page.map(|one| shown(one, None, None)).collect();
    // The vendor's SDKs ask for pages until they have the last: one page there is always.
    let pages = all.len().div_ceil(size).max(1);
    let body = json!({
        "page_size": size,
        "page": page,
        "total_items": all.len(),
        "total_pages": pages,
        "_embedded": { "applications": shown },
        "_links": links(page, pages, size),
    });
    Ok(Answer(StatusCode::OK, body).into_response())
}

/// Where the pages of a list are: those beside this one only where they exist.
fn links(page: usize, pages: usize, size: usize) -> Value {
    let to = |page: usize| {
        let href = format!("/v2/applications?page_size={size}&page={page}");
        json!({ "href": href })
    };
    let mut links = json!({ "self": to(page), "first": to(1), "last": to(pages) });
    if page > 1 {
        links["prev"] = to((page - 1).min(pages));
    }
    if page < pages {
        links["next"] = to(page + 1);
    }
    links
}

/// `GET /v2/applications/{id}`
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    parameters: Parameters,
    managed: Managed,
) -> Result<Response, Refused> {
    let within = within(managed.principal, &parameters)?;
    let application = op::applications::read_application(&ctx, &within).await?;
    let key = current_key(&ctx, &within).await?;
    let shown = shown(&application, key.as_ref(), None);
    Ok(Answer(StatusCode::OK, shown).into_response())
}

/// `PUT /v2/applications/{id}`: another public key becomes the one that counts,
/// and what the one before has signed is still good.
pub(super) async fn replace(
    State(ctx): State<Arc<Ctx>>,
    tasks: Tasks,
    parameters: Parameters,
    managed: Managed,
) -> Result<Response, Refused> {
    let profile = managed.profile()?;
    let within = within(managed.principal, &parameters)?;
    let patch = ApplicationPatch {
        name: profile.name,
        alias: None,
    };
    let application = op::applications::change_application(&ctx, &within, patch).await?;
    let mut key = current_key(&ctx, &within).await?;
    let public_key = profile.keys.and_then(|keys| keys.public_key);
    let same = key.as_ref().and_then(public_text);
    if let Some(pem) = public_key.filter(|pem| same != Some(pem.as_str())) {
        let (added, _) = with_key(&ctx, &within, Some(pem), &tasks).await?;
        let state = KeyState::Current;
        let added = op::signing_keys::set_key_state(&ctx, &within, &added.kid, state).await?;
        key = Some(added);
    }
    let shown = shown(&application, key.as_ref(), None);
    Ok(Answer(StatusCode::OK, shown).into_response())
}

/// `DELETE /v2/applications/{id}`
pub(super) async fn delete(
    State(ctx): State<Arc<Ctx>>,
    parameters: Parameters,
    managed: Managed,
) -> Result<StatusCode, Refused> {
    let within = within(managed.principal, &parameters)?;
    op::applications::delete_application(&ctx, &within).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The asker, in the application that the path names.
fn within(principal: Principal, parameters: &Parameters) -> Result<Principal, Error> {
    let id = parameters.get("application_id");
    let id = id.and_then(|text| text.parse().ok());
    in_application(
        principal,
        id.ok_or_else(|| Error::not_found("application"))?,
    )
}

/// The key that credentials are verified with first.
async fn current_key(ctx: &Ctx, within: &Principal) -> Result<Option<SigningKey>, Error> {
    let window = Window {
        after: None,
        limit: PAGE_MAX,
    };
    let keys = op::signing_keys::list_signing_keys(ctx, within, window).await?;
    let is_current =
        |key: &SigningKey| key.algorithm == KeyAlgorithm::Rs256 && key.state == KeyState::Current;
    Ok(keys.items.into_iter().find(is_current))
}

fn public_text(key: &SigningKey) -> Option<&str> {
    match &key.material {
        KeyMaterial::Public(pem) => Some(pem),
        KeyMaterial::Secret(_) => None,
    }
}

fn shown(application: &Application, key: Option<&SigningKey>, private: Option<&str>) -> Value {
    let id = application.id.to_string();
    let mut keys = json!({ "public_key": key.and_then(public_text) });
    if let (Some(private), Some(members)) = (private, keys.as_object_mut()) {
        members.insert("private_key".to_owned(), json!(private));
    }
    json!({
        "id": id,
        "name": application.name,
        "keys": keys,
        "capabilities": {},
        "_links": { "self": { "href": format!("/v2/applications/{id}") } },
    })
}

// === impl Managed ===

impl Managed {
    fn profile(&self) -> Result<Profile, Error> {
        check_strict(&self.body)?;
        decode(&self.body)
    }
}

impl FromRequestParts<Arc<Ctx>> for Managed {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, ctx: &Arc<Ctx>) -> Result<Self, Refused> {
        let (id, text) = pair(&parts.headers)?;
        let connection = Connection::of(&parts.extensions);
        let bearer = Bearer {
            text: &text,
            peer: connection.peer,
            confidential: connection.is_confidential(),
            application: None,
        };
        let principal = authenticate(ctx, bearer).await?;
        let own = match &principal.who {
            Who::Operator { api_key } => Some(*api_key),
            Who::Backend { api_key, .. } | Who::Client { api_key } => *api_key,
            Who::Session { .. } | Who::Bearer { .. } => None,
        };
        if own != Some(id) {
            let detail = "the API key's id and its text are of two keys";
            return Err(Error::new(Code::UnknownKey, detail).into());
        }
        if let Some(gate) = Passed::gate(&parts.extensions) {
            gate.call(&principal, ctx.now())?;
        }
        let ReadBody(body) = parts.extensions.get().cloned().unwrap_or_default();
        Ok(Self {
            principal,
            query: Query::of(&parts.uri)?,
            body,
        })
    }
}

/// The API key's id and text.
fn pair(headers: &HeaderMap) -> Result<(ApiKeyId, String), Error> {
    let refused = |code, detail| {
        Error::new(code, detail)
            .hint("send Authorization: Basic …, with the id and the text of an API key")
    };
    if headers.contains_key(header::ORIGIN) {
        let detail = "no web page manages applications";
        return Err(refused(Code::NotPermitted, detail));
    }
    let value = headers.get(header::AUTHORIZATION);
    let value = value.and_then(|value| value.to_str().ok());
    let (scheme, encoded) = value
        .and_then(|value| value.split_once(' '))
        .unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("basic") {
        let detail = "this call needs an API key";
        return Err(refused(Code::NoCredential, detail));
    }
    let malformed = || refused(Code::MalformedToken, "the pair cannot be read");
    let decoded = STANDARD.decode(encoded.trim()).map_err(|_| malformed())?;
    let decoded = String::from_utf8(decoded).map_err(|_| malformed())?;
    let (id, text) = decoded.split_once(':').ok_or_else(malformed)?;
    Ok((id.parse().map_err(|_| malformed())?, text.to_owned()))
}
