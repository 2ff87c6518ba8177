//! Signing keys that Countersign makes itself, for a backend that brings none.
//!
//! The private half leaves here once, to be shown once; what is kept is what
//! verifies. Key pairs come from the cryptographic library's own generator
//! (FIPS 186-5); secrets from the context's randomness.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_credential::key::KeyAlgorithm;
use countersign_credential::signing_key::SigningKey;
use spki::der::pem::{LineEnding, encode_string};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::model::signing_key::KeyMaterial;
use crate::ports::Random;

/// How many random bytes a generated secret has: as many as the hash's output.
const SECRET_BYTES: usize = 32;

/// A key with its private half.
#[derive(Debug)]
pub struct Generated {
    /// What is kept.
    pub material: KeyMaterial,
    /// The private key, PKCS#8 (RFC 5208) in PEM; a secret has none.
    pub private_key_pem: Option<Zeroizing<String>>,
}

/// Makes a key of an algorithm. An RSA key takes some tenths of a second of
/// computing: call it where that blocks nobody.
///
/// # Errors
/// If the machine has no randomness to give.
pub fn generate(algorithm: KeyAlgorithm, random: &dyn Random) -> Result<Generated, Error> {
    let pkcs8 = match algorithm {
        KeyAlgorithm::Rs256 => rsa(),
        KeyAlgorithm::Es256 => {
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .map(|document| Zeroizing::new(document.as_ref().to_vec()))
        }
        KeyAlgorithm::EdDsa => Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new())
            .map(|document| Zeroizing::new(document.as_ref().to_vec())),
        KeyAlgorithm::Hs256 | KeyAlgorithm::SinchHmacSha256 => {
            let mut secret = Zeroizing::new(vec![0; SECRET_BYTES]);
            random.fill(&mut secret);
            // A backend's library takes an HS256 secret as a text, and signs
            // with the bytes of that; a Sinch secret it takes as base64.
            if algorithm == KeyAlgorithm::Hs256 {
                secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(&*secret).into_bytes());
            }
            return Ok(Generated {
                material: KeyMaterial::Secret(secret),
                private_key_pem: None,
            });
        }
    };
    let pkcs8 = pkcs8.map_err(|_: Unspecified| Error::internal("no key pair could be made"))?;
    let pem = encode_string("PRIVATE KEY", LineEnding::LF, &pkcs8).map_err(Error::internal)?;
    let pem = Zeroizing::new(pem);
    let public = SigningKey::from_private_key_pem(&pem)
        .map_err(Error::internal)?
        .public_key_pem()
        .ok_or_else(|| Error::internal("a key pair has a public half"))?;
    Ok(Generated {
        material: KeyMaterial::Public(public),
        private_key_pem: Some(pem),
    })
}

fn rsa() -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
    let der: Pkcs8V1Der<'_> = pair.as_der()?;
    Ok(Zeroizing::new(der.as_ref().to_vec()))
}

#[cfg(test)]
mod tests {
    use countersign_credential::jws::key::WeakSecret;
    use countersign_credential::key::Key;

    use super::*;

    struct Counting;

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for (byte, value) in bytes.iter_mut().zip(1..) {
                *byte = value;
            }
        }
    }

    #[test]
    fn what_is_generated_is_taken_by_a_ring_and_signs() {
        for algorithm in [
            KeyAlgorithm::Rs256,
            KeyAlgorithm::Es256,
            KeyAlgorithm::EdDsa,
            KeyAlgorithm::Hs256,
            KeyAlgorithm::SinchHmacSha256,
        ] {
            let generated = generate(algorithm, &Counting).unwrap();
            match (&generated.material, &generated.private_key_pem) {
                (KeyMaterial::Public(public), Some(private)) => {
                    assert!(
                        private.starts_with("-----BEGIN PRIVATE KEY-----\n"),
                        "{algorithm}"
                    );
                    let signing = SigningKey::from_private_key_pem(private).unwrap();
                    assert_eq!(signing.public_key_pem().as_ref(), Some(public));
                    assert_eq!(signing.private_key_algorithm(), Some(algorithm));
                    Key::from_public_key_pem(algorithm, public).unwrap();
                }
                (KeyMaterial::Secret(secret), None) => {
                    Key::from_secret(algorithm, secret, WeakSecret::Refuse).unwrap();
                }
                (KeyMaterial::Public(_), None) | (KeyMaterial::Secret(_), Some(_)) => {
                    panic!("{algorithm}: the halves do not fit");
                }
            }
        }
    }
}
