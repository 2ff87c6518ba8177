//! Any text as a credential, and any text as the claims of one whose signature
//! fits: no panic, and the judge and the doctor agree.
#![no_main]

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_credential::jws::key::WeakSecret;
use countersign_credential::key::{Key, KeyAlgorithm, KeyState, Kid, RingKey};
use countersign_credential::ring::KeyRing;
use countersign_credential::time::Timestamp;
use countersign_credential::unverified::parse;
use countersign_credential::verifier::{Rules, Verifier};
use libfuzzer_sys::fuzz_target;

const SECRET: &[u8] = b"test-secret-0123456789abcdef012345";

fuzz_target!(|text: &str| {
    let key = RingKey {
        kid: Kid::parse("h").expect("a letter is a kid"),
        state: KeyState::Current,
        key: Key::from_secret(KeyAlgorithm::Hs256, SECRET, WeakSecret::Refuse)
            .expect("the secret is long enough"),
    };
    let verifier = Verifier {
        application_id: "A".to_owned(),
        aliases: vec!["B".to_owned()],
        ring: KeyRing::new(vec![key]).expect("one key is a ring"),
        rules: Rules::default(),
    };
    check(&verifier, text);
    check(&verifier, &signed(text));
});

fn check(verifier: &Verifier, token: &str) {
    let now = Timestamp::from_seconds(1_700_000_060);
    let explanation = verifier.explain(token, None, now);
    let verdict = parse(token).and_then(|credential| verifier.verify_login(&credential, now));
    assert_eq!(explanation.claims.as_ref(), verdict.as_ref().ok());
    assert_eq!(explanation.refusal, verdict.err());
}

fn signed(payload: &str) -> String {
    let input = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    let signature = hmac::sign(&key, input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}
