//! The ten credentials of the door's own documents, each with its verdict, and the
//! edges of its window with what was measured.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::world::{BEGIN_S, Identity, World};

const EXTERNAL_ID: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHRlcm5hbElkIjoidXNlcl84NDEyIiwiaWF0IjoxNzAwMDAwMDAwfQ.N7fqvnJ6OsLt4MkrDgReQdREaQurLKZOAs2SYDb2uTM";
const EMAIL: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImphbmVAZXhhbXBsZS5jb20iLCJpYXQiOjE3MDAwMDAwMDB9.Tmuo3CfHzBAzcJRautFZ8v0dYfDEcsEKxWy0B5Nxt7A";
pub(crate) const BOTH: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHRlcm5hbElkIjoidXNlcl84NDEyIiwiZW1haWwiOiJqYW5lQGV4YW1wbGUuY29tIiwiaWF0IjoxNzAwMDAwMDAwfQ.-XXeAKaC8cAsmvq5BKwS4jIApPFuYbSmVOKAuXum0x8";
const WRONG_SECRET: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHRlcm5hbElkIjoidXNlcl84NDEyIiwiaWF0IjoxNzAwMDAwMDAwfQ.VQ5JUH-NLW906QPDvCEptm2bT3QQxB12rxG_bxWBI-0";
const NO_IAT: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHRlcm5hbElkIjoidXNlcl84NDEyIn0.rV10LWsKOrkLwqcNIp4dvFs81N4WQ5oHg439-1oLYa4";
const NEITHER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3MDAwMDAwMDB9.9l4uEkErCAEd6o4crK5WNWaGroYebPSZdtA_aBCK-ao";
const MILLISECONDS: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHRlcm5hbElkIjoidXNlcl84NDEyIiwiaWF0IjoxNzAwMDAwMDAwMDAwfQ.orgRgKcIGH169GyaB-0aTqNBjH5LUfIhLAcxhZih2x0";
const STRING: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHRlcm5hbElkIjoidXNlcl84NDEyIiwiaWF0IjoiMTcwMDAwMDAwMCJ9.0ub-zRy2d4TNMK08AP9YmiWAd1z_LRFnFPCfrY_LLp0";
const ALG_NONE: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJleHRlcm5hbElkIjoidXNlcl84NDEyIiwiaWF0IjoxNzAwMDAwMDAwfQ.";
const HS512: &str = "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJleHRlcm5hbElkIjoidXNlcl84NDEyIiwiaWF0IjoxNzAwMDAwMDAwfQ.PE3aMwwFtIHy8LghONwlMEAee6CKik07Ir-pPw9JTjjldACmq1InMtKL6FxqESqVDx9ZA0UM6gBg3k8cczmUsg";

#[tokio::test]
async fn the_good_ones_log_in() {
    let world = World::new().await;
    world.clock.advance_s(60);
    for (credential, email, external_id) in [
        (EXTERNAL_ID, None, Some("user_8412")),
        (EMAIL, Some("jane@example.com"), None),
        (BOTH, Some("jane@example.com"), None),
    ] {
        let visitor = world.visitor().await;
        let answer = world.identify(Some(&visitor), credential).await.expect(200);
        let attributes = &answer["data"]["attributes"];
        assert_eq!(attributes["email"].as_str(), email, "{answer}");
        assert_eq!(attributes["externalId"].as_str(), external_id, "{answer}");
        assert_eq!(attributes["identified"], true);
        assert_eq!(attributes["verifiedAt"], "2023-11-14T22:14:20.000Z");
        world.touch(&Identity::of(&answer).token).await.expect(200);
    }
}

#[tokio::test]
async fn each_of_the_others_is_told_what_is_wrong() {
    let world = World::new().await;
    world.clock.advance_s(60);
    let visitor = world.visitor().await;
    for (credential, code, words) in [
        (WRONG_SECRET, "bad_signature", "exactly as it is registered"),
        (NO_IAT, "bad_claim", "`iat` is missing"),
        (NEITHER, "bad_claim", "neither `email` nor `externalId`"),
        (
            MILLISECONDS,
            "not_yet_valid",
            "looks like milliseconds: divide by 1000",
        ),
        (STRING, "bad_claim", "`iat`"),
        (ALG_NONE, "unsupported_algorithm", "sign it"),
        (HS512, "unsupported_algorithm", "sign with HS256"),
    ] {
        let refused = world.identify(Some(&visitor), credential).await;
        let error = refused.refused(401, code);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(words), "{code}: {message}");
        assert_eq!(error["meta"]["serverTime"], "2023-11-14T22:14:20.000Z");
        let measured = error["meta"]["limit"].is_number();
        assert_eq!(measured, credential == MILLISECONDS, "{error}");
        world.touch(&visitor).await.expect(200);
    }
}

#[tokio::test]
async fn a_window_has_two_edges_and_both_are_measured() {
    for (after_s, code, age, skew) in [
        (900, None, None, None),
        (901, Some("too_old"), Some(901.0), None),
        (86_400, Some("too_old"), Some(86_400.0), None),
        (-900, None, None, None),
        (-901, Some("not_yet_valid"), None, Some(901.0)),
        (-3_600, Some("not_yet_valid"), None, Some(3_600.0)),
    ] {
        let world = World::new().await;
        world.clock.advance_s(after_s);
        let reply = world.identify(None, EXTERNAL_ID).await;
        let Some(code) = code else {
            reply.expect(200);
            continue;
        };
        let error = reply.refused(401, code);
        let meta = &error["meta"];
        assert_eq!(meta["age"].as_f64(), age, "{error}");
        assert_eq!(meta["skew"].as_f64(), skew, "{error}");
        assert_eq!(meta["limit"], 900);
        let now = world.clock.seconds();
        assert_eq!(now, BEGIN_S + after_s);
        let detail = error["detail"].as_str().unwrap();
        let server_time = meta["serverTime"].as_str().unwrap();
        assert!(detail.contains(server_time), "{error}");
        assert!(detail.contains("900 s are allowed"), "{error}");
    }
    // The one that looks like milliseconds is measured, too.
    let world = World::new().await;
    let error = world.identify(None, MILLISECONDS).await;
    let error = error.refused(401, "not_yet_valid");
    assert!(error["meta"]["skew"].as_f64() > Some(1.0e12), "{error}");
    assert_eq!(error["meta"]["age"], Value::Null);
}

/// A credential with these claims, whatever they are, as npm's `jsonwebtoken`
/// signs it.
pub(crate) fn signed(claims: &Value, secret: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
    let message = format!("{header}.{payload}");
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes()));
    format!("{message}.{signature}")
}
