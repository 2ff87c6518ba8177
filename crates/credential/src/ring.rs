//! An application's key ring, and which of its keys a credential is tried
//! with: the one that it names, or at most two.
//!
//! Absent on purpose: trying every key until one fits. A ring with a hundred
//! standby keys costs a stranger's credential no more than two signatures.

use thiserror::Error;

use crate::key::{KeyAlgorithm, KeyState, Kid, RingKey};
use crate::refusal::{Code, Refusal, quoted};

/// The keys of one application.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    keys: Vec<RingKey>,
    left_out: Vec<LeftOut>,
}

/// A set of keys that is no ring.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RingError {
    /// Two keys have one name.
    #[error("two keys have the kid {0}")]
    DuplicateKid(Kid),
    /// Two keys of one algorithm have a state that only one may have.
    #[error("two {algorithm} keys are {state}, of which there can be only one")]
    DuplicateState {
        /// The algorithm of both.
        algorithm: KeyAlgorithm,
        /// The state of both.
        state: KeyState,
    },
}

/// A key that was registered but cannot be used, remembered so that a
/// credential which names it hears the reason.
#[derive(Debug, Clone)]
struct LeftOut {
    kid: Kid,
    reason: String,
}

/// The keys that may verify a credential: never more than two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidates<'ring> {
    first: &'ring RingKey,
    second: Option<&'ring RingKey>,
}

// === impl KeyRing ===

impl KeyRing {
    /// Puts keys into a ring.
    ///
    /// # Errors
    /// If two have one name, or one algorithm has more than one current or
    /// more than one previous key.
    pub fn new(keys: Vec<RingKey>) -> Result<Self, RingError> {
        for (index, key) in keys.iter().enumerate() {
            for other in &keys[..index] {
                if key.kid == other.kid {
                    return Err(RingError::DuplicateKid(key.kid.clone()));
                }
                let unique = matches!(key.state, KeyState::Current | KeyState::Previous);
                if unique
                    && key.state == other.state
                    && key.key.algorithm() == other.key.algorithm()
                {
                    return Err(RingError::DuplicateState {
                        algorithm: key.key.algorithm(),
                        state: key.state,
                    });
                }
            }
        }
        Ok(Self {
            keys,
            left_out: Vec::new(),
        })
    }

    /// Remembers a registered key whose material was refused. It verifies
    /// nothing; a credential that names it is told the reason.
    #[must_use]
    pub fn leave_out(mut self, kid: Kid, reason: impl Into<String>) -> Self {
        self.left_out.push(LeftOut {
            kid,
            reason: reason.into(),
        });
        self
    }

    /// The usable keys, in the order given.
    pub fn keys(&self) -> &[RingKey] {
        &self.keys
    }

    /// The key of this exact name, revoked or not.
    pub fn get(&self, kid: &str) -> Option<&RingKey> {
        self.keys.iter().find(|key| key.kid.as_str() == kid)
    }

    /// The keys to try: the one that `kid` names, else the algorithm's current
    /// and previous.
    pub(crate) fn candidates(
        &self,
        kid: Option<&str>,
        algorithm: KeyAlgorithm,
    ) -> Result<Candidates<'_>, Refusal> {
        match kid {
            Some(kid) => self.named(kid, algorithm),
            None => self.unnamed(algorithm),
        }
    }

    fn named(&self, kid: &str, algorithm: KeyAlgorithm) -> Result<Candidates<'_>, Refusal> {
        let unknown = |detail: String| Refusal::new(Code::UnknownKey, detail);
        if let Err(error) = Kid::parse(kid) {
            return Err(unknown(error.to_string()));
        }
        let Some(key) = self.get(kid) else {
            if let Some(left_out) = self.left_out.iter().find(|key| key.kid.as_str() == kid) {
                return Err(unknown(format!(
                    "the key {} was left out of the ring: {}",
                    quoted(kid),
                    left_out.reason
                )));
            }
            return Err(
                unknown(format!("no key of the ring has the kid {}", quoted(kid)))
                    .hint("register the key under that kid, or name the key that signed it"),
            );
        };
        if key.state == KeyState::Revoked {
            return Err(unknown(format!("the key {} is revoked", quoted(kid)))
                .hint("sign with a key that is not revoked"));
        }
        if key.key.algorithm() != algorithm {
            return Err(Refusal::new(
                Code::UnsupportedAlgorithm,
                format!(
                    "the key {} is an {} key, and the header asks for {algorithm}",
                    quoted(kid),
                    key.key.algorithm(),
                ),
            )
            .hint("name the key that signed it, and its own algorithm"));
        }
        Ok(Candidates {
            first: key,
            second: None,
        })
    }

    fn unnamed(&self, algorithm: KeyAlgorithm) -> Result<Candidates<'_>, Refusal> {
        let in_state = |state| {
            self.keys
                .iter()
                .find(move |key| key.state == state && key.key.algorithm() == algorithm)
        };
        let mut tried = [KeyState::Current, KeyState::Previous]
            .into_iter()
            .filter_map(in_state);
        if let Some(first) = tried.next() {
            return Ok(Candidates {
                first,
                second: tried.next(),
            });
        }
        let mut detail = format!("the ring has no current or previous {algorithm} key");
        for left_out in &self.left_out {
            detail.push_str(&format!(
                "; the key {} was left out: {}",
                left_out.kid, left_out.reason
            ));
        }
        Err(Refusal::new(Code::UnknownKey, detail).hint(format!(
            "register the {algorithm} key of this application, or make it current"
        )))
    }
}

// === impl Candidates ===

impl<'ring> Candidates<'ring> {
    /// The keys in the order in which they are tried.
    pub(crate) fn iter(self) -> impl Iterator<Item = &'ring RingKey> {
        std::iter::once(self.first).chain(self.second)
    }
}
