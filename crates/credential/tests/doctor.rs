//! What the doctor says: every check in order, on past the first failure, with
//! the measured values and what to do.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backend;

use aws_lc_rs::hkdf;
use backend::{
    APPLICATION, NOW, Signer, TODAY, application, failures, ring_key, rsa_ring_key, secret,
    secret_ring_key, sign, ticket, usual_application,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_credential::dialect::Dialect;
use countersign_credential::explain::{Check, Explanation};
use countersign_credential::jws::key::WeakSecret;
use countersign_credential::key::{Key, KeyAlgorithm, KeyState};
use countersign_credential::time::Timestamp;
use countersign_credential::unverified::parse;
use countersign_credential::verifier::Verifier;
use proptest::prelude::*;

const HS256: &str = r#"{"alg":"HS256"}"#;
const RS256: &str = r#"{"alg":"RS256"}"#;

fn explain(verifier: &Verifier, token: &str) -> Explanation {
    verifier.explain(token, None, Timestamp::from_seconds(NOW))
}

fn find<'e>(explanation: &'e Explanation, name: &str) -> &'e Check {
    let mut checks = explanation.checks.iter();
    checks
        .find(|check| check.name == name)
        .unwrap_or_else(|| panic!("no check {name} in {explanation:?}"))
}

fn kustomer(claims: &str, signer: Signer<'_>) -> String {
    sign(HS256, &format!("{{{claims}}}"), signer)
}

#[test]
fn every_check_in_its_order() {
    let acl = r#""acl":{"paths":{"/*/sessions/**":{}}}"#;
    let payload = format!(
        r#"{{"application_id":"{APPLICATION}","sub":"alice","iat":{NOW},"nbf":{NOW},"jti":"j",{acl}}}"#
    );
    let explanation = explain(&usual_application(), &sign(RS256, &payload, Signer::Rsa(0)));
    assert!(explanation.accepted(), "{explanation:?}");
    let names: Vec<&str> = explanation.checks.iter().map(|check| check.name).collect();
    assert_eq!(
        names,
        [
            "structure",
            "header",
            "payload",
            "dialect",
            "application",
            "algorithm",
            "key",
            "signature",
            "issued",
            "clock",
            "not_before",
            "expiry",
            "subject",
            "token_id",
            "acl",
        ]
    );
    assert_eq!(explanation.dialect, Some(Dialect::Nexmo));
}

