//! Who shows a token whose session lives.

use super::line::{Binding, Line};
use super::{Tracked, hand_out};
use crate::access::Permit;
use crate::context::{Ctx, Judge};
use crate::error::{Code, Error};
use crate::limit;
use crate::model::revocation::Target;
use crate::model::session::{EndReason, Session};
use crate::op::authenticate::{Checked, by_access_token};
use crate::op::sessions::tombstone;
use crate::op::visitor::visitor;
use crate::ports::change::{Change, Expectation, Rotation, SessionEnd};
use crate::ports::fanout::Notice;
use crate::ports::store::CommitError;
use crate::token::{Token, TokenKind};

/// Tells who asks, by a tracking token of this application.
///
/// # Errors
/// `malformed_token`; `not_found` for a token of another application;
/// `session_ended`; `refresh_reused` for the token that is not to be used, after
/// which the session is over.
pub async fn living(ctx: &Ctx, judge: &Judge, text: &str) -> Result<Tracked, Error> {
    ctx.store_watch.check(ctx.now())?;
    let token = read(ctx, judge, text)?;
    let line = Line::of(&token).ok_or_else(ended)?;
    let keep_token = judge.application.settings.kustomer_keep_token;
    // A customer's token is never another's.
    let stays = keep_token && token.identity.anonymous && ctx.now() < token.expires_at;
    match by_access_token(ctx, &token).await {
        Ok(checked) => {
            let tracked = tracked(ctx, judge, &token, checked, line);
            if keep_token {
                Ok(tracked)
            } else {
                bound(ctx, judge, tracked).await
            }
        }
        Err(error) if !is_over(error.code) => Err(error),
        // In place: it stands for the session that the login has opened.
        Err(_) if stays => {
            let successor = hand_out::successor(ctx, judge, &token).await?;
            let session = successor.ok_or_else(ended)?.session;
            let token = Token {
                identity: session.identity(),
                expires_at: session.refresh_expires_at(&judge.application.settings),
                ..token
            };
            let checked = by_access_token(ctx, &token).await;
            let checked =
                checked.map_err(|error| if is_over(error.code) { ended() } else { error })?;
            Ok(tracked(ctx, judge, &token, checked, Line::Answered))
        }
        Err(_) => Err(ended()),
    }
}

pub(super) fn read(ctx: &Ctx, judge: &Judge, text: &str) -> Result<Token, Error> {
    let token = ctx.tokens.read(TokenKind::Tracking, text)?;
    if token.application == judge.application.id {
        Ok(token)
    } else {
        Err(Error::not_found("session").hint("the token is of another organization"))
    }
}

fn is_over(code: Code) -> bool {
    [Code::SessionEnded, Code::AccessExpired].contains(&code)
}

fn ended() -> Error {
    Error::new(Code::SessionEnded, "the session is over")
        .hint("ask for the current token, and log in again")
}

/// A visitor who has written nothing is as its token says.
fn tracked(ctx: &Ctx, judge: &Judge, token: &Token, checked: Checked, line: Line) -> Tracked {
    let stored = checked.view.is_some();
    let (session, user) = match checked.view {
        Some(view) => (view.session.clone(), view.user.clone()),
        None => {
            let visitor = visitor(token.identity, &judge.application.settings, ctx.now());
            (visitor.session, visitor.user)
        }
    };
    Tracked {
        principal: checked.principal,
        session,
        user,
        stored,
        line,
    }
}

/// Binds the session to the token that is used, where it is not bound yet.
async fn bound(ctx: &Ctx, judge: &Judge, mut tracked: Tracked) -> Result<Tracked, Error> {
    let application = judge.application.id;
    for _ in 0..limit::PLANS_MAX {
        match Binding::of(ctx, &tracked.session) {
            Binding::Single => return Ok(tracked),
            Binding::To(line) if line == tracked.line => return Ok(tracked),
            Binding::To(_) => return Err(end(ctx, judge, &tracked.session).await?),
            Binding::Unused | Binding::TwoOut => {}
        }
        let digest = tracked.line.digest(ctx, tracked.session.id);
        if let Some(session) = rotated(ctx, judge, &tracked.session, digest).await? {
            tracked.session = session;
            return Ok(tracked);
        }
        let found = ctx.store.session(application, tracked.session.id).await?;
        let view = found.filter(|view| !view.revoked && view.session.ended.is_none());
        tracked.session = view.ok_or_else(ended)?.session;
    }
    Err(CommitError::Missed(Expectation::Generation).into())
}

/// The session, one generation further and with this digest; `None` where
/// somebody else was faster.
pub(super) async fn rotated(
    ctx: &Ctx,
    judge: &Judge,
    session: &Session,
    nonce_digest: Option<[u8; 32]>,
) -> Result<Option<Session>, Error> {
    let application = judge.application.id;
    let rotation = Rotation {
        session: session.id,
        from: session.generation,
        nonce_digest,
        at: ctx.now(),
        credential: None,
    };
    let permit = Permit::of_user(application, session.user);
    let rotated = Session {
        generation: rotation.from.saturating_add(1),
        nonce_digest,
        rotated_at: rotation.at,
        ..session.clone()
    };
    let changes = vec![Change::Rotate(Box::new(rotation))];
    match ctx.store.commit(&permit, changes).await {
        Ok(_) => {}
        Err(CommitError::Missed(Expectation::Generation | Expectation::SessionOpen)) => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    }
    ctx.publish(Notice::Session {
        application,
        session: session.id,
    });
    Ok(Some(rotated))
}

/// Ends a session that is in two hands.
pub(super) async fn end(ctx: &Ctx, judge: &Judge, session: &Session) -> Result<Error, Error> {
    let application = judge.application.id;
    let now = ctx.now();
    let target = Target::Session(session.id);
    let revocation = tombstone(target, &judge.application.settings, now);
    let end = SessionEnd {
        session: session.id,
        visitor: None,
        why: EndReason::RefreshReused,
        at: now,
    };
    let changes = vec![
        Change::EndSession(Box::new(end)),
        Change::Revoke(revocation.clone()),
    ];
    let permit = Permit::of_user(application, session.user);
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
    Ok(Error::new(
        Code::RefreshReused,
        "this token had been replaced by another one already, so the session was ended",
    )
    .hint("log in again; a client that stores each new token before it goes on is safe"))
}
