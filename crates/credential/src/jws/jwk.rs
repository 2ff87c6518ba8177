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

/// What only the private form of an asymmetric key has (RFC 7518 sections
/// 6.2.2 and 6.3.2, RFC 8037 section 2).
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

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
    read_jwk_for(jwk, None, weak)
}

/// Reads one JWK as [`read_jwk`] does, where whoever registers the key says its
/// algorithm: many programs write an RSA key without `alg`. One that the JWK
/// names itself goes first.
///
/// # Errors
/// As [`read_jwk`].
pub fn read_jwk_for(
    jwk: &Object<'_>,
    registered_for: Option<Algorithm>,
    weak: WeakSecret,
) -> Result<Jwk, KeyError> {
    let kid = text(jwk, "kid")?.map(str::to_owned);
    let kind = text(jwk, "kty")?.ok_or(KeyError::MissingMember("kty"))?;
    let is_secret = kind == "oct";
    if !is_secret && PRIVATE.iter().any(|name| jwk.get(name).is_some()) {
        return Err(KeyError::PrivateKey);
    }
    check_purpose(jwk, is_secret)?;
    let named = text(jwk, "alg")?
        .map(|name| Algorithm::from_name(name).ok_or(KeyError::UnknownAlgorithm))
        .transpose()?
        .or(registered_for);
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    /// RFC 7515 appendix A.3.
    const POINT: &str = r#""x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#;
    /// RFC 8037 appendix A.2.
    const ED25519: &str =
        r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;

    fn oct(rest: &str) -> String {
        format!(r#"{{"kty":"oct","k":"{SECRET}"{rest}}}"#)
    }

    fn ec(rest: &str) -> String {
        format!(r#"{{"kty":"EC","crv":"P-256",{POINT}{rest}}}"#)
    }

    fn okp(rest: &str) -> String {
        format!("{{{ED25519}{rest}}}")
    }

    fn check(text: &str, expected: Result<Algorithm, KeyError>) {
        let found =
            read_jwk_set(text.as_bytes(), WeakSecret::Refuse).map(|keys| keys[0].key.algorithm());
        assert_eq!((text, found), (text, expected));
    }

    #[test]
    fn the_algorithm_is_named_or_follows_from_the_curve() {
        check(&ec(""), Ok(Algorithm::Es256));
        check(&ec(r#","alg":"ES256""#), Ok(Algorithm::Es256));
        check(&okp(""), Ok(Algorithm::EdDsa));
        check(&okp(r#","alg":"EdDSA""#), Ok(Algorithm::EdDsa));
        check(&oct(r#","alg":"HS256""#), Ok(Algorithm::Hs256));
        check(&oct(""), Err(KeyError::MissingMember("alg")));
        check(
            r#"{"kty":"RSA","n":"AQ","e":"AQAB"}"#,
            Err(KeyError::MissingMember("alg")),
        );
        for name in ["none", "es256", "ES256K", "A256GCM", ""] {
            check(
                &ec(&format!(r#","alg":"{name}""#)),
                Err(KeyError::UnknownAlgorithm),
            );
        }
        check(&ec(r#","alg":null"#), Err(KeyError::MalformedMember("alg")));
    }

    #[test]
    fn an_algorithm_beside_the_key_stands_in_where_the_key_names_none() {
        let read = |text: &str, beside| {
            let document = json::read_object(text.as_bytes()).unwrap();
            let read = read_jwk_for(&document, Some(beside), WeakSecret::Refuse);
            read.map(|jwk| jwk.key.algorithm())
        };
        assert_eq!(read(&oct(""), Algorithm::Hs256), Ok(Algorithm::Hs256));
        let named = oct(r#","alg":"HS256""#);
        assert_eq!(read(&named, Algorithm::Hs512), Ok(Algorithm::Hs256));
        let wrong = Err(KeyError::WrongKind {
            algorithm: Algorithm::Hs256,
            found: "a P-256 key",
        });
        assert_eq!(read(&ec(""), Algorithm::Hs256), wrong);
    }

    #[test]
    fn the_algorithm_goes_with_the_key() {
        let wrong = |algorithm, found| Err(KeyError::WrongKind { algorithm, found });
        check(
            &ec(r#","alg":"ES384""#),
            wrong(Algorithm::Es384, "a P-256 key"),
        );
        check(
            &ec(r#","alg":"HS256""#),
            wrong(Algorithm::Hs256, "a P-256 key"),
        );
        check(
            &okp(r#","alg":"ES256""#),
            wrong(Algorithm::Es256, "an Ed25519 key"),
        );
        check(
            &oct(r#","alg":"RS256""#),
            wrong(Algorithm::Rs256, "a secret"),
        );
    }

    #[test]
    fn only_keys_for_signatures_are_read() {
        for rest in [
            r#","use":"sig""#,
            r#","key_ops":["verify"]"#,
            r#","key_ops":["sign","verify"],"use":"sig""#,
        ] {
            check(&ec(rest), Ok(Algorithm::Es256));
        }
        for rest in [
            r#","use":"enc""#,
            r#","use":"""#,
            r#","key_ops":[]"#,
            r#","key_ops":["sign"]"#,
            r#","key_ops":["encrypt"]"#,
            r#","key_ops":["verify"],"use":"enc""#,
        ] {
            check(&ec(rest), Err(KeyError::NotForSignatures));
        }
        check(
            &oct(r#","alg":"HS256","key_ops":["sign"]"#),
            Ok(Algorithm::Hs256),
        );
        check(&ec(r#","use":7"#), Err(KeyError::MalformedMember("use")));
        for rest in [r#","key_ops":"verify""#, r#","key_ops":["verify",1]"#] {
            check(&ec(rest), Err(KeyError::MalformedMember("key_ops")));
        }
    }

    #[test]
    fn malformed_weak_and_private_keys_are_refused() {
        for name in PRIVATE {
            check(
                &ec(&format!(r#","{name}":"AQ""#)),
                Err(KeyError::PrivateKey),
            );
        }
        let short = KeyError::ShortSecret {
            algorithm: Algorithm::Hs512,
            length: 32,
            minimum: 64,
        };
        check(&oct(r#","alg":"HS512""#), Err(short));
        let cases = [
            (r#"{"kty":"EC"}"#, KeyError::MissingMember("crv")),
            (
                r#"{"kty":"EC","crv":"P-256"}"#,
                KeyError::MissingMember("x"),
            ),
            (
                r#"{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}"#,
                KeyError::MalformedMember("x"),
            ),
            (
                r#"{"kty":"EC","crv":"secp256k1"}"#,
                KeyError::UnsupportedCurve,
            ),
            (r#"{"kty":"OKP","crv":"Ed448","x":"AQ"}"#, KeyError::Ed448),
            (
                r#"{"kty":"OKP","crv":"X25519","x":"AQ"}"#,
                KeyError::UnsupportedCurve,
            ),
            (
                r#"{"kty":"OKP","crv":"Ed25519","x":"AQ"}"#,
                KeyError::Malformed,
            ),
            (
                r#"{"kty":"OKP","crv":"Ed25519","x":"AQ=="}"#,
                KeyError::MalformedMember("x"),
            ),
            (r#"{"kty":"ec"}"#, KeyError::UnsupportedKind),
            (r#"{"alg":"HS256"}"#, KeyError::MissingMember("kty")),
            (
                r#"{"kty":"oct","kid":null}"#,
                KeyError::MalformedMember("kid"),
            ),
        ];
        for (text, expected) in cases {
            check(text, Err(expected));
        }
        let error = read_jwk_set(b"{\"kty\":\"oct\",\"kty\":\"EC\"}", WeakSecret::Refuse);
        assert!(matches!(error, Err(KeyError::Json(_))));
    }

    #[test]
    fn a_set_is_taken_whole_or_not_at_all() {
        let set = |keys: &[String]| format!(r#"{{"keys":[{}]}}"#, keys.join(","));
        let hs256 = |kid: &str| oct(&format!(r#","alg":"HS256"{kid}"#));
        let keys = set(&[ec(r#","kid":"a""#), okp(r#","kid":"b""#), ec("")]);
        let read = read_jwk_set(keys.as_bytes(), WeakSecret::Refuse).unwrap();
        let kids: Vec<Option<&str>> = read.iter().map(|jwk| jwk.kid.as_deref()).collect();
        assert_eq!(kids, [Some("a"), Some("b"), None]);

        check(
            &set(&[ec(r#","kid":"a""#), okp(r#","k\u0069d":"a""#)]),
            Err(KeyError::DuplicateKid),
        );
        check(&set(&[ec(""), ec("")]), Ok(Algorithm::Es256));
        check(&set(&[ec(""), hs256("")]), Err(KeyError::MixedSet));
        check(&set(&[hs256("")]), Ok(Algorithm::Hs256));
        check(
            &set(&[ec(""), ec(r#","use":"enc""#)]),
            Err(KeyError::InSet {
                position: 2,
                problem: Box::new(KeyError::NotForSignatures),
            }),
        );
        check(
            &set(&["7".to_owned()]),
            Err(KeyError::InSet {
                position: 1,
                problem: Box::new(KeyError::MalformedMember("keys")),
            }),
        );
        check(&set(&[]), Err(KeyError::EmptySet));
        check(r#"{"keys":{}}"#, Err(KeyError::MalformedMember("keys")));
        check(&ec(r#","keys":[]"#), Err(KeyError::MalformedMember("keys")));
        check(&set(&vec![okp(""); SET_KEYS_MAX]), Ok(Algorithm::EdDsa));
        check(
            &set(&vec![okp(""); SET_KEYS_MAX + 1]),
            Err(KeyError::LargeSet),
        );
    }

    #[test]
    fn one_key_alone_refuses_weak_secrets() {
        let text = r#"{"kty":"oct","alg":"HS256","k":"AQ"}"#;
        let object = json::read_object(text.as_bytes()).unwrap();
        assert!(matches!(
            VerifyingKey::from_jwk(&object),
            Err(KeyError::ShortSecret { .. })
        ));
        assert!(read_jwk(&object, WeakSecret::Allow).is_ok());
        assert!(read_jwk_set(text.as_bytes(), WeakSecret::Allow).is_ok());
    }
}
