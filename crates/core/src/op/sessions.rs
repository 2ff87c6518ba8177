//! Sessions and devices: list one's own, and end them.

use countersign_credential::time::Timestamp;

use super::audit::entry;
use super::visitor::visitor;
use crate::access::action::Action;
use crate::access::principal::Principal;
use crate::access::{Facts, Permit, authorize};
use crate::context::Ctx;
use crate::error::{Code, Error};
use crate::id::{ApplicationId, DeviceId, SessionId, UserId};
use crate::limit;
use crate::model::audit::{Actor, Details};
use crate::model::page::{Page, Window};
use crate::model::revocation::{Revocation, Target};
use crate::model::session::{Device, EndReason, Session, SessionIdentity, Timeouts};
use crate::model::settings::Settings;
use crate::ports::change::{Change, Expectation, SessionEnd};
use crate::ports::fanout::Notice;
use crate::ports::store::CommitError;

const DAY_S: i64 = 86_400;

/// A revocation of this moment, kept as long as what it covers could live.
pub(super) fn tombstone(target: Target, settings: &Settings, now: Timestamp) -> Revocation {
    let days = settings
        .absolute_days
        .max(settings.anonymous_days)
        .saturating_add(2);
    Revocation {
        target,
        before: now,
        made_at: now,
        forget_at: now.plus_seconds(i64::from(days) * DAY_S),
    }
}

/// The user whose sessions are asked for: one's own, or for a backend the one
/// that it names.
fn whose(principal: &Principal, named: Option<UserId>) -> Result<UserId, Error> {
    match (principal.user(), named) {
        (Some(own), Some(named)) if own != named => Err(Error::new(
            Code::NotPermitted,
            "a user sees their own sessions alone",
        )),
        (Some(own), Some(_) | None) => Ok(own),
        (None, Some(named)) => Ok(named),
        (None, None) => Err(
            Error::new(Code::BadRequest, "whose sessions? user_id is missing")
                .hint("add ?user_id=USR-…"),
        ),
    }
}

/// The open sessions of a user, the newest first. A backend that names nobody gets
/// those of everybody, the oldest first, some of them on each page.
///
/// # Errors
/// Those of authorization and of the store.
pub async fn list_sessions(
    ctx: &Ctx,
    principal: &Principal,
    user: Option<UserId>,
    window: Window,
) -> Result<Page<Session>, Error> {
    let permit = authorize(principal, &Action::ListSessions)?.outright()?;
    let application = permit.application();
    if principal.user().is_none() && user.is_none() {
        return all_sessions(ctx, application, &window).await;
    }
    let user = whose(principal, user)?;
    let timeouts = timeouts(ctx, application).await?;
    let found = ctx.store.sessions(application, user, timeouts, window);
    Ok(found.await?)
}

/// A page is what is open among so many rows: those that are over are read as well,
/// and nobody knows how many they are.
async fn all_sessions(
    ctx: &Ctx,
    application: ApplicationId,
    window: &Window,
) -> Result<Page<Session>, Error> {
    let judge = ctx.judge_of(application).await?;
    let settings = &judge.application.settings;
    let now = ctx.now();
    let position = window.after.as_deref();
    let after = position.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    let after = after.map(SessionId::from_bytes);
    let limit = window.limit.clamp(1, limit::PAGE_MAX);
    let rows = ctx
        .registry
        .sessions_after(application, after, limit)
        .await?;
    let last = rows.last().filter(|_| rows.len() == limit);
    let next = last.map(|last| last.session.id.bytes().to_vec());
    let open = rows.into_iter().filter(|row| !row.revoked);
    let open = open.map(|row| row.session);
    let items = open.filter(|session| session.is_open(now, settings));
    Ok(Page {
        items: items.collect(),
        next,
    })
}

/// The devices on which a user has open sessions.
///
/// # Errors
/// Those of authorization and of the store.
pub async fn list_devices(
    ctx: &Ctx,
    principal: &Principal,
    user: Option<UserId>,
) -> Result<Vec<Device>, Error> {
    let permit = authorize(principal, &Action::ListSessions)?.outright()?;
    let user = whose(principal, user)?;
    let application = permit.application();
    let timeouts = timeouts(ctx, application).await?;
    Ok(ctx.store.devices(application, user, timeouts).await?)
}

async fn timeouts(ctx: &Ctx, application: ApplicationId) -> Result<Timeouts, Error> {
    let judge = ctx.judge_of(application).await?;
    Ok(Timeouts::at(ctx.now(), &judge.application.settings))
}

/// Gives one's own device a name.
///
/// # Errors
/// `not_found` where the user has no session on such a device.
pub async fn name_device(
    ctx: &Ctx,
    principal: &Principal,
    device: DeviceId,
    name: String,
) -> Result<(), Error> {
    let permit = authorize(principal, &Action::NameDevice)?.outright()?;
    let user = whose(principal, None)?;
    ctx.store
        .commit(&permit, vec![Change::NameDevice(user, device, name)])
        .await?;
    Ok(())
}

/// Ends one's own session: logs out. The conversations stay.
///
/// # Errors
/// `session_ended` where it was over already.
pub async fn log_out(ctx: &Ctx, principal: &Principal) -> Result<(), Error> {
    let Some(identity) = principal.session().copied() else {
        return Err(
            Error::new(Code::BadRequest, "an API key has no session of its own")
                .hint("name the session: DELETE /v1/sessions/SES-…"),
        );
    };
    let action = Action::EndSession(identity.session);
    let own = Facts {
        own: true,
        ..Facts::default()
    };
    let permit = authorize(principal, &action)?.given(&own)?;
    let by_itself = EndReason::LoggedOut;
    end(
        ctx,
        &permit,
        (identity.session, identity.user),
        Some(identity),
        by_itself,
    )
    .await
}

