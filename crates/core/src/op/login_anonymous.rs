//! Become a visitor: a session without a credential, minted and not stored.

use countersign_credential::time::Timestamp;

use super::answer::{LoginAnswer, answer};
use super::login::DeviceClaim;
use super::visitor::visitor;
use crate::access::action::Action;
use crate::access::authorize;
use crate::access::principal::{Principal, Who};
use crate::context::Ctx;
use crate::error::{Code, Error};
use crate::id::{ApiKeyId, ApplicationId, DeviceId, SessionId, UserId};
use crate::model::session::SessionIdentity;
use crate::tally::Way;

/// Makes a visitor. Nothing is written: the ids are in the tokens, and the
/// visitor's first write inserts them.
///
/// # Errors
/// `not_permitted` without a publishable key.
pub async fn login_anonymous(
    ctx: &Ctx,
    client: &Principal,
    device: &DeviceClaim,
) -> Result<LoginAnswer, Error> {
    let outcome = minted(ctx, client, device).await;
    ctx.tally
        .login(Way::Anonymous, outcome.as_ref().map(|_| "opened"));
    outcome
}

async fn minted(ctx: &Ctx, client: &Principal, device: &DeviceClaim) -> Result<LoginAnswer, Error> {
    let permit = authorize(client, &Action::LogInAnonymous)?.outright()?;
    let Who::Client {
        api_key: Some(api_key),
    } = &client.who
    else {
        return Err(Error::new(
            Code::NotPermitted,
            "a visitor begins with a publishable key",
        ));
    };
    let judge = ctx.judge_of(permit.application()).await?;
    let now = ctx.now();
    let device = issued_device(ctx, permit.application(), device).await?;
    let identity = minted_identity(ctx, Some(*api_key), device, now);
    let settings = &judge.application.settings;
    let visitor = visitor(identity, settings, now);
    Ok(answer(
        ctx,
        permit.application(),
        settings,
        visitor.session,
        visitor.user,
    ))
}

/// A new visitor's ids; the device's is new where none is given.
pub(super) fn minted_identity(
    ctx: &Ctx,
    api_key: Option<ApiKeyId>,
    device: Option<DeviceId>,
    now: Timestamp,
) -> SessionIdentity {
    SessionIdentity {
        session: SessionId::new(now, &*ctx.random),
        user: UserId::new(now, &*ctx.random),
        device: device.unwrap_or_else(|| DeviceId::new(now, &*ctx.random)),
        api_key,
        anonymous: true,
    }
}

/// A device id that the client sends back is kept, if this application issued
/// it. A visitor who has written nothing left no trace of theirs, and gets a
/// new one: no history hangs on it.
async fn issued_device(
    ctx: &Ctx,
    application: ApplicationId,
    device: &DeviceClaim,
) -> Result<Option<DeviceId>, Error> {
    match device.id {
        Some(id) if ctx.store.device_known(application, id).await? => Ok(Some(id)),
        Some(_) | None => Ok(None),
    }
}
