//! Any text as a ticket, and any bytes as the fields of one whose MAC fits: no
//! panic, and the judge and the doctor agree.
#![no_main]

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_credential::jws::key::WeakSecret;
use countersign_credential::key::{Key, KeyAlgorithm, KeyState, Kid, RingKey};
use countersign_credential::ring::KeyRing;
use countersign_credential::time::Timestamp;
use countersign_credential::unverified::parse;
use countersign_credential::verifier::{Rules, Verifier};
use libfuzzer_sys::fuzz_target;

const SECRET: &[u8] = b"sixteen bytes it";

fuzz_target!(|bytes: &[u8]| {
    let key = RingKey {
        kid: Kid::parse("s").expect("a letter is a kid"),
        state: KeyState::Current,
        key: Key::from_secret(KeyAlgorithm::SinchHmacSha256, SECRET, WeakSecret::Refuse)
            .expect("the secret is long enough"),
    };
    let verifier = Verifier {
        application_id: "A".to_owned(),
        aliases: Vec::new(),
        ring: KeyRing::new(vec![key]).expect("one key is a ring"),
        rules: Rules::default(),
    };
    if let Ok(text) = std::str::from_utf8(bytes) {
        check(&verifier, &format!(":{text}"));
        check(&verifier, text);
    }
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), bytes);
    check(
        &verifier,
        &format!("{}:{}", STANDARD.encode(bytes), STANDARD.encode(mac)),
    );
});

fn check(verifier: &Verifier, token: &str) {
    let now = Timestamp::from_seconds(1_767_323_050);
    let explanation = verifier.explain(token, None, now);
    let verdict = parse(token).and_then(|credential| verifier.verify_login(&credential, now));
    assert_eq!(explanation.claims.as_ref(), verdict.as_ref().ok());
    assert_eq!(explanation.refusal, verdict.err());
}
