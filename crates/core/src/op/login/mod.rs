//! Log in: a credential becomes a session.
//!
//! Parse, find the application, verify, read once, plan, commit one batch,
//! publish; and where there is most likely nothing to plan, commit at once. A
//! login that meets a concurrent one misses an expectation, reads again and
//! plans again: so twenty first logins make one user.

mod attempt;
mod outright;
mod carry_out;

use std::sync::Arc;

use countersign_credential::unverified::{Unverified, parse};

use crate::access::principal::Principal;
use crate::context::{Ctx, Judge};
use crate::error::{Code, Error};
use crate::id::{ApplicationId, DeviceId};
use crate::key_use::UsedKey;
use crate::limit;
use crate::model::application::ApplicationName;
use crate::model::origin::ForeignPage;
use crate::op::answer::LoginAnswer;
use crate::op::authenticate::judge_named;
use crate::op::managed_users::prove;
use crate::op::origins;
use crate::ports::store::CommitError;
use crate::tally::Way;
use attempt::{Attempt, Outcome};

/// What a device sends to log in.
#[derive(Debug, Clone)]
pub struct Login {
    /// The credential, as the backend minted it.
    pub credential: String,
    /// The application that the request names.
    pub application: Option<ApplicationId>,
    /// Who asks: a publishable key, where one was sent.
    pub client: Option<Principal>,
    /// The device, as far as it knows itself.
    pub device: DeviceClaim,
    /// The device's own access token.
    pub current_token: Option<String>,
    /// Whether the device may become another user's.
    pub switch: bool,
    /// The client's nonce: the same one makes a retry harmless.
    pub nonce: Option<String>,
    /// The web page that asks, where it is not one of ours.
    pub page: Option<ForeignPage>,
    /// Whether the credential is a bearer where it was sent to, shown with every
    /// call: it is never used up there.
    pub stays_bearer: bool,
    /// Whether the device follows its user's conversations at once: then they are
    /// read with the session, where that is little.
    pub follows: bool,
}

/// What a device says of itself.
#[derive(Debug, Clone, Default)]
pub struct DeviceClaim {
    /// The id that it was given earlier.
    pub id: Option<DeviceId>,
    /// What it calls itself.
    pub name: Option<String>,
}

/// The outcome of a login.
#[derive(Debug, Clone)]
pub enum LoggedIn {
    /// A session was opened.
    Opened(LoginAnswer),
    /// The device's own session goes on.
    WentOn(LoginAnswer),
}

/// Logs in.
///
/// # Errors
/// The 401 codes of credentials, `current_token_invalid`,
/// `current_token_expired`, `already_identified`, `identity_conflict`;
/// `not_permitted` for a page that the application does not allow. Nothing
/// has changed then: not the session, not the tokens.
pub async fn login(ctx: &Ctx, login: Login) -> Result<LoggedIn, Error> {
    let parsed = parse(&login.credential);
    let way = match &parsed {
        Ok(credential) => Way::Credential(credential.dialect()),
        Err(_) => Way::Unreadable,
    };
    let outcome = match parsed {
        Ok(credential) => attempt(ctx, &login, &credential).await,
        Err(refusal) => Err(refusal.into()),
    };
    ctx.tally.login(way, outcome.as_ref().map(LoggedIn::as_str));
    outcome
}

async fn attempt(ctx: &Ctx, login: &Login, credential: &Unverified<'_>) -> Result<LoggedIn, Error> {
    ctx.store_watch.check(ctx.now())?;
    let judge = find_application(ctx, login, credential).await?;
    if let Some(page) = &login.page {
        origins::check(&judge.application.settings, page)?;
    }
    let now = ctx.now();
    let mut plans = 0;
    loop {
        plans += 1;
        // What it rests on may be what has changed.
        let proven = prove(ctx, &judge, credential, now).await?;
        if proven.by_password.is_none() {
            let kid = proven.claims.kid.clone();
            ctx.note_use(UsedKey::Signing(judge.application.id, kid));
        }
        let attempt = Attempt::new(ctx, &judge, login, &proven, now)?;
        match attempt.run().await? {
            Outcome::Done(outcome) => return Ok(*outcome),
            Outcome::Overtaken(expectation) if plans == limit::PLANS_MAX => {
                return Err(CommitError::Missed(expectation).into());
            }
            Outcome::Overtaken(_) => {}
        }
    }
}

async fn find_application(
    ctx: &Ctx,
    login: &Login,
    credential: &Unverified<'_>,
) -> Result<Arc<Judge>, Error> {
    let of_client = login.client.as_ref().and_then(|client| client.application);
    if let (Some(one), Some(other)) = (of_client, login.application)
        && one != other
    {
        return Err(wrong_audience());
    }
    let judge = match (
        of_client.or(login.application),
        credential.application_hint(),
    ) {
        (Some(id), _) => ctx.judge(ApplicationName::Id(id)).await?,
        (None, Some(hint)) => judge_named(ctx, hint).await?,
        (None, None) => {
            return Err(Error::new(
                Code::ApplicationRequired,
                "this credential does not say which application it is for",
            )
            .hint("send a publishable key as bearer, or application_id in the body"));
        }
    };
    judge.ok_or_else(wrong_audience)
}

fn wrong_audience() -> Error {
    Error::new(
        Code::WrongAudience,
        "the credential is for no application that is meant here",
    )
    .hint("bearer, application_id and the credential's own application must agree")
}

// === impl LoggedIn ===

impl LoggedIn {
    /// The outcome in a metric.
    fn as_str(&self) -> &'static str {
        match self {
            Self::Opened(_) => "opened",
            Self::WentOn(_) => "went_on",
        }
    }
}
