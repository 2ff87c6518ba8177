//! Randomness, which comes in from outside, so that a test can repeat itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_wire::secret::Secret;

/// Where randomness comes from.
pub trait Random: Send + Sync {
    /// Fills the bytes with what nobody can guess.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

// === impl System ===

impl Random for System {
    /// # Panics
    /// If the operating system has none, which leaves nothing that is safe to do.
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system has randomness to give");
    }
}

/// A nonce: a client makes one whenever it stores a token.
pub(crate) fn nonce(random: &dyn Random) -> Secret {
    Secret(text(random))
}

/// An id of the client's own, for something that it creates.
pub(crate) fn client_id(random: &dyn Random) -> String {
    text(random)
}

/// A part of a whole, of `u16::MAX` equal ones.
pub(crate) fn fraction(random: &dyn Random) -> u16 {
    let mut bytes = [0; 2];
    random.fill(&mut bytes);
    u16::from_be_bytes(bytes)
}

fn text(random: &dyn Random) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}