#[test]
fn it_goes_on_past_the_first_failure() {
    let verifier = usual_application();
    // Signed with another key, too old, and without a user.
    let claims = format!(r#""iat":{},"email":"nobody""#, NOW - 1_000);
    let token = kustomer(&claims, Signer::Secret(&secret(9)));
    let explanation = explain(&verifier, &token);
    assert_eq!(failures(&explanation), ["signature", "clock", "subject"]);
    assert_eq!(explanation.refusal.unwrap().code.as_str(), "bad_signature");

    // A header that is refused leaves only the signature unchecked.
    let header = r#"{"alg":"HS256","crit":["x"]}"#;
    let token = sign(
        header,
        r#"{"externalId":"u","iat":1}"#,
        Signer::Secret(&secret(1)),
    );
    let explanation = explain(&verifier, &token);
    assert_eq!(
        failures(&explanation),
        ["header", "key", "signature", "clock"]
    );
    assert_eq!(
        explanation.refusal.unwrap().code.as_str(),
        "unsupported_header"
    );
    assert!(explanation.claims.is_none());

    // Another application's nexmo token, which has expired too.
    let payload = r#"{"application_id":"x","sub":"me","iat":1,"exp":2,"aud":"y","acl":[]}"#;
    let explanation = explain(&verifier, &sign(RS256, payload, Signer::Rsa(0)));
    assert_eq!(
        failures(&explanation),
        ["application", "expiry", "subject", "acl"]
    );

    // Without `iat` an end that has passed has passed all the same.
    let payload = format!(r#"{{"application_id":"{APPLICATION}","exp":2}}"#);
    let explanation = explain(&verifier, &sign(RS256, &payload, Signer::Rsa(0)));
    assert_eq!(failures(&explanation), ["issued", "expiry", "subject"]);
    assert_eq!(explanation.refusal.unwrap().code.as_str(), "bad_claim");
}

#[test]
fn measured_values_are_in_the_sentence() {
    let verifier = usual_application();
    let signer = Signer::Secret(&[1, 0, 3]);
    let told = |claims: &str| {
        let explanation = explain(&verifier, &kustomer(claims, signer));
        let mut checks = explanation.checks.into_iter();
        checks.find(|check| check.name == "clock").unwrap()
    };
    let old = told(&format!(r#""iat":{}"#, NOW - 901));
    assert_eq!(
        old.detail,
        "`iat` is 901 s before the server's time, 2027-01-15T08:00:00.000Z; 900 s are allowed"
    );
    let milliseconds = told(&format!(r#""iat":{NOW}000"#));
    assert_eq!(
        milliseconds.hint.unwrap(),
        "`iat` looks like milliseconds: divide by 1000"
    );
    let payload = format!(
        r#"{{"application_id":"{APPLICATION}","sub":"alice","iat":{NOW},"exp":{}}}"#,
        NOW + 31_536_000
    );
    let explanation = explain(&verifier, &sign(RS256, &payload, Signer::Rsa(0)));
    let expiry = find(&explanation, "expiry");
    assert!(expiry.passed);
    assert_eq!(
        expiry.detail,
        "ends at 2027-01-16T08:00:00.000Z, in 86400 s (about 24 hours)"
    );
    assert_eq!(
        expiry.hint.as_deref().unwrap(),
        "it states a later end, which does not count: it ends 86400 s (about 24 hours) after it was made"
    );
}

#[test]
fn the_acl_is_told_and_decides_nothing() {
    let verifier = usual_application();
    let with = |acl: &str| {
        let payload =
            format!(r#"{{"application_id":"{APPLICATION}","sub":"alice","iat":{NOW}{acl}}}"#);
        explain(&verifier, &sign(RS256, &payload, Signer::Rsa(0)))
    };
    for (acl, words) in [
        ("", "no `acl`"),
        (r#","acl":{"paths":{}}"#, "no patterns"),
        (
            r#","acl":{"paths":{"/*/users/**":{}}}"#,
            r#"1 pattern: "/*/users/**"; it does not allow logging in (POST /v1/sessions)"#,
        ),
        (
            r#","acl":{"paths":{"/*/users/**":{},"/v0.3/sessions":{"methods":["POST"]}}}"#,
            r#"2 patterns: "/*/users/**", "/v0.3/sessions"; it allows logging in"#,
        ),
        (
            r#","acl":{"paths":{"/*/sessions/**":{"methods":["GET"]}}}"#,
            "it does not allow logging in",
        ),
    ] {
        let explanation = with(acl);
        assert!(explanation.accepted(), "{explanation:?}");
        let check = find(&explanation, "acl");
        assert!(check.detail.contains(words), "{}", check.detail);
    }
}

#[test]
fn a_secret_used_wrongly_is_recognised() {
    let claims = format!(r#""externalId":"u","iat":{NOW}"#);
    let secret = secret(1);
    let text = b"dGhlIHNlY3JldCBpcyBiYXNlNjQgdGV4dCwgdGhpcnR5LXR3byBieXRlcw==";
    let check = |registered: &[u8], used: &[u8], words: &str| {
        let current = KeyState::Current;
        let key = secret_ring_key("h", current, KeyAlgorithm::Hs256, registered);
        let token = kustomer(&claims, Signer::Secret(used));
        let refusal = explain(&application(vec![key]), &token).refusal.unwrap();
        assert_eq!(refusal.code.as_str(), "bad_signature");
        let hint = refusal.hint.unwrap();
        assert!(hint.contains(words), "{words}: {hint}");
    };
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    check(
        &secret,
        STANDARD.encode(&secret).as_bytes(),
        "base64 text of the secret",
    );
    check(
        &secret,
        URL_SAFE_NO_PAD.encode(&secret).as_bytes(),
        "base64 text of the secret",
    );
    check(&secret, hex.as_bytes(), "hexadecimal text");
    check(text, &STANDARD.decode(text).unwrap(), "decoded from base64");
    check(&secret, &[secret.as_slice(), b"\n"].concat(), "line end");
    check(&secret, b"another", "exactly as it is registered");
}

#[test]
fn a_key_of_the_day_derived_wrongly_is_recognised() {
    let verifier = usual_application();
    let name = format!("//rtc.sinch.com/applications/{APPLICATION}");
    let payload = format!(
        r#"{{"iss":"{name}","sub":"{name}/users/alice","iat":{NOW},"exp":{},"nonce":"n"}}"#,
        NOW + 600
    );
    let header = format!(r#"{{"alg":"HS256","kid":"hkdfv1-{TODAY}"}}"#);
    let secret = secret(2);
    let text = STANDARD.encode(&secret);
    let hkdf_key = {
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, b"").extract(&secret);
        let info = [TODAY.as_bytes()];
        let mut key = [0; 32];
        let expanded = extracted.expand(&info, hkdf::HKDF_SHA256).unwrap();
        expanded.fill(&mut key).unwrap();
        key
    };
    for (signer, words) in [
        (Signer::Secret(&secret), "with the secret itself"),
        (
            Signer::Secret(text.as_bytes()),
            "decode the secret from base64",
        ),
        (
            Signer::Day(text.as_bytes(), TODAY),
            "decode the secret from base64",
        ),
        (Signer::Secret(&hkdf_key), "HKDF (RFC 5869)"),
        (Signer::Day(&secret, "20270114"), "the key of 20270114"),
        (Signer::Day(&secret, "20270116"), "the key of 20270116"),
        (Signer::Day(b"other", TODAY), "exactly as it is registered"),
    ] {
        let refusal = explain(&verifier, &sign(&header, &payload, signer))
            .refusal
            .unwrap();
        assert_eq!(refusal.code.as_str(), "bad_signature");
        let hint = refusal.hint.unwrap();
        assert!(hint.contains(words), "{words}: {hint}");
    }
    let fields = format!(
        r#"{{"applicationKey":"{APPLICATION}","identity":{{"type":"username","endpoint":"alice"}},"created":"2027-01-15T08:00:00Z"}}"#
    );
    let ticket = ticket(fields.as_bytes(), Signer::Secret(text.as_bytes()));
    let hint = explain(&verifier, &ticket).refusal.unwrap().hint.unwrap();
    assert!(hint.contains("decode the secret from base64"), "{hint}");
}

#[test]
fn another_key_of_the_ring_is_recognised() {
    let verifier = application(vec![
        rsa_ring_key("k1", KeyState::Current, 0),
        rsa_ring_key("k2", KeyState::Standby, 1),
        secret_ring_key("old", KeyState::Revoked, KeyAlgorithm::Hs256, &secret(1)),
        secret_ring_key("new", KeyState::Current, KeyAlgorithm::Hs256, &secret(2)),
    ]);
    let nexmo = format!(r#"{{"application_id":"{APPLICATION}","sub":"alice","iat":{NOW}}}"#);
    let named = r#"{"alg":"RS256","kid":"k1"}"#;
    let claims = format!(r#""externalId":"u","iat":{NOW}"#);
    for (token, words) in [
        (
            sign(RS256, &nexmo, Signer::Rsa(1)),
            "the key k2 signed it, which is standby",
        ),
        (sign(named, &nexmo, Signer::Rsa(1)), "name it as `kid`"),
        (
            kustomer(&claims, Signer::Secret(&secret(1))),
            "the key old signed it, which is revoked",
        ),
    ] {
        let refusal = explain(&verifier, &token).refusal.unwrap();
        assert_eq!(refusal.code.as_str(), "bad_signature");
        let hint = refusal.hint.unwrap();
        assert!(hint.contains(words), "{words}: {hint}");
    }
}

#[test]
fn a_short_secret_is_told() {
    let weak = Key::from_secret(KeyAlgorithm::Hs256, b"short", WeakSecret::Allow).unwrap();
    let verifier = application(vec![ring_key("w", KeyState::Current, weak)]);
    let claims = format!(r#""externalId":"u","iat":{NOW}"#);
    let explanation = explain(&verifier, &kustomer(&claims, Signer::Secret(b"short")));
    assert!(explanation.accepted());
    let hint = find(&explanation, "signature").hint.as_deref().unwrap();
    assert!(hint.contains("is short"), "{hint}");
}

#[test]
fn one_dialect_can_be_insisted_on() {
    let verifier = usual_application();
    let claims = format!(r#""externalId":"u","email":"a@example.com","iat":{NOW}"#);
    let now = Timestamp::from_seconds(NOW);
    let kustomer = kustomer(&claims, Signer::Secret(&secret(1)));
    // The same key, and claims of both dialects: its shape decides, so that it
    // cannot be taken for what it is not.
    let native = sign(
        HS256,
        &format!(
            r#"{{"aud":"{APPLICATION}","sub":"u","jti":"j","exp":{},{claims}}}"#,
            NOW + 60
        ),
        Signer::Secret(&secret(1)),
    );
    for (token, own) in [(kustomer, Dialect::Kustomer), (native, Dialect::Native)] {
        for dialect in Dialect::ALL {
            let explanation = verifier.explain(&token, Some(dialect), now);
            assert_eq!(explanation.accepted(), dialect == own, "{explanation:?}");
            if dialect != own {
                assert_eq!(explanation.refusal.unwrap().code.as_str(), "bad_claim");
            }
        }
    }
}

#[test]
fn mistakes_in_the_form_are_named() {
    let verifier = usual_application();
    for (token, words) in [
        ("", "is empty"),
        ("Bearer a.b.c", "leave out the word"),
        ("a.b.c\n", "white space"),
        ("{}", "compact form"),
        ("a.b.c.d.e", "encrypted tokens"),
        ("a+b.c.d", "base64url without padding"),
        ("a:b:c", "a ticket is base64(json):base64(mac)"),
    ] {
        let explanation = explain(&verifier, token);
        assert_eq!(explanation.dialect, None);
        let refusal = explanation.refusal.unwrap();
        assert_eq!(refusal.code.as_str(), "malformed_token");
        let hint = refusal.hint.unwrap_or_default();
        assert!(hint.contains(words), "{token:?}: {hint}");
    }
}

#[test]
fn nothing_secret_is_said() {
    let verifier = usual_application();
    let claims = format!(r#""externalId":"u","iat":{NOW}"#);
    let token = kustomer(&claims, Signer::Secret(&secret(9)));
    let expected = kustomer(&claims, Signer::Secret(&secret(1)));
    let text = format!(
        "{:?} {:?} {verifier:?}",
        explain(&verifier, &token),
        explain(&verifier, &expected)
    );
    for hidden in [&token, &expected] {
        let signature = hidden.rsplit('.').next().unwrap();
        assert!(!text.contains(signature), "{text}");
        assert!(!text.contains(hidden.as_str()), "{text}");
    }
    assert!(!text.contains(&format!("{:?}", secret(1))), "{text}");
    // A claim is repeated without what could fool a terminal, and cut.
    let long = format!(
        r#"{{"application_id":"\u001b[31m\u202e{}"}}"#,
        "x".repeat(300)
    );
    let explanation = explain(&verifier, &sign(RS256, &long, Signer::Rsa(0)));
    let detail = &find(&explanation, "application").detail;
    assert!(detail.contains(r"\u{1b}[31m\u{202e}xxx"), "{detail}");
    assert!(detail.len() < 300, "{detail}");
}

/// A value that a claim might have, right or wrong.
fn values() -> impl Strategy<Value = String> {
    let iat = format!("{NOW}");
    let soon = format!("{}", NOW + 60);
    let resource = format!(r#""//rtc.sinch.com/applications/{APPLICATION}""#);
    let user = format!(r#""//rtc.sinch.com/applications/{APPLICATION}/users/alice""#);
    prop_oneof![
        4 => prop::sample::select(vec![
            iat, soon, resource, user,
            format!(r#""{APPLICATION}""#),
            r#""alice""#.to_owned(),
            r#""a@example.com""#.to_owned(),
            r#"{"paths":{"/**":{}}}"#.to_owned(),
            r#"{"type":"username","endpoint":"alice"}"#.to_owned(),
            r#""2027-01-15T08:00:00Z""#.to_owned(),
        ]),
        1 => any::<f64>()
            .prop_filter("JSON has no other numbers", |number| number.is_finite())
            .prop_map(|number| number.to_string()),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
        1 => prop::sample::select(vec!["null", "true", "[]", "{}", "[1]", "1e400", "-0"])
            .prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Behind a signature that fits, whatever the claims are: no panic, and one
    /// verdict.
    #[test]
    fn any_claims_get_one_verdict(
        members in prop::collection::btree_map(
            prop::sample::select(vec![
                "iss", "aud", "sub", "iat", "exp", "nbf", "jti", "nonce", "acl", "email",
                "externalId", "application_id", "sinch:rtc:instance:exp", "applicationKey",
                "identity", "created", "expiresIn",
            ]),
            values(),
            0..9,
        ),
        signer in 0..4_usize,
        now in prop_oneof![Just(NOW * 1_000), any::<i64>()],
    ) {
        let members: Vec<String> = members
            .iter()
            .map(|(name, value)| format!(r#""{name}":{value}"#))
            .collect();
        let payload = format!("{{{}}}", members.join(","));
        let day = format!(r#"{{"alg":"HS256","kid":"hkdfv1-{TODAY}"}}"#);
        let token = match signer {
            0 => sign(RS256, &payload, Signer::Rsa(0)),
            1 => sign(HS256, &payload, Signer::Secret(&secret(1))),
            2 => sign(&day, &payload, Signer::Day(&secret(2), TODAY)),
            _ => ticket(payload.as_bytes(), Signer::Secret(&secret(2))),
        };
        let verifier = usual_application();
        let now = Timestamp::from_milliseconds(now);
        let explanation = verifier.explain(&token, None, now);
        let verdict = parse(&token).and_then(|credential| verifier.verify_login(&credential, now));
        prop_assert_eq!(explanation.refusal.as_ref(), verdict.as_ref().err());
        prop_assert_eq!(explanation.claims.as_ref(), verdict.as_ref().ok());
        if let Ok(claims) = verdict {
            prop_assert!(claims.issued_at < claims.expires_at);
        }
    }
}
