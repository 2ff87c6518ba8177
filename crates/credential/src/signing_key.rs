//! The signing side of a key: a backend's private key or secret.
//!
//! Absent on purpose: generating keys, and any way to get a private key out
//! again.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use aws_lc_rs::{error, hmac};
use spki::der::pem;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::jws::key::WeakSecret;
use crate::key::{Key, KeyAlgorithm, RingKeyError};

/// What a backend signs with.
pub struct SigningKey {
    material: Material,
}

/// Why a private key or a secret cannot sign.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SigningKeyError {
    /// Not PEM, or not the strict form of it (RFC 7468).
    #[error("the private key is not PEM text")]
    MalformedPem,
    /// PEM of something else.
    #[error(
        "the PEM text holds no private key but {0:?}: it must say `PRIVATE KEY`, `RSA PRIVATE KEY` or `EC PRIVATE KEY`"
    )]
    UnsupportedPem(String),
    /// A key behind a passphrase.
    #[error("the private key is encrypted: decrypt it first (`openssl pkey -in FILE -out PLAIN`)")]
    Encrypted,
    /// A private key that is malformed, or of a kind that no dialect uses.
    #[error("the private key is no RSA, P-256 or Ed25519 key")]
    Unsupported,
    /// A key that no ring would take.
    #[error(transparent)]
    Refused(#[from] RingKeyError),
}

enum Material {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
    Secret(Zeroizing<Vec<u8>>),
}

// === impl SigningKey ===

impl SigningKey {
    /// From a private key in PEM: PKCS#8, PKCS#1 (RSA) or SEC 1 (P-256). Its
    /// kind tells the algorithm: RS256, ES256 or EdDSA.
    ///
    /// # Errors
    /// If it is no such key, or one whose public half no ring would take.
    pub fn from_private_key_pem(text: &str) -> Result<Self, SigningKeyError> {
        if text.contains("ENCRYPTED") {
            return Err(SigningKeyError::Encrypted);
        }
        let (label, der) =
            pem::decode_vec(text.trim().as_bytes()).map_err(|_| SigningKeyError::MalformedPem)?;
        let der = Zeroizing::new(der);
        let material = match label {
            "PRIVATE KEY" => from_pkcs8(&der),
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der).ok().map(Material::rsa),
            "EC PRIVATE KEY" => {
                EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &der)
                    .ok()
                    .map(Material::ecdsa)
            }
            other => return Err(SigningKeyError::UnsupportedPem(other.to_owned())),
        };
        let key = Self {
            material: material.ok_or(SigningKeyError::Unsupported)?,
        };
        // What no ring would take must not sign either: nobody could verify it.
        let public = key.public_key_pem().ok_or(SigningKeyError::Unsupported)?;
        let algorithm = key
            .private_key_algorithm()
            .ok_or(SigningKeyError::Unsupported)?;
        Key::from_public_key_pem(algorithm, &public)?;
        Ok(key)
    }

    /// From a secret's bytes. A short one is taken: whether it should be used
    /// was decided where it was registered.
    ///
    /// # Errors
    /// If it is empty, or is a key file and no secret.
    pub fn from_secret(secret: &[u8]) -> Result<Self, SigningKeyError> {
        Key::from_secret(KeyAlgorithm::Hs256, secret, WeakSecret::Allow)?;
        Ok(Self {
            material: Material::Secret(Zeroizing::new(secret.to_vec())),
        })
    }

    /// The algorithm of a private key; `None` for a secret, which two dialects
    /// use in two ways.
    pub fn private_key_algorithm(&self) -> Option<KeyAlgorithm> {
        match &self.material {
            Material::Rsa(_) => Some(KeyAlgorithm::Rs256),
            Material::Ecdsa(_) => Some(KeyAlgorithm::Es256),
            Material::Ed25519(_) => Some(KeyAlgorithm::EdDsa),
            Material::Secret(_) => None,
        }
    }

    /// The public half in PEM, to be registered; `None` for a secret.
    pub fn public_key_pem(&self) -> Option<String> {
        let der: PublicKeyX509Der<'_> = match &self.material {
            Material::Rsa(key) => key.public_key().as_der().ok()?,
            Material::Ecdsa(key) => key.public_key().as_der().ok()?,
            Material::Ed25519(key) => key.public_key().as_der().ok()?,
            Material::Secret(_) => return None,
        };
        pem::encode_string("PUBLIC KEY", pem::LineEnding::LF, der.as_ref()).ok()
    }

    /// Signs with the key, or with HMAC-SHA256 under the secret.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, error::Unspecified> {
        match &self.material {
            Material::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    message,
                    &mut signature,
                )?;
                Ok(signature)
            }
            Material::Ecdsa(key) => Ok(key.sign(&SystemRandom::new(), message)?.as_ref().to_vec()),
            Material::Ed25519(key) => Ok(key.try_sign(message)?.as_ref().to_vec()),
            Material::Secret(secret) => Ok(mac(secret, message)),
        }
    }

    /// Signs with the key that a Sinch secret has on one day; `None` for a
    /// private key.
    pub(crate) fn sign_on_day(&self, date: &str, message: &[u8]) -> Option<Vec<u8>> {
        match &self.material {
            Material::Rsa(_) | Material::Ecdsa(_) | Material::Ed25519(_) => None,
            Material::Secret(secret) => {
                let day_key = Zeroizing::new(mac(secret, date.as_bytes()));
                Some(mac(&day_key, message))
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self
            .private_key_algorithm()
            .map_or("secret", KeyAlgorithm::as_str);
        write!(formatter, "SigningKey({kind})")
    }
}

// === impl Material ===

impl Material {
    fn rsa(key: RsaKeyPair) -> Self {
        Self::Rsa(Box::new(key))
    }

    fn ecdsa(key: EcdsaKeyPair) -> Self {
        Self::Ecdsa(Box::new(key))
    }

    fn ed25519(key: Ed25519KeyPair) -> Self {
        Self::Ed25519(Box::new(key))
    }
}

fn from_pkcs8(der: &[u8]) -> Option<Material> {
    let rsa = || RsaKeyPair::from_pkcs8(der).ok().map(Material::rsa);
    let ecdsa = || {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
            .ok()
            .map(Material::ecdsa)
    };
    // OpenSSL writes Ed25519 keys without their public half, which the strict
    // reader refuses because it cannot compare the two.
    let ed25519 = || {
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der)
            .ok()
            .map(Material::ed25519)
    };
    rsa().or_else(ecdsa).or_else(ed25519)
}

fn mac(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::sign(&key, message).as_ref().to_vec()
}
