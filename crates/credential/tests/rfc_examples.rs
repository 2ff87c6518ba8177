//! The examples of the RFCs: RFC 7515 appendix A, typed in here, and RFC 7520,
//! RFC 7797 and RFC 8037 from the JOSE working group's cookbook.

use countersign_credential::jws::algorithm::Algorithm;
use countersign_credential::jws::compact::{CompactError, Part};
use countersign_credential::jws::header::HeaderError;
use countersign_credential::jws::jwk::{Jwk, read_jwk_set};
use countersign_credential::jws::key::{KeyError, WeakSecret};
use countersign_credential::jws::{VerifyError, verify};
use serde_json::{Value, json};

mod support;

/// The payload of RFC 7515 appendices A.1 to A.3 and A.5, encoded and not.
const CLAIMS_ENCODED: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
                              cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const CLAIMS: &str =
    "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";

/// Appendix A.1.1, the secret that RFC 7797 uses too.
const SECRET: &str =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";

#[test]
fn rfc_7515_a1_hs256() {
    check_7515(
        &json!({"kty": "oct", "alg": "HS256", "k": SECRET}),
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
        CLAIMS_ENCODED,
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        CLAIMS,
    );
}

#[test]
fn rfc_7515_a2_rs256() {
    check_7515(
        &json!({
            "kty": "RSA",
            "alg": "RS256",
            "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJ\
                  PMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0\
                  LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uD\
                  Zlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2\
                  PAcDTW9gb54h4FRWyuXpoQ",
            "e": "AQAB",
        }),
        "eyJhbGciOiJSUzI1NiJ9",
        CLAIMS_ENCODED,
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W\
         2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkS\
         jtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnv\
         Wh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        CLAIMS,
    );
}

#[test]
fn rfc_7515_a3_es256() {
    check_7515(
        &json!({
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        }),
        "eyJhbGciOiJFUzI1NiJ9",
        CLAIMS_ENCODED,
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        CLAIMS,
    );
}

#[test]
fn rfc_7515_a4_es512() {
    check_7515(
        &json!({
            "kty": "EC",
            "crv": "P-521",
            "x": "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_\
                  NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
            "y": "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDl\
                  y79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
        }),
        "eyJhbGciOiJFUzUxMiJ9",
        "UGF5bG9hZA",
        "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7Xdt\
         AG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
        "Payload",
    );
}

#[test]
fn rfc_7515_a5_unsecured_is_refused() {
    let text = format!("eyJhbGciOiJub25lIn0.{CLAIMS_ENCODED}.");
    let secret = key(&json!({"kty": "oct", "alg": "HS256", "k": SECRET}));
    assert_eq!(
        verify(&text, &secret.key),
        Err(VerifyError::AlgorithmMismatch {
            key: Algorithm::Hs256
        })
    );
}

#[test]
fn rfc_7520_signatures_in_compact_form() {
    for (file, algorithm) in [
        ("4_1.rsa_v15_signature", Algorithm::Rs256),
        ("4_2.rsa-pss_signature", Algorithm::Ps384),
        ("4_3.ecdsa_signature", Algorithm::Es512),
        ("4_4.hmac-sha2_integrity_protection", Algorithm::Hs256),
    ] {
        let Some(example) = support::read_vectors(&format!("rfc-cookbook/jws/{file}.json")) else {
            return;
        };
        check_example(&example, algorithm);
    }
}

#[test]
fn rfc_7520_other_forms_are_refused() {
    for file in [
        "4_5.signature_with_detached_content",
        "4_6.protecting_specific_header_fields",
        "4_7.protecting_content_only",
        "4_8.multiple_signatures",
    ] {
        let Some(example) = support::read_vectors(&format!("rfc-cookbook/jws/{file}.json")) else {
            return;
        };
        let key = hs256_key(&example["input"]["key"]);
        let forms = example["output"].as_object().unwrap();
        assert!(!forms.is_empty());
        for (form, output) in forms {
            let text = output
                .as_str()
                .map_or_else(|| output.to_string(), str::to_owned);
            let refused = verify(&text, &key.key).unwrap_err();
            if form == "compact" {
                // Detached content: the text reads as one with no payload,
                // which is not what was signed.
                assert!(matches!(refused, VerifyError::Signature(_)), "{file}");
            } else {
                assert!(matches!(refused, VerifyError::Compact(_)), "{file} {form}");
            }
        }
    }
}

