//! Sessions whose requests are signed: opened with a credential, gone on with
//! by another of the same user, and kept by use.
//!
//! Such a session is a device that stays logged in: what its client is known by
//! and its secret live as long as it does, so that what a client has saved goes
//! on working. It has no token that anybody holds.

use std::fmt;

use countersign_credential::claims::Subject;
use countersign_credential::dialect::Dialect;
use countersign_credential::time::Timestamp;
use countersign_credential::unverified::parse;
use zeroize::Zeroizing;

use super::authenticate::judge_named;
use super::login::{DeviceClaim, LoggedIn, Login, login};
use super::managed_users::prove;
use super::signed_request::{Signed, ended};
use crate::access::Permit;
use crate::context::Ctx;
use crate::error::{Code, Error};
use crate::id::ApplicationId;
use crate::limit::{self, SIGNED_USE_WRITTEN_S};
use crate::model::session::Session;
use crate::model::user::User;
use crate::op::answer::LoginAnswer;
use crate::ports::change::{Change, Expectation, Rotation};
use crate::ports::fanout::Notice;
use crate::ports::store::{CommitError, SessionView};
use crate::signer::Signer;
use crate::token::{Token, TokenKind};

/// What a client's secret signs.
pub(super) const SIGNING: &str = "signed requests";

/// How long the token lives that stands for a session while its login goes on.
const CURRENT_TOKEN_S: i64 = 60;

/// What a client shows to open a session.
#[derive(Clone)]
pub struct Entry {
    /// The credential, as it was made.
    pub credential: String,
    /// The one dialect that it may be of.
    pub dialect: Dialect,
    /// What the device calls itself.
    pub device_name: Option<String>,
}

/// What a client keeps of its session.
#[derive(Clone)]
pub struct SignedSession {
    /// By what it is known.
    pub signer: Signer,
    /// What it signs with.
    pub secret: Zeroizing<[u8; 32]>,
    /// The session.
    pub session: Session,
    /// Its user.
    pub user: User,
}

/// Opens a session.
///
/// # Errors
/// Those of [`login`], and `bad_claim` or `malformed_token` for a credential
/// of another dialect.
pub async fn open(ctx: &Ctx, entry: Entry) -> Result<SignedSession, Error> {
    let application = judged(ctx, &entry).await?.0;
    let answer = log_in(ctx, entry, None).await?;
    let signer = Signer::new(ctx, application, answer.session.id);
    kept(ctx, signer, answer.session, answer.user)
}

