//! Credentials that the vendors' own libraries and documents made, byte for
//! byte, with the verdict that each must get.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_credential::jws::key::WeakSecret;
use countersign_credential::key::{Key, KeyAlgorithm, KeyState, Kid, RingKey};
use countersign_credential::ring::KeyRing;
use countersign_credential::time::Timestamp;
use countersign_credential::unverified::parse;
use countersign_credential::verifier::{Rules, Verifier};

fn application(id: &str, algorithm: KeyAlgorithm, secret: &[u8]) -> Verifier {
    let key = RingKey {
        kid: Kid::parse("k").unwrap(),
        state: KeyState::Current,
        key: Key::from_secret(algorithm, secret, WeakSecret::Refuse).unwrap(),
    };
    Verifier {
        application_id: id.to_owned(),
        aliases: Vec::new(),
        ring: KeyRing::new(vec![key]).unwrap(),
        rules: Rules::default(),
    }
}

/// The verdict: `ok` and the subject, or the code and the hint.
fn verdict(verifier: &Verifier, token: &str, now: i64) -> (&'static str, String) {
    let explanation = verifier.explain(token, None, Timestamp::from_seconds(now));
    match (explanation.claims, explanation.refusal) {
        (Some(claims), None) => ("ok", claims.subject.unwrap().as_str().to_owned()),
        (None, Some(refusal)) => (refusal.code.as_str(), refusal.hint.unwrap_or_default()),
        other => panic!("neither accepted nor refused: {other:?}"),
    }
}

/// Ten tokens of `jsonwebtoken` 9 for npm, with the secret of a kustomer
/// organization, made at 1700000000.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn kustomer() {
    let verifier = application(
        "0190d1c4-0000-7000-8000-000000000001",
        KeyAlgorithm::Hs256,
        b"test-secret-0123456789abcdef012345",
    );
    for (name, token, code, words) in [
        (
            "externalId only",
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHRlcm5hbElkIjoidXNlcl84NDEyIiwiaWF0IjoxNzAwMDAwMDAwfQ.N7fqvnJ6OsLt4MkrDgReQdREaQurLKZOAs2SYDb2uTM",
            "ok",
            "user_8412",
        ),
        (
            "email only",
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImphbmVAZXhhbXBsZS5jb20iLCJpYXQiOjE3MDAwMDAwMDB9.Tmuo3CfHzBAzcJRautFZ8v0dYfDEcsEKxWy0B5Nxt7A",
            "ok",
            "jane@example.com",
        ),
        (
            "both: the address wins",
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHRlcm5hbElkIjoidXNlcl84NDEyIiwiZW1haWwiOiJqYW5lQGV4YW1wbGUuY29tIiwiaWF0IjoxNzAwMDAwMDAwfQ.-XXeAKaC8cAsmvq5BKwS4jIApPFuYbSmVOKAuXum0x8",
            "ok",
            "jane@example.com",
        ),
        (
            "another secret",
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHRlcm5hbElkIjoidXNlcl84NDEyIiwiaWF0IjoxNzAwMDAwMDAwfQ.VQ5JUH-NLW906QPDvCEptm2bT3QQxB12rxG_bxWBI-0",
            "bad_signature",
            "exactly as it is registered",
        ),
        (
            "no iat",
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHRlcm5hbElkIjoidXNlcl84NDEyIn0.rV10LWsKOrkLwqcNIp4dvFs81N4WQ5oHg439-1oLYa4",
            "bad_claim",
            "add `iat`",
        ),
        (
            "neither id",
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3MDAwMDAwMDB9.9l4uEkErCAEd6o4crK5WNWaGroYebPSZdtA_aBCK-ao",
            "bad_claim",
            "add `externalId`",
        ),
        (
            "iat in milliseconds",
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHRlcm5hbElkIjoidXNlcl84NDEyIiwiaWF0IjoxNzAwMDAwMDAwMDAwfQ.orgRgKcIGH169GyaB-0aTqNBjH5LUfIhLAcxhZih2x0",
            "not_yet_valid",
            "looks like milliseconds: divide by 1000",
        ),
        (
            "iat as a string",
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHRlcm5hbElkIjoidXNlcl84NDEyIiwiaWF0IjoiMTcwMDAwMDAwMCJ9.0ub-zRy2d4TNMK08AP9YmiWAd1z_LRFnFPCfrY_LLp0",
            "bad_claim",
            "as a number of seconds",
        ),
        (
            "alg none",
            "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJleHRlcm5hbElkIjoidXNlcl84NDEyIiwiaWF0IjoxNzAwMDAwMDAwfQ.",
            "unsupported_algorithm",
            "sign it",
        ),
        (
            "HS512",
            "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJleHRlcm5hbElkIjoidXNlcl84NDEyIiwiaWF0IjoxNzAwMDAwMDAwfQ.PE3aMwwFtIHy8LghONwlMEAee6CKik07Ir-pPw9JTjjldACmq1InMtKL6FxqESqVDx9ZA0UM6gBg3k8cczmUsg",
            "unsupported_algorithm",
            "sign with HS256",
        ),
    ] {
        let (found, said) = verdict(&verifier, token, 1_700_000_060);
        assert_eq!(found, code, "{name}: {said}");
        assert!(said.contains(words), "{name}: {said}");
    }
}

