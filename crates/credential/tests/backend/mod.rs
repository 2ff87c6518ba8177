//! A backend that signs whatever it is told to, well or badly, and the
//! application that judges it.
#![expect(dead_code, reason = "each file of tests uses a part of it")]

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_credential::explain::Explanation;
use countersign_credential::jws::key::WeakSecret;
use countersign_credential::key::{Key, KeyAlgorithm, KeyState, Kid, RingKey};
use countersign_credential::refusal::Refusal;
use countersign_credential::ring::KeyRing;
use countersign_credential::time::Timestamp;
use countersign_credential::unverified::parse;
use countersign_credential::verifier::{Rules, Verifier};

pub(crate) const APPLICATION: &str = "aaaaaaaa-1111-4111-8111-aaaaaaaaaaaa";
pub(crate) const ALIAS: &str = "your-app-key";
pub(crate) const NOW: i64 = 1_800_000_000;
/// The day of [`NOW`].
pub(crate) const TODAY: &str = "20270115";

/// What the backend signs with.
#[derive(Clone, Copy)]
pub(crate) enum Signer<'a> {
    /// RS256, with one of the two RSA keys that there are.
    Rsa(usize),
    /// HMAC-SHA256 under these bytes.
    Secret(&'a [u8]),
    /// HMAC-SHA256 under the key that these bytes have on a day.
    Day(&'a [u8], &'a str),
}

/// What somebody who debugs a login needs to see of an explanation.
pub(crate) fn failures(explanation: &Explanation) -> Vec<&'static str> {
    let failed = explanation.checks.iter().filter(|check| !check.passed);
    failed.map(|check| check.name).collect()
}

/// A secret of 32 bytes that differs by its number.
pub(crate) fn secret(number: u8) -> Vec<u8> {
    (0..32).map(|index| index ^ number).collect()
}

/// A key in a ring.
pub(crate) fn ring_key(kid: &str, state: KeyState, key: Key) -> RingKey {
    RingKey {
        kid: Kid::parse(kid).unwrap(),
        state,
        key,
    }
}

/// An RSA key in a ring.
pub(crate) fn rsa_ring_key(kid: &str, state: KeyState, number: usize) -> RingKey {
    let pem = rsa_public_pem(number);
    let key = Key::from_public_key_pem(KeyAlgorithm::Rs256, &pem).unwrap();
    ring_key(kid, state, key)
}

/// A secret in a ring.
pub(crate) fn secret_ring_key(
    kid: &str,
    state: KeyState,
    algorithm: KeyAlgorithm,
    secret: &[u8],
) -> RingKey {
    let key = Key::from_secret(algorithm, secret, WeakSecret::Refuse).unwrap();
    ring_key(kid, state, key)
}

/// The application, with these keys.
pub(crate) fn application(keys: Vec<RingKey>) -> Verifier {
    Verifier {
        application_id: APPLICATION.to_owned(),
        aliases: vec![ALIAS.to_owned()],
        ring: KeyRing::new(keys).unwrap(),
        rules: Rules::default(),
    }
}

/// The application with one current key of each kind that the backend has.
pub(crate) fn usual_application() -> Verifier {
    let current = KeyState::Current;
    application(vec![
        rsa_ring_key("k1", current, 0),
        secret_ring_key("h1", current, KeyAlgorithm::Hs256, &secret(1)),
        secret_ring_key("s1", current, KeyAlgorithm::SinchHmacSha256, &secret(2)),
    ])
}

/// Signs any header and payload.
pub(crate) fn sign(header: &str, payload: &str, signer: Signer<'_>) -> String {
    let input = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = signature(input.as_bytes(), signer);
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Signs any bytes as a ticket.
pub(crate) fn ticket(fields: &[u8], signer: Signer<'_>) -> String {
    format!(
        "{}:{}",
        STANDARD.encode(fields),
        STANDARD.encode(signature(fields, signer))
    )
}

/// The verdict on a login as a word: `ok`, or the code. The doctor must agree.
pub(crate) fn verdict(verifier: &Verifier, token: &str, now: Timestamp) -> &'static str {
    let outcome = judged(verifier, token, now);
    let explanation = verifier.explain(token, None, now);
    let (accepted, code) = match &outcome {
        Ok(()) => (true, "ok"),
        Err(refusal) => (false, refusal.code.as_str()),
    };
    assert_eq!(explanation.accepted(), accepted, "{explanation:?}");
    assert_eq!(explanation.claims.is_some(), accepted, "{explanation:?}");
    assert_eq!(explanation.refusal.as_ref(), outcome.as_ref().err());
    assert_eq!(
        explanation.checks.iter().all(|check| check.passed),
        accepted,
        "{explanation:?}"
    );
    code
}

/// The whole verdict on a login.
pub(crate) fn judged(verifier: &Verifier, token: &str, now: Timestamp) -> Result<(), Refusal> {
    let credential = parse(token)?;
    verifier.verify_login(&credential, now).map(drop)
}

fn signature(message: &[u8], signer: Signer<'_>) -> Vec<u8> {
    let mac = |secret: &[u8], message: &[u8]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        hmac::sign(&key, message).as_ref().to_vec()
    };
    match signer {
        Signer::Rsa(number) => {
            let key = rsa_key(number);
            let mut signature = vec![0; key.public_modulus_len()];
            key.sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .unwrap();
            signature
        }
        Signer::Secret(secret) => mac(secret, message),
        Signer::Day(secret, day) => mac(&mac(secret, day.as_bytes()), message),
    }
}

fn rsa_public_pem(number: usize) -> String {
    let der: PublicKeyX509Der<'_> = rsa_key(number).public_key().as_der().unwrap();
    format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        lines(&STANDARD.encode(der.as_ref()))
    )
}

fn lines(text: &str) -> String {
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    lines.join("\n")
}

fn rsa_key(number: usize) -> &'static RsaKeyPair {
    static KEYS: OnceLock<[RsaKeyPair; 2]> = OnceLock::new();
    &KEYS.get_or_init(|| [(); 2].map(|()| RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))[number]
}
