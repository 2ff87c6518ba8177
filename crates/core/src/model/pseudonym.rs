//! What a person was called, to be recognised and never read.
//!
//! A revocation outlives the user whom it shuts out, and an e-mail address in it
//! would outlive their erasure. So the store keeps of such a text what is enough
//! to tell whether another one is the same.

use std::fmt;

use super::revocation::Kind;
use crate::id::ApplicationId;
use crate::secret_text::sha256;

/// SHA-256 of a text, under its application and kind: of two applications, or as
/// a name and as an external id, the same text has nothing in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pseudonym([u8; 32]);

// === impl Pseudonym ===

impl Pseudonym {
    /// The pseudonym of a text.
    #[must_use]
    pub fn of(application: ApplicationId, kind: Kind, text: &str) -> Self {
        let mut bytes = application.bytes().to_vec();
        bytes.extend(kind.number().to_be_bytes());
        bytes.extend(text.as_bytes());
        Self(sha256(&bytes))
    }

    /// Takes one back from the store.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The pseudonym as the store keeps it.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Debug for Pseudonym {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Pseudonym({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_elsewhere_is_another() {
        let of = |application, kind, text| {
            Pseudonym::of(ApplicationId::from_bytes([application; 16]), kind, text)
        };
        let alice = of(1, Kind::Name, "alice");
        assert_eq!(alice, of(1, Kind::Name, "alice"));
        for other in [
            of(2, Kind::Name, "alice"),
            of(1, Kind::ExternalId, "alice"),
            of(1, Kind::Name, "Alice"),
            of(1, Kind::Name, ""),
        ] {
            assert_ne!(alice, other);
        }
        assert_eq!(Pseudonym::from_bytes(alice.bytes()), alice);
    }
}
