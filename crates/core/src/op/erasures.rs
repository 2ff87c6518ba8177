//! Erasures: a backend has all of a person removed, for good.
//!
//! To ask for one is to delete the user, and to note that the rest is to go. That
//! is a lot where somebody has written for years: it goes piece by piece, and a
//! node that ends meanwhile goes on after its next start. What others wrote is
//! theirs, and stays.
//!
//! # Invariants
//! - From the moment on at which it is asked for, nobody enters as the user, and
//!   nothing of theirs is added.
//! - An erasure is done once nothing is left in the files either; backups are
//!   none of them.

use super::audit::entry;
use super::users::{publish, removal};
use crate::access::action::Action;
use crate::access::principal::Principal;
use crate::access::{Permit, authorize};
use crate::context::Ctx;
use crate::error::Error;
use crate::id::UserId;
use crate::limit;
use crate::model::audit::{Details, USER_ERASED};
use crate::model::erasure::Erasure;
use crate::model::settings::Settings;
use crate::model::user::Identifier;
use crate::op::janitor::Run;
use crate::ports::change::{Change, Expectation};
use crate::ports::fanout::Notice;
use crate::ports::store::CommitError;

/// Begins to erase a user, and says how far that is: who is being erased
/// already, or was, is not erased twice. Who was deleted before can be erased
/// still.
///
/// # Errors
/// `not_found` where there never was such a user; `not_permitted` for everybody
/// but a backend.
pub async fn erase_user(ctx: &Ctx, principal: &Principal, id: UserId) -> Result<Erasure, Error> {
    let permit = authorize(principal, &Action::EraseUser(id))?.outright()?;
    let application = permit.application();
    let judge = ctx.judge_of(application).await?;
    let settings = &judge.application.settings;
    let mut plans = 0;
    loop {
        if let Some(erasure) = ctx.store.erasure(application, id).await? {
            return Ok(erasure);
        }
        plans += 1;
        match begin(ctx, principal, &permit, settings, id).await {
            // The user was deleted since it was read.
            Err(CommitError::Missed(Expectation::User)) if plans < limit::PLANS_MAX => {}
            begun => begun?,
        }
    }
}

/// Tells how far the erasure of a user has come.
///
/// # Errors
/// `not_found` where none was asked for; `not_permitted` for everybody but a
/// backend.
pub async fn read_erasure(ctx: &Ctx, principal: &Principal, id: UserId) -> Result<Erasure, Error> {
    let permit = authorize(principal, &Action::ReadErasure(id))?.outright()?;
    let found = ctx.store.erasure(permit.application(), id).await?;
    found.ok_or_else(|| Error::not_found("erasure"))
}

/// Does the next piece of whatever erasures there are. Once all that is to go is
/// gone from the rows, the files are made to forget it.
///
/// # Errors
/// If the store fails; the next run goes on with the same piece.
pub async fn go_on(ctx: &Ctx) -> Result<Run, Error> {
    let piece = limit::ERASURE_PIECE;
    let Some(erased) = ctx.registry.erase_piece(piece, ctx.now()).await? else {
        return finish(ctx).await;
    };
    ctx.tally.removed(&erased.removed);
    for (conversation, last_event_id) in erased.conversations {
        ctx.publish(Notice::Events {
            application: erased.application,
            conversation,
            last_event_id,
        });
    }
    Ok(Run::Worked)
}

/// What a deleted conversation has left behind may be of anybody: it goes first.
async fn finish(ctx: &Ctx) -> Result<Run, Error> {
    if !ctx.registry.has_erased().await? {
        return Ok(Run::Idle);
    }
    let removed = ctx.registry.remove_leftovers(limit::JANITOR_PIECE).await?;
    ctx.tally.removed(&removed);
    if removed.is_empty() {
        ctx.registry.forget_erased(&*ctx.clock).await?;
    }
    Ok(Run::Worked)
}

async fn begin(
    ctx: &Ctx,
    principal: &Principal,
    permit: &Permit,
    settings: &Settings,
    id: UserId,
) -> Result<(), CommitError> {
    let application = permit.application();
    let now = ctx.now();
    let found = ctx.store.user(application, Identifier::Id(id)).await?;
    let (mut changes, revocations) = match found {
        Some(user) => removal(application, &user, settings, now),
        None => (Vec::new(), Vec::new()),
    };
    changes.push(Change::EraseUser(id, now));
    // Of what was there nothing is told: it is what has to go.
    let audit = entry(ctx, principal.actor(), USER_ERASED, &id, Details::default());
    changes.push(Change::Audit(audit));
    let committed = ctx.store.commit(permit, changes).await?;
    ctx.tally.committed(&committed);
    ctx.publish(Notice::User {
        application,
        user: id,
    });
    publish(ctx, application, revocations);
    Ok(())
}
