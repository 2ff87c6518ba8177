//! Who asks, where requests carry no bearer: who makes one signs it, with the
//! secret of a session or with that of an application.
//!
//! What is signed, byte for byte, is the protocol's matter; that it was signed
//! lately, by whom, and once, is decided here. A stranger's request is judged
//! before the store is asked for anything but the application.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use countersign_credential::time::Timestamp;

use super::authenticate::{by_access_token, judge_named};
use super::signed_session::SIGNING;
use crate::access::principal::{Principal, Who};
use crate::context::{Ctx, Judge};
use crate::error::{Code, Error};
use crate::id::ApplicationId;
use crate::key_use::UsedKey;
use crate::limit::SIGNED_S_MAX;
use crate::model::application::ApplicationName;
use crate::model::session::Session;
use crate::model::user::User;
use crate::replays::{SignedBy, Verdict};
use crate::signer::Signer;
use crate::token::{Token, TokenKind};

/// What of a secret is shown at least: nobody guesses 128 bits.
pub const SHOWN_BYTES_MIN: usize = 16;

/// The signature of a request.
#[derive(Clone, Copy)]
pub struct Signature<'a> {
    /// What is signed: one of these texts, where a protocol's clients differ.
    pub texts: &'a [Vec<u8>],
    /// HMAC-SHA256 over it.
    pub mac: &'a [u8],
    /// When the request says that it was made.
    pub made_at: Timestamp,
    /// Whether the request changes something, and so is taken once.
    pub once: bool,
}

/// One of a session's own secrets, as its client shows it.
#[derive(Clone, Copy)]
pub struct ShownSecret<'a> {
    /// What it is for.
    pub purpose: &'static str,
    /// Its beginning, of at least [`SHOWN_BYTES_MIN`].
    pub beginning: &'a [u8],
}

/// A session whose own client has signed a request.
#[derive(Debug, Clone)]
pub struct Signed {
    /// By what its client is known.
    pub signer: Signer,
    /// Who asks.
    pub principal: Principal,
    /// The session.
    pub session: Session,
    /// Its user.
    pub user: User,
}

/// Tells who asks, by a session's secret. What `admit` refuses was not made: it is
/// not remembered, and may come again.
///
/// # Errors
/// Those of `admit`; `not_yet_valid` and `expired` for a request of another time than ours,
/// `bad_signature`, `credential_used` for one that was there before;
/// `session_ended`, also where there never was such a session.
pub async fn by_session(
    ctx: &Ctx,
    signer: &str,
    signature: Signature<'_>,
    admit: impl FnOnce(&Principal) -> Result<(), Error>,
) -> Result<Signed, Error> {
    let now = ctx.now();
    ctx.store_watch.check(now)?;
    signature.check_time(now)?;
    let signer = Signer::from_text(signer).ok_or_else(ended)?;
    let secret = signer.secret(ctx, SIGNING).ok_or_else(ended)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &*secret);
    let fits = |text: &Vec<u8>| hmac::verify(&key, text, signature.mac).is_ok();
    if !signature.texts.iter().any(fits) {
        return Err(Error::new(
            Code::BadSignature,
            "the request's signature was not made with the session's secret",
        )
        .hint("decode the secret from base64, and sign the very bytes that are sent"));
    }
    let signed = open_session(ctx, signer, now).await?;
    admit(&signed.principal)?;
    signature.check_new(ctx, SignedBy::Session(signed.session.id), now)?;
    Ok(signed)
}

/// Tells who asks, where a protocol's clients sign nothing and show secrets of
/// their session instead: all of these.
///
/// # Errors
/// `session_ended`, also where there never was such a session, and where a secret
/// is another; `unavailable`.
pub async fn by_shown_secrets(
    ctx: &Ctx,
    signer: &str,
    shown: &[ShownSecret<'_>],
) -> Result<Signed, Error> {
    let now = ctx.now();
    ctx.store_watch.check(now)?;
    let signer = Signer::from_text(signer).ok_or_else(ended)?;
    let fits = |shown: &ShownSecret<'_>| {
        let secret = signer.secret(ctx, shown.purpose)?;
        let beginning = secret.get(..shown.beginning.len())?;
        verify_slices_are_equal(beginning, shown.beginning).ok()?;
        (beginning.len() >= SHOWN_BYTES_MIN).then_some(())
    };
    if shown.is_empty() || !shown.iter().all(|shown| fits(shown).is_some()) {
        return Err(ended());
    }
    open_session(ctx, signer, now).await
}

