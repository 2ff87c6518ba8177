//! The names and keys of what a session sends and fetches.
//!
//! They follow from the session or its user and are stored nowhere, like the
//! session's secret; whoever has them not, cannot guess them. A client is told
//! them over REST alone.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::{ConversationId, UserId};
use countersign_core::op::signed_request::ShownSecret;
use countersign_core::signer::{Signer, TEXT_BYTES};

use super::sealed::{KEY_BYTES, TransportKey};

/// Bytes of a name: nobody guesses 128 bits.
const BYTES: usize = 16;

/// What a name or a key is for. The text is what it follows from.
mod purpose {
    pub(super) const PUBLISH: &str = "sinch publish key";
    pub(super) const SUBSCRIBE: &str = "sinch subscribe key";
    pub(super) const BROADCAST: &str = "sinch broadcast channel";
    pub(super) const SIGNAL: &str = "sinch signal channel";
    pub(super) const CHANNEL: &str = "sinch transport channel";
    pub(super) const INSTANCE: &str = "sinch instance of a user";
    pub(super) const PROFILE: &str = "sinch profile key";
    pub(super) const TRANSPORT: &str = "sinch transport key";
}

// Each is `None` where the key is gone that it follows from: then the session is
// over.

/// What a client hears then.
pub(super) fn over() -> Error {
    Error::new(Code::SessionEnded, "the session is over").hint("log in again")
}

/// By what a session sends. Like [`subscribe_key`] it tells whose it is, so that
/// its session is found by one look at it.
pub(super) fn publish_key(ctx: &Ctx, signer: &Signer) -> Option<String> {
    Some(format!("{signer}{}", own(ctx, signer, purpose::PUBLISH)?))
}

/// By what a session fetches.
pub(super) fn subscribe_key(ctx: &Ctx, signer: &Signer) -> Option<String> {
    Some(format!("{signer}{}", own(ctx, signer, purpose::SUBSCRIBE)?))
}

/// Where what concerns the session is told.
pub(super) fn broadcast_channel(ctx: &Ctx, signer: &Signer) -> Option<String> {
    Some(format!("B-{}", own(ctx, signer, purpose::BROADCAST)?))
}

/// Where a call of the session is told of.
pub(super) fn signal_channel(ctx: &Ctx, signer: &Signer) -> Option<String> {
    Some(format!("S-{}", own(ctx, signer, purpose::SIGNAL)?))
}

/// Where messages for a user are sent to, and told on each device.
pub(super) fn transport_channel(ctx: &Ctx, signer: &Signer, user: UserId) -> Option<String> {
    let secret = signer.secret_of_user(ctx, user, purpose::CHANNEL)?;
    Some(format!("T-{}", name(secret.as_slice())))
}

/// What stands for the sessions of a user, where others are told of one.
pub(super) fn user_instance(ctx: &Ctx, signer: &Signer, user: UserId) -> Option<String> {
    let secret = signer.secret_of_user(ctx, user, purpose::INSTANCE)?;
    Some(format!("I-{}", name(secret.as_slice())))
}

/// The key of messages that belong to no transport, which nobody sends here.
pub(super) fn profile_key(ctx: &Ctx, signer: &Signer) -> Option<String> {
    let secret = signer.secret(ctx, purpose::PROFILE)?;
    Some(STANDARD.encode(&secret[..BYTES]))
}

/// The key by which this session seals what it sends to a conversation, and by
/// which is sealed what it gets from there. It is of this session alone: one that
/// leaks from a device opens nothing of another's.
pub(super) fn transport_key(
    ctx: &Ctx,
    signer: &Signer,
    conversation: ConversationId,
) -> Option<TransportKey> {
    let secret = signer.secret_in(ctx, conversation, purpose::TRANSPORT)?;
    let bytes = secret.first_chunk::<KEY_BYTES>()?;
    Some(TransportKey::new(*bytes))
}

fn own(ctx: &Ctx, signer: &Signer, purpose: &'static str) -> Option<String> {
    Some(name(signer.secret(ctx, purpose)?.as_slice()))
}

/// Letters that a path and a list with commas can hold.
fn name(secret: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&secret[..BYTES])
}

/// A key as a client shows it, taken apart and not yet checked.
#[derive(Clone, Copy)]
pub(super) struct ShownKey<'a> {
    /// Whose it says that it is.
    pub(super) signer: &'a str,
    purpose: &'static str,
    secret: [u8; BYTES],
}

/// Whether a name is this one, found out without telling how much of it is right.
pub(super) fn is_same(own: &str, shown: &str) -> bool {
    verify_slices_are_equal(own.as_bytes(), shown.as_bytes()).is_ok()
}

// === impl ShownKey ===

impl<'a> ShownKey<'a> {
    /// What [`publish_key`] gives out.
    pub(super) fn publish(text: &'a str) -> Option<Self> {
        Self::of(text, purpose::PUBLISH)
    }

    /// What [`subscribe_key`] gives out.
    pub(super) fn subscribe(text: &'a str) -> Option<Self> {
        Self::of(text, purpose::SUBSCRIBE)
    }

    fn of(text: &'a str, purpose: &'static str) -> Option<Self> {
        let (signer, secret) = text.split_at_checked(TEXT_BYTES)?;
        let secret = URL_SAFE_NO_PAD.decode(secret).ok()?.try_into().ok()?;
        Some(Self {
            signer,
            purpose,
            secret,
        })
    }

    /// What the session is to have.
    pub(super) fn secret(&self) -> ShownSecret<'_> {
        ShownSecret {
            purpose: self.purpose,
            beginning: &self.secret,
        }
    }
}
