//! What is Sinch's own: tickets, and JWTs under a key of the day.

use crate::backend::{
    ALIAS, APPLICATION, NOW, Signer, TODAY, application, secret, secret_ring_key, sign, ticket,
    usual_application,
};
use crate::{OTHER_APPLICATION, check, check_at, sinch_jwt, sinch_jwt_with, sinch_ticket};
use countersign_credential::claims::OneTimeId;
use countersign_credential::key::{KeyAlgorithm, KeyState};
use countersign_credential::time::Timestamp;
use countersign_credential::unverified::parse;

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
