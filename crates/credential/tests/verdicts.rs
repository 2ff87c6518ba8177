//! Every sentence about verdicts, at its edges.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backend;

use backend::{
    ALIAS, APPLICATION, NOW, Signer, TODAY, application, judged, ring_key, rsa_ring_key, secret,
    secret_ring_key, sign, ticket, usual_application, verdict,
};
use countersign_credential::claims::OneTimeId;
use countersign_credential::jws::key::WeakSecret;
use countersign_credential::key::{Key, KeyAlgorithm, KeyState, Kid};
use countersign_credential::ring::{KeyRing, RingError};
use countersign_credential::time::Timestamp;
use countersign_credential::unverified::parse;
use countersign_credential::verifier::{Rules, Verifier};

const OTHER_APPLICATION: &str = "bbbbbbbb-2222-4222-8222-bbbbbbbbbbbb";

fn nexmo(claims: &str) -> String {
    nexmo_with(r#"{"alg":"RS256"}"#, claims)
}

fn nexmo_with(header: &str, claims: &str) -> String {
    let payload = format!(r#"{{"application_id":"{APPLICATION}"{claims}}}"#);
    sign(header, &payload, Signer::Rsa(0))
}

fn kustomer(payload: &str) -> String {
    sign(r#"{"alg":"HS256"}"#, payload, Signer::Secret(&secret(1)))
}

fn native(claims: &str) -> String {
    let payload = format!(r#"{{"aud":"{APPLICATION}"{claims}}}"#);
    sign(r#"{"alg":"HS256"}"#, &payload, Signer::Secret(&secret(1)))
}

fn sinch_jwt(claims: &str) -> String {
    let payload = format!(
        r#"{{"iss":"//rtc.sinch.com/applications/{APPLICATION}","sub":"//rtc.sinch.com/applications/{APPLICATION}/users/alice"{claims}}}"#
    );
    sinch_jwt_with(&format!("hkdfv1-{TODAY}"), TODAY, &payload)
}

fn sinch_jwt_with(kid: &str, day: &str, payload: &str) -> String {
    let header = format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#);
    sign(&header, payload, Signer::Day(&secret(2), day))
}

fn sinch_ticket(fields: &str) -> String {
    let json = format!(
        r#"{{"applicationKey":"{APPLICATION}","identity":{{"type":"username","endpoint":"alice"}}{fields}}}"#
    );
    ticket(json.as_bytes(), Signer::Secret(&secret(2)))
}

/// A table of a token, the server's time in milliseconds after `NOW`, and the
/// verdict.
fn check_at(verifier: &Verifier, cases: &[(String, i64, &str)]) {
    for (index, (token, after, expected)) in cases.iter().enumerate() {
        let now = Timestamp::from_milliseconds(NOW * 1_000 + after);
        let found = verdict(verifier, token, now);
        assert_eq!(
            found,
            *expected,
            "case {index}, {after} ms: {:?}",
            judged(verifier, token, now)
        );
    }
}

fn check(verifier: &Verifier, cases: Vec<(String, &str)>) {
    let cases: Vec<_> = cases
        .into_iter()
        .map(|(token, expected)| (token, 0, expected))
        .collect();
    check_at(verifier, &cases);
}

#[test]
fn times_of_nexmo() {
    let sub = |times: &str| nexmo(&format!(r#","sub":"alice"{times}"#));
    let iat = sub(&format!(r#","iat":{NOW}"#));
    let exp = sub(&format!(r#","iat":{NOW},"exp":{}"#, NOW + 600));
    let year = sub(&format!(r#","iat":{NOW},"exp":{}"#, NOW + 31_536_000));
    let milliseconds = sub(&format!(r#","iat":{NOW},"exp":{}000"#, NOW + 600));
    let huge = sub(&format!(r#","iat":{NOW},"exp":18446744073709551616"#));
    let strings = sub(&format!(
        r#","iat":"{NOW}","exp":"{}","nbf":"{NOW}.5""#,
        NOW + 600
    ));
    let fraction = sub(&format!(r#","iat":{NOW}.25,"exp":{}.5"#, NOW + 600));
    let nbf = sub(&format!(r#","iat":{NOW},"nbf":{}"#, NOW + 100));
    let backwards = sub(&format!(r#","iat":{},"exp":{}"#, NOW + 30, NOW + 20));
    let day = 86_400_000;
    check_at(
        &usual_application(),
        &[
            (iat.clone(), -60_000, "ok"),
            (iat.clone(), -60_001, "not_yet_valid"),
            (iat.clone(), 899_999, "ok"),
            (iat, 900_000, "expired"),
            (exp.clone(), 599_999, "ok"),
            (exp.clone(), 600_000, "expired"),
            (exp, 2 * day, "expired"),
            (year.clone(), day - 1, "ok"),
            (year.clone(), day, "too_old"),
            (year, 400 * day, "too_old"),
            (milliseconds.clone(), day - 1, "ok"),
            (milliseconds, day, "too_old"),
            (huge.clone(), day - 1, "ok"),
            (huge, day, "too_old"),
            (strings.clone(), 599_999, "ok"),
            (strings, 600_000, "expired"),
            (fraction.clone(), -59_750, "ok"),
            (fraction.clone(), -59_751, "not_yet_valid"),
            (fraction.clone(), 600_499, "ok"),
            (fraction, 600_500, "expired"),
            (nbf.clone(), 40_000, "ok"),
            (nbf, 39_999, "not_yet_valid"),
            (backwards.clone(), 0, "bad_claim"),
            (backwards, 20_000, "expired"),
        ],
    );
}

#[test]
fn dates_that_are_none() {
    let application = usual_application();
    let mut cases = Vec::new();
    for bad in [
        "null",
        "true",
        "[]",
        "{}",
        "-1",
        "-0",
        "1e400",
        r#""never""#,
        r#""""#,
        r#"" 1""#,
        r#""0x1""#,
    ] {
        for claim in ["iat", "exp", "nbf"] {
            let others = match claim {
                "iat" => String::new(),
                _ => format!(r#","iat":{NOW}"#),
            };
            cases.push((
                nexmo(&format!(r#","sub":"alice"{others},"{claim}":{bad}"#)),
                "bad_claim",
            ));
        }
    }
    // A number in a string is nexmo's alone.
    for claim in ["iat", "exp", "nbf"] {
        let times: String = ["iat", "exp", "nbf"]
            .map(|name| {
                let quote = if name == claim { "\"" } else { "" };
                let time = NOW + i64::from(name == "exp") * 600;
                format!(r#","{name}":{quote}{time}{quote}"#)
            })
            .concat();
        cases.push((nexmo(&format!(r#","sub":"alice"{times}"#)), "ok"));
        cases.push((
            native(&format!(r#","sub":"u","jti":"j"{times}"#)),
            "bad_claim",
        ));
        cases.push((
            kustomer(&format!(r#"{{"externalId":"u"{times}}}"#)),
            "bad_claim",
        ));
        cases.push((sinch_jwt(&format!(r#","nonce":"n"{times}"#)), "bad_claim"));
    }
    cases.push((nexmo(r#","sub":"alice""#), "bad_claim"));
    cases.push((
        nexmo(&format!(r#","sub":"alice","exp":{}"#, NOW + 9)),
        "bad_claim",
    ));
    check(&application, cases);
}

#[test]
fn times_of_kustomer() {
    let iat = kustomer(&format!(r#"{{"externalId":"u","iat":{NOW}}}"#));
    let exp = kustomer(&format!(
        r#"{{"externalId":"u","iat":{NOW},"exp":{}}}"#,
        NOW + 60
    ));
    let late = kustomer(&format!(
        r#"{{"externalId":"u","iat":{NOW},"exp":{}}}"#,
        NOW + 86_400
    ));
    let milliseconds = kustomer(&format!(r#"{{"externalId":"u","iat":{NOW}000}}"#));
    let nbf = kustomer(&format!(
        r#"{{"externalId":"u","iat":{NOW},"nbf":{}}}"#,
        NOW + 100
    ));
    check_at(
        &usual_application(),
        &[
            (iat.clone(), -900_000, "ok"),
            (iat.clone(), -900_001, "not_yet_valid"),
            (iat.clone(), 900_000, "ok"),
            (iat, 900_001, "too_old"),
            (exp.clone(), 59_999, "ok"),
            (exp.clone(), 60_000, "expired"),
            (exp, 900_001, "too_old"),
            (late.clone(), 900_000, "ok"),
            (late, 900_001, "too_old"),
            (milliseconds, 0, "not_yet_valid"),
            (nbf.clone(), 40_000, "ok"),
            (nbf, 39_999, "not_yet_valid"),
            (kustomer(r#"{"externalId":"u"}"#), 0, "bad_claim"),
        ],
    );
}

#[test]
fn times_of_native() {
    let with = |times: &str| native(&format!(r#","sub":"u","jti":"j"{times}"#));
    let day = 86_400;
    let exp = with(&format!(r#","iat":{NOW},"exp":{}"#, NOW + day));
    check_at(
        &usual_application(),
        &[
            (exp.clone(), -60_000, "ok"),
            (exp.clone(), -60_001, "not_yet_valid"),
            (exp.clone(), day * 1_000 - 1, "ok"),
            (exp, day * 1_000, "expired"),
            (
                with(&format!(r#","iat":{NOW},"exp":{}.001"#, NOW + day)),
                0,
                "bad_claim",
            ),
            (
                with(&format!(r#","iat":{NOW},"exp":{}000"#, NOW + 60)),
                0,
                "bad_claim",
            ),
            (with(&format!(r#","iat":{NOW}"#)), 0, "bad_claim"),
            (with(&format!(r#","exp":{}"#, NOW + 60)), 0, "bad_claim"),
        ],
    );
}

#[test]
fn claims_of_native() {
    let times = format!(r#","iat":{NOW},"exp":{}"#, NOW + 60);
    let jti = |jti: &str| native(&format!(r#","sub":"u"{times}{jti}"#));
    let long = "j".repeat(255);
    let mut application = usual_application();
    check(
        &application,
        vec![
            (jti(r#","jti":"j""#), "ok"),
            (jti(&format!(r#","jti":"{long}""#)), "ok"),
            (jti(&format!(r#","jti":"{long}j""#)), "bad_claim"),
            (jti(r#","jti":"""#), "bad_claim"),
            (jti(r#","jti":null"#), "bad_claim"),
            (jti(r#","jti":7"#), "bad_claim"),
            (jti(""), "bad_claim"),
            (native(&format!(r#","jti":"j"{times}"#)), "bad_claim"),
            (
                native(&format!(r#","jti":"j","sub":null{times}"#)),
                "bad_claim",
            ),
            (native(&format!(r#","jti":"j","sub":7{times}"#)), "ok"),
            (
                native(&format!(r#","jti":"j","sub":7.5{times}"#)),
                "bad_claim",
            ),
            // An address never links, so whatever stands there is not read.
            (jti(r#","jti":"j","email":["a@example.com"]"#), "ok"),
        ],
    );
    application.rules.one_time_native = false;
    check(
        &application,
        vec![(jti(""), "ok"), (jti(r#","jti":"""#), "bad_claim")],
    );
}

#[test]
fn the_leeway_is_a_setting() {
    let mut application = usual_application();
    let token = nexmo(&format!(r#","sub":"alice","iat":{NOW}"#));
    for (leeway_s, before) in [(0, 0), (1, 1_000), (3_600, 3_600_000)] {
        application.rules = Rules {
            leeway_s,
            ..Rules::default()
        };
        check_at(
            &application,
            &[
                (token.clone(), -before, "ok"),
                (token.clone(), -before - 1, "not_yet_valid"),
            ],
        );
    }
}

#[test]
fn the_application_is_the_one() {
    let alias_in_nexmo = format!(r#"{{"application_id":"{ALIAS}","sub":"alice","iat":{NOW}}}"#);
    let signed = |payload: &str| sign(r#"{"alg":"RS256"}"#, payload, Signer::Rsa(0));
    let id = |id: &str| {
        signed(&format!(
            r#"{{"application_id":{id},"sub":"alice","iat":{NOW}}}"#
        ))
    };
    let native_for = |aud: &str| {
        let payload = format!(
            r#"{{"aud":{aud},"sub":"u","jti":"j","iat":{NOW},"exp":{}}}"#,
            NOW + 60
        );
        sign(r#"{"alg":"HS256"}"#, &payload, Signer::Secret(&secret(1)))
    };
    let aud = |aud: &str| nexmo(&format!(r#","sub":"alice","iat":{NOW},"aud":{aud}"#));
    check(
        &usual_application(),
        vec![
            (signed(&alias_in_nexmo), "ok"),
            (id(&format!(r#""{OTHER_APPLICATION}""#)), "wrong_audience"),
            (
                id(&format!(r#""{}""#, APPLICATION.to_uppercase())),
                "wrong_audience",
            ),
            (id(&format!(r#""{APPLICATION} ""#)), "wrong_audience"),
            (id(&format!(r#""{APPLICATION}\u0000""#)), "wrong_audience"),
            (
                id(&format!(r#""{}""#, ALIAS.to_uppercase())),
                "wrong_audience",
            ),
            (id("null"), "bad_claim"),
            (id("7"), "bad_claim"),
            (aud(&format!(r#""{APPLICATION}""#)), "ok"),
            (aud(&format!(r#"["x","{APPLICATION}"]"#)), "ok"),
            (aud(&format!(r#""{ALIAS}""#)), "wrong_audience"),
            (aud(r#""x""#), "wrong_audience"),
            (aud("[]"), "wrong_audience"),
            (aud(&format!(r#"["{APPLICATION}",7]"#)), "bad_claim"),
            (aud("7"), "bad_claim"),
            (aud("null"), "bad_claim"),
            (native_for(&format!(r#""{APPLICATION}""#)), "ok"),
            (native_for(&format!(r#"["{APPLICATION}"]"#)), "ok"),
            (native_for(&format!(r#""{ALIAS}""#)), "wrong_audience"),
            (native_for("7"), "bad_claim"),
            (
                native(&format!(
                    r#","sub":"u","jti":"j","iat":{NOW},"exp":{}"#,
                    NOW + 60
                )),
                "ok",
            ),
        ],
    );
}

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
fn subjects_of_nexmo() {
    let application = usual_application();
    let sub = |sub: &str| nexmo(&format!(r#","iat":{NOW},"sub":{sub}"#));
    check(
        &application,
        vec![
            (sub(r#""alice""#), "ok"),
            (sub(r#""Zoë""#), "ok"),
            (
                sub(r#""USR-0190d1c4-0000-7000-8000-000000000001""#),
                "bad_claim",
            ),
            (sub(r#""me""#), "bad_claim"),
            (sub(r#""""#), "bad_claim"),
            (sub(r#"" alice""#), "bad_claim"),
            (sub("null"), "bad_claim"),
            (sub("7"), "bad_claim"),
            (nexmo(&format!(r#","iat":{NOW}"#)), "no_subject"),
        ],
    );
    let bearer = nexmo(&format!(r#","iat":{NOW}"#));
    let now = Timestamp::from_seconds(NOW);
    let claims = application.verify(&parse(&bearer).unwrap(), now).unwrap();
    assert_eq!(claims.subject, None);
}

#[test]
fn subjects_of_kustomer() {
    let with = |claims: &str| kustomer(&format!(r#"{{"iat":{NOW}{claims}}}"#));
    let application = usual_application();
    check(
        &application,
        vec![
            (with(r#","externalId":"u""#), "ok"),
            (with(r#","externalId":7"#), "ok"),
            (with(r#","externalId":7.5"#), "bad_claim"),
            (with(r#","externalId":"""#), "bad_claim"),
            (with(r#","externalId":null"#), "bad_claim"),
            (with(r#","email":"a@example.com""#), "ok"),
            (with(""), "bad_claim"),
            (with(r#","email":null,"externalId":"u""#), "bad_claim"),
            (with(r#","email":"","externalId":"u""#), "bad_claim"),
            (with(r#","email":"x","externalId":"u""#), "bad_claim"),
            (
                with(r#","email":["a@example.com"],"externalId":"u""#),
                "bad_claim",
            ),
            // The address wins, so what it wins over is not read.
            (with(r#","email":"a@example.com","externalId":[]"#), "ok"),
        ],
    );
    let both = with(r#","email":"A@Example.com","externalId":"u""#);
    let claims = application
        .verify(&parse(&both).unwrap(), Timestamp::from_seconds(NOW))
        .unwrap();
    assert_eq!(claims.subject.unwrap().as_str(), "a@example.com");
}

#[test]
fn ids_and_acls_of_nexmo() {
    let with = |claims: &str| nexmo(&format!(r#","sub":"alice","iat":{NOW}{claims}"#));
    let application = usual_application();
    let nested = r#","acl":{"acl":{"paths":{"/**":{}}}}"#;
    check(
        &application,
        vec![
            (with(r#","jti":0.8134"#), "ok"),
            (with(r#","jti":null"#), "bad_claim"),
            (with(r#","jti":"""#), "bad_claim"),
            (with(r#","acl":{"paths":{}}"#), "ok"),
            (with(r#","acl":{"paths":{"/**":{}}}"#), "ok"),
            (with(r#","acl":null"#), "bad_acl"),
            (
                with(r#","acl":{"paths":{"/**":{"methods":["get"]}}}"#),
                "bad_acl",
            ),
            (with(nested), "bad_acl"),
        ],
    );
    let claims = |token: &str| {
        application
            .verify(&parse(token).unwrap(), Timestamp::from_seconds(NOW))
            .unwrap()
    };
    let numbered = claims(&with(r#","jti":0.8134"#));
    assert_eq!(numbered.one_time_id(), OneTimeId::Jti("0.8134"));
    let plain = claims(&with(""));
    assert_eq!(plain.one_time_id(), OneTimeId::Digest(&plain.digest));
    assert!(plain.one_time_id().to_string().starts_with("sha256:"));
    let capped = claims(&with(&format!(r#","exp":{}"#, NOW + 90_000)));
    assert!(capped.capped);
    assert_eq!(capped.expires_at, Timestamp::from_seconds(NOW + 86_400));
    let window = claims(&kustomer(&format!(r#"{{"externalId":"u","iat":{NOW}}}"#)));
    assert_eq!(window.expires_at, Timestamp::from_seconds(NOW + 900));
    assert_eq!(window.application_id, None);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn sinch_jwts() {
    let times = format!(r#","iat":{NOW},"exp":{}"#, NOW + 600);
    let nonce = r#","nonce":"n""#;
    let long = format!(r#","iat":{NOW},"exp":{}{nonce}"#, NOW + 600_000);
    let payload =
        |iss: &str, sub: &str| format!(r#"{{"iss":"{iss}","sub":"{sub}"{times}{nonce}}}"#);
    let key = format!("//rtc.sinch.com/applications/{APPLICATION}");
    let on_day = |day: &str| {
        let payload = payload(&key, &format!("{key}/users/alice"));
        sinch_jwt_with(&format!("hkdfv1-{day}"), day, &payload)
    };
    let named = |kid: &str| {
        let payload = payload(&key, &format!("{key}/users/alice"));
        sinch_jwt_with(kid, TODAY, &payload)
    };
    let resources = |iss: &str, sub: &str| {
        sinch_jwt_with(&format!("hkdfv1-{TODAY}"), TODAY, &payload(iss, sub))
    };
    let alias = format!("//rtc.sinch.com/applications/{ALIAS}");
    let other = format!("//rtc.sinch.com/applications/{OTHER_APPLICATION}");
    let instance =
        |end: i64| sinch_jwt(&format!(r#"{times}{nonce},"sinch:rtc:instance:exp":{end}"#));
    let no_kid = sign(
        r#"{"alg":"HS256"}"#,
        &payload(&key, &format!("{key}/users/alice")),
        Signer::Day(&secret(2), TODAY),
    );
    let day = 86_400_000;
    let at = |cases: Vec<(String, &'static str)>| -> Vec<(String, i64, &'static str)> {
        cases
            .into_iter()
            .map(|(token, code)| (token, 0, code))
            .collect()
    };
    let mut cases = at(vec![
        (sinch_jwt(&format!("{times}{nonce}")), "ok"),
        (sinch_jwt(&times), "bad_claim"),
        (sinch_jwt(&format!(r#"{times},"nonce":"""#)), "bad_claim"),
        (sinch_jwt(&format!(r#"{times},"nonce":7"#)), "bad_claim"),
        (sinch_jwt(&format!(r#","iat":{NOW}{nonce}"#)), "bad_claim"),
        (
            sinch_jwt(&format!(r#","exp":{}{nonce}"#, NOW + 60)),
            "bad_claim",
        ),
        (on_day("20270114"), "ok"),
        (on_day("20270116"), "ok"),
        (on_day("20270113"), "unknown_key"),
        (on_day("20270117"), "unknown_key"),
        (on_day("20270231"), "unknown_key"),
        (on_day("2027011"), "unknown_key"),
        (named("hkdfv1-"), "unknown_key"),
        (named("s1"), "unknown_key"),
        (named("HKDFV1-20270115"), "unknown_key"),
        (named("hkdfv1-20270114"), "bad_signature"),
        (no_kid, "unknown_key"),
        (resources(&alias, &format!("{alias}/users/alice")), "ok"),
        (resources(&key, &format!("{key}/users/a/b/users/c")), "ok"),
        (resources(&key, &format!("{key}/users/")), "bad_claim"),
        (resources(&key, &format!("{key}/user/alice")), "bad_claim"),
        (resources(&key, "alice"), "bad_claim"),
        (
            resources(&key, &format!("{alias}/users/alice")),
            "bad_claim",
        ),
        (
            resources(&other, &format!("{other}/users/alice")),
            "wrong_audience",
        ),
        (
            resources("//rtc.sinch.com/", &format!("{key}/users/alice")),
            "bad_claim",
        ),
        (
            resources(&format!("{key}/x"), &format!("{key}/users/alice")),
            "bad_claim",
        ),
        (instance(NOW + 172_800), "ok"),
        (instance(NOW + 172_799), "bad_claim"),
        (instance(-1), "bad_claim"),
        (
            sinch_jwt(&format!(r#"{times}{nonce},"aud":"x""#)),
            "wrong_audience",
        ),
        (
            sinch_jwt(&format!(r#"{times}{nonce},"application_id":7"#)),
            "ok",
        ),
    ]);
    cases.extend([
        (sinch_jwt(&long), day - 1, "ok"),
        (sinch_jwt(&long), day, "too_old"),
    ]);
    check_at(&usual_application(), &cases);
}

#[test]
fn sinch_keys_are_current_then_previous() {
    use KeyState::{Current, Previous, Standby};
    let sinch = KeyAlgorithm::SinchHmacSha256;
    let verifier = application(vec![
        secret_ring_key("new", Current, sinch, &secret(3)),
        secret_ring_key("old", Previous, sinch, &secret(2)),
        secret_ring_key("next", Standby, sinch, &secret(4)),
    ]);
    let claims = format!(r#","iat":{NOW},"exp":{},"nonce":"n""#, NOW + 600);
    let created = r#","created":"2027-01-15T08:00:00.000Z""#;
    check(
        &verifier,
        vec![(sinch_jwt(&claims), "ok"), (sinch_ticket(created), "ok")],
    );
    let claims = verifier
        .verify(
            &parse(&sinch_jwt(&claims)).unwrap(),
            Timestamp::from_seconds(NOW),
        )
        .unwrap();
    assert_eq!(claims.kid.as_str(), "old");
    assert_eq!(claims.one_time_id(), OneTimeId::Nonce("n"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn sinch_tickets() {
    let created = r#","created":"2027-01-15T08:00:00.000Z""#;
    let plain = sinch_ticket(created);
    let short = sinch_ticket(&format!(r#"{created},"expiresIn":0.5"#));
    let long = sinch_ticket(&format!(r#"{created},"expiresIn":600000"#));
    let with = |fields: &str| {
        ticket(
            format!("{{{fields}{created}}}").as_bytes(),
            Signer::Secret(&secret(2)),
        )
    };
    let identity = |identity: &str| {
        with(&format!(
            r#""applicationKey":"{APPLICATION}","identity":{identity}"#
        ))
    };
    let expires = |value: &str| sinch_ticket(&format!(r#"{created},"expiresIn":{value}"#));
    let alice = r#"{"type":"username","endpoint":"alice"}"#;
    check_at(
        &usual_application(),
        &[
            (plain.clone(), 0, "ok"),
            (plain.clone(), -300_000, "ok"),
            (plain.clone(), -300_001, "not_yet_valid"),
            (plain.clone(), 3_599_999, "ok"),
            (plain, 3_600_000, "expired"),
            (short.clone(), 499, "ok"),
            (short, 500, "expired"),
            (long.clone(), 86_399_999, "ok"),
            (long, 86_400_000, "too_old"),
            (expires("1e300"), 0, "ok"),
            (expires("0"), 0, "bad_claim"),
            (expires("-1"), 0, "bad_claim"),
            (expires("1e400"), 0, "bad_claim"),
            (expires("null"), 0, "bad_claim"),
            (expires(r#""3600""#), 0, "bad_claim"),
            (sinch_ticket(r#","created":"yesterday""#), 0, "bad_claim"),
            (sinch_ticket(r#","created":1800000000"#), 0, "bad_claim"),
            (sinch_ticket(""), 0, "bad_claim"),
            (identity(alice), 0, "ok"),
            (
                identity(r#"{"type":"email","endpoint":"a@b.example"}"#),
                0,
                "bad_claim",
            ),
            (identity(r#"{"type":"username"}"#), 0, "bad_claim"),
            (identity(r#"{"endpoint":"alice"}"#), 0, "bad_claim"),
            (identity(r#""alice""#), 0, "bad_claim"),
            (
                identity(r#"{"type":"username","endpoint":" "}"#),
                0,
                "bad_claim",
            ),
            (
                with(&format!(r#""applicationKey":"{ALIAS}","identity":{alice}"#)),
                0,
                "ok",
            ),
            (
                with(&format!(
                    r#""applicationKey":"{OTHER_APPLICATION}","identity":{alice}"#
                )),
                0,
                "wrong_audience",
            ),
            (with(&format!(r#""identity":{alice}"#)), 0, "bad_claim"),
            (
                with(&format!(r#""applicationKey":7,"identity":{alice}"#)),
                0,
                "bad_claim",
            ),
            (ticket(b"{}", Signer::Secret(&secret(2))), 0, "bad_claim"),
            (
                ticket(b"[]", Signer::Secret(&secret(2))),
                0,
                "malformed_token",
            ),
            (
                ticket(br#"{"a":1,"a":1}"#, Signer::Secret(&secret(2))),
                0,
                "malformed_token",
            ),
        ],
    );
}

#[test]
fn latin_1_tickets_verify_over_utf_8() {
    let fields = |endpoint: &str| {
        format!(
            r#"{{"applicationKey":"{APPLICATION}","identity":{{"type":"username","endpoint":"{endpoint}"}},"created":"2027-01-15T08:00:00.000Z","expiresIn":86400}}"#
        )
    };
    // The generator's mistake: the MAC is over UTF-8, the base64 of Latin-1.
    let right = ticket(fields("zoë").as_bytes(), Signer::Secret(&secret(2)));
    let (_, mac) = right.split_once(':').unwrap();
    let latin_1: Vec<u8> = fields("zoë")
        .chars()
        .map(|character| u8::try_from(u32::from(character)).unwrap())
        .collect();
    let wrong = ticket(&latin_1, Signer::Secret(&secret(2)));
    let (latin_1_text, own_mac) = wrong.split_once(':').unwrap();
    let mixed = format!("{latin_1_text}:{mac}");
    let verifier = usual_application();
    check(
        &verifier,
        vec![
            (right.clone(), "ok"),
            (mixed.clone(), "ok"),
            (format!("{latin_1_text}:{own_mac}"), "bad_signature"),
        ],
    );
    let claims = |token: &str| {
        verifier
            .verify(&parse(token).unwrap(), Timestamp::from_seconds(NOW))
            .unwrap()
    };
    assert_eq!(claims(&mixed).subject.unwrap().as_str(), "zoë");
    assert_eq!(claims(&mixed).digest, claims(&right).digest);
}

#[test]
fn forms() {
    let good = kustomer(&format!(r#"{{"externalId":"u","iat":{NOW}}}"#));
    let ticket = sinch_ticket(r#","created":"2027-01-15T08:00:00.000Z""#);
    let (fields, mac) = ticket.split_once(':').unwrap();
    let exactly = {
        // One character more in the claims is one or two more in the token.
        let token = |length: usize| {
            let filler = "x".repeat(length);
            kustomer(&format!(
                r#"{{"externalId":"u","iat":{NOW},"x":"{filler}"}}"#
            ))
        };
        let length = (5_000..7_000).find(|&length| token(length).len() == 8_192);
        token(length.unwrap())
    };
    assert_eq!(exactly.len(), 8_192);
    check(
        &usual_application(),
        vec![
            (good.clone(), "ok"),
            (exactly.clone(), "ok"),
            (format!("{exactly}A"), "malformed_token"),
            (String::new(), "malformed_token"),
            (format!(" {good}"), "malformed_token"),
            (format!("{good}\n"), "malformed_token"),
            (format!("{good}."), "malformed_token"),
            (format!("Bearer {good}"), "malformed_token"),
            (format!("{good}="), "malformed_token"),
            (kustomer("null"), "malformed_token"),
            (kustomer("[1]"), "malformed_token"),
            (kustomer(r#"{"iat":1,"iat":1}"#), "malformed_token"),
            (ticket.clone(), "ok"),
            (format!("{ticket}:"), "malformed_token"),
            (format!(":{mac}"), "malformed_token"),
            (format!("{fields}:"), "bad_signature"),
            (
                format!("{fields}:{}", mac.trim_end_matches('=')),
                "malformed_token",
            ),
            (format!("{fields}: {mac}"), "malformed_token"),
        ],
    );
}

#[test]
fn shapes_decide_and_hints_are_given() {
    use countersign_credential::dialect::Dialect;
    let shape = |payload: &str| kustomer(payload);
    let iss = "//rtc.sinch.com/applications/K";
    for (token, dialect, hints) in [
        (
            shape(r#"{"application_id":"A"}"#),
            Dialect::Nexmo,
            vec!["A"],
        ),
        (
            shape(r#"{"application_id":null,"aud":"B"}"#),
            Dialect::Nexmo,
            vec![],
        ),
        (shape(r#"{"aud":"B"}"#), Dialect::Native, vec!["B"]),
        (
            shape(r#"{"aud":["B",7,"C"]}"#),
            Dialect::Native,
            vec!["B", "C"],
        ),
        (shape(r#"{"aud":null}"#), Dialect::Native, vec![]),
        (shape(r"{}"), Dialect::Kustomer, vec![]),
        (shape(r#"{"iss":"urn:api"}"#), Dialect::Kustomer, vec![]),
        (
            shape(&format!(r#"{{"iss":"{iss}"}}"#)),
            Dialect::Sinch,
            vec!["K"],
        ),
        (
            shape(&format!(
                r#"{{"iss":"{iss}","application_id":"A","aud":"B"}}"#
            )),
            Dialect::Sinch,
            vec!["K"],
        ),
        (
            shape(r#"{"iss":"//rtc.sinch.com/"}"#),
            Dialect::Sinch,
            vec![],
        ),
        (
            shape(r#"{"iss":["//rtc.sinch.com/"]}"#),
            Dialect::Kustomer,
            vec![],
        ),
        (
            ticket(br#"{"applicationKey":"K"}"#, Signer::Secret(b"s")),
            Dialect::Sinch,
            vec!["K"],
        ),
    ] {
        let credential = parse(&token).unwrap();
        assert_eq!(credential.dialect(), dialect);
        assert_eq!(credential.application_hints(), hints);
        assert_eq!(credential.application_hint(), hints.first().copied());
        for other in Dialect::ALL {
            assert_eq!(credential.require(other).is_ok(), other == dialect);
        }
        assert!(!format!("{credential:?}").contains("applicationKey"));
    }
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
