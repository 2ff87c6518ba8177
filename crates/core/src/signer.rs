//! A session whose requests are signed: by what its client is known, and the
//! secret that it signs with.
//!
//! The secret is not stored: it follows from the session and from the keys of
//! our own tokens, so that a copy of the database signs nothing. What the client
//! is known by names the application too, since nothing is read without one, and
//! the epoch, since a session does not outlive a restored history.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::context::Ctx;
use crate::id::{ApplicationId, ConversationId, SessionId, UserId};

const VERSION: u8 = 1;
const BYTES: usize = 2 + 8 + 2 * 16;
/// Characters of a signer's text.
pub const TEXT_BYTES: usize = BYTES.div_ceil(3) * 4;

/// By what the client of a session is known whose requests are signed. It is no
/// secret, and proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signer {
    key: u8,
    epoch: u64,
    application: ApplicationId,
    session: SessionId,
}

// === impl Signer ===

impl Signer {
    /// The signer of a session that was opened just now.
    pub(crate) fn new(ctx: &Ctx, application: ApplicationId, session: SessionId) -> Self {
        Self {
            key: ctx.tokens.newest(),
            epoch: ctx.epoch(),
            application,
            session,
        }
    }

    /// Takes back what [`Display`](fmt::Display) wrote.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let mut bytes = [0; BYTES];
        if text.len() != TEXT_BYTES {
            return None;
        }
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        let (head, rest) = bytes.split_first_chunk::<2>()?;
        let (epoch, rest) = rest.split_first_chunk::<8>()?;
        let (application, session) = rest.split_first_chunk::<16>()?;
        let [version, key] = *head;
        (version == VERSION && length == BYTES).then_some(Self {
            key,
            epoch: u64::from_be_bytes(*epoch),
            application: ApplicationId::from_bytes(*application),
            session: SessionId::from_bytes(session.try_into().ok()?),
        })
    }

    /// The session's application.
    #[must_use]
    pub fn application(&self) -> ApplicationId {
        self.application
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The number of the history in which the session was opened.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// A secret of this session, for one purpose; `None` where the key that it
    /// follows from is there no more.
    #[must_use]
    pub fn secret(&self, ctx: &Ctx, purpose: &'static str) -> Option<Zeroizing<[u8; 32]>> {
        ctx.tokens.derived(self.key, purpose, &self.bytes())
    }

    /// A secret of this session in one conversation, for one purpose; `None` as
    /// with [`Self::secret`].
    #[must_use]
    pub fn secret_in(
        &self,
        ctx: &Ctx,
        conversation: ConversationId,
        purpose: &'static str,
    ) -> Option<Zeroizing<[u8; 32]>> {
        let of = [&self.bytes()[..], &conversation.bytes()].concat();
        ctx.tokens.derived(self.key, purpose, &of)
    }

    /// A secret of a user of the session's application, on whatever device, for
    /// one purpose; `None` as with [`Self::secret`].
    #[must_use]
    pub fn secret_of_user(
        &self,
        ctx: &Ctx,
        user: UserId,
        purpose: &'static str,
    ) -> Option<Zeroizing<[u8; 32]>> {
        let of = [self.application.bytes(), user.bytes()].concat();
        ctx.tokens.derived(ctx.tokens.newest(), purpose, &of)
    }

    fn bytes(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[..2].copy_from_slice(&[VERSION, self.key]);
        bytes[2..10].copy_from_slice(&self.epoch.to_be_bytes());
        bytes[10..26].copy_from_slice(&self.application.bytes());
        bytes[26..].copy_from_slice(&self.session.bytes());
        bytes
    }
}

impl fmt::Display for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(self.bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer {
            key: 3,
            epoch: 7,
            application: ApplicationId::from_bytes([1; 16]),
            session: SessionId::from_bytes([2; 16]),
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let text = signer().to_string();
        assert_eq!(text.len(), TEXT_BYTES);
        assert_eq!(Signer::from_text(&text), Some(signer()));
    }

    #[test]
    fn what_was_not_written_is_not_read() {
        let text = signer().to_string();
        let of_another_version = format!("Ag{}", &text[2..]);
        for other in [
            "",
            "dead",
            "SES-01a3185c-507b-7bab-abab-abababababab",
            &text[1..],
            &format!("{text}A"),
            &format!("{}=", &text[1..]),
            &format!("{}é", &text[2..]),
            &of_another_version,
        ] {
            assert_eq!(Signer::from_text(other), None, "{other}");
        }
    }
}
