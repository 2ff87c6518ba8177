//! Signing keys: an application's key ring, and how its keys take turns.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_credential::json;
use countersign_credential::jws::algorithm::Algorithm;
use countersign_credential::jws::jwk::read_jwk_for;
use countersign_credential::jws::key::{KeyError, WeakSecret};
use countersign_credential::key::{Key, KeyAlgorithm, KeyState, Kid, RingKeyError};
use zeroize::Zeroizing;

use super::applications::find;
use super::audit::entry;
use super::sessions::tombstone;
use crate::access::action::Action;
use crate::access::authorize;
use crate::access::principal::Principal;
use crate::context::Ctx;
use crate::difference::Difference;
use crate::error::{Code, Error};
use crate::limit;
use crate::model::application::Application;
use crate::model::audit::{AuditEntry, Details};
use crate::model::page::{Page, Window};
use crate::model::password::PASSWORD_KID;
use crate::model::revocation::Target;
use crate::model::signing_key::{KeyMaterial, SigningKey};
use crate::ports::change::Change;
use crate::ports::fanout::Notice;

/// A signing key to be added; the material was parsed, and so is good.
#[derive(Debug, Clone)]
pub struct NewSigningKey {
    /// Its name; made by us where it is absent.
    pub kid: Option<Kid>,
    /// Its algorithm.
    pub algorithm: KeyAlgorithm,
    /// What it is made of.
    pub material: KeyMaterial,
}

/// A backend's own key to be imported, as it was sent.
#[derive(Debug)]
pub struct ImportedKey {
    /// Its name; else the JWK's, else made by us.
    pub kid: Option<Kid>,
    /// Its algorithm; only a JWK may leave it to its own `alg` or curve.
    pub algorithm: Option<KeyAlgorithm>,
    /// What it is made of.
    pub source: KeySource,
    /// Whether a secret may be shorter than it should be.
    pub allow_weak: bool,
}

/// The forms in which a key may come.
#[derive(Debug)]
pub enum KeySource {
    /// A public key in PEM.
    PublicKeyPem(String),
    /// The text of a JWK (RFC 7517): it may be a secret.
    Jwk(Zeroizing<String>),
    /// A secret's bytes.
    Secret(Zeroizing<Vec<u8>>),
}

/// Checks the right to add keys, for who has work to do before.
///
/// # Errors
/// `not_permitted` without an admin key.
pub fn check_may_add(principal: &Principal) -> Result<(), Error> {
    authorize(principal, &Action::ManageKeys)?.outright()?;
    Ok(())
}

/// Imports a backend's own key.
///
/// # Errors
/// `bad_request` for material that no ring would take; those of
/// [`add_signing_key`].
pub async fn import_signing_key(
    ctx: &Ctx,
    principal: &Principal,
    imported: ImportedKey,
) -> Result<SigningKey, Error> {
    check_may_add(principal)?;
    let weak = if imported.allow_weak {
        WeakSecret::Allow
    } else {
        WeakSecret::Refuse
    };
    let new = match imported.source {
        KeySource::Jwk(text) => of_jwk(&text, imported.kid, imported.algorithm, weak)?,
        KeySource::PublicKeyPem(pem) => NewSigningKey {
            kid: imported.kid,
            algorithm: named(imported.algorithm)?,
            material: KeyMaterial::Public(pem),
        },
        KeySource::Secret(secret) => NewSigningKey {
            kid: imported.kid,
            algorithm: named(imported.algorithm)?,
            material: KeyMaterial::Secret(secret),
        },
    };
    let material = checked(new.algorithm, new.material, weak)?;
    add_signing_key(ctx, principal, NewSigningKey { material, ..new }).await
}

