//! JSON Web Keys and sets of them (RFC 7517), as far as they verify.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Curve};
use super::key::{KeyError, VerifyingKey, WeakSecret};
use crate::json::{self, Object, Value};

/// The most keys that are read of one set.
pub const SET_KEYS_MAX: usize = 100;

/// A key with the name that its maker gave it.
#[derive(Debug, Clone)]
pub struct Jwk {
    /// `kid`, any text.
    pub kid: Option<String>,
    /// The key.
    pub key: VerifyingKey,
}

/// Reads a JWK set, or a single JWK, which is one key.
///
/// A set is taken whole or not at all: RFC 7517 section 5 would have unusable
/// keys skipped, and then nobody learns that the key they count on is one.
///
/// # Errors
/// What is not strict JSON, a set without keys, with a `kid` twice, or with
/// secrets and public keys, and any key that [`read_jwk`] refuses.
pub fn read_jwk_set(bytes: &[u8], weak: WeakSecret) -> Result<Vec<Jwk>, KeyError> {
    let document = json::read_object(bytes).map_err(KeyError::Json)?;
    let Some(keys) = document.get("keys") else {
        return Ok(vec![read_jwk(&document, weak)?]);
    };
    // A document that is both says one thing to one reader and another to the
    // next.
    if document.get("kty").is_some() {
        return Err(KeyError::MalformedMember("keys"));
    }
    let keys = keys.as_array().ok_or(KeyError::MalformedMember("keys"))?;
    if keys.is_empty() {
        return Err(KeyError::EmptySet);
    }
    if keys.len() > SET_KEYS_MAX {
        return Err(KeyError::LargeSet);
    }
    let set = keys
        .iter()
        .zip(1..)
        .map(|(value, position)| {
            value
                .as_object()
                .ok_or(KeyError::MalformedMember("keys"))
                .and_then(|jwk| read_jwk(jwk, weak))
                .map_err(|problem| KeyError::InSet {
                    position,
                    problem: Box::new(problem),
                })
        })
        .collect::<Result<Vec<Jwk>, KeyError>>()?;
    let mut kids = HashSet::new();
    if !set
        .iter()
        .filter_map(|jwk| jwk.kid.as_deref())
        .all(|kid| kids.insert(kid))
    {
        return Err(KeyError::DuplicateKid);
    }
    let is_symmetric = |jwk: &Jwk| jwk.key.algorithm().is_symmetric();
    if set.iter().any(is_symmetric) && !set.iter().all(is_symmetric) {
        return Err(KeyError::MixedSet);
    }
    Ok(set)
}

/// Reads one JWK.
///
/// A key without `alg` has the one of its curve. RSA keys and secrets have
/// several, and must say which.
///
/// An asymmetric JWK with private members is refused, although its public half
/// could be taken: a private key that came here is known to one party too many,
/// and its owner should hear of it. A private key in PEM is refused for the
/// same reason. Nothing is lost: whoever can write the private form can write
/// the public one.
///
/// # Errors
/// A JWK that is not for signatures, is malformed or weak, or whose algorithm
/// is unknown or does not go with its key.
pub fn read_jwk(jwk: &Object<'_>, weak: WeakSecret) -> Result<Jwk, KeyError> {
    let kid = text(jwk, "kid")?.map(str::to_owned);
    let kind = text(jwk, "kty")?.ok_or(KeyError::MissingMember("kty"))?;
    let is_secret = kind == "oct";
    if !is_secret && jwk.get("d").is_some() {
        return Err(KeyError::PrivateKey);
    }
    check_purpose(jwk, is_secret)?;
    let named = text(jwk, "alg")?
        .map(|name| Algorithm::from_name(name).ok_or(KeyError::UnknownAlgorithm))
        .transpose()?;
    let must_be_named = || named.ok_or(KeyError::MissingMember("alg"));
    let key = match kind {
        "oct" => {
            let algorithm = must_be_named()?;
            VerifyingKey::from_secret(algorithm, &bytes(jwk, "k")?, weak)?
        }
        "RSA" => {
            let algorithm = must_be_named()?;
            VerifyingKey::from_rsa(algorithm, &bytes(jwk, "n")?, &bytes(jwk, "e")?)?
        }
        "EC" => {
            let name = text(jwk, "crv")?.ok_or(KeyError::MissingMember("crv"))?;
            let curve = Curve::from_name(name).ok_or(KeyError::UnsupportedCurve)?;
            let point = point(jwk, curve)?;
            VerifyingKey::from_point(named.unwrap_or(curve.algorithm()), curve, &point)?
        }
        "OKP" => match text(jwk, "crv")?.ok_or(KeyError::MissingMember("crv"))? {
            "Ed25519" => {
                let algorithm = named.unwrap_or(Algorithm::EdDsa);
                VerifyingKey::from_ed25519(algorithm, &bytes(jwk, "x")?)?
            }
            "Ed448" => return Err(KeyError::Ed448),
            _ => return Err(KeyError::UnsupportedCurve),
        },
        _ => return Err(KeyError::UnsupportedKind),
    };
    Ok(Jwk { kid, key })
}

/// `use` is `sig` where it is there; `key_ops` holds `verify` where it is
/// there, or `sign` for a secret, since who may sign with one can verify.
fn check_purpose(jwk: &Object<'_>, is_secret: bool) -> Result<(), KeyError> {
    if text(jwk, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(KeyError::NotForSignatures);
    }
    let Some(operations) = jwk.get("key_ops") else {
        return Ok(());
    };
    let operations = operations
        .as_array()
        .ok_or(KeyError::MalformedMember("key_ops"))?
        .iter()
        .map(Value::as_str)
        .collect::<Option<Vec<&str>>>()
        .ok_or(KeyError::MalformedMember("key_ops"))?;
    if operations.contains(&"verify") || (is_secret && operations.contains(&"sign")) {
        Ok(())
    } else {
        Err(KeyError::NotForSignatures)
    }
}

/// The uncompressed point of SEC 1 section 2.3.3.
fn point(jwk: &Object<'_>, curve: Curve) -> Result<Vec<u8>, KeyError> {
    let mut point = vec![4];
    for name in ["x", "y"] {
        let coordinate = bytes(jwk, name)?;
        if coordinate.len() != curve.coordinate_bytes() {
            return Err(KeyError::MalformedMember(name));
        }
        point.extend_from_slice(&coordinate);
    }
    Ok(point)
}

fn bytes(jwk: &Object<'_>, name: &'static str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let text = text(jwk, name)?.ok_or(KeyError::MissingMember(name))?;
    URL_SAFE_NO_PAD
        .decode(text)
        .map(Zeroizing::new)
        .map_err(|_| KeyError::MalformedMember(name))
}

fn text<'a>(jwk: &'a Object<'_>, name: &'static str) -> Result<Option<&'a str>, KeyError> {
    jwk.get(name)
        .map(|value| value.as_str().ok_or(KeyError::MalformedMember(name)))
        .transpose()
}
