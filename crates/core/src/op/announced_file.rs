//! A file that is announced before it comes: its id is known from then on, and
//! what brings it shows a key instead of who it is.
//!
//! Nothing is kept of what was announced: the key says it all, and is MACed.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::attachments::upload_ahead;
use super::authenticate::by_access_token;
use crate::access::action::Action;
use crate::access::authorize;
use crate::access::principal::Principal;
use crate::context::Ctx;
use crate::error::{Code, Error};
use crate::id::{ApplicationId, AttachmentId};
use crate::limit;
use crate::model::attachment::Attachment;
use crate::token::{NotOurs, Token, TokenKeys, TokenKind};

const PURPOSE: &str = "announced file";

/// A file to come.
#[derive(Debug)]
pub struct Announced {
    /// Its id.
    pub id: AttachmentId,
    /// What is to be shown with its bytes; as secret as a token.
    pub key: String,
}

/// What a key stands for.
#[derive(Debug)]
pub struct Expected {
    token: Token,
    id: AttachmentId,
    file_name: String,
}

/// Announces a file of so many bytes.
///
/// # Errors
/// `not_permitted`; `too_large`.
pub fn announce(
    ctx: &Ctx,
    principal: &Principal,
    file_name: &str,
    bytes: u64,
) -> Result<Announced, Error> {
    authorize(principal, &Action::UploadMediaAhead)?.outright()?;
    if bytes > limit::ATTACHMENT_BYTES_MAX as u64 {
        let max = limit::ATTACHMENT_BYTES_MAX;
        let detail = format!("a file has at most {max} bytes");
        return Err(Error::new(Code::TooLarge, detail));
    }
    let no_session = || Error::new(Code::NotPermitted, "only a session announces files");
    let identity = *principal.session().ok_or_else(no_session)?;
    let application = principal.application.ok_or_else(no_session)?;
    let now = ctx.now();
    let token = ctx.tokens.write(&Token {
        kind: TokenKind::Upload,
        application,
        identity,
        epoch: ctx.epoch(),
        generation: 0,
        expires_at: now.plus_seconds(limit::ANNOUNCED_FILE_S),
    });
    let id = AttachmentId::new(now, &*ctx.random);
    let text = format!("{token}.{id}.{}", URL_SAFE_NO_PAD.encode(file_name));
    let seal = seal(&ctx.tokens, ctx.tokens.newest(), &text);
    let seal = seal.ok_or_else(|| Error::internal("there is no key to seal with"))?;
    let key = format!("{text}.{seal}");
    Ok(Announced { id, key })
}

/// Reads a key, before the bytes are.
///
/// # Errors
/// `malformed_token` for what is none; `access_expired` for one that is over.
pub fn expected(ctx: &Ctx, key: &str) -> Result<Expected, Error> {
    let expected = read(&ctx.tokens, key)?;
    if ctx.now() < expected.token.expires_at {
        return Ok(expected);
    }
    let error = Error::new(Code::AccessExpired, "the key of this upload is over");
    Err(error.hint("announce the file again"))
}

/// Stores the file: it is its author's alone until an event names it.
///
/// # Errors
/// `session_ended` where the session is over that announced it; `too_large` for a
/// file that is, or that is one too many for its author.
pub async fn store_announced(
    ctx: &Ctx,
    expected: Expected,
    content: Vec<u8>,
) -> Result<Attachment, Error> {
    let Expected {
        token,
        id,
        file_name,
    } = expected;
    let checked = by_access_token(ctx, &token).await?;
    upload_ahead(ctx, &checked.principal, id, file_name, content).await
}

// === impl Expected ===

impl Expected {
    /// The application that the file is for.
    #[must_use]
    pub fn application(&self) -> ApplicationId {
        self.token.application
    }
}

fn read(keys: &TokenKeys, key: &str) -> Result<Expected, NotOurs> {
    let (text, shown) = key.rsplit_once('.').ok_or(NotOurs)?;
    let is_sealed = keys.ids().any(|id| {
        let own = seal(keys, id, text);
        own.is_some_and(|own| verify_slices_are_equal(own.as_bytes(), shown.as_bytes()).is_ok())
    });
    if !is_sealed {
        return Err(NotOurs);
    }
    let mut parts = text.split('.');
    let mut next = || parts.next().ok_or(NotOurs);
    let token = keys.read(TokenKind::Upload, next()?)?;
    let id = next()?.parse().map_err(|_| NotOurs)?;
    let name = URL_SAFE_NO_PAD.decode(next()?).map_err(|_| NotOurs)?;
    let file_name = String::from_utf8(name).map_err(|_| NotOurs)?;
    Ok(Expected {
        token,
        id,
        file_name,
    })
}

fn seal(keys: &TokenKeys, key: u8, text: &str) -> Option<String> {
    let derived = keys.derived(key, PURPOSE, text.as_bytes())?;
    Some(URL_SAFE_NO_PAD.encode(*derived))
}