/// Ends a session: one's own on another device, or for a backend any.
///
/// # Errors
/// `not_found` where there is no such open session of that user.
pub async fn end_session(
    ctx: &Ctx,
    principal: &Principal,
    session: SessionId,
) -> Result<(), Error> {
    if principal
        .session()
        .is_some_and(|own| own.session == session)
    {
        return log_out(ctx, principal).await;
    }
    let conditional = authorize(principal, &Action::EndSession(session))?;
    let view = ctx
        .store
        .session(conditional.application(), session)
        .await?;
    let owner = view.as_ref().map(|view| view.session.user);
    let own = owner.is_some() && owner == principal.user();
    let permit = conditional.given(&Facts {
        own,
        ..Facts::default()
    })?;
    match owner {
        Some(user) if view.is_some_and(|view| view.session.ended.is_none()) => {
            end(ctx, &permit, (session, user), None, EndReason::Revoked).await
        }
        Some(_) | None => Err(Error::not_found("session")),
    }
}

/// Ends every session of the user but the one that asks.
///
/// # Errors
/// Those of authorization and of the store.
pub async fn end_other_sessions(
    ctx: &Ctx,
    principal: &Principal,
    user: Option<UserId>,
) -> Result<(), Error> {
    let permit = authorize(principal, &Action::EndSessions)?.outright()?;
    let user = whose(principal, user)?;
    let keep = principal.session().map(|own| own.session);
    let open = all_open(ctx, permit.application(), user).await?;
    end_all(
        ctx,
        &permit,
        open.into_iter().filter(|s| Some(s.id) != keep),
    )
    .await
}

/// Ends every session of the user on a device.
///
/// # Errors
/// `not_found` where the user has none there.
pub async fn end_device(
    ctx: &Ctx,
    principal: &Principal,
    user: Option<UserId>,
    device: DeviceId,
) -> Result<(), Error> {
    let permit = authorize(principal, &Action::EndSessions)?.outright()?;
    let user = whose(principal, user)?;
    let open = all_open(ctx, permit.application(), user).await?;
    let there: Vec<Session> = open.into_iter().filter(|s| s.device == device).collect();
    if there.is_empty() {
        return Err(Error::not_found("device"));
    }
    end_all(ctx, &permit, there.into_iter()).await
}

/// Those that are over by time are among them: other settings could let them
/// go on, and whoever ends all means them, too.
pub(super) async fn all_open(
    ctx: &Ctx,
    application: ApplicationId,
    user: UserId,
) -> Result<Vec<Session>, Error> {
    let mut open = Vec::new();
    let mut after = None;
    while open.len() < limit::SESSIONS_ENDED_MAX {
        let window = Window {
            after,
            limit: limit::PAGE_MAX,
        };
        let found = ctx
            .store
            .sessions(application, user, Timeouts::NONE, window);
        let page = found.await?;
        open.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(open)
}

async fn end_all(
    ctx: &Ctx,
    permit: &Permit,
    sessions: impl Iterator<Item = Session>,
) -> Result<(), Error> {
    for session in sessions {
        let of = (session.id, session.user);
        match end(ctx, permit, of, None, EndReason::Revoked).await {
            Ok(()) => {}
            // It ended by itself meanwhile.
            Err(error) if error.code == Code::SessionEnded => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Ends a session. By its own log-out, its row and a tombstone suffice; ended
/// by others, its credential is revoked too, since a credential can be a bearer
/// at a door of its own. What a backend ends, the log is told of.
async fn end(
    ctx: &Ctx,
    permit: &Permit,
    (session, user): (SessionId, UserId),
    own: Option<SessionIdentity>,
    why: EndReason,
) -> Result<(), Error> {
    let application = permit.application();
    let judge = ctx.judge_of(application).await?;
    let settings = &judge.application.settings;
    let now = ctx.now();
    let visitor = own
        .filter(|identity| identity.anonymous)
        .map(|identity| visitor(identity, settings, now));
    let revocation = tombstone(Target::Session(session), settings, now);
    let mut changes = vec![
        Change::EndSession(Box::new(SessionEnd {
            session,
            visitor,
            why,
            at: now,
        })),
        Change::Revoke(revocation.clone()),
    ];
    if why == EndReason::Revoked {
        changes.push(Change::RevokeDigestOf {
            session,
            at: now,
            forget_at: revocation.forget_at,
        });
    }
    match permit.actor() {
        Actor::ApiKey(_) | Actor::Backend => {
            let details = Details::default();
            let audit = entry(ctx, permit.actor(), "session.revoke", &session, details);
            changes.push(Change::Audit(audit.about(user)));
        }
        Actor::User(_) | Actor::Client | Actor::System => {}
    }
    match ctx.store.commit(permit, changes).await {
        Ok(committed) => ctx.tally.committed(&committed),
        Err(CommitError::Missed(Expectation::SessionOpen)) => {
            return Err(Error::new(
                Code::SessionEnded,
                "the session was over already",
            ));
        }
        Err(error) => return Err(error.into()),
    }
    ctx.publish(Notice::Revoked {
        application,
        revocation,
    });
    Ok(())
}