#[test]
fn rfc_7520_keys() {
    for (file, expected) in [
        ("3_1.ec_public_key", None),
        ("3_2.ec_private_key", Some(KeyError::PrivateKey)),
        // It has no `alg`, and could be for any of six.
        ("3_3.rsa_public_key", Some(KeyError::MissingMember("alg"))),
        ("3_4.rsa_private_key", Some(KeyError::PrivateKey)),
        ("3_5.symmetric_key_mac_computation", None),
        (
            "3_6.symmetric_key_encryption",
            Some(KeyError::NotForSignatures),
        ),
    ] {
        let Some(jwk) = support::read_vectors(&format!("rfc-cookbook/jwk/{file}.json")) else {
            return;
        };
        let result = read_jwk_set(jwk.to_string().as_bytes(), WeakSecret::Refuse);
        assert_eq!(result.err(), expected, "{file}");
    }
}

#[test]
fn rfc_7797_unencoded_payloads_are_refused() {
    for file in ["hmac-sha2_b64_false", "4.2.hmac-sha2_b64_false"] {
        let Some(example) = support::read_vectors(&format!("rfc-cookbook/rfc7797/{file}.json"))
        else {
            return;
        };
        let key = hs256_key(&example["input"]["key"]);
        for (form, output) in example["output"].as_object().unwrap() {
            let text = output
                .as_str()
                .map_or_else(|| output.to_string(), str::to_owned);
            let refused = verify(&text, &key.key).unwrap_err();
            assert!(matches!(refused, VerifyError::Compact(_)), "{file} {form}");
        }
    }
}

#[test]
fn rfc_7797_headers_are_refused() {
    // The same header over a payload that could be base64url.
    let header = "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19";
    let secret = key(&json!({"kty": "oct", "alg": "HS256", "k": SECRET}));
    assert_eq!(
        verify(&format!("{header}.Zm9v.Zm9v"), &secret.key),
        Err(VerifyError::Header(HeaderError::Unsupported("crit")))
    );
    assert_eq!(
        verify(&format!("{header}.$02.Zm9v"), &secret.key),
        Err(VerifyError::Compact(CompactError::Encoding(Part::Payload)))
    );
}

#[test]
fn rfc_8037_ed25519() {
    let Some(example) = support::read_vectors("rfc-cookbook/curve25519/jws.json") else {
        return;
    };
    check_example(&example, Algorithm::EdDsa);
}

/// Verifies an example of the cookbook with the public half of its key, and
/// checks that its private form is refused where it has one.
fn check_example(example: &Value, algorithm: Algorithm) {
    let input = &example["input"];
    let text = example["output"]["compact"].as_str().expect("a token");
    let mut jwk = input["key"].clone();
    jwk["alg"] = Value::from(algorithm.as_str());
    let members = jwk.as_object_mut().expect("a key");
    if members["kty"] != "oct" {
        let private = Value::Object(members.clone()).to_string();
        assert_eq!(
            read_jwk_set(private.as_bytes(), WeakSecret::Refuse).err(),
            Some(KeyError::PrivateKey)
        );
        for name in ["d", "p", "q", "dp", "dq", "qi"] {
            members.remove(name);
        }
    }
    let payload = input["payload"].as_str().expect("a payload");
    check(&key(&jwk), text, payload);
}

fn check_7515(jwk: &Value, header: &str, payload: &str, signature: &str, expected: &str) {
    check(
        &key(jwk),
        &format!("{header}.{payload}.{signature}"),
        expected,
    );
}

/// The token is accepted, and no longer so with a letter of any part changed.
fn check(jwk: &Jwk, text: &str, payload: &str) {
    assert_eq!(verify(text, &jwk.key).as_deref(), Ok(payload.as_bytes()));
    for (start, part) in text.split('.').scan(0, |start, part| {
        let this = *start;
        *start += part.len() + 1;
        Some((this, part))
    }) {
        let middle = start + part.len() / 2;
        let letter = if text[middle..].starts_with('A') {
            "B"
        } else {
            "A"
        };
        let mut changed = text.to_owned();
        changed.replace_range(middle..=middle, letter);
        assert!(verify(&changed, &jwk.key).is_err(), "{changed}");
    }
}

/// The one HS256 key among one or several.
fn hs256_key(keys: &Value) -> Jwk {
    let secret = keys.as_array().map_or(Some(keys), |keys| {
        keys.iter().find(|key| key["kty"] == "oct")
    });
    key(secret.expect("a secret"))
}

fn key(jwk: &Value) -> Jwk {
    let mut keys = read_jwk_set(jwk.to_string().as_bytes(), WeakSecret::Refuse)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(keys.len(), 1);
    keys.remove(0)
}