const SINCH_KEY: &str = "c0ffee00-1111-4222-8333-444455556666";

fn sinch() -> Verifier {
    let secret = STANDARD.decode("AAECAwQFBgcICQoLDA0ODw==").unwrap();
    application(SINCH_KEY, KeyAlgorithm::SinchHmacSha256, &secret)
}

/// A ticket of `sinch-ticketgen` 0.0.6 for npm.
#[test]
fn sinch_ticket() {
    let fields = "eyJhcHBsaWNhdGlvbktleSI6ImMwZmZlZTAwLTExMTEtNDIyMi04MzMzLTQ0NDQ1NTU1NjY2NiIsImlkZW50aXR5Ijp7InR5cGUiOiJ1c2VybmFtZSIsImVuZHBvaW50IjoiYWxpY2UifSwiY3JlYXRlZCI6IjIwMjYtMDEtMDJUMDM6MDQ6MDUuNjc4WiIsImV4cGlyZXNJbiI6ODY0MDB9";
    let mac = "e4icQpb5446rIPKmVJr1JXkjDkW6mqsjyPfYubbRKEQ=";
    let created = 1_767_323_045;
    let ticket = format!("{fields}:{mac}");
    let verifier = sinch();
    assert_eq!(
        verdict(&verifier, &ticket, created + 60),
        ("ok", "alice".into())
    );
    assert_eq!(verdict(&verifier, &ticket, created + 86_401).0, "expired");
    let other = ticket.replace("e4icQpb5", "e4icQpb6");
    assert_eq!(verdict(&verifier, &other, created + 60).0, "bad_signature");
}

