//! A pass: what lets one socket hear of one thing, as a client carries it from the
//! call that asks for it to the socket that it is for.
//!
//! It is kept nowhere: another node may be asked than the one that has the socket.
//! It says which session it is of, and is bound to what it is for by a MAC. It is
//! over with its session, and is no token: it opens nothing else.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::{Tracked, token_of};
use crate::context::{Ctx, Judge};
use crate::error::{Code, Error};
use crate::token::{Token, TokenKind};

const PURPOSE: &str = "socket pass";
const MAC_BYTES: usize = 32;
/// What stands between what a pass says and its MAC.
const DOT: char = '.';

/// The pass of who asks, for what these texts say together.
///
/// # Errors
/// None while the node has a key.
pub fn pass(ctx: &Ctx, judge: &Judge, tracked: &Tracked, of: &[&str]) -> Result<String, Error> {
    let Tracked { session, line, .. } = tracked;
    let expires_at = session.refresh_expires_at(&judge.application.settings);
    let token = Token {
        kind: TokenKind::Pass,
        ..token_of(ctx, judge, session, *line, expires_at)
    };
    let token = ctx.tokens.write(&token);
    let mac = mac(ctx, ctx.tokens.newest(), &token, of);
    let mac = mac.ok_or_else(|| Error::internal("there is no key"))?;
    Ok(format!("{token}{DOT}{}", URL_SAFE_NO_PAD.encode(*mac)))
}

/// Whom a pass is of, where it is for this. Whether the session lives is
/// [`look_again`](crate::op::connect::look_again)'s to tell.
///
/// # Errors
/// `malformed_token` for what is no pass, and for one that is for something else.
pub fn read_pass(ctx: &Ctx, text: &str, of: &[&str]) -> Result<Token, Error> {
    let wrong = || Error::new(Code::MalformedToken, "this is no pass for that");
    let (token_text, shown) = text.split_once(DOT).ok_or_else(wrong)?;
    let token = ctx.tokens.read(TokenKind::Pass, token_text);
    let token = token.map_err(|_| wrong())?;
    let mut decoded = [0; MAC_BYTES];
    let length = URL_SAFE_NO_PAD.decode_slice(shown, &mut decoded);
    if length != Ok(MAC_BYTES) {
        return Err(wrong());
    }
    let made = ctx.tokens.ids().any(|key| {
        let mac = mac(ctx, key, token_text, of);
        mac.is_some_and(|mac| verify_slices_are_equal(&*mac, &decoded).is_ok())
    });
    if made { Ok(token) } else { Err(wrong()) }
}

/// Each text with its length, so that none reaches into the next.
fn mac(ctx: &Ctx, key: u8, token: &str, of: &[&str]) -> Option<Zeroizing<[u8; MAC_BYTES]>> {
    let mut bytes = Vec::new();
    for text in [token].iter().chain(of) {
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    ctx.tokens.derived(key, PURPOSE, &bytes)
}
