//! The signature layer against Project Wycheproof, and against C2SP's corner
//! cases of Ed25519.
//!
//! What is asserted is the signature layer alone. Tokens with an empty payload
//! or one that is no JSON (259 to 275 and 320 to 328 of the JWS file among
//! them) are valid signatures, and are accepted here as they are labelled; a
//! credential that says nothing is refused where claims are read.

use countersign_credential::jws;
use countersign_credential::jws::VerifyError;
use countersign_credential::jws::algorithm::Algorithm;
use countersign_credential::jws::jwk::{Jwk, read_jwk_set};
use countersign_credential::jws::key::{KeyError, VerifyingKey, WeakSecret};
use serde_json::Value;

mod support;

/// Where we differ from a label of the JWS file: case, what we assert, why.
const ADJUDICATED: [(u64, bool, &str); 8] = [
    (367, true, "byte for byte case 357, which is labelled valid"),
    (370, true, "byte for byte case 357, which is labelled valid"),
    (372, false, "`?` is no base64url (RFC 7515 section 2)"),
    (373, false, "`?` is no base64url (RFC 7515 section 2)"),
    (346, false, "the key is for PS256, the header says PS384"),
    (350, false, "the key is for PS256, the header says PS384"),
    (347, false, "the key's `alg`, ES521, is no registered name"),
    (351, false, "the key's `alg`, ES521, is no registered name"),
];

#[test]
fn json_web_signature() {
    let Some(file) = support::read_vectors("wycheproof/json_web_signature_test.json") else {
        return;
    };
    let mut accepted = 0;
    let mut seen = 0;
    for (group, case) in cases(&file) {
        seen += 1;
        let id = case["tcId"].as_u64().unwrap();
        let labelled = is_labelled_valid(case);
        let adjudicated = ADJUDICATED.iter().find(|(other, ..)| *other == id);
        if let Some((_, expected, why)) = adjudicated {
            assert_ne!(labelled, *expected, "{id} needs no exception: {why}");
        }
        let expected = adjudicated.map_or(labelled, |(_, expected, _)| *expected);
        let found = verify_with(&keys_of(group), &token(&case["jws"]));
        assert_eq!(found.is_ok(), expected, "{id}: {found:?}");
        accepted += u32::from(expected);
    }
    assert_eq!((seen, accepted), (401, 42));
}

#[test]
fn json_web_key() {
    let Some(file) = support::read_vectors("wycheproof/json_web_key_test.json") else {
        return;
    };
    let mut seen = 0;
    for (group, case) in cases(&file) {
        seen += 1;
        let found = verify_with(&keys_of(group), &token(&case["jws"]));
        assert_eq!(
            found.is_ok(),
            is_labelled_valid(case),
            "{}: {found:?}",
            case["tcId"]
        );
    }
    assert_eq!(seen, 26);
}

/// Why each key of the JWK file that must not be used is not: a refusal for
/// another reason would be an accident.
#[test]
fn json_web_key_reasons() {
    let Some(file) = support::read_vectors("wycheproof/json_web_key_test.json") else {
        return;
    };
    let short = |algorithm, length| KeyError::ShortSecret {
        algorithm,
        length,
        minimum: length + 1,
    };
    let malformed_second = KeyError::InSet {
        position: 2,
        problem: Box::new(KeyError::MalformedMember("k")),
    };
    let expected = [
        (1, KeyError::MixedSet),
        // Two keys have one `kid` here as well, but the second of them is not
        // canonical base64url, which is found first.
        (4, malformed_second),
        (6, in_set(KeyError::NotForSignatures)),
        (7, in_set(KeyError::RsaRoca)),
        (8, in_set(KeyError::RsaSize { bits: 1024 })),
        (9, in_set(KeyError::RsaExponent)),
        (10, in_set(short(Algorithm::Hs256, 31))),
        (11, in_set(short(Algorithm::Hs384, 47))),
        (12, in_set(short(Algorithm::Hs512, 63))),
        (16, in_set(KeyError::EmptySecret)),
        (17, in_set(KeyError::EmptySecret)),
        (18, in_set(KeyError::EmptySecret)),
        (19, in_set(KeyError::UnknownAlgorithm)),
        (20, in_set(KeyError::UnknownAlgorithm)),
        (21, in_set(KeyError::NotForSignatures)),
        (22, in_set(KeyError::Malformed)),
        (23, in_set(KeyError::MalformedMember("x"))),
        (24, in_set(KeyError::MissingMember("n"))),
        (25, in_set(KeyError::UnknownAlgorithm)),
        (26, in_set(KeyError::UnknownAlgorithm)),
    ];
    for (group, case) in cases(&file) {
        let id = case["tcId"].as_u64().unwrap();
        let reason = expected.iter().find(|(other, _)| *other == id);
        assert_eq!(
            keys_of(group).err().as_ref(),
            reason.map(|(_, reason)| reason),
            "{id}"
        );
    }
}