/// Adds a signing key. The first one of its algorithm is current; a later one
/// begins as standby, so that adding a key never changes what verifies.
///
/// # Errors
/// `not_permitted` without an admin key; `conflict` where the kid is taken, or
/// the ring is full.
pub async fn add_signing_key(
    ctx: &Ctx,
    principal: &Principal,
    new: NewSigningKey,
) -> Result<SigningKey, Error> {
    let permit = authorize(principal, &Action::ManageKeys)?.outright()?;
    let application = find(ctx, permit.application()).await?;
    check_room(&application)?;
    let has_current = application
        .keys
        .iter()
        .any(|key| key.algorithm == new.algorithm && key.state == KeyState::Current);
    let kid = match new.kid {
        Some(kid) if kid.as_str() == PASSWORD_KID => return Err(reserved()),
        Some(kid) => kid,
        None => new_kid(ctx)?,
    };
    let key = SigningKey {
        kid,
        algorithm: new.algorithm,
        state: if has_current {
            KeyState::Standby
        } else {
            KeyState::Current
        },
        material: new.material,
        created_at: ctx.now(),
        last_used_at: None,
    };
    let details = Details {
        remark: is_weak(&key).then(|| "a secret shorter than it should be".to_owned()),
        ..Difference::default()
            .made("algorithm", key.algorithm.as_str())
            .made("state", key.state.as_str())
            .details()
    };
    let audit = entry(ctx, principal.actor(), "key.add", &key.kid, details);
    let changes = vec![Change::AddSigningKey(key.clone()), Change::Audit(audit)];
    ctx.store.commit(&permit, changes).await?;
    ctx.publish(Notice::Application(application.id));
    Ok(key)
}

/// The keys of the ring, the oldest first, in every state.
///
/// # Errors
/// `not_permitted` without an admin key.
pub async fn list_signing_keys(
    ctx: &Ctx,
    principal: &Principal,
    window: Window,
) -> Result<Page<SigningKey>, Error> {
    let permit = authorize(principal, &Action::ManageKeys)?.outright()?;
    let keys = find(ctx, permit.application()).await?.keys;
    // A ring is read whole, so a page of it is cut here: its position is a kid.
    let begin = window.after.as_deref().map_or(0, |after| {
        let at = |key: &SigningKey| key.kid.as_str().as_bytes() == after;
        keys.iter().position(at).map_or(0, |place| place + 1)
    });
    let rest = keys.len().saturating_sub(begin);
    let items: Vec<SigningKey> = keys.into_iter().skip(begin).take(window.limit).collect();
    let more = rest > items.len();
    let last = items.last().filter(|_| more);
    let next = last.map(|key| key.kid.as_str().as_bytes().to_vec());
    Ok(Page { items, next })
}

/// One key of the ring.
///
/// # Errors
/// `not_permitted` without an admin key; `not_found`.
pub async fn read_signing_key(
    ctx: &Ctx,
    principal: &Principal,
    kid: &Kid,
) -> Result<SigningKey, Error> {
    let permit = authorize(principal, &Action::ManageKeys)?.outright()?;
    key_of(find(ctx, permit.application()).await?, kid)
}

/// Changes a key's state. A key that becomes current makes the one that was
/// previous, and that one standby, in the same batch. Revoked is final: it ends
/// the key's sessions too, as a revocation of the kid.
///
/// # Errors
/// `not_permitted` without an admin key; `not_found`; `conflict` for a revoked key.
pub async fn set_key_state(
    ctx: &Ctx,
    principal: &Principal,
    kid: &Kid,
    state: KeyState,
) -> Result<SigningKey, Error> {
    let permit = authorize(principal, &Action::ManageKeys)?.outright()?;
    let application = find(ctx, permit.application()).await?;
    let id = application.id;
    let settings = application.settings.clone();
    let moved = moved_by(&application, kid, state);
    let before = key_of(application, kid)?;
    if before.state == state {
        return Ok(before);
    }
    if before.state == KeyState::Revoked {
        return Err(
            Error::new(Code::Conflict, "this key is revoked, and stays revoked")
                .hint("add a new key, under another kid"),
        );
    }
    let revocation = (state == KeyState::Revoked)
        .then(|| tombstone(Target::Kid(kid.as_str().to_owned()), &settings, ctx.now()));
    let mut changes = vec![Change::SetKeyState(kid.clone(), state)];
    let told = |kid: &Kid, from, to| Change::Audit(changed(ctx, principal, kid, from, to));
    changes.push(told(kid, before.state, state));
    changes.extend(moved.iter().map(|(kid, from, to)| told(kid, *from, *to)));
    changes.extend(revocation.iter().cloned().map(Change::Revoke));
    ctx.store.commit(&permit, changes).await?;
    ctx.publish(Notice::Application(id));
    if let Some(revocation) = revocation {
        ctx.publish(Notice::Revoked {
            application: id,
            revocation,
        });
    }
    Ok(SigningKey { state, ..before })
}

