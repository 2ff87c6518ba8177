//! What a token is still good for after a login has ended its session.

use countersign_credential::dialect::Dialect;

use super::line::{Binding, Line, is_to_be_used};
use super::living::{end, read, rotated};
use super::{Tracking, tracking};
use crate::context::{Ctx, Judge};
use crate::error::Error;
use crate::limit;
use crate::model::session::EndReason;
use crate::ports::change::Expectation;
use crate::ports::store::{CommitError, SessionView};
use crate::token::Token;

/// Hands out a token of the session that a login has opened in place of this
/// token's, where that was a moment ago; `None` where there is none to be handed
/// out.
///
/// # Errors
/// `refresh_reused` where it was handed out before: the new session is over then.
pub(super) async fn hand_out(
    ctx: &Ctx,
    judge: &Judge,
    text: &str,
) -> Result<Option<Tracking>, Error> {
    let token = read(ctx, judge, text)?;
    for _ in 0..limit::PLANS_MAX {
        let Some(SessionView { session, user, .. }) = successor(ctx, judge, &token).await? else {
            return Ok(None);
        };
        let age_ms = ctx.now().milliseconds_since(session.opened_at());
        if age_ms > limit::HAND_OUT_S.saturating_mul(1_000) {
            return Ok(None);
        }
        match Binding::of(ctx, &session) {
            Binding::Single | Binding::To(Line::Answered) => return Ok(None),
            Binding::TwoOut | Binding::To(Line::HandedOut) => {
                return Err(end(ctx, judge, &session).await?);
            }
            Binding::Unused => {}
        }
        let digest = session.nonce_digest;
        if let Some(session) = rotated(ctx, judge, &session, digest).await? {
            return Ok(Some(tracking(ctx, judge, session, user, Line::HandedOut)));
        }
    }
    Err(CommitError::Missed(Expectation::Generation).into())
}

/// The session that a login has opened in place of this token's, where it lives:
/// on the same device, at the moment at which the other ended.
pub(super) async fn successor(
    ctx: &Ctx,
    judge: &Judge,
    token: &Token,
) -> Result<Option<SessionView>, Error> {
    // No login outlives a history that was restored from a backup.
    if ctx.epochs().is_void(token.epoch) {
        return Ok(None);
    }
    let application = judge.application.id;
    let former = ctx.store.session(application, token.identity.session);
    let Some(SessionView {
        session: former, ..
    }) = former.await?
    else {
        return Ok(None);
    };
    let Some(ended) = former.ended else {
        return Ok(None);
    };
    let by_login = matches!(ended.why, EndReason::Adopted | EndReason::Switched);
    if !by_login || !is_to_be_used(ctx, &former, token) {
        return Ok(None);
    }
    let on_device = ctx.store.sessions_on(application, former.device).await?;
    for id in on_device {
        if id.made_at() != ended.at {
            continue;
        }
        let found = ctx.store.session(application, id).await?;
        let found = found.filter(|view| is_open(ctx, judge, view));
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn is_open(ctx: &Ctx, judge: &Judge, view: &SessionView) -> bool {
    let session = &view.session;
    let credential = session.credential.as_ref();
    let of_login = credential.is_some_and(|it| it.dialect == Dialect::Kustomer);
    of_login && !view.revoked && session.is_open(ctx.now(), &judge.application.settings)
}
