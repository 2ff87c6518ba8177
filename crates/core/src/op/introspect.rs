//! Introspect: what a token is worth at this moment (RFC 7662).
//!
//! For services beside this one that are shown our tokens, or a credential as
//! a bearer, and cannot check them by themselves. A token that is unknown,
//! dead or of another application is not told apart: it is not active.

use countersign_credential::claims::Claims;
use countersign_credential::dialect::Dialect;
use countersign_credential::time::Timestamp;
use countersign_credential::unverified::parse;

use super::authenticate::{by_access_token, check_issued};
use super::claims_query::{credential_targets, login_query};
use super::managed_users::prove;
use super::refresh::{is_exchanged, living};
use super::tracking::line::is_to_be_used;
use crate::access::action::Action;
use crate::access::authorize;
use crate::access::principal::Principal;
use crate::context::{Ctx, Judge};
use crate::error::{Code, Error};
use crate::id::{ApiKeyId, ApplicationId, DeviceId, SessionId, UserId};
use crate::key_use::UsedKey;
use crate::model::settings::UnknownUser;
use crate::ports::store::SessionView;
use crate::token::{ACCESS_PREFIX, REFRESH_PREFIX, TRACKING_PREFIX, Token, TokenKind};

const DAY_S: i64 = 86_400;

/// What is known of a token that is active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Active {
    /// What it is for.
    pub usage: Usage,
    /// Its application.
    pub application: ApplicationId,
    /// Its user; a backend's bearer has none, nor has a credential whose user
    /// the login would create.
    pub user: Option<UserId>,
    /// The user's name, where it has one.
    pub username: Option<String>,
    /// The publishable key of the client that asked for it.
    pub client: Option<ApiKeyId>,
    /// Its session.
    pub session: Option<SessionId>,
    /// Its device.
    pub device: Option<DeviceId>,
    /// A credential's own id.
    pub jti: Option<String>,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When it is over.
    pub expires_at: Timestamp,
}

/// What an active token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// To be shown with calls.
    Access,
    /// To be exchanged for the next pair of tokens.
    Refresh,
    /// To log in, or as a bearer at its vendor's door.
    Credential,
}