/// The keys that make room for one that gets a state, as the ring's rules have it:
/// which, from where, and to where.
fn moved_by(
    application: &Application,
    kid: &Kid,
    state: KeyState,
) -> Vec<(Kid, KeyState, KeyState)> {
    let Some(entering) = application.keys.iter().find(|key| key.kid == *kid) else {
        return Vec::new();
    };
    let in_state = |state| {
        let others = application.keys.iter().filter(|key| key.kid != *kid);
        let mut alike = others.filter(|key| key.algorithm == entering.algorithm);
        alike
            .find(|key| key.state == state)
            .map(|key| key.kid.clone())
    };
    let previous = in_state(KeyState::Previous);
    let retired = previous.map(|kid| (kid, KeyState::Previous, KeyState::Standby));
    match state {
        KeyState::Current => match in_state(KeyState::Current) {
            Some(current) => {
                let replaced = (current, KeyState::Current, KeyState::Previous);
                retired.into_iter().chain([replaced]).collect()
            }
            None => Vec::new(),
        },
        KeyState::Previous => retired.into_iter().collect(),
        KeyState::Standby | KeyState::Revoked => Vec::new(),
    }
}

/// The entry that tells how a key's state changes.
fn changed(
    ctx: &Ctx,
    principal: &Principal,
    kid: &Kid,
    from: KeyState,
    to: KeyState,
) -> AuditEntry {
    let action = match to {
        KeyState::Revoked => "key.revoke",
        KeyState::Current | KeyState::Previous | KeyState::Standby => "key.change",
    };
    entry(ctx, principal.actor(), action, kid, states(from, to))
}

/// A change of state, as an entry has it.
pub(super) fn states(from: KeyState, to: KeyState) -> Details {
    let difference = Difference::default();
    difference
        .member("state", from.as_str(), to.as_str())
        .details()
}

/// A session that remembers this name was opened by a password, and by no key.
fn reserved() -> Error {
    Error::new(
        Code::BadRequest,
        format!("no key is called {PASSWORD_KID}: sessions that a password opened are"),
    )
    .hint("choose another kid")
}

fn check_room(application: &Application) -> Result<(), Error> {
    let keys = &application.keys;
    let live = keys.iter().filter(|key| key.state != KeyState::Revoked);
    if live.count() >= limit::SIGNING_KEYS_MAX || keys.len() >= limit::SIGNING_KEYS_KEPT_MAX {
        return Err(Error::new(
            Code::Conflict,
            format!(
                "the key ring is full: it holds {} keys, and {} with the revoked ones",
                limit::SIGNING_KEYS_MAX,
                limit::SIGNING_KEYS_KEPT_MAX
            ),
        )
        .hint("revoke keys that are no longer used"));
    }
    Ok(())
}

fn key_of(application: Application, kid: &Kid) -> Result<SigningKey, Error> {
    let mut keys = application.keys.into_iter();
    keys.find(|key| key.kid == *kid)
        .ok_or_else(|| Error::not_found("key"))
}

fn new_kid(ctx: &Ctx) -> Result<Kid, Error> {
    let mut bytes = [0; 8];
    ctx.random.fill(&mut bytes);
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Kid::parse(&text).map_err(Error::internal)
}

