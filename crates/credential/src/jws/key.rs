//! Keys that verify signatures, each for one algorithm.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ED25519, ED25519_PUBLIC_KEY_LEN, EcdsaVerificationAlgorithm, ParsedPublicKey, RsaParameters,
};
use pkcs1::RsaPublicKeyRef;
use spki::der::Decode as _;
use spki::der::asn1::AnyRef;
use spki::der::pem;
use spki::{AlgorithmIdentifierRef, ObjectIdentifier, SubjectPublicKeyInfoRef};
use thiserror::Error;

use super::algorithm::{Algorithm, Curve, Scheme};
use super::jwk::Jwk;
use super::secret::is_key_file;
use super::{ed25519, jwk, rsa};
use crate::json::{JsonError, Object};

/// A key that verifies, with the one algorithm that it is for.
///
/// It is kept parsed, so that a verification does arithmetic alone; a clone
/// shares it.
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    material: Arc<Material>,
}

/// What to do with a secret shorter than its algorithm's hash, which RFC 7518
/// section 3.2 forbids and backends have nevertheless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeakSecret {
    /// Refuse it.
    Refuse,
    /// Take it, if it is not empty. Whoever allows this tells a person.
    Allow,
}

/// The signature was not made with this key over this text. Nothing more is
/// said, because the rest would help a forger alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the signature does not match")]
pub struct SignatureMismatch;

/// Why key material is refused. No message repeats any of it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// A secret of no bytes.
    #[error("the secret is empty")]
    EmptySecret,
    /// A secret shorter than the algorithm's hash (RFC 7518 section 3.2).
    #[error("the secret has {length} bytes where {algorithm} needs {minimum}")]
    ShortSecret {
        /// The algorithm that it was meant for.
        algorithm: Algorithm,
        /// Its length in bytes.
        length: usize,
        /// The length in bytes that would do.
        minimum: usize,
    },
    /// A secret that is a key file: public ones are known to everybody, and
    /// would let everybody sign (CVE-2026-34950, CVE-2026-48526).
    #[error("the secret is a key in PEM, DER, JWK or SSH form, which is no secret")]
    SecretIsKey,
    /// A key of one kind for an algorithm of another.
    #[error("{algorithm} does not go with {found}")]
    WrongKind {
        /// The algorithm that was asked for.
        algorithm: Algorithm,
        /// The kind of key in words.
        found: &'static str,
    },
    /// A text that is not PEM (RFC 7468).
    #[error("the key is not PEM text")]
    MalformedPem,
    /// PEM text of another kind.
    #[error("the PEM text holds no public key: it must say `PUBLIC KEY` or `RSA PUBLIC KEY`")]
    UnsupportedPem,
    /// A private key. It is not read, since it should never have come here.
    #[error(
        "this is a private key: keep it on your backend, replace it if others saw it, and give \
         its public half (`openssl pkey -in FILE -pubout`)"
    )]
    PrivateKey,
    /// An X.509 certificate.
    #[error("this is a certificate: give its public key (`openssl x509 -in FILE -pubkey -noout`)")]
    Certificate,
    /// Key material that does not decode, or is no number or point that it
    /// should be.
    #[error("the key is malformed")]
    Malformed,
    /// A kind of key that no algorithm here uses.
    #[error("the key is of a kind that is not supported: RSA, EC and Ed25519 are")]
    UnsupportedKind,
    /// A curve that no algorithm here uses.
    #[error("the key's curve is not supported: P-256, P-384, P-521 and Ed25519 are")]
    UnsupportedCurve,
    /// The other curve of EdDSA (RFC 8037).
    #[error("Ed448 is not supported: use Ed25519")]
    Ed448,
    /// An Ed25519 key of small order, under which anybody can sign.
    #[error("the Ed25519 key is of small order, so that anybody could sign with it")]
    Ed25519SmallOrder,
    /// An RSA modulus that is too small to be safe or too large to be quick.
    #[error(
        "the RSA key has {bits} bits where {min} to {max} are taken",
        min = rsa::BITS_MIN,
        max = rsa::BITS_MAX
    )]
    RsaSize {
        /// The length of the modulus in bits.
        bits: usize,
    },
    /// An RSA exponent other than 65537.
    #[error("the RSA key's exponent is not 65537")]
    RsaExponent,
    /// An RSA key whose private half can be computed (CVE-2017-15361).
    #[error("the RSA key has the mark of ROCA (CVE-2017-15361): its private key can be computed")]
    RsaRoca,
    /// A JWK or set that is not strict JSON.
    #[error("the JWK is not strict JSON: {0}")]
    Json(JsonError),
    /// A member that a JWK of its kind must have.
    #[error("the JWK has no `{0}`")]
    MissingMember(&'static str),
    /// A member whose value is of the wrong type or encoding.
    #[error("the JWK's `{0}` is malformed")]
    MalformedMember(&'static str),
    /// `alg` names no signature algorithm that is known here.
    #[error("the JWK's `alg` is not a signature algorithm that is supported")]
    UnknownAlgorithm,
    /// `use` or `key_ops` say that the key is not for verifying (RFC 7517
    /// sections 4.2 and 4.3).
    #[error("the JWK is not for signatures, by its `use` or `key_ops`")]
    NotForSignatures,
    /// A set without keys.
    #[error("the JWK set has no keys")]
    EmptySet,
    /// A set of more keys than [`jwk::SET_KEYS_MAX`].
    #[error("the JWK set has more than {max} keys", max = jwk::SET_KEYS_MAX)]
    LargeSet,
    /// A set in which two keys have one `kid`, so that it names neither.
    #[error("two keys of the JWK set have the same `kid`")]
    DuplicateKid,
    /// A set of secrets and public keys: such a set is neither secret nor
    /// public, and somebody believes that it is the other.
    #[error("the JWK set mixes secrets and public keys")]
    MixedSet,
    /// A refused key of a set.
    #[error("key {position} of the JWK set: {problem}")]
    InSet {
        /// Its position, counted from 1.
        position: usize,
        /// Why it is refused.
        problem: Box<KeyError>,
    },
}

#[expect(
    clippy::large_enum_variant,
    reason = "it is always behind the Arc of its key, where a second box would only cost a hop"
)]
enum Material {
    Secret(hmac::Key),
    Public(ParsedPublicKey),
}

