//! Signing keys: generate or import, list, change state.

use std::sync::Arc;

use axum::extract::State;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::generate::generate;
use countersign_core::model::signing_key::{KeyMaterial, SigningKey};
use countersign_core::op;
use countersign_core::op::signing_keys::{ImportedKey, KeySource, NewSigningKey};
use countersign_credential::key::{KeyAlgorithm, KeyState, Kid};
use countersign_wire::secret::Secret;
use countersign_wire::signing_key as wire;
use http::StatusCode;
use zeroize::Zeroizing;

use super::answer::{Answer, cursor, time};
use super::bearer::Asker;
use super::body::Json;
use super::named::Named;
use super::problem::Problem;
use super::query::Query;
use crate::tasks::Tasks;

/// `POST /v1/applications/{id}/keys`
pub(super) async fn create(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
    tasks: Tasks,
    Json(request): Json<wire::NewSigningKey>,
) -> Result<Answer<wire::AddedSigningKey>, Problem> {
    query.only(&[])?;
    let asker = named.application(asker)?;
    op::signing_keys::check_may_add(&asker)?;
    let kid = request.kid.as_deref().map(kid).transpose()?;
    let algorithm = request.algorithm.as_deref().map(algorithm).transpose()?;
    let allow_weak = request.allow_weak.unwrap_or_default();
    let added = match source(request)? {
        Some(source) => {
            let imported = ImportedKey {
                kid,
                algorithm,
                source,
                allow_weak,
            };
            let key = op::signing_keys::import_signing_key(&ctx, &asker, imported).await?;
            wire::AddedSigningKey {
                key: shown(&key),
                private_key_pem: None,
                secret: None,
                secret_base64: None,
            }
        }
        None => {
            let missing = || Error::new(Code::BadRequest, "missing member `algorithm`");
            let algorithm = algorithm.ok_or_else(missing)?;
            generated(&ctx, &asker, kid, algorithm, &tasks).await?
        }
    };
    Ok(Answer(StatusCode::CREATED, added))
}

/// `GET /v1/applications/{id}/keys`
pub(super) async fn list(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<Answer<wire::SigningKeys>, Problem> {
    query.only(&["limit", "cursor"])?;
    let asker = named.application(asker)?;
    let page = op::signing_keys::list_signing_keys(&ctx, &asker, query.window()?).await?;
    let list = wire::SigningKeys {
        keys: page.items.iter().map(shown).collect(),
        next: cursor(page.next),
    };
    Ok(Answer(StatusCode::OK, list))
}

/// `GET /v1/applications/{id}/keys/{kid}`
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<Answer<wire::SigningKey>, Problem> {
    query.only(&[])?;
    let asker = named.application(asker)?;
    let key = op::signing_keys::read_signing_key(&ctx, &asker, &named.kid()?).await?;
    Ok(Answer(StatusCode::OK, shown(&key)))
}

/// `PATCH /v1/applications/{id}/keys/{kid}`
pub(super) async fn update(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
    Json(request): Json<wire::SigningKeyPatch>,
) -> Result<Answer<wire::SigningKey>, Problem> {
    query.only(&[])?;
    let asker = named.application(asker)?;
    let state = KeyState::from_name(&request.state).ok_or_else(|| {
        Error::new(
            Code::BadRequest,
            "state is none of current, previous, standby and revoked",
        )
    })?;
    let key = op::signing_keys::set_key_state(&ctx, &asker, &named.kid()?, state).await?;
    Ok(Answer(StatusCode::OK, shown(&key)))
}

/// A secret as people and programs write it: an HS256 secret that is a text as
/// that text, every other one as base64.
pub(super) fn spelled(algorithm: KeyAlgorithm, secret: &[u8]) -> (Option<Secret>, Option<Secret>) {
    let text = std::str::from_utf8(secret)
        .ok()
        .filter(|text| algorithm == KeyAlgorithm::Hs256 && !text.contains(char::is_control));
    match text {
        Some(text) => (Some(Secret(text.to_owned())), None),
        None => (None, Some(Secret(STANDARD.encode(secret)))),
    }
}

// === helpers ===

async fn generated(
    ctx: &Arc<Ctx>,
    asker: &Principal,
    kid: Option<Kid>,
    algorithm: KeyAlgorithm,
    tasks: &Tasks,
) -> Result<wire::AddedSigningKey, Error> {
    let random = Arc::clone(&ctx.random);
    let generated = tasks
        .blocking(move || generate(algorithm, &*random))
        .await??;
    let (secret, secret_base64) = match &generated.material {
        KeyMaterial::Public(_) => (None, None),
        KeyMaterial::Secret(secret) => spelled(algorithm, secret),
    };
    let new = NewSigningKey {
        kid,
        algorithm,
        material: generated.material,
    };
    let key = op::signing_keys::add_signing_key(ctx, asker, new).await?;
    Ok(wire::AddedSigningKey {
        key: shown(&key),
        private_key_pem: generated.private_key_pem.map(|pem| Secret(pem.to_string())),
        secret,
        secret_base64,
    })
}

/// What the request brings, if it brings a key: one of four forms, and one only.
fn source(request: wire::NewSigningKey) -> Result<Option<KeySource>, Error> {
    let pem = request.public_key_pem.map(KeySource::PublicKeyPem);
    let jwk = request
        .jwk
        .map(|jwk| KeySource::Jwk(Zeroizing::new(jwk.get().to_owned())));
    let text = request
        .secret
        .map(|secret| KeySource::Secret(Zeroizing::new(secret.0.into_bytes())));
    let bytes = request.secret_base64.as_ref().map(decoded).transpose()?;
    let bytes = bytes.map(KeySource::Secret);
    let mut given = [pem, jwk, text, bytes].into_iter().flatten();
    match (given.next(), given.next()) {
        (source, None) => Ok(source),
        (_, Some(_)) => Err(Error::new(
            Code::BadRequest,
            "a key comes as one of public_key_pem, jwk, secret and secret_base64",
        )),
    }
}

/// Base64 in either alphabet, padded or not: which one was meant is never in doubt.
fn decoded(text: &Secret) -> Result<Zeroizing<Vec<u8>>, Error> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [&alphabet::STANDARD, &alphabet::URL_SAFE]
        .into_iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, config).decode(&text.0).ok())
        .map(Zeroizing::new)
        .ok_or_else(|| Error::new(Code::BadRequest, "secret_base64 is not base64"))
}

fn kid(text: &str) -> Result<Kid, Error> {
    Kid::parse(text).map_err(|error| Error::new(Code::BadRequest, error.to_string()))
}

fn algorithm(text: &str) -> Result<KeyAlgorithm, Error> {
    KeyAlgorithm::from_name(text).ok_or_else(|| {
        Error::new(
            Code::BadRequest,
            "algorithm is none of RS256, ES256, EdDSA, HS256 and sinch-hmac-sha256",
        )
    })
}

fn shown(key: &SigningKey) -> wire::SigningKey {
    wire::SigningKey {
        kid: key.kid.as_str().to_owned(),
        algorithm: key.algorithm.as_str().to_owned(),
        state: key.state.as_str().to_owned(),
        created_at: time(key.created_at),
        last_used_at: key.last_used_at.map(time),
    }
}
