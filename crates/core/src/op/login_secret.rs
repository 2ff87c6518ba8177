//! The secret that a backend signs logins with, read by the backend itself.
//!
//! It is given from memory, since a backend may ask for it whenever it signs;
//! what the audit log is told of that, [`crate::secret_reads`] says.

use std::net::IpAddr;

use countersign_credential::key::{KeyAlgorithm, KeyState};
use countersign_credential::time::Timestamp;
use zeroize::Zeroizing;

use super::audit::entry;
use crate::access::action::Action;
use crate::access::principal::{Principal, Who};
use crate::access::{Permit, authorize};
use crate::context::Ctx;
use crate::error::{Code, Error};
use crate::id::ApiKeyId;
use crate::model::api_key::{ApiKey, Role};
use crate::model::application::Application;
use crate::model::audit::Details;
use crate::model::signing_key::{KeyMaterial, SigningKey};
use crate::ports::change::Change;
use crate::secret_reads::Reader;

/// A secret, as a backend signs with it.
#[derive(Debug, Clone)]
pub struct LoginSecret {
    /// The name of its key.
    pub kid: String,
    /// Its text, whose bytes sign.
    pub text: Zeroizing<String>,
    /// Since when there is this key.
    pub created_at: Timestamp,
}

/// Reads the secret of an application's current HS256 key.
///
/// # Errors
/// `not_permitted` for every asker but an API key with both of the roles admin and
/// user; `not_found` where there is no such key; `conflict` where its bytes are no
/// text.
pub async fn read_login_secret(
    ctx: &Ctx,
    principal: &Principal,
    peer: IpAddr,
) -> Result<LoginSecret, Error> {
    let permit = authorize(principal, &Action::ManageKeys)?.outright()?;
    let api_key = both_roles(ctx, principal).await?;
    let judge = ctx.judge_of(permit.application()).await?;
    let (key, text) = current(&judge.application)?;
    let reader = Reader {
        application: permit.application(),
        kid: key.kid.clone(),
        api_key,
        peer,
    };
    tell(ctx, principal, &permit, reader).await?;
    Ok(LoginSecret {
        kid: key.kid.as_str().to_owned(),
        text,
        created_at: key.created_at,
    })
}

/// A role that covers both does not stand for both: who may read a secret is
/// said when the key is made.
async fn both_roles(ctx: &Ctx, principal: &Principal) -> Result<ApiKeyId, Error> {
    let refused = || {
        Error::new(
            Code::NotPermitted,
            "the secret is read with an API key that has both of the roles admin and user",
        )
        .hint("make such a key: countersign api-key create NAME --role admin --role user")
    };
    let Who::Backend {
        api_key: Some(id), ..
    } = &principal.who
    else {
        return Err(refused());
    };
    let has_both = |key: &ApiKey| key.roles.has(Role::Admin) && key.roles.has(Role::User);
    match ctx.api_key(*id).await? {
        Some(key) if has_both(&key) => Ok(*id),
        Some(_) | None => Err(refused()),
    }
}

fn current(application: &Application) -> Result<(&SigningKey, Zeroizing<String>), Error> {
    let is_meant =
        |key: &&SigningKey| key.algorithm == KeyAlgorithm::Hs256 && key.state == KeyState::Current;
    let key = application.keys.iter().find(is_meant);
    let key = key.ok_or_else(|| {
        Error::not_found("current HS256 key")
            .hint("make one: countersign key create --algorithm HS256")
    })?;
    let text = match &key.material {
        KeyMaterial::Secret(secret) => std::str::from_utf8(secret).ok(),
        KeyMaterial::Public(_) => None,
    };
    let text = text.ok_or_else(|| {
        Error::new(
            Code::Conflict,
            "the secret of the current HS256 key has bytes that are no text",
        )
        .hint("make another key, whose secret is a text, and let it be the current one")
    })?;
    Ok((key, Zeroizing::new(text.to_owned())))
}

async fn tell(
    ctx: &Ctx,
    principal: &Principal,
    permit: &Permit,
    reader: Reader,
) -> Result<(), Error> {
    let now = ctx.now();
    let Some(before) = ctx.secret_reads.count(&reader, now) else {
        return Ok(());
    };
    let mut detail = format!("from {}", reader.peer);
    if before > 0 {
        detail = format!("{detail}, {before} times more since the last entry");
    }
    let kid = reader.kid.as_str().to_owned();
    let remark = Details::remark(detail);
    let audit = entry(ctx, principal.actor(), "key.secret_read", &kid, remark);
    ctx.store.commit(permit, vec![Change::Audit(audit)]).await?;
    ctx.secret_reads.told(reader, now);
    Ok(())
}
