//! The two tokens of a session that a login has opened, and which of them it is
//! bound to.
//!
//! A session is bound by the digest of a nonce that follows from it and from the
//! token's line. Its row keeps such a digest anyway, that of the nonce which led to
//! its present generation; and a login that goes on with the session sends this
//! very nonce, so that it stays bound. The nonce cannot be guessed: whoever knew
//! it, and a credential that is used up, would be given that credential's session.

use std::fmt::Write as _;

use crate::context::Ctx;
use crate::id::SessionId;
use crate::model::session::Session;
use crate::secret_text::sha256;
use crate::token::Token;

/// What a token follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// From the answer to the login, or to the first call of a visitor.
    Answered,
    /// From a hand-out to who came with the former token.
    HandedOut,
}

/// Which of its tokens a session is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binding {
    /// It never had more than one.
    Single,
    /// Neither is used yet, and the second is not handed out.
    Unused,
    /// Neither is used yet.
    TwoOut,
    /// To this one; the other, should it be there, is not to be used.
    To(Line),
}

/// Whether a token of this session is the one that is used, or may become it.
pub(in crate::op) fn is_to_be_used(ctx: &Ctx, session: &Session, token: &Token) -> bool {
    match Binding::of(ctx, session) {
        Binding::To(line) => Line::of(token) == Some(line),
        Binding::Single | Binding::Unused | Binding::TwoOut => true,
    }
}

// === impl Line ===

impl Line {
    pub(super) const ALL: [Self; 2] = [Self::Answered, Self::HandedOut];

    /// As a token carries it, where others have a generation.
    pub(super) fn number(self) -> u32 {
        match self {
            Self::Answered => 0,
            Self::HandedOut => 1,
        }
    }

    pub(super) fn of(token: &Token) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|line| line.number() == token.generation)
    }

    /// The nonce of a login that comes with this token of a session.
    pub(super) fn nonce(self, ctx: &Ctx, session: SessionId) -> Option<String> {
        let of = [&session.bytes()[..], &self.number().to_be_bytes()].concat();
        let secret = ctx
            .tokens
            .derived(ctx.tokens.newest(), "tracking nonce", &of)?;
        let mut text = String::with_capacity(2 * secret.len());
        for byte in secret.iter() {
            write!(text, "{byte:02x}").expect("a text takes every text");
        }
        Some(text)
    }

    /// What a session's row has that is bound to this token.
    pub(super) fn digest(self, ctx: &Ctx, session: SessionId) -> Option<[u8; 32]> {
        let nonce = self.nonce(ctx, session)?;
        Some(sha256(nonce.as_bytes()))
    }
}

// === impl Binding ===

impl Binding {
    /// Only a login with a former token gives a session a digest of another's,
    /// and until it is bound only a hand-out raises its generation.
    pub(super) fn of(ctx: &Ctx, session: &Session) -> Self {
        if session.nonce_digest.is_none() {
            return Self::Single;
        }
        let bound = Line::ALL
            .into_iter()
            .find(|line| line.digest(ctx, session.id) == session.nonce_digest);
        match (bound, session.generation) {
            (Some(line), _) => Self::To(line),
            (None, 0) => Self::Unused,
            (None, _) => Self::TwoOut,
        }
    }
}