/// The `algorithm` of a `SubjectPublicKeyInfo`: RFC 8017 appendix A.1, RFC
/// 5480 section 2.1.1, RFC 8410 section 3.
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ED448_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.113");

// === impl VerifyingKey ===

impl VerifyingKey {
    /// The one algorithm that this key verifies.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// A shared secret for HS256, HS384 or HS512.
    ///
    /// # Errors
    /// A secret that is empty, shorter than the hash (unless allowed), or a
    /// key file; an algorithm that takes no secret.
    pub fn from_secret(
        algorithm: Algorithm,
        secret: &[u8],
        weak: WeakSecret,
    ) -> Result<Self, KeyError> {
        let Scheme::Hmac(hash) = algorithm.scheme() else {
            return Err(KeyError::WrongKind {
                algorithm,
                found: "a secret",
            });
        };
        if secret.is_empty() {
            return Err(KeyError::EmptySecret);
        }
        if is_key_file(secret) {
            return Err(KeyError::SecretIsKey);
        }
        let minimum = hash.tag_len();
        if weak == WeakSecret::Refuse && secret.len() < minimum {
            return Err(KeyError::ShortSecret {
                algorithm,
                length: secret.len(),
                minimum,
            });
        }
        let material = Material::Secret(hmac::Key::new(hash, secret));
        Ok(Self::new(algorithm, material))
    }

    /// A public key in PEM text: SPKI (`PUBLIC KEY`, RFC 5280) or PKCS#1
    /// (`RSA PUBLIC KEY`, RFC 8017). White space around it is skipped.
    ///
    /// # Errors
    /// Anything else, a private key and a certificate among it; a key that does
    /// not go with the algorithm; a weak key.
    pub fn from_public_key_pem(algorithm: Algorithm, pem: &str) -> Result<Self, KeyError> {
        // Before decoding, because an encrypted private key is not RFC 7468.
        if pem.contains("PRIVATE KEY-----") {
            return Err(KeyError::PrivateKey);
        }
        let (label, der) =
            pem::decode_vec(pem.trim().as_bytes()).map_err(|_| KeyError::MalformedPem)?;
        match label {
            "PUBLIC KEY" => Self::from_spki(algorithm, &der),
            "RSA PUBLIC KEY" => Self::from_pkcs1(algorithm, &der),
            "CERTIFICATE" => Err(KeyError::Certificate),
            _ => Err(KeyError::UnsupportedPem),
        }
    }