/// Encrypted tokens are not taken: neither they nor their keys pass, whatever
/// their label.
#[test]
fn json_web_encryption() {
    let Some(file) = support::read_vectors("wycheproof/json_web_encryption_test.json") else {
        return;
    };
    let mut seen = 0;
    for (group, case) in cases(&file) {
        seen += 1;
        refuse_encrypted(group, case);
    }
    assert_eq!(seen, 139);
}

#[test]
fn json_web_crypto() {
    let Some(file) = support::read_vectors("wycheproof/json_web_crypto_test.json") else {
        return;
    };
    let mut seen = 0;
    for (group, case) in cases(&file) {
        seen += 1;
        if case.get("jwe").is_some() {
            refuse_encrypted(group, case);
            continue;
        }
        let found = verify_with(&keys_of(group), &token(&case["jws"]));
        assert_eq!(
            found.is_ok(),
            is_labelled_valid(case),
            "{}: {found:?}",
            case["tcId"]
        );
    }
    assert_eq!(seen, 83);
}

#[test]
fn rsa_pkcs1() {
    for (name, seen) in [
        ("rsa_signature_2048_sha256", 259),
        ("rsa_signature_3072_sha256", 259),
    ] {
        check_primitive(name, Algorithm::Rs256, seen);
    }
}

/// One key of 8192 bits holds up a verification for longer than a token is
/// worth, so that none gets as far as a signature.
#[test]
fn rsa_8192_is_refused_as_a_key() {
    let Some(file) = support::read_vectors("wycheproof/rsa_signature_8192_sha256_test.json") else {
        return;
    };
    for group in file["testGroups"].as_array().unwrap() {
        let pem = group["publicKeyPem"].as_str().unwrap();
        let result = VerifyingKey::from_public_key_pem(Algorithm::Rs256, pem);
        assert_eq!(result.unwrap_err(), KeyError::RsaSize { bits: 8192 });
    }
}

#[test]
fn rsa_pss() {
    check_primitive("rsa_pss_2048_sha256_mgf1_32", Algorithm::Ps256, 108);
}

#[test]
fn ecdsa_p256() {
    check_primitive("ecdsa_secp256r1_sha256_p1363", Algorithm::Es256, 262);
}

#[test]
fn ed25519() {
    check_primitive("ed25519", Algorithm::EdDsa, 151);
}

#[test]
fn hmac() {
    for (name, algorithm, tag_bits) in [
        ("hmac_sha256", Algorithm::Hs256, 256),
        ("hmac_sha512", Algorithm::Hs512, 512),
    ] {
        let Some(file) = support::read_vectors(&format!("wycheproof/{name}_test.json")) else {
            return;
        };
        let mut seen = 0;
        for (group, case) in cases(&file) {
            seen += 1;
            // Some keys are shorter than the hash, and are here all the same.
            let secret = hex(&case["key"]);
            let key = VerifyingKey::from_secret(algorithm, &secret, WeakSecret::Allow).unwrap();
            let found = key.verify(&hex(&case["msg"]), &hex(&case["tag"]));
            // A JWS has the whole tag (RFC 7518 section 3.2).
            let is_whole = group["tagSize"].as_u64() == Some(tag_bits);
            assert_eq!(
                found.is_ok(),
                is_whole && is_labelled_valid(case),
                "{name} {}",
                case["tcId"]
            );
        }
        assert_eq!(seen, 174, "{name}");
    }
}

/// C2SP's corner cases have keys of small order: each is refused, in every
/// encoding, and no other key is.
#[test]
fn ed25519_keys_of_small_order() {
    let Some(file) = support::read_vectors("cctv/ed25519vectors.json") else {
        return;
    };
    let mut refused = 0;
    for case in file.as_array().unwrap() {
        let spki = format!("302a300506032b6570032100{}", case["key"].as_str().unwrap());
        let result = VerifyingKey::from_public_key_pem(Algorithm::EdDsa, &pem(&spki));
        let is_small = case["flags"]
            .as_array()
            .is_some_and(|flags| flags.iter().any(|flag| flag == "low_order_A"));
        assert_eq!(
            result.err() == Some(KeyError::Ed25519SmallOrder),
            is_small,
            "{}",
            case["number"]
        );
        refused += u32::from(is_small);
    }
    assert!(refused > 0);
}

