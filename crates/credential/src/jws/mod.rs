//! Compact JSON Web Signatures (RFC 7515) with the algorithms of RFC 7518 and
//! RFC 8037.
//!
//! The order is fixed: all three parts are decoded strictly, then the header
//! is read, then the one algorithm of the key is compared, then the signature
//! is checked, and only then does anybody see the payload. A key carries its
//! one algorithm, so no header can choose another.
//!
//! Absent on purpose: `none`, encryption (JWE), the JSON serializations,
//! unencoded payloads (RFC 7797), and keys that a header names or carries.

pub mod algorithm;
pub mod compact;
mod ed25519;
pub mod header;
pub mod jwk;
pub mod key;
mod rsa;
mod secret;

use thiserror::Error;

use self::algorithm::Algorithm;
use self::compact::CompactError;
use self::header::HeaderError;
use self::key::{SignatureMismatch, VerifyingKey};

/// Why a compact JWS was not verified.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The text is not a compact JWS.
    #[error(transparent)]
    Compact(#[from] CompactError),
    /// The header is malformed or says what is not supported.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The header's algorithm is not the key's. What the header said is not
    /// repeated: it is a stranger's text.
    #[error("the header's algorithm is not {key}, which is the key's")]
    AlgorithmMismatch {
        /// The algorithm that the key is for.
        key: Algorithm,
    },
    /// The signature was not made with this key over this text.
    #[error(transparent)]
    Signature(#[from] SignatureMismatch),
}

/// Verifies a compact JWS with one key and returns its payload.
///
/// Any `typ` is taken, because a signature may stand for anything; what a
/// credential's `typ` may be is [`header::read_header`]'s matter. Nothing is
/// said about claims: the payload may be any bytes.
///
/// # Errors
/// The first check that failed, in the order of the module's doc.
pub fn verify(text: &str, key: &VerifyingKey) -> Result<Vec<u8>, VerifyError> {
    let compact = compact::split(text)?;
    let header = header::read_header_of_any_type(&compact.header)?;
    if Algorithm::from_name(&header.algorithm_name) != Some(key.algorithm()) {
        return Err(VerifyError::AlgorithmMismatch {
            key: key.algorithm(),
        });
    }
    key.verify(compact.signing_input, &compact.signature)?;
    Ok(compact.payload)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
        ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair,
        KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256,
        RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
    };
    use aws_lc_rs::{hmac, rand};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use pkcs1::RsaPublicKeyRef;
    use spki::der::{Decode as _, pem};

    use super::jwk::read_jwk_set;
    use super::key::WeakSecret;
    use super::*;

    /// Two RSA keys in PKCS#8 for all tests, because making one takes its time.
    static RSA_KEYS: LazyLock<[Pkcs8V1Der<'static>; 2]> = LazyLock::new(|| {
        [(), ()].map(|()| {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
            pair.as_der().unwrap()
        })
    });

    /// Makes signatures of one algorithm with a key of its own.
    struct Signer {
        algorithm: Algorithm,
        secret: Secret,
    }

    enum Secret {
        Hmac(Vec<u8>, hmac::Algorithm),
        Rsa(RsaKeyPair, &'static dyn RsaEncoding),
        Ecdsa(EcdsaKeyPair, &'static str),
        Ed25519(Ed25519KeyPair),
    }

    impl Signer {
        /// A signer with a fresh key, or for RSA with the one of this number.
        fn new(algorithm: Algorithm, number: usize) -> Self {
            let rsa_key = |encoding| {
                let pair = RsaKeyPair::from_pkcs8(RSA_KEYS[number].as_ref()).unwrap();
                Secret::Rsa(pair, encoding)
            };
            let secret = match algorithm {
                Algorithm::Hs256 => random_secret(hmac::HMAC_SHA256),
                Algorithm::Hs384 => random_secret(hmac::HMAC_SHA384),
                Algorithm::Hs512 => random_secret(hmac::HMAC_SHA512),
                Algorithm::Rs256 => rsa_key(&RSA_PKCS1_SHA256),
                Algorithm::Rs384 => rsa_key(&RSA_PKCS1_SHA384),
                Algorithm::Rs512 => rsa_key(&RSA_PKCS1_SHA512),
                Algorithm::Ps256 => rsa_key(&RSA_PSS_SHA256),
                Algorithm::Ps384 => rsa_key(&RSA_PSS_SHA384),
                Algorithm::Ps512 => rsa_key(&RSA_PSS_SHA512),
                Algorithm::Es256 => ec_key(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256"),
                Algorithm::Es384 => ec_key(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"),
                Algorithm::Es512 => ec_key(&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521"),
                Algorithm::EdDsa => Secret::Ed25519(Ed25519KeyPair::generate().unwrap()),
            };
            Self { algorithm, secret }
        }

        fn sign(&self, header: &str, payload: &str) -> String {
            let input = format!("{}.{}", encode(header), encode(payload));
            let rng = SystemRandom::new();
            let signature = match &self.secret {
                Secret::Hmac(secret, hash) => {
                    let key = hmac::Key::new(*hash, secret);
                    hmac::sign(&key, input.as_bytes()).as_ref().to_vec()
                }
                Secret::Rsa(pair, encoding) => {
                    let mut signature = vec![0; pair.public_modulus_len()];
                    pair.sign(*encoding, &rng, input.as_bytes(), &mut signature)
                        .unwrap();
                    signature
                }
                Secret::Ecdsa(pair, _) => {
                    let signature = pair.sign(&rng, input.as_bytes()).unwrap();
                    signature.as_ref().to_vec()
                }
                Secret::Ed25519(pair) => pair.sign(input.as_bytes()).as_ref().to_vec(),
            };
            format!("{input}.{}", encode(signature))
        }

        fn header(&self) -> String {
            format!(r#"{{"alg":"{}"}}"#, self.algorithm)
        }

        fn jwk(&self) -> VerifyingKey {
            let algorithm = self.algorithm;
            let members = match &self.secret {
                Secret::Hmac(secret, _) => format!(r#""kty":"oct","k":"{}""#, encode(secret)),
                Secret::Rsa(pair, _) => {
                    let key = RsaPublicKeyRef::from_der(pair.public_key().as_ref()).unwrap();
                    let modulus = encode(key.modulus.as_bytes());
                    format!(r#""kty":"RSA","n":"{modulus}","e":"AQAB""#)
                }
                Secret::Ecdsa(pair, curve) => {
                    let (x, y) = {
                        let point = &pair.public_key().as_ref()[1..];
                        point.split_at(point.len() / 2)
                    };
                    let (x, y) = (encode(x), encode(y));
                    format!(r#""kty":"EC","crv":"{curve}","x":"{x}","y":"{y}""#)
                }
                Secret::Ed25519(pair) => {
                    let key = encode(pair.public_key());
                    format!(r#""kty":"OKP","crv":"Ed25519","x":"{key}""#)
                }
            };
            let text = format!(r#"{{{members},"alg":"{algorithm}"}}"#);
            let mut keys = read_jwk_set(text.as_bytes(), WeakSecret::Refuse).unwrap();
            keys.remove(0).key
        }

        /// The same key by its other ways in: PEM of either kind, or bytes.
        fn others(&self) -> Vec<VerifyingKey> {
            let spki: PublicKeyX509Der<'_> = match &self.secret {
                Secret::Hmac(secret, _) => {
                    let key = VerifyingKey::from_secret(self.algorithm, secret, WeakSecret::Refuse);
                    return vec![key.unwrap()];
                }
                Secret::Rsa(pair, _) => pair.public_key().as_der().unwrap(),
                Secret::Ecdsa(pair, _) => pair.public_key().as_der().unwrap(),
                Secret::Ed25519(pair) => pair.public_key().as_der().unwrap(),
            };
            let mut texts = vec![to_pem("PUBLIC KEY", spki.as_ref())];
            if let Secret::Rsa(pair, _) = &self.secret {
                texts.push(to_pem("RSA PUBLIC KEY", pair.public_key().as_ref()));
            }
            texts
                .iter()
                .map(|text| VerifyingKey::from_public_key_pem(self.algorithm, text).unwrap())
                .collect()
        }
    }

    fn random_secret(hash: hmac::Algorithm) -> Secret {
        let mut secret = vec![0; hash.tag_len()];
        rand::fill(&mut secret).unwrap();
        Secret::Hmac(secret, hash)
    }

    fn ec_key(algorithm: &'static EcdsaSigningAlgorithm, curve: &'static str) -> Secret {
        Secret::Ecdsa(EcdsaKeyPair::generate(algorithm).unwrap(), curve)
    }

    fn to_pem(label: &str, der: &[u8]) -> String {
        pem::encode_string(label, pem::LineEnding::LF, der).unwrap()
    }

    fn encode(bytes: impl AsRef<[u8]>) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    #[test]
    fn every_algorithm_accepts_its_own_and_nothing_else() {
        let mismatch = Err(VerifyError::Signature(SignatureMismatch));
        for algorithm in Algorithm::ALL {
            let signer = Signer::new(algorithm, 0);
            let key = signer.jwk();
            let text = signer.sign(&signer.header(), "{}");
            assert_eq!(verify(&text, &key), Ok(b"{}".to_vec()), "{algorithm}");
            for other in signer.others() {
                assert_eq!(verify(&text, &other), Ok(b"{}".to_vec()), "{algorithm}");
                assert_eq!(other.public_key_pem(), key.public_key_pem());
            }

            let (input, signature) = text.rsplit_once('.').unwrap();
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            let with = |bytes: &[u8]| format!("{input}.{}", encode(bytes));
            for at in [0, signature.len() / 2, signature.len() - 1] {
                let mut changed = signature.clone();
                changed[at] ^= 1;
                assert_eq!(verify(&with(&changed), &key), mismatch, "{algorithm} {at}");
            }
            let long = [&signature[..], &[0]].concat();
            let zero = vec![0; signature.len()];
            for forged in [&[][..], &signature[1..], &long, &zero] {
                assert_eq!(verify(&with(forged), &key), mismatch, "{algorithm}");
            }

            let header = encode(signer.header());
            let spaced = encode(format!("{} ", signer.header()));
            let changed = [
                text.replacen(&encode("{}"), &encode("[]"), 1),
                text.replacen(&header, &spaced, 1),
                Signer::new(algorithm, 1).sign(&signer.header(), "{}"),
            ];
            for text in changed {
                assert_eq!(verify(&text, &key), mismatch, "{algorithm}");
            }
        }
    }

    #[test]
    fn the_key_and_not_the_header_has_the_algorithm() {
        let signer = Signer::new(Algorithm::Rs256, 0);
        let key = signer.jwk();
        for name in ["none", "HS256", "PS256", "RS384", "rs256", ""] {
            let text = signer.sign(&format!(r#"{{"alg":"{name}"}}"#), "{}");
            let expected = VerifyError::AlgorithmMismatch {
                key: Algorithm::Rs256,
            };
            assert_eq!(verify(&text, &key), Err(expected), "{name}");
        }
        let typed = signer.sign(r#"{"typ":"JOSE","alg":"RS256"}"#, "");
        assert_eq!(verify(&typed, &key), Ok(Vec::new()), "any type, no payload");
    }

    #[test]
    fn messages_say_what_is_wrong_and_repeat_nothing() {
        let key = Signer::new(Algorithm::Hs256, 0).jwk();
        let header = encode(r#"{"alg":"HS256"}"#);
        let cases = [
            (
                "secret".to_owned(),
                "a signed token has 3 parts between dots, and this has 1",
            ),
            (
                format!("{header}.e30.c2VjcmV0="),
                "the signature is not canonical base64url without padding",
            ),
            (
                format!("{}.e30.c2VjcmV0", encode("{}")),
                "the header has no `alg`",
            ),
            (
                format!("{}.e30.c2VjcmV0", encode(r#"{"alg":"secret"}"#)),
                "the header's algorithm is not HS256, which is the key's",
            ),
            (
                format!("{header}.e30.c2VjcmV0"),
                "the signature does not match",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(verify(&text, &key).unwrap_err().to_string(), expected);
        }
    }
}