    /// A JSON Web Key, weak secrets refused; see [`jwk::read_jwk`].
    ///
    /// # Errors
    /// As [`jwk::read_jwk`].
    pub fn from_jwk(jwk: &Object<'_>) -> Result<Jwk, KeyError> {
        jwk::read_jwk(jwk, WeakSecret::Refuse)
    }

    /// Checks a signature over exactly these bytes. A MAC is compared in
    /// constant time.
    ///
    /// # Errors
    /// [`SignatureMismatch`], whatever is wrong with the signature.
    pub fn verify(&self, signing_input: &[u8], signature: &[u8]) -> Result<(), SignatureMismatch> {
        match self.material.as_ref() {
            Material::Secret(key) => hmac::verify(key, signing_input, signature),
            Material::Public(key) => key.verify_sig(signing_input, signature),
        }
        .map_err(|_| SignatureMismatch)
    }

    /// The key as SPKI in PEM text, or `None` for a secret.
    pub fn public_key_pem(&self) -> Option<String> {
        let Material::Public(key) = self.material.as_ref() else {
            return None;
        };
        let der = key.as_der().expect("a key that was parsed can be written");
        let text = pem::encode_string("PUBLIC KEY", pem::LineEnding::LF, der.as_ref())
            .expect("a public key is short and its label is fixed");
        Some(text)
    }

    /// An RSA key from its two numbers, big endian without leading zeros.
    pub(super) fn from_rsa(
        algorithm: Algorithm,
        modulus: &[u8],
        exponent: &[u8],
    ) -> Result<Self, KeyError> {
        let parameters: &'static RsaParameters = match algorithm.scheme() {
            Scheme::Rsa(parameters) => parameters,
            Scheme::Hmac(_) | Scheme::Ecdsa(..) | Scheme::Ed25519 => {
                return Err(KeyError::WrongKind {
                    algorithm,
                    found: "an RSA key",
                });
            }
        };
        let key = rsa::parse(modulus, exponent, parameters)?;
        Ok(Self::new(algorithm, Material::Public(key)))
    }

    /// A point on a curve, as SEC 1 section 2.3.3 writes it, compressed or not.
    pub(super) fn from_point(
        algorithm: Algorithm,
        curve: Curve,
        point: &[u8],
    ) -> Result<Self, KeyError> {
        let verification: &'static EcdsaVerificationAlgorithm = match algorithm.scheme() {
            Scheme::Ecdsa(expected, verification) if expected == curve => verification,
            Scheme::Ecdsa(..) | Scheme::Hmac(_) | Scheme::Rsa(_) | Scheme::Ed25519 => {
                return Err(KeyError::WrongKind {
                    algorithm,
                    found: curve.key_name(),
                });
            }
        };
        // The library would take a whole SPKI here as well.
        let length = match point.first() {
            Some(2 | 3) => 1 + curve.coordinate_bytes(),
            Some(4) => 1 + 2 * curve.coordinate_bytes(),
            _ => return Err(KeyError::Malformed),
        };
        if point.len() != length {
            return Err(KeyError::Malformed);
        }
        let key = ParsedPublicKey::new(verification, point).map_err(|_| KeyError::Malformed)?;
        Ok(Self::new(algorithm, Material::Public(key)))
    }

    /// The 32 bytes of an Ed25519 key (RFC 8032 section 5.1.5).
    pub(super) fn from_ed25519(algorithm: Algorithm, key: &[u8]) -> Result<Self, KeyError> {
        if algorithm != Algorithm::EdDsa {
            return Err(KeyError::WrongKind {
                algorithm,
                found: "an Ed25519 key",
            });
        }
        // The library would take a whole SPKI here as well.
        let key: &[u8; ED25519_PUBLIC_KEY_LEN] = key.try_into().map_err(|_| KeyError::Malformed)?;
        if ed25519::is_small_order(key) {
            return Err(KeyError::Ed25519SmallOrder);
        }
        let key = ParsedPublicKey::new(&ED25519, key).map_err(|_| KeyError::Malformed)?;
        Ok(Self::new(algorithm, Material::Public(key)))
    }

    fn from_spki(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| KeyError::Malformed)?;
        let key = info
            .subject_public_key
            .as_bytes()
            .ok_or(KeyError::Malformed)?;
        match info.algorithm.oid {
            RSA_ENCRYPTION if has_null_parameters(&info.algorithm) => {
                Self::from_pkcs1(algorithm, key)
            }
            EC_PUBLIC_KEY => {
                let oid = info
                    .algorithm
                    .parameters_oid()
                    .map_err(|_| KeyError::UnsupportedCurve)?;
                let curve = Curve::from_oid(oid).ok_or(KeyError::UnsupportedCurve)?;
                Self::from_point(algorithm, curve, key)
            }
            ED25519_KEY if info.algorithm.parameters.is_none() => {
                Self::from_ed25519(algorithm, key)
            }
            ED448_KEY => Err(KeyError::Ed448),
            RSA_ENCRYPTION | ED25519_KEY => Err(KeyError::Malformed),
            _ => Err(KeyError::UnsupportedKind),
        }
    }

    fn from_pkcs1(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        let key = RsaPublicKeyRef::from_der(der).map_err(|_| KeyError::Malformed)?;
        Self::from_rsa(
            algorithm,
            key.modulus.as_bytes(),
            key.public_exponent.as_bytes(),
        )
    }

    fn new(algorithm: Algorithm, material: Material) -> Self {
        Self {
            algorithm,
            material: Arc::new(material),
        }
    }
}