/// A signature file with a PEM key in each group, and the same key as a JWK in
/// most, which must verify the same. RSA keys with another exponent than 65537
/// get no further than that.
fn check_primitive(name: &str, algorithm: Algorithm, expected: usize) {
    let Some(file) = support::read_vectors(&format!("wycheproof/{name}_test.json")) else {
        return;
    };
    let mut seen = 0;
    for (group, case) in cases(&file) {
        seen += 1;
        let text = group["publicKeyPem"].as_str().expect("a PEM key");
        let key = VerifyingKey::from_public_key_pem(algorithm, text);
        let exponent = group["publicKey"]["publicExponent"].as_str();
        if exponent.is_some_and(|exponent| exponent != "010001") {
            assert_eq!(key.err(), Some(KeyError::RsaExponent));
            continue;
        }
        let key = key.unwrap_or_else(|error| panic!("{name} {}: {error}", case["tcId"]));
        let message = hex(&case["msg"]);
        let signature = hex(&case["sig"]);
        let found = key.verify(&message, &signature).is_ok();
        // "acceptable" is a PKCS#1 padding without the NULL, which RFC 8017
        // section 9.2 has verifiers take or leave.
        assert_eq!(found, is_labelled_valid(case), "{name} {}", case["tcId"]);

        let jwk = group.get("keyJwk").or_else(|| group.get("publicKeyJwk"));
        if let Some(jwk) = jwk {
            let jwks = read_jwk_set(jwk.to_string().as_bytes(), WeakSecret::Refuse)
                .unwrap_or_else(|error| panic!("{name} {}: {error}", case["tcId"]));
            assert_eq!(jwks.len(), 1);
            assert_eq!(jwks[0].key.algorithm(), algorithm);
            assert_eq!(jwks[0].key.verify(&message, &signature).is_ok(), found);
            assert_eq!(jwks[0].key.public_key_pem(), key.public_key_pem());
        }
    }
    assert_eq!(seen, expected, "{name}");
}

fn refuse_encrypted(group: &Value, case: &Value) {
    let id = &case["tcId"];
    let text = token(&case["jwe"]);
    assert!(keys_of(group).is_err(), "{id}: the key is for encryption");
    let unrelated = VerifyingKey::from_secret(Algorithm::Hs256, &[7; 32], WeakSecret::Refuse)
        .expect("a long secret");
    let found = jws::verify(&text, &unrelated);
    assert!(
        matches!(found, Err(VerifyError::Compact(_))),
        "{id}: {found:?}"
    );
}

fn cases(file: &Value) -> impl Iterator<Item = (&Value, &Value)> {
    let groups = file["testGroups"].as_array().expect("groups");
    groups.iter().flat_map(|group| {
        let tests = group["tests"].as_array().expect("tests");
        tests.iter().map(move |case| (group, case))
    })
}

fn is_labelled_valid(case: &Value) -> bool {
    case["result"] == "valid"
}

/// The public form where a group has one: the private one is for who signs.
fn keys_of(group: &Value) -> Result<Vec<Jwk>, KeyError> {
    let keys = group.get("public").unwrap_or(&group["private"]);
    read_jwk_set(keys.to_string().as_bytes(), WeakSecret::Refuse)
}

/// Verifies as a careful user would: with the only key, or with the one of the
/// set that the header names exactly.
fn verify_with(keys: &Result<Vec<Jwk>, KeyError>, text: &str) -> Result<Vec<u8>, String> {
    let keys = keys.as_ref().map_err(ToString::to_string)?;
    let jwk = if let [only] = keys.as_slice() {
        only
    } else {
        let compact = jws::compact::split(text).map_err(|error| error.to_string())?;
        let header =
            jws::header::read_header(&compact.header).map_err(|error| error.to_string())?;
        keys.iter()
            .find(|jwk| header.kid.is_some() && jwk.kid == header.kid)
            .ok_or("no key has this kid")?
    };
    jws::verify(text, &jwk.key).map_err(|error| error.to_string())
}

fn in_set(problem: KeyError) -> KeyError {
    KeyError::InSet {
        position: 1,
        problem: Box::new(problem),
    }
}

/// The text of a token; one in a JSON serialization is that JSON.
fn token(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn hex(value: &Value) -> Vec<u8> {
    let digits = value.as_str().expect("hexadecimal text");
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits"))
        .collect()
}

fn pem(spki: &str) -> String {
    use base64::Engine as _;
    let der = hex(&Value::from(spki));
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
}