fn named(algorithm: Option<KeyAlgorithm>) -> Result<KeyAlgorithm, Error> {
    algorithm.ok_or_else(|| Error::new(Code::BadRequest, "algorithm is missing"))
}

/// A JWK's key. Its `kid` and `alg` stand in where nothing was said beside it.
fn of_jwk(
    text: &str,
    kid: Option<Kid>,
    algorithm: Option<KeyAlgorithm>,
    weak: WeakSecret,
) -> Result<NewSigningKey, Error> {
    let wrong = |why: String| Error::new(Code::BadRequest, format!("jwk: {why}"));
    let document = json::read_object(text.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    let beside = algorithm.and_then(|algorithm| Algorithm::from_name(algorithm.as_str()));
    let jwk = read_jwk_for(&document, beside, weak).map_err(|error| refused(&error.into()))?;
    let found = jwk.key.algorithm();
    let dialects_have = KeyAlgorithm::from_name(found.as_str())
        .ok_or_else(|| wrong(format!("no dialect of credentials uses {found}")))?;
    if algorithm.is_some_and(|named| named != dialects_have) {
        return Err(wrong(format!(
            "it is for {found}, and algorithm says otherwise"
        )));
    }
    let kid = match (kid, jwk.kid) {
        (Some(kid), _) => Some(kid),
        (None, Some(text)) => Some(Kid::parse(&text).map_err(|error| {
            wrong(error.to_string()).hint("name the key yourself, with kid beside jwk")
        })?),
        (None, None) => None,
    };
    let material = match jwk.key.public_key_pem() {
        Some(pem) => KeyMaterial::Public(pem),
        None => {
            let encoded = document.get("k").and_then(json::Value::as_str);
            let secret = URL_SAFE_NO_PAD
                .decode(encoded.unwrap_or_default())
                .map_err(|_| wrong("its k is not base64url".to_owned()))?;
            KeyMaterial::Secret(Zeroizing::new(secret))
        }
    };
    Ok(NewSigningKey {
        kid,
        algorithm: dialects_have,
        material,
    })
}

/// The material in the form that is kept, where a ring would take it.
fn checked(
    algorithm: KeyAlgorithm,
    material: KeyMaterial,
    weak: WeakSecret,
) -> Result<KeyMaterial, Error> {
    match material {
        KeyMaterial::Public(pem) => {
            let key = Key::from_public_key_pem(algorithm, &pem).map_err(|error| refused(&error))?;
            let pem = key.public_key_pem();
            pem.map(KeyMaterial::Public)
                .ok_or_else(|| Error::internal("a public key can be written"))
        }
        KeyMaterial::Secret(secret) if secret.len() > limit::SECRET_BYTES_MAX => Err(Error::new(
            Code::BadRequest,
            format!("a secret has at most {} bytes", limit::SECRET_BYTES_MAX),
        )),
        KeyMaterial::Secret(secret) => {
            Key::from_secret(algorithm, &secret, weak).map_err(|error| refused(&error))?;
            Ok(KeyMaterial::Secret(secret))
        }
    }
}

fn refused(error: &RingKeyError) -> Error {
    let refusal = Error::new(Code::BadRequest, error.to_string());
    let is_short = matches!(
        error,
        RingKeyError::ShortSinchSecret { .. }
            | RingKeyError::Material(KeyError::ShortSecret { .. })
    );
    if is_short {
        refusal.hint("replace it by a longer one; until then it is taken with allow_weak: true")
    } else {
        refusal
    }
}

/// Whether a key's secret is shorter than it should be.
#[must_use]
pub fn is_weak(key: &SigningKey) -> bool {
    match &key.material {
        KeyMaterial::Public(_) => false,
        KeyMaterial::Secret(secret) => {
            Key::from_secret(key.algorithm, secret, WeakSecret::Refuse).is_err()
        }
    }
}