/// The algorithm alone, whatever the key.
impl fmt::Debug for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("VerifyingKey")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// RFC 8017 appendix A.1 wants NULL, and some writers leave it out.
fn has_null_parameters(algorithm: &AlgorithmIdentifierRef<'_>) -> bool {
    algorithm
        .parameters
        .is_none_or(|parameters| parameters == AnyRef::NULL)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8410 section 10.1.
    const ED25519_PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
        -----END PUBLIC KEY-----\n";

    fn secret(algorithm: Algorithm, bytes: &[u8], weak: WeakSecret) -> Option<KeyError> {
        VerifyingKey::from_secret(algorithm, bytes, weak).err()
    }

    fn pem(algorithm: Algorithm, text: &str) -> Option<KeyError> {
        VerifyingKey::from_public_key_pem(algorithm, text).err()
    }

    /// SPKI of an algorithm identifier and key bytes, both in hexadecimal.
    fn spki(algorithm: &str, key: &str) -> String {
        let bytes = |digits: &str| -> Vec<u8> {
            (0..digits.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
                .collect()
        };
        let tagged = |tag: u8, content: &[u8]| {
            let length = u8::try_from(content.len()).unwrap();
            assert!(length < 0x80, "the short form of a length is enough here");
            [&[tag, length], content].concat()
        };
        let algorithm = tagged(0x30, &bytes(algorithm));
        let key = tagged(0x03, &[vec![0], bytes(key)].concat());
        let der = tagged(0x30, &[algorithm, key].concat());
        pem::encode_string("PUBLIC KEY", pem::LineEnding::LF, &der).unwrap()
    }

    #[test]
    fn secrets_are_as_long_as_their_hash_unless_weak_ones_are_allowed() {
        for (algorithm, minimum) in [
            (Algorithm::Hs256, 32),
            (Algorithm::Hs384, 48),
            (Algorithm::Hs512, 64),
        ] {
            let long = vec![0x20; minimum];
            let short = &long[1..];
            assert_eq!(secret(algorithm, &long, WeakSecret::Refuse), None);
            assert_eq!(
                secret(algorithm, short, WeakSecret::Refuse),
                Some(KeyError::ShortSecret {
                    algorithm,
                    length: minimum - 1,
                    minimum
                })
            );
            for weak in [WeakSecret::Refuse, WeakSecret::Allow] {
                assert_eq!(secret(algorithm, b"", weak), Some(KeyError::EmptySecret));
                assert_eq!(
                    secret(algorithm, ED25519_PEM.as_bytes(), weak),
                    Some(KeyError::SecretIsKey)
                );
            }
            assert_eq!(secret(algorithm, b"x", WeakSecret::Allow), None);
        }
        assert_eq!(
            secret(Algorithm::Es256, &[7; 32], WeakSecret::Allow),
            Some(KeyError::WrongKind {
                algorithm: Algorithm::Es256,
                found: "a secret"
            })
        );
    }

    #[test]
    fn pem_is_public_and_goes_with_its_algorithm() {
        let key = VerifyingKey::from_public_key_pem(Algorithm::EdDsa, ED25519_PEM).unwrap();
        assert_eq!(key.public_key_pem().as_deref(), Some(ED25519_PEM));
        let windows = format!("\r\n {}", ED25519_PEM.replace('\n', "\r\n"));
        assert_eq!(pem(Algorithm::EdDsa, &windows), None);
        let wrong = |algorithm| {
            Some(KeyError::WrongKind {
                algorithm,
                found: "an Ed25519 key",
            })
        };
        for algorithm in [Algorithm::Hs256, Algorithm::Rs256, Algorithm::Es256] {
            assert_eq!(pem(algorithm, ED25519_PEM), wrong(algorithm));
        }
        let with_label = |label: &str| ED25519_PEM.replace("PUBLIC KEY", label);
        for (label, expected) in [
            ("PRIVATE KEY", KeyError::PrivateKey),
            ("RSA PRIVATE KEY", KeyError::PrivateKey),
            ("ENCRYPTED PRIVATE KEY", KeyError::PrivateKey),
            ("CERTIFICATE", KeyError::Certificate),
            ("EC PARAMETERS", KeyError::UnsupportedPem),
            ("RSA PUBLIC KEY", KeyError::Malformed),
        ] {
            assert_eq!(pem(Algorithm::EdDsa, &with_label(label)), Some(expected));
        }
        let legacy = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIB\n";
        assert_eq!(pem(Algorithm::Rs256, legacy), Some(KeyError::PrivateKey));
        for text in ["", "MCowBQYDK2VwAyEA", &ED25519_PEM[..60]] {
            assert_eq!(pem(Algorithm::EdDsa, text), Some(KeyError::MalformedPem));
        }
        let twice = ED25519_PEM.repeat(2);
        assert_eq!(pem(Algorithm::EdDsa, &twice), Some(KeyError::MalformedPem));
    }

    #[test]
    fn spki_names_what_it_holds() {
        let ed25519 = "06032b6570";
        let p256 = "06072a8648ce3d020106082a8648ce3d030107";
        let point = format!("04{}{}", "11".repeat(32), "22".repeat(32));
        for (algorithm, text, expected) in [
            (
                Algorithm::EdDsa,
                spki(ed25519, &"09".repeat(31)),
                KeyError::Malformed,
            ),
            (
                Algorithm::EdDsa,
                spki(ed25519, &"00".repeat(32)),
                KeyError::Ed25519SmallOrder,
            ),
            (
                Algorithm::EdDsa,
                spki("06032b65700500", &"09".repeat(32)),
                KeyError::Malformed,
            ),
            (
                Algorithm::EdDsa,
                spki("06032b6571", &"09".repeat(57)),
                KeyError::Ed448,
            ),
            // X25519, which signs nothing.
            (
                Algorithm::EdDsa,
                spki("06032b656e", &"09".repeat(32)),
                KeyError::UnsupportedKind,
            ),
            // Not on the curve.
            (Algorithm::Es256, spki(p256, &point), KeyError::Malformed),
            // The hybrid form, and the point at infinity.
            (
                Algorithm::Es256,
                spki(p256, &point.replacen("04", "06", 1)),
                KeyError::Malformed,
            ),
            (Algorithm::Es256, spki(p256, "00"), KeyError::Malformed),
            // secp256k1, and a curve that is not named.
            (
                Algorithm::Es256,
                spki("06072a8648ce3d020106052b8104000a", &point),
                KeyError::UnsupportedCurve,
            ),
            (
                Algorithm::Es256,
                spki("06072a8648ce3d0201", &point),
                KeyError::UnsupportedCurve,
            ),
            // RSA with parameters that are not NULL.
            (
                Algorithm::Rs256,
                spki("06092a864886f70d0101013000", "00"),
                KeyError::Malformed,
            ),
            // RSASSA-PSS as the key's own algorithm.
            (
                Algorithm::Ps256,
                spki("06092a864886f70d01010a", "00"),
                KeyError::UnsupportedKind,
            ),
        ] {
            assert_eq!(pem(algorithm, &text), Some(expected), "{text}");
        }
    }

    #[test]
    fn debug_prints_no_key() {
        let key =
            VerifyingKey::from_secret(Algorithm::Hs256, b"hunter2", WeakSecret::Allow).unwrap();
        assert_eq!(format!("{key:?}"), "VerifyingKey { algorithm: Hs256, .. }");
        assert_eq!(key.public_key_pem(), None);
    }
}