/// Tells what a token is worth; `None` where it is worth nothing.
///
/// # Errors
/// Those of authorization and of the store.
pub async fn introspect(
    ctx: &Ctx,
    principal: &Principal,
    text: &str,
) -> Result<Option<Active>, Error> {
    let permit = authorize(principal, &Action::IntrospectToken)?.outright()?;
    let judge = ctx.judge_of(permit.application()).await?;
    let told = if text.starts_with(ACCESS_PREFIX) {
        access(ctx, &judge, text).await
    } else if text.starts_with(REFRESH_PREFIX) {
        refresh(ctx, &judge, text).await
    } else if text.starts_with(TRACKING_PREFIX) {
        tracking(ctx, &judge, text).await
    } else {
        credential(ctx, &judge, text).await
    };
    match told {
        Ok(active) => Ok(Some(active)),
        Err(error) if is_ours(error.code) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Whether an error tells of us, and not of the token.
fn is_ours(code: Code) -> bool {
    [Code::Unavailable, Code::Internal].contains(&code)
}

async fn access(ctx: &Ctx, judge: &Judge, text: &str) -> Result<Active, Error> {
    let token = ctx.tokens.read(TokenKind::Access, text)?;
    of_application(&token, judge)?;
    let checked = by_access_token(ctx, &token).await?;
    let name = checked
        .view
        .as_ref()
        .and_then(|view| view.user.name.as_ref());
    let life_s = i64::from(judge.application.settings.access_s);
    Ok(Active {
        username: name.map(|name| name.as_str().to_owned()),
        ..of_token(&token, Usage::Access, life_s)
    })
}

async fn refresh(ctx: &Ctx, judge: &Judge, text: &str) -> Result<Active, Error> {
    let token = ctx.tokens.read(TokenKind::Refresh, text)?;
    of_application(&token, judge)?;
    let view = living(ctx, judge, &token, ctx.now()).await?;
    let active = of_token(&token, Usage::Refresh, idle_s(judge, &token));
    let Some(view) = view else {
        return Ok(active);
    };
    if is_exchanged(ctx, &token, &view.session) {
        return Err(not_active("the token was exchanged already"));
    }
    Ok(Active {
        issued_at: view.session.rotated_at,
        username: view.user.name.map(|name| name.as_str().to_owned()),
        ..active
    })
}

/// Whoever asks does not use it: that it is looked at binds no session.
async fn tracking(ctx: &Ctx, judge: &Judge, text: &str) -> Result<Active, Error> {
    let token = ctx.tokens.read(TokenKind::Tracking, text)?;
    of_application(&token, judge)?;
    let view = by_access_token(ctx, &token).await?.view;
    let keep_token = judge.application.settings.kustomer_keep_token;
    let good = |view: &SessionView| keep_token || is_to_be_used(ctx, &view.session, &token);
    if !view.as_deref().is_none_or(good) {
        return Err(not_active("the token was replaced by another one"));
    }
    let name = view.as_ref().and_then(|view| view.user.name.as_ref());
    Ok(Active {
        username: name.map(|name| name.as_str().to_owned()),
        ..of_token(&token, Usage::Access, idle_s(judge, &token))
    })
}

/// How long a session lives that is not used, in seconds.
fn idle_s(judge: &Judge, token: &Token) -> i64 {
    let settings = &judge.application.settings;
    let days = if token.identity.anonymous {
        settings.anonymous_days
    } else {
        settings.idle_days
    };
    i64::from(days) * DAY_S
}

fn of_application(token: &Token, judge: &Judge) -> Result<(), Error> {
    if token.application == judge.application.id {
        Ok(())
    } else {
        Err(not_active("the token is of another application"))
    }
}

/// What a token of ours says. When it was made follows from how long such
/// tokens live; none is older than its session.
fn of_token(token: &Token, usage: Usage, life_s: i64) -> Active {
    let identity = token.identity;
    Active {
        usage,
        application: token.application,
        user: Some(identity.user),
        username: None,
        client: identity.api_key,
        session: Some(identity.session),
        device: Some(identity.device),
        jti: None,
        issued_at: token
            .expires_at
            .plus_seconds(-life_s)
            .max(identity.session.made_at()),
        expires_at: token.expires_at,
    }
}

async fn credential(ctx: &Ctx, judge: &Judge, text: &str) -> Result<Active, Error> {
    let unverified = parse(text)?;
    let claims = match judge.verifier.verify(&unverified, ctx.now()) {
        Ok(claims) => {
            ctx.note_use(UsedKey::Signing(judge.application.id, claims.kid.clone()));
            claims
        }
        // No key of the application's: a password may stand behind it.
        Err(_) => prove(ctx, judge, &unverified, ctx.now()).await?.claims,
    };
    check_issued(ctx, &claims)?;
    if claims.subject.is_none() {
        return bearer(ctx, judge, &claims).await;
    }
    let application = &judge.application;
    let query = login_query(&claims, application, ctx.now())?;
    let view = ctx.store.login_view(application.id, query).await?;
    if view.revoked {
        return Err(not_active("the credential was revoked"));
    }
    // A nexmo credential is a bearer at its own door, however often.
    if view.used_by.is_some() && claims.dialect != Dialect::Nexmo {
        return Err(not_active("the credential was used"));
    }
    let unknown = application.settings.unknown_user.of(claims.dialect);
    match &view.user {
        Some(user) if user.blocked => return Err(not_active("the user is blocked")),
        None if unknown == UnknownUser::Refuse => return Err(not_active("there is no such user")),
        Some(_) | None => {}
    }
    let username = view.user.as_ref().and_then(|user| user.name.as_ref());
    Ok(Active {
        user: view.user.as_ref().map(|user| user.id),
        username: username.map(|name| name.as_str().to_owned()),
        ..of_claims(&claims, application.id)
    })
}

async fn bearer(ctx: &Ctx, judge: &Judge, claims: &Claims) -> Result<Active, Error> {
    let application = &judge.application;
    let targets = credential_targets(claims, application);
    let covered = ctx
        .store
        .covered(application.id, targets, claims.issued_at)
        .await?;
    if covered {
        return Err(not_active("the credential was revoked"));
    }
    Ok(of_claims(claims, application.id))
}

fn of_claims(claims: &Claims, application: ApplicationId) -> Active {
    Active {
        usage: Usage::Credential,
        application,
        user: None,
        username: None,
        client: None,
        session: None,
        device: None,
        jti: claims.jti.clone(),
        issued_at: claims.issued_at,
        expires_at: claims.expires_at,
    }
}

/// Why a token is not active: nobody is told, it only ends the look.
fn not_active(why: &'static str) -> Error {
    Error::new(Code::MalformedToken, why)
}
