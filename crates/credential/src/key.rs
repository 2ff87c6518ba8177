//! The keys of an application: which algorithm each one has, its state, and
//! the name by which a credential asks for it.
//!
//! The algorithm belongs to the key. Nothing in a credential can make a key
//! work under another algorithm, because no value here can express that.
//!
//! Absent on purpose: private keys (see [`crate::mint`]), and any `Debug` that
//! shows a secret.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::jws::algorithm::Algorithm;
use crate::jws::key::{KeyError, VerifyingKey, WeakSecret};

/// The shortest Sinch application secret that is not weak: what Sinch issues.
pub const SINCH_SECRET_BYTES_MIN: usize = 16;

/// The longest `kid`.
pub const KID_BYTES_MAX: usize = 64;

/// The algorithms that a key in a ring can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyAlgorithm {
    /// RSA PKCS #1 v1.5 with SHA-256 (RFC 7518 section 3.3).
    Rs256,
    /// ECDSA on P-256 with SHA-256 (RFC 7518 section 3.4).
    Es256,
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// HMAC with SHA-256 (RFC 7518 section 3.2).
    Hs256,
    /// A Sinch application secret: it signs tickets, and a key of one day is
    /// derived from it for each JWT.
    SinchHmacSha256,
}

/// What a key is used for at present. States move both ways until revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Tried first where a credential names no key.
    Current,
    /// Tried second where a credential names no key.
    Previous,
    /// Verifies only what names it.
    Standby,
    /// Verifies nothing any more.
    Revoked,
}

/// The name of a key: 1 to 64 characters of `[A-Za-z0-9._-]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kid(String);

/// A text that cannot be a key's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("kid is not 1 to 64 characters of A-Z, a-z, 0-9, '.', '_' and '-'")]
pub struct KidError;

/// Why material cannot be a key of a ring.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RingKeyError {
    /// The material itself is refused.
    #[error(transparent)]
    Material(#[from] KeyError),
    /// A Sinch application secret shorter than Sinch issues them.
    #[error("the secret has {bytes} bytes where {SINCH_SECRET_BYTES_MIN} are needed")]
    ShortSinchSecret {
        /// How long it is.
        bytes: usize,
    },
}

/// A key in a ring.
#[derive(Debug, Clone)]
pub struct RingKey {
    /// The name by which credentials ask for it.
    pub kid: Kid,
    /// What it is used for.
    pub state: KeyState,
    /// The parsed material with its one algorithm.
    pub key: Key,
}

/// Key material with its one algorithm, parsed and kept so. Cloning is cheap.
#[derive(Clone)]
pub struct Key {
    algorithm: KeyAlgorithm,
    material: Material,
    weak: bool,
}

#[derive(Clone)]
enum Material {
    Public(VerifyingKey),
    Shared(VerifyingKey, Arc<Zeroizing<Vec<u8>>>),
    Sinch(Arc<hmac::Key>, Arc<Zeroizing<Vec<u8>>>),
}

// === impl KeyAlgorithm ===

impl KeyAlgorithm {
    /// The name that the API and an application's file use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
            Self::SinchHmacSha256 => "sinch-hmac-sha256",
        }
    }

    /// The algorithm of this exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "ES256" => Self::Es256,
            "EdDSA" => Self::EdDsa,
            "HS256" => Self::Hs256,
            "sinch-hmac-sha256" => Self::SinchHmacSha256,
            _ => return None,
        })
    }

    /// Whether its keys are secrets that both sides hold.
    pub fn is_symmetric(self) -> bool {
        match self {
            Self::Rs256 | Self::Es256 | Self::EdDsa => false,
            Self::Hs256 | Self::SinchHmacSha256 => true,
        }
    }

    /// The signature algorithm that a JOSE header names for such a key.
    fn jws(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::Rs256,
            Self::Es256 => Algorithm::Es256,
            Self::EdDsa => Algorithm::EdDsa,
            Self::Hs256 | Self::SinchHmacSha256 => Algorithm::Hs256,
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

// === impl KeyState ===

impl KeyState {
    /// The name that the API and an application's file use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Previous => "previous",
            Self::Standby => "standby",
            Self::Revoked => "revoked",
        }
    }

    /// The state of this exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "current" => Self::Current,
            "previous" => Self::Previous,
            "standby" => Self::Standby,
            "revoked" => Self::Revoked,
            _ => return None,
        })
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

