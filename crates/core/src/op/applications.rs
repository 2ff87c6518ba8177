//! Applications: an operator creates them, with the first keys that they need.

use countersign_credential::key::{KeyAlgorithm, KeyState, Kid};
use zeroize::Zeroizing;

use crate::access::action::Action;
use crate::access::principal::Principal;
use crate::access::{Permit, authorize};
use crate::context::Ctx;
use crate::error::{Code, Error};
use crate::id::{ApiKeyId, ApplicationId};
use crate::limit;
use crate::model::api_key::{ApiKey, Role, Roles};
use crate::model::application::{Application, Slug};
use crate::model::settings::Settings;
use crate::model::signing_key::{KeyMaterial, SigningKey};
use crate::ports::change::Change;
use crate::ports::fanout::Notice;
use crate::secret_text;

/// An application to be created.
#[derive(Debug, Clone)]
pub struct NewApplication {
    /// What people call it.
    pub name: String,
    /// Its slug; made from the id where it is absent.
    pub slug: Option<Slug>,
    /// A key that is written into shipped apps.
    pub alias: Option<String>,
    /// How it wants to be served.
    pub settings: Settings,
}

/// Creates an application, without any key.
///
/// # Errors
/// `not_permitted` for everybody but an operator; `conflict` where slug or
/// alias is taken.
pub async fn create_application(
    ctx: &Ctx,
    principal: &Principal,
    new: NewApplication,
) -> Result<Application, Error> {
    let now = ctx.now();
    let id = ApplicationId::new(now, &*ctx.random);
    // The right to create is judged in the application that comes to be.
    let operator = Principal {
        application: Some(id),
        ..principal.clone()
    };
    let permit = authorize(&operator, &Action::ManageApplication)?.outright()?;
    if new.name.is_empty() || new.name.len() > limit::NAME_BYTES_MAX {
        return Err(Error::new(
            Code::BadRequest,
            "an application's name has 1 to 255 bytes",
        ));
    }
    let slug = match new.slug {
        Some(slug) => slug,
        None => format!("app-{}", &id.to_string()[24..])
            .parse()
            .map_err(Error::internal)?,
    };
    let application = Application {
        id,
        slug,
        name: new.name,
        created_at: now,
        alias: new.alias,
        settings: new.settings,
        keys: Vec::new(),
    };
    ctx.registry
        .add_application(&permit, application.clone())
        .await?;
    ctx.publish(Notice::Application(id));
    Ok(application)
}

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

/// Adds a signing key. The first one of its algorithm is current; a later one
/// begins as standby, so that adding a key never changes what verifies.
///
/// # Errors
/// `not_permitted` without an admin key; `conflict` where the kid is taken.
pub async fn add_signing_key(
    ctx: &Ctx,
    principal: &Principal,
    new: NewSigningKey,
) -> Result<SigningKey, Error> {
    let permit = authorize(principal, &Action::ManageKeys)?.outright()?;
    let application = permit.application();
    let judge = ctx.judge_of(application).await?;
    let keys = &judge.application.keys;
    if keys.len() >= limit::SIGNING_KEYS_MAX {
        return Err(Error::new(
            Code::Conflict,
            "the key ring is full; revoke keys first",
        ));
    }
    let has_current = keys
        .iter()
        .any(|key| key.algorithm == new.algorithm && key.state == KeyState::Current);
    let kid = match new.kid {
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
    ctx.store
        .commit(&permit, vec![Change::AddSigningKey(key.clone())])
        .await?;
    ctx.publish(Notice::Application(application));
    Ok(key)
}

fn new_kid(ctx: &Ctx) -> Result<Kid, Error> {
    let mut bytes = [0; 8];
    ctx.random.fill(&mut bytes);
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Kid::parse(&text).map_err(Error::internal)
}

/// An API key to be created.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub roles: Roles,
}

/// An API key with its text, which is shown this once.
#[derive(Debug)]
pub struct CreatedApiKey {
    /// The key.
    pub key: ApiKey,
    /// Its text.
    pub text: Zeroizing<String>,
}

/// Creates an API key of an application.
///
/// # Errors
/// `not_permitted` without an admin key, or for the operator role.
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
        ));
    }
    let judge = ctx.judge_of(permit.application()).await?;
    let created = make_api_key(ctx, Some(&judge.application), new);
    ctx.store
        .commit(&permit, vec![Change::AddApiKey(created.key.clone())])
        .await?;
    Ok(created)
}

/// Makes the first operator key of an installation: the wiring calls it when
/// it starts on an empty data folder, and nothing else does.
///
/// # Errors
/// If the store fails.
pub async fn create_operator_key(ctx: &Ctx, name: &str) -> Result<CreatedApiKey, Error> {
    let roles = Roles::new([Role::Operator])
        .ok_or_else(|| Error::internal("one role is a set of roles"))?;
    let created = make_api_key(
        ctx,
        None,
        NewApiKey {
            name: name.to_owned(),
            roles,
        },
    );
    ctx.registry.add_operator_key(created.key.clone()).await?;
    Ok(created)
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
    let key = ApiKey {
        id,
        application: application.map(|application| application.id),
        name: new.name,
        roles: new.roles,
        digest: secret_text::digest_of(&text),
        text: new.roles.is_publishable().then(|| text.clone()),
        last_characters: secret_text::last_characters(&text),
        created_at: now,
        expires_at: None,
        cidr: None,
        last_used_at: None,
        revoked: false,
    };
    CreatedApiKey {
        key,
        text: Zeroizing::new(text),
    }
}

/// Replaces an application's settings.
///
/// # Errors
/// `not_permitted` without an admin key.
pub async fn set_settings(
    ctx: &Ctx,
    principal: &Principal,
    settings: Settings,
) -> Result<(), Error> {
    let permit: Permit = authorize(principal, &Action::ManageKeys)?.outright()?;
    ctx.store
        .commit(&permit, vec![Change::SetSettings(settings)])
        .await?;
    ctx.publish(Notice::Application(permit.application()));
    Ok(())
}