/// The session of a signer, where it is open.
async fn open_session(ctx: &Ctx, signer: Signer, now: Timestamp) -> Result<Signed, Error> {
    let name = ApplicationName::Id(signer.application());
    let judge = ctx.judge(name).await?.ok_or_else(ended)?;
    let view = ctx.session(&judge, signer.session(), now).await?;
    let view = view.ok_or_else(ended)?;
    // What a token would say that was made for this request.
    let token = Token {
        kind: TokenKind::Access,
        application: signer.application(),
        identity: view.session.identity(),
        epoch: signer.epoch(),
        generation: view.session.generation,
        expires_at: now.plus_seconds(SIGNED_S_MAX),
    };
    let checked = by_access_token(ctx, &token).await?;
    Ok(Signed {
        signer,
        principal: checked.principal,
        session: view.session.clone(),
        user: view.user.clone(),
    })
}

/// Tells who asks, by an application's own secret: one of its backends. As with
/// [`by_session`], what `admit` refuses may come again.
///
/// # Errors
/// As [`by_session`]; `wrong_audience` for an application that is not here.
pub async fn by_application(
    ctx: &Ctx,
    name: &str,
    signature: Signature<'_>,
    admit: impl FnOnce(&Principal) -> Result<(), Error>,
) -> Result<Principal, Error> {
    let now = ctx.now();
    ctx.store_watch.check(now)?;
    signature.check_time(now)?;
    let judge = application(ctx, name).await?;
    let kid = judge
        .verifier
        .verify_request(signature.texts, signature.mac)?;
    let id = judge.application.id;
    let backend = principal(
        id,
        Who::Backend {
            api_key: None,
            admin: false,
        },
    );
    admit(&backend)?;
    signature.check_new(ctx, SignedBy::Application(id), now)?;
    ctx.note_use(UsedKey::Signing(id, kid));
    Ok(backend)
}

/// Tells who asks that only names an application, as every copy of an app can.
///
/// # Errors
/// `wrong_audience` for an application that is not here.
pub async fn by_name(ctx: &Ctx, name: &str) -> Result<Principal, Error> {
    ctx.store_watch.check(ctx.now())?;
    let judge = application(ctx, name).await?;
    let id = judge.application.id;
    Ok(principal(id, Who::Client { api_key: None }))
}

async fn application(ctx: &Ctx, name: &str) -> Result<Arc<Judge>, Error> {
    judge_named(ctx, name).await?.ok_or_else(|| {
        Error::new(
            Code::WrongAudience,
            "there is no application with this key here",
        )
    })
}

fn principal(application: ApplicationId, who: Who) -> Principal {
    Principal {
        application: Some(application),
        who,
        acl: None,
        parameters: Vec::new(),
    }
}

pub(super) fn ended() -> Error {
    Error::new(Code::SessionEnded, "the session is over").hint("log in again")
}

// === impl ShownSecret ===

impl fmt::Debug for ShownSecret<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ShownSecret")
    }
}

// === impl Signature ===

impl Signature<'_> {
    fn check_time(&self, now: Timestamp) -> Result<(), Error> {
        let ahead_ms = self.made_at.milliseconds_since(now);
        if ahead_ms.unsigned_abs() <= SIGNED_S_MAX.unsigned_abs() * 1_000 {
            return Ok(());
        }
        let seconds = ahead_ms.unsigned_abs() / 1_000;
        let (code, side) = if ahead_ms > 0 {
            (Code::NotYetValid, "ahead of")
        } else {
            (Code::Expired, "behind")
        };
        Err(Error::new(
            code,
            format!(
                "the request was made at {}, {seconds} s {side} this server's time, {now}",
                self.made_at
            ),
        )
        .hint(format!(
            "set the clock, or go by the server's: they may be {SIGNED_S_MAX} s apart"
        )))
    }

    fn check_new(&self, ctx: &Ctx, by: SignedBy, now: Timestamp) -> Result<(), Error> {
        let Some(mac) = self.mac.first_chunk::<32>().filter(|_| self.once) else {
            return Ok(());
        };
        match ctx.replays.note(by, self.made_at, mac, now) {
            Verdict::New => Ok(()),
            Verdict::Again => Err(Error::new(
                Code::CredentialUsed,
                "this very request was made before",
            )
            .hint("sign each request anew, with the time of its making")),
            Verdict::TooOldToTell => Err(Error::new(
                Code::Expired,
                "it is forgotten whether this very request was made before",
            )
            .hint("sign the request anew")),
        }
    }
}

impl fmt::Debug for Signature<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Signature")
    }
}
