//! Refresh: a refresh token is exchanged for the next pair of tokens.
//!
//! The client makes a nonce when it stores a token, so that its tabs and its
//! retries send the same one. The row keeps the digest of the nonce that led to
//! the present generation: an honest retry gets the same successor again, and
//! whoever uses an exchanged token without that nonce ends the session.

use countersign_credential::time::Timestamp;

use super::answer::{LoginAnswer, answer};
use super::authenticate::{check_epoch, targets_of_minted};
use super::sessions::tombstone;
use super::visitor::visitor;
use crate::access::Permit;
use crate::context::{Ctx, Judge};
use crate::error::{Code, Error};
use crate::limit;
use crate::model::application::ApplicationName;
use crate::model::revocation::Target;
use crate::model::session::{EndReason, Session};
use crate::ports::change::{Change, Expectation, Rotation, SessionEnd};
use crate::ports::fanout::Notice;
use crate::ports::store::{CommitError, SessionView};
use crate::secret_text::sha256;
use crate::token::{Token, TokenKind};

/// Exchanges a refresh token.
///
/// # Errors
/// `session_ended`, `user_blocked`, and `refresh_reused`, after which the
/// session is over.
pub async fn refresh(
    ctx: &Ctx,
    refresh_token: &str,
    nonce: Option<&str>,
) -> Result<LoginAnswer, Error> {
    let now = ctx.now();
    ctx.store_watch.check(now)?;
    let token = ctx.tokens.read(TokenKind::Refresh, refresh_token)?;
    check_token(ctx, &token, now)?;
    let found = ctx.judge(ApplicationName::Id(token.application)).await?;
    let judge = found.ok_or_else(|| ended("the application is gone, and its sessions with it"))?;
    let nonce_digest = nonce.map(|nonce| sha256(nonce.as_bytes()));
    for _ in 0..limit::PLANS_MAX {
        let view = ctx
            .store
            .session(token.application, token.identity.session)
            .await?;
        let Some(view) = view else {
            return minted_again(ctx, &judge, &token, now).await;
        };
        if ended_by_reuse(ctx, &token, &view.session, nonce_digest) {
            return Err(reuse());
        }
        check(&judge, &view, now)?;
        match step(ctx, &token, &view.session, nonce_digest) {
            Step::Again => {
                let settings = &judge.application.settings;
                return Ok(answer(
                    ctx,
                    token.application,
                    settings,
                    view.session,
                    view.user,
                ));
            }
            Step::Reused => return Err(reused(ctx, &judge, &token, now).await?),
            Step::Rotate => {
                if let Some(answer) = rotate(ctx, &judge, view, nonce_digest, now).await? {
                    return Ok(answer);
                }
            }
        }
    }
    Err(CommitError::Missed(Expectation::Generation).into())
}

/// The session of a refresh token that lives, for who only asks; `None` where
/// it is a visitor's without a row.
pub(super) async fn living(
    ctx: &Ctx,
    judge: &Judge,
    token: &Token,
    now: Timestamp,
) -> Result<Option<SessionView>, Error> {
    check_token(ctx, token, now)?;
    let view = ctx
        .store
        .session(token.application, token.identity.session)
        .await?;
    match &view {
        Some(view) => check(judge, view, now)?,
        None => {
            minted_again(ctx, judge, token, now).await?;
        }
    }
    Ok(view)
}

/// Whether a token of this session led on to another one already.
pub(super) fn is_exchanged(ctx: &Ctx, token: &Token, session: &Session) -> bool {
    !matches!(step(ctx, token, session, None), Step::Rotate)
}

fn check_token(ctx: &Ctx, token: &Token, now: Timestamp) -> Result<(), Error> {
    if now >= token.expires_at {
        return Err(ended("the session was not used for too long"));
    }
    check_epoch(ctx, token)
}

enum Step {
    /// The token is of the present generation: go on to the next.
    Rotate,
    /// The token is of the generation before, and the nonce is the one that
    /// led to the present: the answer got lost, or two tabs asked at once.
    Again,
    /// Anything else: two parties have the token.
    Reused,
}

fn step(ctx: &Ctx, token: &Token, session: &Session, nonce_digest: Option<[u8; 32]>) -> Step {
    let same_nonce = nonce_digest.is_some() && nonce_digest == session.nonce_digest;
    let previous = token.generation.checked_add(1) == Some(session.generation);
    if token.epoch != ctx.epoch() && token.generation >= session.generation {
        // The row was restored, and may be behind the token: that goes on with it
        // once, whatever its generation.
        let went_on = session.rotated_at > ctx.epochs().present.began_at;
        return match (went_on, same_nonce) {
            (false, _) => Step::Rotate,
            (true, true) => Step::Again,
            (true, false) => Step::Reused,
        };
    }
    if token.generation == session.generation {
        Step::Rotate
    } else if previous && same_nonce {
        Step::Again
    } else {
        Step::Reused
    }
}

