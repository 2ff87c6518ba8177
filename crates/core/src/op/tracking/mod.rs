//! Sessions of clients that have one token for all, a *tracking token*: shown
//! with every call, kept for weeks, and exchanged for a newer one when the client
//! starts.
//!
//! A login that changes who the device is gives it another session, and with it
//! other tokens; the former one is dead at once. A client may not look for its
//! token in the login's answer, and come with the former one. So for a minute that
//! one is good for being handed another token of the new session, once. Of the
//! two, the first that is used ends the other, and whoever uses the other, or
//! asks once more, ends the session: it is in two hands.

pub mod living;
pub mod identify;
pub mod pass;
pub(super) mod line;
mod hand_out;

use countersign_credential::time::Timestamp;

use self::line::Line;
use self::living::living;
use super::login_anonymous::minted_identity;
use super::sessions;
use super::signed_session::note_use_of;
use super::visitor::visitor;
use crate::access::action::Action;
use crate::access::authorize;
use crate::access::principal::{Principal, Who};
use crate::context::{Ctx, Judge};
use crate::error::{Code, Error};
use crate::model::session::Session;
use crate::model::user::User;
use crate::tally::Way;
use crate::token::{Token, TokenKind};

/// A token, and what it stands for.
#[derive(Clone)]
pub struct Tracking {
    /// Its text.
    pub token: String,
    /// Its session; a visitor's may have no row yet.
    pub session: Session,
    /// Its user.
    pub user: User,
}

/// Who shows a tracking token, checked.
#[derive(Debug, Clone)]
pub struct Tracked {
    /// Who asks.
    pub principal: Principal,
    /// The session, with the times of its row.
    pub session: Session,
    /// Its user.
    pub user: User,
    /// Whether there are rows of them.
    stored: bool,
    line: Line,
}

/// The newest token of who comes with one, or with none: its session goes on, or
/// it is handed the one of its login, or becomes a visitor. What is none of our
/// tokens, or of a session that is over, counts as none: a client has nothing
/// else to go on with.
///
/// # Errors
/// `refresh_reused`, after which the session is over; `not_found` for a token of
/// another application.
pub async fn current(ctx: &Ctx, judge: &Judge, text: Option<&str>) -> Result<Tracking, Error> {
    let Some(text) = text else {
        return mint(ctx, judge);
    };
    match Box::pin(living(ctx, judge, text)).await {
        Ok(tracked) => go_on(ctx, judge, tracked).await,
        Err(error) if error.code == Code::SessionEnded => {
            match hand_out::hand_out(ctx, judge, text).await? {
                Some(tracking) => Ok(tracking),
                None => mint(ctx, judge),
            }
        }
        Err(error) if error.code == Code::MalformedToken => mint(ctx, judge),
        Err(error) => Err(error),
    }
}

/// Makes the device a visitor who is nobody yet; the session that it had is over.
///
/// # Errors
/// Those of the store; `not_found` for a token of another application.
pub async fn reset(ctx: &Ctx, judge: &Judge, text: Option<&str>) -> Result<Tracking, Error> {
    if let Some(text) = text {
        match Box::pin(living(ctx, judge, text)).await {
            // Of a visitor who has written nothing there is nothing to end.
            Ok(tracked) if tracked.stored => {
                match sessions::log_out(ctx, &tracked.principal).await {
                    Ok(()) => {}
                    Err(error) if error.code == Code::SessionEnded => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(_) => {}
            Err(error) if counts_as_none(error.code) => {}
            Err(error) => return Err(error),
        }
    }
    mint(ctx, judge)
}

fn counts_as_none(code: Code) -> bool {
    [
        Code::SessionEnded,
        Code::MalformedToken,
        Code::RefreshReused,
    ]
    .contains(&code)
}

/// A visitor, of whom nothing is written.
fn mint(ctx: &Ctx, judge: &Judge) -> Result<Tracking, Error> {
    ctx.store_watch.check(ctx.now())?;
    let client = Principal {
        application: Some(judge.application.id),
        who: Who::Client { api_key: None },
        acl: None,
        parameters: Vec::new(),
    };
    authorize(&client, &Action::LogInAnonymous)?.outright()?;
    let now = ctx.now();
    let identity = minted_identity(ctx, None, None, now);
    let visitor = visitor(identity, &judge.application.settings, now);
    ctx.tally.login(Way::Anonymous, Ok("opened"));
    Ok(tracking(
        ctx,
        judge,
        visitor.session,
        visitor.user,
        Line::Answered,
    ))
}

/// The session is in use: so it is not idle, and its token lives on.
async fn go_on(ctx: &Ctx, judge: &Judge, tracked: Tracked) -> Result<Tracking, Error> {
    let Tracked {
        mut session,
        user,
        stored,
        line,
        ..
    } = tracked;
    if stored {
        session.rotated_at = note_use_of(ctx, judge.application.id, &session).await?;
    }
    Ok(tracking(ctx, judge, session, user, line))
}

fn tracking(ctx: &Ctx, judge: &Judge, session: Session, user: User, line: Line) -> Tracking {
    let expires_at = session.refresh_expires_at(&judge.application.settings);
    let token = token_of(ctx, judge, &session, line, expires_at);
    Tracking {
        token: ctx.tokens.write(&token),
        session,
        user,
    }
}

fn token_of(
    ctx: &Ctx,
    judge: &Judge,
    session: &Session,
    line: Line,
    expires_at: Timestamp,
) -> Token {
    Token {
        kind: TokenKind::Tracking,
        application: judge.application.id,
        identity: session.identity(),
        epoch: ctx.epoch(),
        generation: line.number(),
        expires_at,
    }
}

// === impl Tracking ===

impl std::fmt::Debug for Tracking {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Tracking")
    }
}
