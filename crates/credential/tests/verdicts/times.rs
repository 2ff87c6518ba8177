//! When a credential counts.

use crate::backend::{NOW, usual_application};
use crate::{check, check_at, kustomer, native, nexmo, sinch_jwt};
use countersign_credential::verifier::Rules;

#[test]
fn times_of_nexmo() {
    let sub = |times: &str| nexmo(&format!(r#","sub":"alice"{times}"#));
    let iat = sub(&format!(r#","iat":{NOW}"#));
    let exp = sub(&format!(r#","iat":{NOW},"exp":{}"#, NOW + 600));
    let year = sub(&format!(r#","iat":{NOW},"exp":{}"#, NOW + 31_536_000));
    let milliseconds = sub(&format!(r#","iat":{NOW},"exp":{}000"#, NOW + 600));
    let huge = sub(&format!(r#","iat":{NOW},"exp":18446744073709551616"#));
    let strings = sub(&format!(
        r#","iat":"{NOW}","exp":"{}","nbf":"{NOW}.5""#,
        NOW + 600
    ));
    let fraction = sub(&format!(r#","iat":{NOW}.25,"exp":{}.5"#, NOW + 600));
    let nbf = sub(&format!(r#","iat":{NOW},"nbf":{}"#, NOW + 100));
    let backwards = sub(&format!(r#","iat":{},"exp":{}"#, NOW + 30, NOW + 20));
    let day = 86_400_000;
    check_at(
        &usual_application(),
        &[
            (iat.clone(), -60_000, "ok"),
            (iat.clone(), -60_001, "not_yet_valid"),
            (iat.clone(), 899_999, "ok"),
            (iat, 900_000, "expired"),
            (exp.clone(), 599_999, "ok"),
            (exp.clone(), 600_000, "expired"),
            (exp, 2 * day, "expired"),
            (year.clone(), day - 1, "ok"),
            (year.clone(), day, "too_old"),
            (year, 400 * day, "too_old"),
            (milliseconds.clone(), day - 1, "ok"),
            (milliseconds, day, "too_old"),
            (huge.clone(), day - 1, "ok"),
            (huge, day, "too_old"),
            (strings.clone(), 599_999, "ok"),
            (strings, 600_000, "expired"),
            (fraction.clone(), -59_750, "ok"),
            (fraction.clone(), -59_751, "not_yet_valid"),
            (fraction.clone(), 600_499, "ok"),
            (fraction, 600_500, "expired"),
            (nbf.clone(), 40_000, "ok"),
            (nbf, 39_999, "not_yet_valid"),
            (backwards.clone(), 0, "bad_claim"),
            (backwards, 20_000, "expired"),
        ],
    );
}

#[test]
fn dates_that_are_none() {
    let application = usual_application();
    let mut cases = Vec::new();
    for bad in [
        "null",
        "true",
        "[]",
        "{}",
        "-1",
        "-0",
        "1e400",
        r#""never""#,
        r#""""#,
        r#"" 1""#,
        r#""0x1""#,
    ] {
        for claim in ["iat", "exp", "nbf"] {
            let others = match claim {
                "iat" => String::new(),
                _ => format!(r#","iat":{NOW}"#),
            };
            cases.push((
                nexmo(&format!(r#","sub":"alice"{others},"{claim}":{bad}"#)),
                "bad_claim",
            ));
        }
    }
    // A number in a string is nexmo's alone.
    for claim in ["iat", "exp", "nbf"] {
        let times: String = ["iat", "exp", "nbf"]
            .map(|name| {
                let quote = if name == claim { "\"" } else { "" };
                let time = NOW + i64::from(name == "exp") * 600;
                format!(r#","{name}":{quote}{time}{quote}"#)
            })
            .concat();
        cases.push((nexmo(&format!(r#","sub":"alice"{times}"#)), "ok"));
        cases.push((
            native(&format!(r#","sub":"u","jti":"j"{times}"#)),
            "bad_claim",
        ));
        cases.push((
            kustomer(&format!(r#"{{"externalId":"u"{times}}}"#)),
            "bad_claim",
        ));
        cases.push((sinch_jwt(&format!(r#","nonce":"n"{times}"#)), "bad_claim"));
    }
    cases.push((nexmo(r#","sub":"alice""#), "bad_claim"));
    cases.push((
        nexmo(&format!(r#","sub":"alice","exp":{}"#, NOW + 9)),
        "bad_claim",
    ));
    check(&application, cases);
}

#[test]
fn times_of_kustomer() {
    let iat = kustomer(&format!(r#"{{"externalId":"u","iat":{NOW}}}"#));
    let exp = kustomer(&format!(
        r#"{{"externalId":"u","iat":{NOW},"exp":{}}}"#,
        NOW + 60
    ));
    let late = kustomer(&format!(
        r#"{{"externalId":"u","iat":{NOW},"exp":{}}}"#,
        NOW + 86_400
    ));
    let milliseconds = kustomer(&format!(r#"{{"externalId":"u","iat":{NOW}000}}"#));
    let nbf = kustomer(&format!(
        r#"{{"externalId":"u","iat":{NOW},"nbf":{}}}"#,
        NOW + 100
    ));
    check_at(
        &usual_application(),
        &[
            (iat.clone(), -900_000, "ok"),
            (iat.clone(), -900_001, "not_yet_valid"),
            (iat.clone(), 900_000, "ok"),
            (iat, 900_001, "too_old"),
            (exp.clone(), 59_999, "ok"),
            (exp.clone(), 60_000, "expired"),
            (exp, 900_001, "too_old"),
            (late.clone(), 900_000, "ok"),
            (late, 900_001, "too_old"),
            (milliseconds, 0, "not_yet_valid"),
            (nbf.clone(), 40_000, "ok"),
            (nbf, 39_999, "not_yet_valid"),
            (kustomer(r#"{"externalId":"u"}"#), 0, "bad_claim"),
        ],
    );
}

#[test]
fn times_of_native() {
    let with = |times: &str| native(&format!(r#","sub":"u","jti":"j"{times}"#));
    let day = 86_400;
    let exp = with(&format!(r#","iat":{NOW},"exp":{}"#, NOW + day));
    check_at(
        &usual_application(),
        &[
            (exp.clone(), -60_000, "ok"),
            (exp.clone(), -60_001, "not_yet_valid"),
            (exp.clone(), day * 1_000 - 1, "ok"),
            (exp, day * 1_000, "expired"),
            (
                with(&format!(r#","iat":{NOW},"exp":{}.001"#, NOW + day)),
                0,
                "bad_claim",
            ),
            (
                with(&format!(r#","iat":{NOW},"exp":{}000"#, NOW + 60)),
                0,
                "bad_claim",
            ),
            (with(&format!(r#","iat":{NOW}"#)), 0, "bad_claim"),
            (with(&format!(r#","exp":{}"#, NOW + 60)), 0, "bad_claim"),
        ],
    );
}

#[test]
fn the_leeway_is_a_setting() {
    let mut application = usual_application();
    let token = nexmo(&format!(r#","sub":"alice","iat":{NOW}"#));
    for (leeway_s, before) in [(0, 0), (1, 1_000), (3_600, 3_600_000)] {
        application.rules = Rules {
            leeway_s,
            ..Rules::default()
        };
        check_at(
            &application,
            &[
                (token.clone(), -before, "ok"),
                (token.clone(), -before - 1, "not_yet_valid"),
            ],
        );
    }
}
