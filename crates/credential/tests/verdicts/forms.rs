//! What a text is before anything of it is believed.

use crate::backend::{NOW, Signer, ticket, usual_application};
use crate::{check, kustomer, sinch_ticket};
use countersign_credential::unverified::parse;

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
