//! API keys: a backend's credentials, shown once when they are made.

use zeroize::Zeroizing;

use super::applications::{api_keys_of, find};
use super::audit::entry;
use crate::access::action::Action;
use crate::access::principal::{Principal, Who};
use crate::access::{authorize, authorize_installation};
use crate::context::Ctx;
use crate::difference::{Difference, Value};
use crate::error::{Code, Error};
use crate::id::ApiKeyId;
use crate::limit;
use crate::model::api_key::{ApiKey, Cidr, Role, Roles};
use crate::model::application::Application;
use crate::model::audit::{Actor, AuditEntry, Details};
use crate::model::page::{Page, Window};
use crate::ports::change::Change;
use crate::ports::fanout::Notice;
use crate::secret_text;

const DAY_S: i64 = 86_400;

/// An API key to be created.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub roles: Roles,
    /// In how many days it stops to be accepted; never, where it is absent.
    pub expires_in_days: Option<u32>,
    /// The network that it may be used from; any, where it is absent.
    pub cidr: Option<Cidr>,
}

/// An API key with its text, which is shown this once.
#[derive(Debug)]
pub struct CreatedApiKey {
    /// The key.
    pub key: ApiKey,
    /// Its text.
    pub text: Zeroizing<String>,
    /// The same as a JWT; an operator key, which has no organization, has none.
    pub jwt: Option<Zeroizing<String>>,
}

/// Creates an API key of an application.
///
/// # Errors
/// `not_permitted` without an admin key, or for the operator role; `conflict`
/// where the application has as many as it can have.
pub async fn create_api_key(
    ctx: &Ctx,
    principal: &Principal,
    new: NewApiKey,
) -> Result<CreatedApiKey, Error> {
    let permit = authorize(principal, &Action::ManageKeys)?.outright()?;
    if new.roles.has(Role::Operator) {
        return Err(Error::new(
            Code::NotPermitted,
            "a key of an application is no operator key",
        )
        .hint("operators make operator keys, at POST /v1/api-keys"));
    }
    check_life(&new)?;
    let application = find(ctx, permit.application()).await?;
    if api_keys_of(ctx, application.id).await?.len() >= limit::API_KEYS_MAX {
        return Err(Error::new(
            Code::Conflict,
            format!(
                "an application has at most {} API keys",
                limit::API_KEYS_MAX
            ),
        )
        .hint("revoke keys that are no longer used"));
    }
    let created = make_api_key(ctx, Some(&application), new);
    let audit = told(ctx, principal.actor(), &created.key);
    let changes = vec![Change::AddApiKey(created.key.clone()), Change::Audit(audit)];
    ctx.store.commit(&permit, changes).await?;
    Ok(created)
}

/// The API keys of an application, the oldest first.
///
/// # Errors
/// `not_permitted` without an admin key.
pub async fn list_api_keys(
    ctx: &Ctx,
    principal: &Principal,
    window: Window,
) -> Result<Page<ApiKey>, Error> {
    let permit = authorize(principal, &Action::ManageKeys)?.outright()?;
    let application = permit.application();
    Ok(ctx.registry.api_keys(Some(application), window).await?)
}

/// Revokes an API key of an application. Sessions that were opened with it go
/// on: a page that changes its publishable key logs nobody out.
///
/// # Errors
/// `not_permitted` without an admin key; `not_found`.
pub async fn revoke_api_key(ctx: &Ctx, principal: &Principal, id: ApiKeyId) -> Result<(), Error> {
    let permit = authorize(principal, &Action::ManageKeys)?.outright()?;
    let was = known_of(ctx, id).await?;
    let audit = entry(ctx, principal.actor(), "api_key.revoke", &id, was);
    let changes = vec![Change::RevokeApiKey(id), Change::Audit(audit)];
    ctx.store.commit(&permit, changes).await?;
    ctx.publish(Notice::ApiKey(id));
    Ok(())
}

/// Creates another operator key.
///
/// # Errors
/// `not_permitted` for everybody but an operator; `bad_request` where other
/// roles are asked for.
pub async fn create_key_of_operator(
    ctx: &Ctx,
    principal: &Principal,
    new: NewApiKey,
) -> Result<CreatedApiKey, Error> {
    authorize_installation(principal)?;
    if new.roles.iter().ne([Role::Operator]) {
        return Err(Error::new(
            Code::BadRequest,
            "roles: a key of no application has the role operator alone",
        )
        .hint("make an application's key at POST /v1/applications/{id}/api-keys"));
    }
    check_life(&new)?;
    let created = make_api_key(ctx, None, new);
    let audit = told(ctx, principal.actor(), &created.key);
    ctx.registry
        .add_operator_key(created.key.clone(), audit)
        .await?;
    Ok(created)
}

