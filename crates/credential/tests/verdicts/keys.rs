//! By which key a credential is judged.

use crate::backend::{
    APPLICATION, NOW, Signer, application, judged, ring_key, rsa_ring_key, secret, secret_ring_key,
    sign, usual_application,
};
use crate::{check, nexmo, nexmo_with};
use countersign_credential::jws::key::WeakSecret;
use countersign_credential::key::{Key, KeyAlgorithm, KeyState, Kid};
use countersign_credential::ring::{KeyRing, RingError};
use countersign_credential::time::Timestamp;

#[test]
fn headers() {
    let with = |header: &str| nexmo_with(header, &format!(r#","sub":"alice","iat":{NOW}"#));
    let mut cases = vec![
        (with(r#"{"alg":"RS256","kid":"k1"}"#), "ok"),
        (with(r#"{"alg":"RS256","type":"JWT","x5t":"y"}"#), "ok"),
        (with(r#"{"alg":"RS256","kid":null}"#), "unsupported_header"),
        (with(r#"{"alg":"RS256","kid":1}"#), "unsupported_header"),
        (with(r#"{"alg":"RS256","kid":""}"#), "unknown_key"),
        (with(r#"{"alg":"RS256","kid":"K1"}"#), "unknown_key"),
        (with(r#"{"alg":"RS256","kid":"k1\u0000"}"#), "unknown_key"),
        (with(r#"{"alg":"RS256","kid":"../k1"}"#), "unknown_key"),
        (
            with(r#"{"alg":"RS256","kid":"h1"}"#),
            "unsupported_algorithm",
        ),
        (with(r#"{"kid":"k1"}"#), "unsupported_header"),
        (with(r#"{"alg":"RS256","alg":"RS256"}"#), "malformed_token"),
        (with(r#"["RS256"]"#), "malformed_token"),
    ];
    for typ in ["JWT", "jwt", "Jwt", "application/jwt", "APPLICATION/JWT"] {
        cases.push((with(&format!(r#"{{"alg":"RS256","typ":"{typ}"}}"#)), "ok"));
    }
    for typ in [r#""at+jwt""#, r#""JOSE""#, r#""""#, "null", "1"] {
        let header = format!(r#"{{"alg":"RS256","typ":{typ}}}"#);
        cases.push((with(&header), "unsupported_header"));
    }
    for member in ["crit", "b64", "zip", "jku", "x5u", "x5c", "jwk", "cty"] {
        let header = format!(r#"{{"alg":"RS256","{member}":null}}"#);
        cases.push((with(&header), "unsupported_header"));
    }
    for algorithm in [
        "none", "None", "rs256", "RS256 ", "HS256", "RS384", "PS256", "ES256", "",
    ] {
        let header = format!(r#"{{"alg":"{algorithm}"}}"#);
        cases.push((with(&header), "unsupported_algorithm"));
    }
    check(&usual_application(), cases);
}

#[test]
fn each_dialect_has_its_algorithms() {
    let native_claims = format!(
        r#"{{"aud":"{APPLICATION}","sub":"u","jti":"j","iat":{NOW},"exp":{}}}"#,
        NOW + 60
    );
    let kustomer_claims = format!(r#"{{"externalId":"u","iat":{NOW}}}"#);
    let hs = Signer::Secret(&[7; 32]);
    let mut cases = vec![(
        sign(r#"{"alg":"RS256"}"#, &native_claims, Signer::Rsa(0)),
        "ok",
    )];
    for algorithm in ["none", "HS512", "HS384", "RS256", "ES256", "EdDSA", "hs256"] {
        let header = format!(r#"{{"alg":"{algorithm}"}}"#);
        cases.push((sign(&header, &kustomer_claims, hs), "unsupported_algorithm"));
    }
    for algorithm in ["none", "HS512", "RS384", "PS256", "ES384", "Ed25519"] {
        let header = format!(r#"{{"alg":"{algorithm}"}}"#);
        cases.push((sign(&header, &native_claims, hs), "unsupported_algorithm"));
    }
    // The dialect allows these, and the ring has no such key.
    for algorithm in ["ES256", "EdDSA"] {
        let header = format!(r#"{{"alg":"{algorithm}"}}"#);
        cases.push((sign(&header, &native_claims, hs), "unknown_key"));
    }
    check(&usual_application(), cases);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn keys_by_state() {
    use KeyState::{Current, Previous, Revoked, Standby};
    let unnamed = |signer| {
        let claims = format!(r#"{{"externalId":"u","iat":{NOW}}}"#);
        sign(r#"{"alg":"HS256"}"#, &claims, signer)
    };
    let named = |kid: &str, signer| {
        let claims = format!(r#"{{"externalId":"u","iat":{NOW}}}"#);
        sign(
            &format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#),
            &claims,
            signer,
        )
    };
    let states = [
        ("current", Current),
        ("previous", Previous),
        ("standby", Standby),
        ("other-standby", Standby),
        ("revoked", Revoked),
    ];
    let secrets: Vec<Vec<u8>> = (10..15).map(secret).collect();
    let keys = states
        .iter()
        .zip(&secrets)
        .map(|((kid, state), secret)| secret_ring_key(kid, *state, KeyAlgorithm::Hs256, secret))
        .collect();
    let ring = application(keys);
    let with = |number: usize| Signer::Secret(&secrets[number]);
    check(
        &ring,
        vec![
            (unnamed(with(0)), "ok"),
            (unnamed(with(1)), "ok"),
            (unnamed(with(2)), "bad_signature"),
            (unnamed(with(4)), "bad_signature"),
            (named("current", with(0)), "ok"),
            (named("current", with(1)), "bad_signature"),
            (named("previous", with(1)), "ok"),
            (named("standby", with(2)), "ok"),
            (named("standby", with(3)), "bad_signature"),
            (named("other-standby", with(3)), "ok"),
            (named("revoked", with(4)), "unknown_key"),
            (named("nobody", with(0)), "unknown_key"),
        ],
    );
    let revoked = judged(
        &ring,
        &named("revoked", with(4)),
        Timestamp::from_seconds(NOW),
    );
    assert!(revoked.unwrap_err().detail.contains("is revoked"));

    let only_previous = application(vec![secret_ring_key(
        "p",
        Previous,
        KeyAlgorithm::Hs256,
        &secrets[0],
    )]);
    let only_standby = application(vec![secret_ring_key(
        "s",
        Standby,
        KeyAlgorithm::Hs256,
        &secrets[0],
    )]);
    check(&only_previous, vec![(unnamed(with(0)), "ok")]);
    check(
        &only_standby,
        vec![
            (unnamed(with(0)), "unknown_key"),
            (named("s", with(0)), "ok"),
        ],
    );
    check(
        &application(Vec::new()),
        vec![(unnamed(with(0)), "unknown_key")],
    );
}

#[test]
fn a_key_that_was_left_out_says_why() {
    let mut application = usual_application();
    let reason = "the RSA key has 1024 bits where 2048 to 4096 are taken";
    application.ring = KeyRing::default().leave_out(Kid::parse("weak").unwrap(), reason);
    for header in [r#"{"alg":"RS256","kid":"weak"}"#, r#"{"alg":"RS256"}"#] {
        let token = nexmo_with(header, &format!(r#","sub":"alice","iat":{NOW}"#));
        let refusal = judged(&application, &token, Timestamp::from_seconds(NOW)).unwrap_err();
        assert_eq!(refusal.code.as_str(), "unknown_key");
        assert!(refusal.detail.contains(reason), "{refusal}");
    }
}

#[test]
fn rings_that_are_none() {
    use KeyState::{Current, Standby};
    let h = |kid, state| secret_ring_key(kid, state, KeyAlgorithm::Hs256, &secret(1));
    let s = |kid, state| secret_ring_key(kid, state, KeyAlgorithm::SinchHmacSha256, &secret(1));
    assert!(KeyRing::new(vec![h("a", Current), s("b", Current), h("c", Standby)]).is_ok());
    assert_eq!(
        KeyRing::new(vec![h("a", Current), s("a", Standby)]).unwrap_err(),
        RingError::DuplicateKid(Kid::parse("a").unwrap())
    );
    let error = KeyRing::new(vec![h("a", Current), h("b", Current)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "two HS256 keys are current, of which there can be only one"
    );
    for kid in ["", "a b", "é", "a/b", &"a".repeat(65)] {
        assert!(Kid::parse(kid).is_err(), "{kid}");
    }
    assert!(Kid::parse(&"a".repeat(64)).is_ok());
}

#[test]
fn secrets_that_are_weak() {
    use KeyAlgorithm::{Hs256, Rs256, SinchHmacSha256};
    for (algorithm, bytes, refused, allowed) in [
        (Hs256, 32, true, true),
        (Hs256, 31, false, true),
        (Hs256, 0, false, false),
        (SinchHmacSha256, 16, true, true),
        (SinchHmacSha256, 15, false, true),
        (SinchHmacSha256, 0, false, false),
        (Rs256, 32, false, false),
    ] {
        let secret = vec![7; bytes];
        let made = |weak| Key::from_secret(algorithm, &secret, weak).ok();
        assert_eq!(
            made(WeakSecret::Refuse).is_some(),
            refused,
            "{algorithm} {bytes}"
        );
        let key = made(WeakSecret::Allow);
        assert_eq!(key.is_some(), allowed, "{algorithm} {bytes}");
        if let Some(key) = key {
            assert_eq!(key.is_weak(), !refused);
            assert_eq!(format!("{key:?}"), format!("Key({algorithm})"));
        }
    }
    let weak = Key::from_secret(Hs256, b"short", WeakSecret::Allow).unwrap();
    let application = application(vec![ring_key("w", KeyState::Current, weak)]);
    let claims = format!(r#"{{"externalId":"u","iat":{NOW}}}"#);
    let token = sign(r#"{"alg":"HS256"}"#, &claims, Signer::Secret(b"short"));
    check(&application, vec![(token, "ok")]);
}

#[test]
fn rsa_keys_are_tried_in_order() {
    let verifier = application(vec![
        rsa_ring_key("new", KeyState::Current, 1),
        rsa_ring_key("old", KeyState::Previous, 0),
    ]);
    let claims = format!(r#","sub":"alice","iat":{NOW}"#);
    check(
        &verifier,
        vec![
            (nexmo(&claims), "ok"),
            (nexmo_with(r#"{"alg":"RS256","kid":"old"}"#, &claims), "ok"),
            (
                nexmo_with(r#"{"alg":"RS256","kid":"new"}"#, &claims),
                "bad_signature",
            ),
        ],
    );
}
