//! Every sentence about verdicts, at its edges.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../backend/mod.rs"]
mod backend;
mod times;
mod claims;
mod keys;
mod sinch;
mod forms;

use backend::{APPLICATION, NOW, Signer, TODAY, judged, secret, sign, ticket, verdict};
use countersign_credential::time::Timestamp;
use countersign_credential::verifier::Verifier;

pub(crate) const OTHER_APPLICATION: &str = "bbbbbbbb-2222-4222-8222-bbbbbbbbbbbb";

pub(crate) fn nexmo(claims: &str) -> String {
    nexmo_with(r#"{"alg":"RS256"}"#, claims)
}

pub(crate) fn nexmo_with(header: &str, claims: &str) -> String {
    let payload = format!(r#"{{"application_id":"{APPLICATION}"{claims}}}"#);
    sign(header, &payload, Signer::Rsa(0))
}

pub(crate) fn kustomer(payload: &str) -> String {
    sign(r#"{"alg":"HS256"}"#, payload, Signer::Secret(&secret(1)))
}

pub(crate) fn native(claims: &str) -> String {
    let payload = format!(r#"{{"aud":"{APPLICATION}"{claims}}}"#);
    sign(r#"{"alg":"HS256"}"#, &payload, Signer::Secret(&secret(1)))
}

pub(crate) fn sinch_jwt(claims: &str) -> String {
    let payload = format!(
        r#"{{"iss":"//rtc.sinch.com/applications/{APPLICATION}","sub":"//rtc.sinch.com/applications/{APPLICATION}/users/alice"{claims}}}"#
    );
    sinch_jwt_with(&format!("hkdfv1-{TODAY}"), TODAY, &payload)
}

pub(crate) fn sinch_jwt_with(kid: &str, day: &str, payload: &str) -> String {
    let header = format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#);
    sign(&header, payload, Signer::Day(&secret(2), day))
}

pub(crate) fn sinch_ticket(fields: &str) -> String {
    let json = format!(
        r#"{{"applicationKey":"{APPLICATION}","identity":{{"type":"username","endpoint":"alice"}}{fields}}}"#
    );
    ticket(json.as_bytes(), Signer::Secret(&secret(2)))
}

/// A table of a token, the server's time in milliseconds after `NOW`, and the
/// verdict.
pub(crate) fn check_at(verifier: &Verifier, cases: &[(String, i64, &str)]) {
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

pub(crate) fn check(verifier: &Verifier, cases: Vec<(String, &str)>) {
    let cases: Vec<_> = cases
        .into_iter()
        .map(|(token, expected)| (token, 0, expected))
        .collect();
    check_at(verifier, &cases);
}