/// Operators' keys, the oldest first.
///
/// # Errors
/// `not_permitted` for everybody but an operator.
pub async fn list_keys_of_operators(
    ctx: &Ctx,
    principal: &Principal,
    window: Window,
) -> Result<Page<ApiKey>, Error> {
    authorize_installation(principal)?;
    Ok(ctx.registry.api_keys(None, window).await?)
}

/// Revokes an operator key, but never the one that asks: so one is always left.
///
/// # Errors
/// `not_permitted` for everybody but an operator; `not_found`; `conflict` for
/// the key that asks.
pub async fn revoke_key_of_operator(
    ctx: &Ctx,
    principal: &Principal,
    id: ApiKeyId,
) -> Result<(), Error> {
    authorize_installation(principal)?;
    if matches!(principal.who, Who::Operator { api_key } if api_key == id) {
        return Err(
            Error::new(Code::Conflict, "an operator key does not revoke itself")
                .hint("make another one, and revoke this one with it"),
        );
    }
    let was = known_of(ctx, id).await?;
    let audit = entry(ctx, principal.actor(), "api_key.revoke", &id, was);
    ctx.registry.revoke_operator_key(id, audit).await?;
    ctx.publish(Notice::ApiKey(id));
    Ok(())
}

/// Makes the first operator key of an installation: the wiring calls it when
/// it starts on an empty data folder, and nothing else does.
///
/// # Errors
/// If the store fails.
pub async fn create_operator_key(ctx: &Ctx, name: &str) -> Result<CreatedApiKey, Error> {
    let roles = Roles::new([Role::Operator])
        .ok_or_else(|| Error::internal("one role is a set of roles"))?;
    let new = NewApiKey {
        name: name.to_owned(),
        roles,
        expires_in_days: None,
        cidr: None,
    };
    let created = make_api_key(ctx, None, new);
    let audit = told(ctx, Actor::System, &created.key);
    ctx.registry
        .add_operator_key(created.key.clone(), audit)
        .await?;
    Ok(created)
}

fn check_life(new: &NewApiKey) -> Result<(), Error> {
    let days_max = limit::SETTING_DAYS_MAX;
    match new.expires_in_days {
        Some(days) if !(1..=days_max).contains(&days) => Err(Error::new(
            Code::BadRequest,
            format!("expires_in_days is a number from 1 to {days_max}"),
        )),
        Some(_) | None => Ok(()),
    }
}

fn told(ctx: &Ctx, actor: Actor, key: &ApiKey) -> AuditEntry {
    entry(ctx, actor, "api_key.create", &key.id, described(key))
}

/// What is known of a key that goes, as an entry has it; nothing, where there is
/// no such key.
pub(super) async fn known_of(ctx: &Ctx, id: ApiKeyId) -> Result<Details, Error> {
    let found = ctx.registry.api_key(id).await?;
    let known = found.as_ref().map(described);
    Ok(Details {
        before: known.and_then(|known| known.after),
        ..Details::default()
    })
}

fn described(key: &ApiKey) -> Details {
    let roles: Vec<&str> = key.roles.iter().map(Role::as_str).collect();
    let expires_at = key.expires_at.map(|at| at.to_string());
    let cidr = key.cidr.map(|cidr| cidr.to_string());
    Difference::default()
        .made("name", &*key.name)
        .made("roles", Value::Texts(roles))
        .made("expires_at", expires_at.as_deref())
        .made("cidr", cidr.as_deref())
        .details()
}

fn make_api_key(ctx: &Ctx, application: Option<&Application>, new: NewApiKey) -> CreatedApiKey {
    let now = ctx.now();
    let id = ApiKeyId::new(now, &*ctx.random);
    let text = match application {
        Some(application) if new.roles.is_publishable() => {
            secret_text::new_publishable(id, application.id, &application.slug, &ctx.tokens)
        }
        Some(_) | None => secret_text::new_secret(id, &*ctx.random),
    };
    let life = |days| now.plus_seconds(i64::from(days) * DAY_S);
    let key = ApiKey {
        id,
        application: application.map(|application| application.id),
        name: new.name,
        roles: new.roles,
        digest: secret_text::digest_of(&text),
        text: new.roles.is_publishable().then(|| text.clone()),
        last_characters: secret_text::last_characters(&text),
        created_at: now,
        expires_at: new.expires_in_days.map(life),
        cidr: new.cidr,
        last_used_at: None,
        revoked: false,
    };
    CreatedApiKey {
        jwt: application.map(|application| secret_text::as_jwt(&key, application, &text)),
        key,
        text: Zeroizing::new(text),
    }
}