/// Only a ticket says before it is verified whom it is for, and only by a name.
#[test]
fn who_a_ticket_is_for() {
    let hint = |text: &str| {
        let name = parse(text).unwrap().ticket_user_hint();
        name.map(|name| name.as_str().to_owned())
    };
    for (identity, expected) in [
        (r#"{"type":"username","endpoint":"alice"}"#, Some("alice")),
        (
            r#"{"type":"username","endpoint":"zo\u00eb"}"#,
            Some("zo\u{eb}"),
        ),
        (r#"{"type":"username","endpoint":""}"#, None),
        (r#"{"type":"username","endpoint":7}"#, None),
        (r#"{"type":"email","endpoint":"a@shop.example"}"#, None),
        (r#"{"endpoint":"alice"}"#, None),
        (r#""alice""#, None),
    ] {
        let fields = format!(r#"{{"identity":{identity}}}"#);
        let ticket = format!("{}:AAAA", STANDARD.encode(fields));
        assert_eq!(hint(&ticket).as_deref(), expected, "{identity}");
    }
    assert_eq!(hint("e30=:AAAA"), None);
    assert_eq!(
        hint("eyJhbGciOiJIUzI1NiJ9.eyJleHRlcm5hbElkIjoiYSJ9.AAAA"),
        None
    );
}

/// JWTs of Sinch's newer form, ours: with and without the bound of the
/// registration.
#[test]
fn sinch_jwt() {
    let header = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImhrZGZ2MS0yMDI2MDEwMiJ9";
    let claims = "eyJpc3MiOiIvL3J0Yy5zaW5jaC5jb20vYXBwbGljYXRpb25zL2MwZmZlZTAwLTExMTEtNDIyMi04MzMzLTQ0NDQ1NTU1NjY2NiIsInN1YiI6Ii8vcnRjLnNpbmNoLmNvbS9hcHBsaWNhdGlvbnMvYzBmZmVlMDAtMTExMS00MjIyLTgzMzMtNDQ0NDU1NTU2NjY2L3VzZXJzL2FsaWNlIiwiaWF0IjoxNzY3MzIzMDQ1LCJleHAiOjE3NjczMjM2NDUsIm5vbmNlIjoiMTExMTExMTEtMjIyMi00MzMzLTg0NDQtNTU1NTU1NTU1NTU1In0";
    let signature = "_KPzk2y4cRSdSYQrTM54fS5mzl-FyvQyTG8XCJTidhQ";
    let verifier = sinch();
    let iat = 1_767_323_045;
    let token = format!("{header}.{claims}.{signature}");
    assert_eq!(verdict(&verifier, &token, iat + 1), ("ok", "alice".into()));
    assert_eq!(verdict(&verifier, &token, iat + 600).0, "expired");
    let days = verdict(&verifier, &token, iat + 2 * 86_400);
    assert_eq!(days.0, "unknown_key", "{}", days.1);

    let bounded = format!(
        r#"{{"iss":"//rtc.sinch.com/applications/{SINCH_KEY}","sub":"//rtc.sinch.com/applications/{SINCH_KEY}/users/alice","iat":{iat},"exp":{},"nonce":"11111111-2222-4333-8444-555555555555","sinch:rtc:instance:exp":1767495845}}"#,
        iat + 600
    );
    let bounded = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bounded);
    let token = format!("{header}.{bounded}.8vJp--EODug7m3RId9cl3OJR40YzeVCNUZcxhoP7DBs");
    assert_eq!(verdict(&verifier, &token, iat + 1), ("ok", "alice".into()));
}

/// The vector that Sinch publishes, in the three orders and forms of its
/// generators.
#[test]
fn sinch_published() {
    let key = "a32e5a8d-f7d8-411c-9645-9038e8dd051d";
    let secret = STANDARD.decode("ax8hTTQJF0OPXL32r1LHMA==").unwrap();
    let verifier = application(key, KeyAlgorithm::SinchHmacSha256, &secret);
    let iss = format!(r#""iss":"//rtc.sinch.com/applications/{key}""#);
    let sub = format!(r#""sub":"//rtc.sinch.com/applications/{key}/users/foo""#);
    let (iat, exp) = (r#""iat":1514862245"#, r#""exp":1514862845"#);
    let nonce = r#""nonce":"6b438bda-2d5c-4e8c-92b0-39f20a94b34e""#;
    let instance = r#""sinch:rtc:instance:exp":1530414245"#;
    for (claims, signature) in [
        (
            vec![iss.as_str(), &sub, iat, exp, nonce],
            "EUltTTD4fxhkwCgLgj6qSQXKawpwQ952Ywm3OwQSARo",
        ),
        (
            vec![exp, iat, &iss, nonce, &sub],
            "10N-QAvRK0-dacox5X5YusK7C0AWb-kZLiNNTKLQw8I",
        ),
        (
            vec![exp, iat, &iss, nonce, instance, &sub],
            "Z1KlXha3ubMWjMI2z949NkUHmekpe31z0fNx-XiMDuo",
        ),
    ] {
        let encode = |json: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json);
        let header = encode(r#"{"alg":"HS256","kid":"hkdfv1-20180102"}"#);
        let payload = encode(&format!("{{{}}}", claims.join(",")));
        let token = format!("{header}.{payload}.{signature}");
        assert_eq!(
            verdict(&verifier, &token, 1_514_862_300),
            ("ok", "foo".into()),
            "{claims:?}"
        );
    }
}

/// A request that `sinch-request` 0.0.8 for npm signed with an application's secret.
#[test]
fn a_request_goes_by_the_current_secret_or_the_previous() {
    const TEXT: &str = "GET\n\napplication/json\nx-timestamp:2026-01-02T03:04:05.678Z\n/v1/x";
    let secret = STANDARD.decode("AAECAwQFBgcICQoLDA0ODw==").unwrap();
    let mac = STANDARD
        .decode("sGvz1ARHVhfOMxbhMicqF5MsrFtHVdDISWE0JvNwL8A=")
        .unwrap();
    let key = |kid: &str, algorithm, state, secret: &[u8]| RingKey {
        kid: Kid::parse(kid).unwrap(),
        state,
        key: Key::from_secret(algorithm, secret, WeakSecret::Allow).unwrap(),
    };
    let sinch = KeyAlgorithm::SinchHmacSha256;
    let newer = || key("newer", sinch, KeyState::Current, &[7; 32]);
    let text = || TEXT.as_bytes().to_vec();
    let other = || b"another text".to_vec();
    for (ring, texts, expected) in [
        (
            vec![key("k", sinch, KeyState::Current, &secret)],
            vec![text()],
            Ok("k"),
        ),
        (
            vec![newer(), key("k", sinch, KeyState::Previous, &secret)],
            vec![other(), text()],
            Ok("k"),
        ),
        (
            vec![newer(), key("k", sinch, KeyState::Standby, &secret)],
            vec![text()],
            Err("bad_signature"),
        ),
        (
            vec![newer(), key("k", sinch, KeyState::Revoked, &secret)],
            vec![text()],
            Err("bad_signature"),
        ),
        (
            vec![key("k", sinch, KeyState::Current, &secret)],
            vec![other()],
            Err("bad_signature"),
        ),
        (
            vec![key("k", sinch, KeyState::Current, &secret)],
            vec![],
            Err("bad_signature"),
        ),
        (
            vec![key("k", KeyAlgorithm::Hs256, KeyState::Current, &secret)],
            vec![text()],
            Err("unknown_key"),
        ),
        (vec![], vec![text()], Err("unknown_key")),
    ] {
        let verifier = Verifier {
            application_id: "x".to_owned(),
            aliases: Vec::new(),
            ring: KeyRing::new(ring).unwrap(),
            rules: Rules::default(),
        };
        let found = verifier.verify_request(&texts, &mac);
        let found = found
            .as_ref()
            .map(Kid::as_str)
            .map_err(|refusal| refusal.code.as_str());
        assert_eq!(found, expected);
    }
}