/// Opens the session again by which the device was known: it goes on with the
/// same secret, and has this credential from then on.
///
/// # Errors
/// Those of [`open`]; `session_ended` where the credential is good and its user
/// has no such open session.
pub async fn open_again(ctx: &Ctx, entry: Entry, signer: &str) -> Result<SignedSession, Error> {
    let (application, named) = judged(ctx, &entry).await?;
    let known = Signer::from_text(signer)
        .filter(|signer| signer.application() == application)
        .filter(|signer| !ctx.epochs().is_void(signer.epoch()))
        .ok_or_else(ended)?;
    let mut tries = 0;
    loop {
        tries += 1;
        let identity = open_session_of(ctx, known, &named)
            .await?
            .session
            .identity();
        let current = ctx.tokens.write(&Token {
            kind: TokenKind::Access,
            application,
            identity,
            epoch: ctx.epoch(),
            generation: 0,
            expires_at: ctx.now().plus_seconds(CURRENT_TOKEN_S),
        });
        match log_in(ctx, entry.clone(), Some(current)).await {
            Ok(answer) => return gone_on(ctx, known, answer),
            // Another tab went on with it at the same time. Nobody holds a token
            // of a generation, so that it is as good as if this one had, but
            // for a credential that is to be used up.
            Err(error) if error.code == Code::Conflict => {
                let judge = ctx.judge_of(application).await?;
                let one_time = judge.application.settings.one_time.of(entry.dialect);
                if !one_time {
                    let view = open_session_of(ctx, known, &named).await?;
                    return kept(ctx, known, view.session, view.user);
                }
                if tries == limit::PLANS_MAX {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// It may have ended meanwhile, and then another was opened.
fn gone_on(ctx: &Ctx, known: Signer, answer: LoginAnswer) -> Result<SignedSession, Error> {
    let signer = if answer.session.id == known.session() {
        known
    } else {
        Signer::new(ctx, known.application(), answer.session.id)
    };
    kept(ctx, signer, answer.session, answer.user)
}

/// Notes that a session is in use, so that one whose client signs and never
/// refreshes is not idle. Most calls find that it was noted lately.
///
/// # Errors
/// Those of the store.
pub async fn note_use(ctx: &Ctx, signed: &Signed) -> Result<(), Error> {
    note_use_of(ctx, signed.signer.application(), &signed.session).await?;
    Ok(())
}

/// The same of any session that has no refresh token, and when it was noted.
pub(super) async fn note_use_of(
    ctx: &Ctx,
    application: ApplicationId,
    session: &Session,
) -> Result<Timestamp, Error> {
    let now = ctx.now();
    let noted_lately = session.rotated_at.plus_seconds(SIGNED_USE_WRITTEN_S) > now;
    if noted_lately {
        return Ok(session.rotated_at);
    }
    let rotation = Rotation {
        session: session.id,
        from: session.generation,
        nonce_digest: session.nonce_digest,
        at: now,
        credential: None,
    };
    let permit = Permit::of_user(application, session.user);
    let changes = vec![Change::Rotate(Box::new(rotation))];
    match ctx.store.commit(&permit, changes).await {
        Ok(_) => {
            ctx.publish(Notice::Session {
                application,
                session: session.id,
            });
            Ok(now)
        }
        // Another request has noted it; or it is over, as the next one learns.
        Err(CommitError::Missed(Expectation::Generation | Expectation::SessionOpen)) => {
            Ok(session.rotated_at)
        }
        Err(error) => Err(error.into()),
    }
}

/// What a client keeps of its session, once more.
///
/// # Errors
/// `session_ended` where its key is gone.
pub fn again(ctx: &Ctx, signed: Signed) -> Result<SignedSession, Error> {
    kept(ctx, signed.signer, signed.session, signed.user)
}

/// The application of a credential and the user whom it names, once its own
/// bytes are found good. The login that follows decides.
async fn judged(ctx: &Ctx, entry: &Entry) -> Result<(ApplicationId, Subject), Error> {
    ctx.store_watch.check(ctx.now())?;
    let credential = parse(&entry.credential)?;
    credential.require(entry.dialect)?;
    let hint = credential.application_hint().unwrap_or_default();
    let judge = judge_named(ctx, hint).await?.ok_or_else(|| {
        let detail = "the credential is for no application that is here";
        Error::new(Code::WrongAudience, detail)
    })?;
    let proven = prove(ctx, &judge, &credential, ctx.now()).await?;
    let subject = proven.claims.subject;
    let subject =
        subject.ok_or_else(|| Error::new(Code::NoSubject, "the credential names no user"))?;
    Ok((judge.application.id, subject))
}

async fn open_session_of(ctx: &Ctx, signer: Signer, named: &Subject) -> Result<SessionView, Error> {
    let judge = ctx.judge_of(signer.application()).await?;
    let found = ctx.store.session(signer.application(), signer.session());
    let view = found.await?.ok_or_else(ended)?;
    let same = match (named, &view.user.name) {
        (Subject::Name(named), Some(own)) => named == own,
        (Subject::Name(_) | Subject::ExternalId(_) | Subject::Email { .. }, Some(_) | None) => {
            false
        }
    };
    let open = !view.revoked && view.session.is_open(ctx.now(), &judge.application.settings);
    if same && open { Ok(view) } else { Err(ended()) }
}

async fn log_in(
    ctx: &Ctx,
    entry: Entry,
    current_token: Option<String>,
) -> Result<LoginAnswer, Error> {
    let login_of = login(
        ctx,
        Login {
            credential: entry.credential,
            application: None,
            client: None,
            device: DeviceClaim {
                id: None,
                name: entry.device_name,
            },
            current_token,
            switch: false,
            nonce: None,
            page: None,
            stays_bearer: false,
            follows: false,
        },
    );
    match Box::pin(login_of).await? {
        LoggedIn::Opened(answer) | LoggedIn::WentOn(answer) => Ok(answer),
    }
}

fn kept(ctx: &Ctx, signer: Signer, session: Session, user: User) -> Result<SignedSession, Error> {
    Ok(SignedSession {
        signer,
        secret: signer.secret(ctx, SIGNING).ok_or_else(ended)?,
        session,
        user,
    })
}

// === impl Entry ===

impl fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Entry")
    }
}

// === impl SignedSession ===

impl fmt::Debug for SignedSession {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SignedSession")
    }
}
