//! What a credential claims: its its subject, its id and its rights.

use crate::backend::{ALIAS, APPLICATION, NOW, Signer, secret, sign, usual_application};
use crate::{OTHER_APPLICATION, check, kustomer, native, nexmo};
use countersign_credential::claims::OneTimeId;
use countersign_credential::time::Timestamp;
use countersign_credential::unverified::parse;

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
