//! The corpus of adversarial JWTs through the program itself.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(test)]
mod machine;
#[cfg(test)]
#[path = "../../credential/tests/support/mod.rs"]
mod support;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use machine::Machine;
use serde_json::{Value, json};

#[test]
fn every_token_gets_its_verdict() {
    let Some(corpus) = support::read_vectors("adversarial_jwt.json") else {
        return;
    };
    let machine = Machine::new();
    let policy = &corpus["policy"];
    let secret = policy["hs256"]["secret_b64u"].as_str().unwrap();
    let secret = STANDARD.encode(URL_SAFE_NO_PAD.decode(secret).unwrap());
    let id = policy["rs256"]["application_id"].as_str().unwrap();
    let key = |kid: &str, state: &str, algorithm: &str, member: &str, value: &str| json!({"kid": kid, "state": state, "algorithm": algorithm, member: value});
    let pem = policy["rs256"]["pem"].as_str().unwrap();
    let rs256 = json!({"id": id, "slug": "corpus", "keys": [
        key("k1", "current", "RS256", "public_key_pem", pem),
        key("weak", "standby", "RS256", "public_key_pem", &rsa_1024_pem()),
    ], "settings": {}});
    let hs256 = json!({"id": id, "slug": "corpus", "keys": [
        key("h1", "current", "HS256", "secret_base64", &secret),
    ]});
    let now = corpus["now"].to_string();
    for (profile, application, dialect, notes) in [
        (
            "rs256",
            rs256,
            "nexmo",
            "the key weak is left out: the RSA key has 1024 bits",
        ),
        ("hs256", hs256, "kustomer", ""),
    ] {
        let cases: Vec<&Value> = corpus["cases"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|case| case["profile"] == profile)
            .collect();
        assert!(cases.len() > 40, "{profile} has shrunk");
        let file = machine.file(profile, application.to_string());
        // As JSON strings, since some tokens hold a line feed or a NUL.
        let input: String = cases
            .iter()
            .map(|case| format!("{}\n", case["token"]))
            .collect();
        let plain = [
            "token",
            "explain",
            "--application",
            &file,
            "--at",
            &now,
            "--json",
            "-",
        ];
        let insisting = [&plain[..7], &["--dialect", dialect, "-"]].concat();
        for arguments in [&plain[..], &insisting] {
            let run = machine.run(arguments, input.as_bytes());
            assert_eq!(run.code, 1, "{}", run.stderr);
            assert!(run.stderr.contains(notes), "{}", run.stderr);
            let answers: Vec<Value> = run
                .stdout
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
            assert_eq!(answers.len(), cases.len());
            for (case, answer) in cases.iter().zip(&answers) {
                check(case, answer);
            }
        }
    }
}

fn check(case: &Value, answer: &Value) {
    let about = format!("{}: {answer}", case["name"]);
    assert_eq!(answer["accepted"], case["valid"], "{about}");
    assert!(answer["checks"].is_array(), "{about}");
    if answer["accepted"] == true {
        assert!(answer["dialect"].is_string(), "{about}");
        assert!(answer["subject"].is_string(), "{about}");
        assert!(answer["expires_at"].is_string(), "{about}");
        assert!(answer.get("code").is_none(), "{about}");
    } else {
        assert!(answer["code"].is_string(), "{about}");
        assert!(answer["detail"].is_string(), "{about}");
        assert!(answer.get("subject").is_none(), "{about}");
    }
    if case["cls"] == "key" {
        assert_eq!(answer["code"], "unknown_key", "{about}");
        assert!(
            answer["detail"]
                .as_str()
                .is_some_and(|detail| detail.contains("1024 bits"))
        );
    }
}

/// A public key that is too small, as SPKI; whose modulus has factors is no
/// matter.
fn rsa_1024_pem() -> String {
    let mut modulus = [0xa5; 128];
    modulus[127] = 0x01;
    let integer: Vec<u8> = [
        &[0x02, 0x81, 0x81, 0x00][..],
        &modulus,
        &[0x02, 0x03, 1, 0, 1],
    ]
    .concat();
    let key = [
        &[0x30, 0x81, u8::try_from(integer.len()).unwrap()][..],
        &integer,
    ]
    .concat();
    let bits = [
        &[0x03, 0x81, u8::try_from(key.len() + 1).unwrap(), 0][..],
        &key,
    ]
    .concat();
    let rsa_encryption = [
        0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    ];
    let body = [&rsa_encryption[..], &bits].concat();
    let spki = [&[0x30, 0x81, u8::try_from(body.len()).unwrap()][..], &body].concat();
    let text = STANDARD.encode(spki);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        lines.join("\n")
    )
}
