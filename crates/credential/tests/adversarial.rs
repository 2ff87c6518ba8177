//! The corpus of adversarial JWTs: 264 tokens that one or another library of
//! the field took and should not have, and some that it should.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_credential::dialect::Dialect;
use countersign_credential::jws::key::WeakSecret;
use countersign_credential::key::{Key, KeyAlgorithm, KeyState, Kid, RingKey};
use countersign_credential::ring::KeyRing;
use countersign_credential::time::Timestamp;
use countersign_credential::unverified::parse;
use countersign_credential::verifier::{Rules, Verifier};
use serde::Deserialize;

#[derive(Deserialize)]
struct Corpus {
    now: i64,
    policy: Policy,
    count: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Policy {
    rs256: RsaProfile,
    hs256: SecretProfile,
}

#[derive(Deserialize)]
struct RsaProfile {
    pem: String,
    application_id: String,
}

#[derive(Deserialize)]
struct SecretProfile {
    secret_b64u: String,
}

#[derive(Deserialize)]
struct Case {
    id: u32,
    profile: String,
    cls: String,
    name: String,
    token: String,
    valid: bool,
}

#[test]
fn every_token_gets_its_verdict() {
    let Some(corpus) = support::read_vectors("adversarial_jwt.json") else {
        return;
    };
    let corpus: Corpus = serde_json::from_value(corpus).unwrap();
    assert_eq!(corpus.cases.len(), corpus.count);
    assert!(corpus.count >= 264, "the corpus has shrunk");
    let now = Timestamp::from_seconds(corpus.now);
    let rsa = rsa_application(&corpus.policy.rs256);
    let secret = secret_application(&corpus.policy);
    for case in &corpus.cases {
        let (verifier, dialect) = match case.profile.as_str() {
            "rs256" => (&rsa, Dialect::Nexmo),
            "hs256" => (&secret, Dialect::Kustomer),
            other => panic!("unknown profile {other}"),
        };
        check(case, verifier, dialect, now);
    }
}

fn check(case: &Case, verifier: &Verifier, dialect: Dialect, now: Timestamp) {
    let about = format!("{} {}: {}", case.id, case.cls, case.name);
    let verdict = parse(&case.token).and_then(|credential| verifier.verify_login(&credential, now));
    assert_eq!(verdict.is_ok(), case.valid, "{about}: {verdict:?}");
    if let Err(refusal) = &verdict {
        let expected = codes(&case.cls);
        let code = refusal.code.as_str();
        assert!(expected.contains(&code), "{about}: {refusal}");
    }
    // The doctor agrees, and still does where one dialect is insisted on.
    let explanation = verifier.explain(&case.token, None, now);
    assert_eq!(
        explanation.refusal.as_ref(),
        verdict.as_ref().err(),
        "{about}"
    );
    let insisted = verifier.explain(&case.token, Some(dialect), now);
    assert_eq!(insisted.accepted(), case.valid, "{about}");
}

/// The codes that a refused token of a class may get. A class has several
/// where its cases break more than one rule.
fn codes(class: &str) -> &'static [&'static str] {
    match class {
        "alg" => &[
            "unsupported_algorithm",
            "unsupported_header",
            "bad_signature",
        ],
        "alg-confusion" => &["unsupported_algorithm"],
        "signature" => &["bad_signature", "malformed_token"],
        "weak-secret" => &["bad_signature"],
        "cross-app" => &[
            "wrong_audience",
            "bad_claim",
            "malformed_token",
            "unsupported_algorithm",
            "bad_signature",
        ],
        "cross-profile" => &["wrong_audience", "unsupported_algorithm", "unknown_key"],
        "key-injection" | "ssrf" | "crit" | "zip" | "nested" | "b64" | "typ" => {
            &["unsupported_header", "malformed_token"]
        }
        "kid" => &["unknown_key", "unsupported_header", "unsupported_algorithm"],
        "key" => &["unknown_key"],
        "json" | "encoding" | "size" | "jwe" => &["malformed_token"],
        "time" => &[
            "expired",
            "bad_claim",
            "malformed_token",
            "too_old",
            "not_yet_valid",
        ],
        "sub" | "jti" => &["bad_claim"],
        "acl" => &["bad_acl", "malformed_token"],
        "aud" => &["wrong_audience", "bad_claim"],
        "kustomer" => &[
            "bad_claim",
            "too_old",
            "not_yet_valid",
            "expired",
            "malformed_token",
        ],
        other => panic!("a class without expectations: {other}"),
    }
}

fn rsa_application(profile: &RsaProfile) -> Verifier {
    let key = Key::from_public_key_pem(KeyAlgorithm::Rs256, &profile.pem).unwrap();
    let weak = Kid::parse("weak").unwrap();
    let ring = KeyRing::new(vec![current("k1", key)])
        .unwrap()
        .leave_out(weak, "the RSA key has 1024 bits");
    Verifier {
        application_id: profile.application_id.clone(),
        aliases: Vec::new(),
        ring,
        rules: Rules::default(),
    }
}

fn secret_application(policy: &Policy) -> Verifier {
    let secret = URL_SAFE_NO_PAD.decode(&policy.hs256.secret_b64u).unwrap();
    let key = Key::from_secret(KeyAlgorithm::Hs256, &secret, WeakSecret::Refuse).unwrap();
    Verifier {
        application_id: policy.rs256.application_id.clone(),
        aliases: Vec::new(),
        ring: KeyRing::new(vec![current("h1", key)]).unwrap(),
        rules: Rules::default(),
    }
}

fn current(kid: &str, key: Key) -> RingKey {
    RingKey {
        kid: Kid::parse(kid).unwrap(),
        state: KeyState::Current,
        key,
    }
}