// === impl Kid ===

impl Kid {
    /// Takes a text as a key's name.
    ///
    /// # Errors
    /// If it is empty, longer than [`KID_BYTES_MAX`], or has a character that
    /// could mean something to a path, a query or a shell.
    pub fn parse(text: &str) -> Result<Self, KidError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if (1..=KID_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(KidError)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Kid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

// === impl Key ===

impl Key {
    /// A key that verifies with a public key in PEM.
    ///
    /// # Errors
    /// If the algorithm has no public keys, or the material is refused by
    /// [`VerifyingKey::from_public_key_pem`].
    pub fn from_public_key_pem(algorithm: KeyAlgorithm, pem: &str) -> Result<Self, RingKeyError> {
        let key = VerifyingKey::from_public_key_pem(algorithm.jws(), pem)?;
        Ok(Self {
            algorithm,
            material: Material::Public(key),
            weak: false,
        })
    }

    /// A key that both sides hold: an HS256 secret, or a Sinch application
    /// secret (the bytes that Sinch shows in base64).
    ///
    /// # Errors
    /// If the algorithm has no secrets, the secret is shorter than 32 bytes
    /// (HS256) or [`SINCH_SECRET_BYTES_MIN`] while weak ones are refused, or
    /// the material is refused by [`VerifyingKey::from_secret`].
    pub fn from_secret(
        algorithm: KeyAlgorithm,
        secret: &[u8],
        weak: WeakSecret,
    ) -> Result<Self, RingKeyError> {
        let kept = Arc::new(Zeroizing::new(secret.to_vec()));
        // The length that RFC 7518 section 3.2 asks for is that of an HS256
        // secret; what Sinch issues is shorter, so its own floor applies.
        if algorithm == KeyAlgorithm::SinchHmacSha256 {
            VerifyingKey::from_secret(algorithm.jws(), secret, WeakSecret::Allow)?;
            let is_weak = secret.len() < SINCH_SECRET_BYTES_MIN;
            if is_weak && weak == WeakSecret::Refuse {
                return Err(RingKeyError::ShortSinchSecret {
                    bytes: secret.len(),
                });
            }
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            return Ok(Self {
                algorithm,
                material: Material::Sinch(Arc::new(key), kept),
                weak: is_weak,
            });
        }
        let key = VerifyingKey::from_secret(algorithm.jws(), secret, weak)?;
        let is_weak =
            VerifyingKey::from_secret(algorithm.jws(), secret, WeakSecret::Refuse).is_err();
        Ok(Self {
            algorithm,
            material: Material::Shared(key, kept),
            weak: is_weak,
        })
    }

    /// The one algorithm of this key.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// Whether this is a secret that is shorter than it should be.
    pub fn is_weak(&self) -> bool {
        self.weak
    }

    /// The public key in PEM, if there is one.
    pub fn public_key_pem(&self) -> Option<String> {
        match &self.material {
            Material::Public(key) => key.public_key_pem(),
            Material::Shared(..) | Material::Sinch(..) => None,
        }
    }

    /// The secret's bytes, if it is one. Handing them on is the caller's
    /// responsibility.
    pub fn secret(&self) -> Option<&[u8]> {
        match &self.material {
            Material::Public(_) => None,
            Material::Shared(_, secret) | Material::Sinch(_, secret) => Some(secret),
        }
    }

    /// Whether this key made the signature. A Sinch secret answers for tickets
    /// here; its JWTs go by [`Self::verifies_on_day`].
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Public(key) | Material::Shared(key, _) => {
                key.verify(message, signature).is_ok()
            }
            Material::Sinch(key, _) => hmac::verify(key, message, signature).is_ok(),
        }
    }

    /// Whether this Sinch secret's key of one day made the signature. That key
    /// is HMAC-SHA256 of the date in ASCII: Sinch calls it HKDF, but it is this
    /// one step alone.
    pub(crate) fn verifies_on_day(&self, date: &str, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Public(_) | Material::Shared(..) => false,
            Material::Sinch(key, _) => {
                let derived = hmac::sign(key, date.as_bytes());
                let key = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
                hmac::verify(&key, message, signature).is_ok()
            }
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Key({})", self.algorithm)
    }
}