/// Whether this is one more use of the exchanged token that ended the session.
fn ended_by_reuse(
    ctx: &Ctx,
    token: &Token,
    session: &Session,
    nonce_digest: Option<[u8; 32]>,
) -> bool {
    let by_reuse = session
        .ended
        .is_some_and(|ended| ended.why == EndReason::RefreshReused);
    by_reuse && matches!(step(ctx, token, session, nonce_digest), Step::Reused)
}

fn check(judge: &Judge, view: &SessionView, now: Timestamp) -> Result<(), Error> {
    if view.user.blocked {
        return Err(Error::new(
            Code::UserBlocked,
            "the application has blocked this user",
        ));
    }
    if view.revoked || !view.session.is_open(now, &judge.application.settings) {
        return Err(ended("the session is over"));
    }
    Ok(())
}

fn ended(why: &'static str) -> Error {
    Error::new(Code::SessionEnded, why).hint("log in again")
}

/// A visitor without a row: the same ids again, and nothing is written.
async fn minted_again(
    ctx: &Ctx,
    judge: &Judge,
    token: &Token,
    now: Timestamp,
) -> Result<LoginAnswer, Error> {
    if !token.identity.anonymous {
        return Err(ended("the session is over"));
    }
    let opened_at = token.identity.session.made_at();
    if ctx
        .store
        .covered(token.application, targets_of_minted(token), opened_at)
        .await?
    {
        return Err(ended("the session was revoked"));
    }
    let settings = &judge.application.settings;
    let visitor = visitor(token.identity, settings, now);
    if !visitor.session.is_open(now, settings) {
        return Err(ended("the session has reached its end"));
    }
    Ok(answer(
        ctx,
        token.application,
        settings,
        visitor.session,
        visitor.user,
    ))
}

/// One step of a session; `None` if somebody else was faster, by a step of
/// their own or by ending it.
async fn rotate(
    ctx: &Ctx,
    judge: &Judge,
    view: SessionView,
    nonce_digest: Option<[u8; 32]>,
    now: Timestamp,
) -> Result<Option<LoginAnswer>, Error> {
    let application = judge.application.id;
    let from = view.session.generation;
    let rotation = Rotation {
        session: view.session.id,
        from,
        nonce_digest,
        at: now,
        credential: None,
    };
    let permit = Permit::of_user(application, view.user.id);
    match ctx
        .store
        .commit(&permit, vec![Change::Rotate(Box::new(rotation))])
        .await
    {
        Ok(_) => {}
        // Whether it went on or ended meanwhile, the next look tells.
        Err(CommitError::Missed(Expectation::Generation | Expectation::SessionOpen)) => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    }
    let session = Session {
        generation: from.saturating_add(1),
        nonce_digest,
        rotated_at: now,
        ..view.session
    };
    ctx.publish(Notice::Session {
        application,
        session: session.id,
    });
    Ok(Some(answer(
        ctx,
        application,
        &judge.application.settings,
        session,
        view.user,
    )))
}

/// Ends the session of a token that two parties have.
async fn reused(ctx: &Ctx, judge: &Judge, token: &Token, now: Timestamp) -> Result<Error, Error> {
    let application = judge.application.id;
    let session = token.identity.session;
    let revocation = tombstone(Target::Session(session), &judge.application.settings, now);
    let end = SessionEnd {
        session,
        visitor: None,
        why: EndReason::RefreshReused,
        at: now,
    };
    let changes = vec![
        Change::EndSession(Box::new(end)),
        Change::Revoke(revocation.clone()),
    ];
    let permit = Permit::of_user(application, token.identity.user);
    match ctx.store.commit(&permit, changes).await {
        Ok(committed) => ctx.tally.committed(&committed),
        // Whoever ended it first has ended it.
        Err(CommitError::Missed(Expectation::SessionOpen)) => {}
        Err(error) => return Err(error.into()),
    }
    ctx.publish(Notice::Revoked {
        application,
        revocation,
    });
    Ok(reuse())
}

fn reuse() -> Error {
    Error::new(
        Code::RefreshReused,
        "this refresh token had been exchanged already, so the session was ended",
    )
    .hint("log in again; a client that retries sends the same nonce")
}
