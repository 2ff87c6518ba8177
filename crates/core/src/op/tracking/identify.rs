//! A visitor turns out to be somebody: a login with a tracking token.

use std::fmt;

use countersign_credential::dialect::Dialect;
use countersign_credential::unverified::parse;

use super::line::Line;
use super::living::{living, read};
use super::{Tracked, Tracking, tracking};
use crate::context::{Ctx, Judge};
use crate::error::{Code, Error};
use crate::op::login::{DeviceClaim, LoggedIn, Login, login};
use crate::token::{Token, TokenKind};

/// How long the token lives that stands for a session while its login goes on.
const CURRENT_TOKEN_S: i64 = 60;

/// What a device shows to log in.
#[derive(Clone)]
pub struct Identify {
    /// The credential, as the backend signed it.
    pub credential: String,
    /// The device's own token, if it has one.
    pub token: Option<String>,
    /// Whether the device may become another user's.
    pub switch: bool,
    /// What the device calls itself.
    pub device_name: Option<String>,
}

/// Logs in.
///
/// # Errors
/// Those of [`login`]; nothing has changed then. `refresh_reused` for a token that
/// is not to be used.
pub async fn identify(ctx: &Ctx, judge: &Judge, identify: Identify) -> Result<Tracking, Error> {
    parse(&identify.credential)?.require(Dialect::Kustomer)?;
    let current = match &identify.token {
        Some(text) => shown(ctx, judge, text).await?,
        None => None,
    };
    let nonce = match (&current, &identify.token) {
        (Some(tracked), _) => tracked.line.nonce(ctx, tracked.session.id),
        // The answer may have got lost: the same token, with the same credential,
        // is given the same session again.
        (None, Some(text)) => nonce_of(ctx, &read(ctx, judge, text)?),
        (None, None) => None,
    };
    let login_of = login(
        ctx,
        Login {
            credential: identify.credential,
            application: Some(judge.application.id),
            client: None,
            device: DeviceClaim {
                id: None,
                name: identify.device_name,
            },
            current_token: current.as_ref().map(|it| current_token(ctx, judge, it)),
            switch: identify.switch,
            nonce,
            page: None,
            stays_bearer: false,
            follows: false,
        },
    );
    let (answer, line) = match Box::pin(login_of).await? {
        LoggedIn::Opened(answer) => (answer, Line::Answered),
        LoggedIn::WentOn(answer) => {
            let line = current.map_or(Line::Answered, |tracked| tracked.line);
            (answer, line)
        }
    };
    Ok(tracking(ctx, judge, answer.session, answer.user, line))
}

/// The device's session, where it lives; one that is over counts as absent.
async fn shown(ctx: &Ctx, judge: &Judge, text: &str) -> Result<Option<Tracked>, Error> {
    match Box::pin(living(ctx, judge, text)).await {
        Ok(tracked) => Ok(Some(tracked)),
        Err(error) if error.code == Code::SessionEnded => Ok(None),
        Err(error) if error.code == Code::MalformedToken => Err(Error::new(
            Code::CurrentTokenInvalid,
            "the tracking token is none of ours",
        )
        .hint("ask for the current one first: GET /c/v1/tracking/tokens/current")),
        Err(error) => Err(error),
    }
}

fn nonce_of(ctx: &Ctx, token: &Token) -> Option<String> {
    Line::of(token)?.nonce(ctx, token.identity.session)
}

fn current_token(ctx: &Ctx, judge: &Judge, tracked: &Tracked) -> String {
    ctx.tokens.write(&Token {
        kind: TokenKind::Access,
        application: judge.application.id,
        identity: tracked.session.identity(),
        epoch: ctx.epoch(),
        generation: tracked.session.generation,
        expires_at: ctx.now().plus_seconds(CURRENT_TOKEN_S),
    })
}

// === impl Identify ===

impl fmt::Debug for Identify {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Identify")
    }
}
