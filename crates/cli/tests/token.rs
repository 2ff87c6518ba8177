//! `countersign token` as a shell sees it: what it prints where, and with what
//! exit code.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(test)]
mod machine;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_credential::signing_key::SigningKey;
use machine::{Machine, Run};
use serde_json::{Value, json};

const ID: &str = "0190d1c4-0000-7000-8000-000000000001";
const SECRET: &str = "test-secret-0123456789abcdef012345";
const SINCH_SECRET: &str = "AAECAwQFBgcICQoLDA0ODw==";
const AT: &str = "1700000060";
/// A kustomer credential for user_8412, made at 1700000000 with `SECRET`.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHRlcm5hbElkIjoidXNlcl84NDEyIiwiaWF0IjoxNzAwMDAwMDAwfQ.N7fqvnJ6OsLt4MkrDgReQdREaQurLKZOAs2SYDb2uTM";

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        lines.join("\n")
    )
}

/// Runs the program without input.
fn shell(machine: &Machine, arguments: &[&str]) -> Run {
    machine.run(arguments, b"")
}

fn application(machine: &Machine) -> String {
    let file = json!({"id": ID, "slug": "demo", "keys": [
        {"kid": "h1", "state": "current", "algorithm": "HS256", "secret": SECRET},
        {"kid": "s1", "state": "current", "algorithm": "sinch-hmac-sha256", "secret_base64": SINCH_SECRET},
    ], "settings": {"access_s": 600}});
    machine.file("application.json", file.to_string())
}

/// Runs `token explain --json` on one credential or on lines.
fn explain(machine: &Machine, file: &str, token: &str, input: &[u8]) -> (Run, Vec<Value>) {
    let arguments = [
        "token",
        "explain",
        "--application",
        file,
        "--at",
        AT,
        "--json",
        token,
    ];
    let run = machine.run(&arguments, input);
    let answers = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    (run, answers)
}

#[test]
fn one_credential_for_a_program() {
    let machine = Machine::new();
    let file = application(&machine);
    let (run, answers) = explain(&machine, &file, TOKEN, b"");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let [answer] = &answers[..] else {
        panic!("{answers:?}")
    };
    assert_eq!(answer["accepted"], true);
    assert_eq!(answer["dialect"], "kustomer");
    assert_eq!(answer["subject"], "user_8412");
    assert_eq!(answer["expires_at"], "2023-11-14T22:28:20.000Z");
    let members: Vec<&String> = answer.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        ["accepted", "checks", "dialect", "expires_at", "subject"]
    );
    let check = answer["checks"][0].as_object().unwrap();
    assert_eq!(
        check.keys().collect::<Vec<_>>(),
        ["detail", "name", "passed"]
    );

    let (run, answers) = explain(&machine, &file, &TOKEN.replace("N7fq", "N7fr"), b"");
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    assert_eq!(answers[0]["accepted"], false);
    assert_eq!(answers[0]["code"], "bad_signature");
    assert_eq!(answers[0]["dialect"], "kustomer");
    assert_eq!(answers[0]["detail"], "the signature was not made with h1");
    assert!(answers[0]["hint"].is_string());
}

#[test]
fn one_credential_for_a_person() {
    let machine = Machine::new();
    let file = application(&machine);
    let run = shell(
        &machine,
        &[
            "token",
            "explain",
            "--application",
            &file,
            "--at",
            AT,
            TOKEN,
        ],
    );
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_eq!(
        run.stdout,
        "\
accepted, a kustomer credential of \"user_8412\"

  ✓ structure       a compact JWS of 139 bytes
  ✓ header          \"HS256\", no kid
  ✓ payload         claims \"externalId\", \"iat\"
  ✓ dialect         kustomer: it has neither `application_id` nor `aud`
  ✓ application     a kustomer credential names none: whoever presents it must
  ✓ algorithm       HS256, which the kustomer dialect allows
  ✓ key             h1 (HS256, current)
  ✓ signature       made with h1, which is current
  ✓ issued          `iat` is 2023-11-14T22:13:20.000Z, 60 s ago
  ✓ clock           60 s ago by the server's time, 2023-11-14T22:14:20.000Z
  ✓ expiry          ends at 2023-11-14T22:28:20.000Z, in 840 s
  ✓ subject         the external id \"user_8412\"
  ✓ token_id        no `jti`: where it may be used only once, its digest counts
"
    );
    let run = shell(
        &machine,
        &[
            "token",
            "explain",
            "--application",
            &file,
            "--at",
            "1700000901",
            TOKEN,
        ],
    );
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    assert!(
        run.stdout
            .starts_with("refused: too_old, a kustomer credential\n\n")
    );
    assert!(run.stdout.contains(
        "\n  ✗ clock           `iat` is 901 s before the server's time, 2023-11-14T22:28:21.000Z; 900 s are allowed\n                    → sign a new credential for each login, just before it\n"
    ), "{}", run.stdout);
    for hidden in [TOKEN, SECRET, TOKEN.rsplit('.').next().unwrap()] {
        assert!(!run.stdout.contains(hidden));
    }
}

#[test]
fn lines_are_taken_as_they_are() {
    let machine = Machine::new();
    let file = application(&machine);
    let long = "a".repeat(70_000);
    let escaped: String = TOKEN.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (TOKEN.into(), "ok"),
        (format!("\"{TOKEN}\"").into(), "ok"),
        (format!("\"{escaped}\"").into(), "ok"),
        (Vec::new(), "the credential is empty"),
        (format!("{TOKEN}\r").into(), "white space"),
        (format!(" {TOKEN}").into(), "white space"),
        (format!("\"{TOKEN}").into(), "begins as a JSON string"),
        (format!("\"{TOKEN}\\n\"").into(), "white space"),
        (b"\xff\xfe".to_vec(), "not UTF-8"),
        (long.into(), "more than 65536 bytes"),
        (b"\0".to_vec(), "not a compact JWS"),
        (TOKEN.into(), "ok"),
    ];
    let lines: Vec<&[u8]> = cases.iter().map(|(line, _)| line.as_slice()).collect();
    let mut input = lines.join(&b'\n');
    for end in ["", "\n"] {
        input.extend(end.bytes());
        let (run, answers) = explain(&machine, &file, "-", &input);
        assert_eq!((run.code, run.stderr.as_str()), (1, ""));
        assert_eq!(answers.len(), cases.len());
        for ((_, expected), answer) in cases.iter().zip(&answers) {
            if *expected == "ok" {
                assert_eq!(answer["accepted"], true, "{answer}");
            } else {
                assert_eq!(answer["code"], "malformed_token", "{answer}");
                assert!(
                    answer.to_string().contains(expected),
                    "{expected}: {answer}"
                );
            }
        }
    }
    let (run, answers) = explain(&machine, &file, "-", format!("{TOKEN}\n").as_bytes());
    assert_eq!((run.code, answers.len()), (0, 1));
    let (run, _) = explain(&machine, &file, "-", b"");
    assert_eq!(run.code, 2);
    let (run, answers) = explain(&machine, &file, "", b"");
    assert_eq!(
        (run.code, answers[0]["code"].as_str()),
        (1, Some("malformed_token"))
    );
}

#[test]
fn what_is_minted_is_explained() {
    let machine = Machine::new();
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let rsa: Pkcs8V1Der<'_> = rsa.as_der().unwrap();
    let ecdsa = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let ed25519 = Ed25519KeyPair::generate().unwrap();
    let mut keys = vec![
        json!({"kid": "h1", "state": "current", "algorithm": "HS256", "secret": SECRET}),
        json!({"kid": "s1", "state": "current", "algorithm": "sinch-hmac-sha256", "secret_base64": SINCH_SECRET}),
    ];
    let mut private = |name: &str, algorithm: &str, der: &[u8]| {
        let pem = pem(der);
        let public = SigningKey::from_private_key_pem(&pem)
            .unwrap()
            .public_key_pem();
        keys.push(json!({"kid": name, "state": "current", "algorithm": algorithm, "public_key_pem": public}));
        machine.file(name, pem)
    };
    let rsa = private("rsa", "RS256", rsa.as_ref());
    let ecdsa = private("ecdsa", "ES256", ecdsa.to_pkcs8v1().unwrap().as_ref());
    let ed25519 = private("ed25519", "EdDSA", ed25519.to_pkcs8v1().unwrap().as_ref());
    let file = machine.file("all.json", json!({"id": ID, "keys": keys}).to_string());
    let acl = r#"{"paths":{"/*/sessions/**":{}}}"#;
    for (arguments, dialect, subject) in [
        (
            vec!["nexmo", "--key", &rsa, "--subject", "alice", "--acl", acl],
            "nexmo",
            "alice",
        ),
        (
            vec!["nexmo", "--key", &rsa, "--subject", "Zoë", "--kid", "rsa"],
            "nexmo",
            "Zoë",
        ),
        (
            vec!["kustomer", "--secret", SECRET, "--external-id", "u-1"],
            "kustomer",
            "u-1",
        ),
        (
            vec![
                "kustomer",
                "--secret",
                SECRET,
                "--external-id",
                "u-1",
                "--email",
                "A@Example.com",
            ],
            "kustomer",
            "a@example.com",
        ),
        (
            vec!["native", "--key", &rsa, "--subject", "u-1"],
            "native",
            "u-1",
        ),
        (
            vec!["native", "--key", &ecdsa, "--subject", "u-1", "--jti", "j"],
            "native",
            "u-1",
        ),
        (
            vec![
                "native",
                "--key",
                &ed25519,
                "--subject",
                "u-1",
                "--ttl",
                "86400",
            ],
            "native",
            "u-1",
        ),
        (
            vec!["native", "--secret", SECRET, "--subject", "u-1"],
            "native",
            "u-1",
        ),
        (
            vec![
                "sinch-ticket",
                "--secret-base64",
                SINCH_SECRET,
                "--subject",
                "alice",
            ],
            "sinch",
            "alice",
        ),
        (
            vec![
                "sinch-jwt",
                "--secret-base64",
                SINCH_SECRET,
                "--subject",
                "alice",
            ],
            "sinch",
            "alice",
        ),
    ] {
        let mut all = vec![
            "token",
            "mint",
            "--at",
            AT,
            "--application-id",
            ID,
            "--dialect",
        ];
        all.extend(&arguments);
        let run = shell(&machine, &all);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{arguments:?}");
        let token = run.stdout.strip_suffix('\n').unwrap();
        let (run, answers) = explain(&machine, &file, token, b"");
        assert_eq!(run.code, 0, "{arguments:?}: {answers:?}");
        assert_eq!(answers[0]["dialect"], dialect);
        assert_eq!(answers[0]["subject"], subject);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn minting_says_what_does_not_go() {
    let machine = Machine::new();
    for (arguments, words) in [
        ("--dialect nexmo --subject a", "--key"),
        ("--dialect nexmo --secret s --key k", "cannot be used with"),
        ("--dialect other --secret s", "possible values"),
        (
            "--dialect nexmo --key missing.pem --subject a",
            "cannot read missing.pem",
        ),
        (
            "--dialect native --secret s --subject a",
            "pass --application-id ID",
        ),
        (
            "--dialect nexmo --secret s --subject a --application-id A",
            "signed with an RSA private key",
        ),
        (
            "--dialect kustomer --secret s",
            "pass --external-id ID, --email ADDRESS or both",
        ),
        (
            "--dialect kustomer --secret s --subject a",
            "has no place for --subject",
        ),
        ("--dialect kustomer --secret s --email a", "exactly one"),
        (
            "--dialect kustomer --secret s --external-id u --ttl 901",
            "lives 1 to 900 seconds",
        ),
        (
            "--dialect native --secret s --application-id A",
            "pass --subject USER",
        ),
        (
            "--dialect native --secret s --email a@b.example",
            "has no place for --email",
        ),
        (
            "--dialect native --secret s --subject a --acl {}",
            "--acl goes with nexmo",
        ),
        (
            "--dialect native --secret-base64 ? --subject a",
            "is not base64",
        ),
        (
            "--dialect native --secret s --subject a --kid ?",
            "kid is not",
        ),
        (
            "--dialect sinch-ticket --secret s --subject a --jti j",
            "has no place for --jti",
        ),
        (
            "--dialect sinch-jwt --secret s --subject a --kid k",
            "has no place for --kid",
        ),
        (
            "--dialect sinch-jwt --secret s --subject me --application-id A",
            "\"me\"",
        ),
        (
            "--dialect nexmo --secret s --acl x",
            "the value of --acl is not JSON",
        ),
        (
            "--dialect nexmo --secret s --acl {}",
            "the value of --acl is no ACL",
        ),
    ] {
        let mut all = vec!["token", "mint"];
        all.extend(arguments.split(' '));
        let run = shell(&machine, &all);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments}");
        assert!(run.stderr.contains(words), "{arguments}: {}", run.stderr);
    }
    let run = shell(
        &machine,
        &[
            "token",
            "mint",
            "--dialect",
            "sinch-ticket",
            "--secret",
            SINCH_SECRET,
            "--subject",
            "a",
            "--application-id",
            "A",
        ],
    );
    assert_eq!(run.code, 0);
    assert!(run.stderr.contains("--secret-base64"), "{}", run.stderr);
    assert!(!run.stderr.contains(SINCH_SECRET));
}

#[test]
fn an_application_file_is_named_with_its_member() {
    let machine = Machine::new();
    let key = |members: &str| format!(r#"{{"id":"A","keys":[{{{members}}}]}}"#);
    let good = r#""kid":"a","state":"current","algorithm":"HS256""#;
    let two =
        |first: &str, second: &str| format!(r#"{{"id":"A","keys":[{{{first}}},{{{second}}}]}}"#);
    for (content, words) in [
        ("".to_owned(), "not JSON"),
        ("[]".to_owned(), "not a JSON object"),
        (r#"{"id":"A"}"#.to_owned(), "`keys` is missing"),
        (r#"{"keys":[]}"#.to_owned(), "`id` is missing"),
        (r#"{"id":7,"keys":[]}"#.to_owned(), "`id` is not a string"),
        (
            r#"{"id":"A","keys":{}}"#.to_owned(),
            "`keys` is not an array",
        ),
        (
            r#"{"id":"A","keys":[7]}"#.to_owned(),
            "`keys[0]` is not an object",
        ),
        (key(""), "`keys[0].kid` is missing"),
        (key(r#""kid":"a b""#), "`keys[0].kid` kid is not"),
        (
            key(r#""kid":"a","state":"new""#),
            "`keys[0].state` is none of",
        ),
        (
            key(r#""kid":"a","state":"current","algorithm":"HS512""#),
            "`keys[0].algorithm` is none of",
        ),
        (key(good), "has not exactly one of"),
        (
            key(&format!(r#"{good},"secret":"x","secret_base64":"eA==""#)),
            "has not exactly one of",
        ),
        (
            key(&format!(r#"{good},"secret":7"#)),
            "`keys[0].secret` is not a string",
        ),
        (
            key(&format!(r#"{good},"secret_base64":"?""#)),
            "`keys[0].secret_base64` is not base64",
        ),
        (
            two(
                &format!(r#"{good},"secret":"x""#),
                &format!(r#"{good},"secret":"y""#),
            ),
            "two keys have the kid a",
        ),
        (
            r#"{"id":"A","keys":[],"settings":{"leeway_s":-1}}"#.to_owned(),
            "`settings.leeway_s` is not a whole number",
        ),
        (
            r#"{"id":"A","keys":[],"settings":{"one_time":{"native":1}}}"#.to_owned(),
            "`settings.one_time.native` is neither",
        ),
        (
            r#"{"id":"A","keys":[],"aliases":[1]}"#.to_owned(),
            "`aliases[0]` is not a string",
        ),
    ] {
        let file = machine.file("wrong.json", &content);
        let run = shell(
            &machine,
            &["token", "explain", "--application", &file, TOKEN],
        );
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{content}");
        assert!(run.stderr.contains(words), "{content}: {}", run.stderr);
    }
}

#[test]
fn keys_that_no_ring_takes_are_left_out() {
    let machine = Machine::new();
    let file = machine.file(
        "application.json",
        json!({"id": ID, "alias": "old-key", "aliases": ["older-key"], "keys": [
            {"kid": "h1", "state": "current", "algorithm": "HS256", "secret": SECRET},
            {"kid": "pem", "state": "current", "algorithm": "RS256", "public_key_pem": "none"},
            {"kid": "empty", "state": "current", "algorithm": "HS256", "secret": ""},
            {"kid": "s", "state": "current", "algorithm": "sinch-hmac-sha256", "secret": "short"},
        ]})
        .to_string(),
    );
    let (run, answers) = explain(&machine, &file, TOKEN, b"");
    assert_eq!((run.code, answers.len()), (0, 1));
    for note in [
        "the key pem is left out: the key is not PEM text",
        "the key empty is left out: the secret is empty",
        "the secret s is short: replace it",
    ] {
        assert!(run.stderr.contains(note), "{}", run.stderr);
    }
    let mint = [
        "token",
        "mint",
        "--dialect",
        "sinch-ticket",
        "--secret",
        "short",
        "--subject",
        "a",
    ];
    for id in ["old-key", "older-key", ID] {
        let run = shell(
            &machine,
            &[&mint[..], &["--application-id", id, "--at", AT]].concat(),
        );
        let (run, answers) = explain(&machine, &file, run.stdout.trim_end(), b"");
        assert_eq!(run.code, 0, "{answers:?}");
    }
}

#[test]
fn a_secret_may_begin_with_a_hyphen() {
    let machine = Machine::new();
    let secret = "-pF1r0xuWw2iHkM0T3m5nq0e0yqv2N1Tz8cS7u6bD4E";
    let key = json!({"kid": "h1", "state": "current", "algorithm": "HS256", "secret": secret});
    let file = machine.file("a.json", json!({"id": ID, "keys": [key]}).to_string());
    let mint = ["token", "mint", "--dialect", "kustomer", "--at", AT];
    let signed = ["--secret", secret, "--external-id", "u-1"];
    let run = shell(&machine, &[&mint[..], &signed].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let (run, answers) = explain(&machine, &file, run.stdout.trim_end(), b"");
    assert_eq!(run.code, 0, "{answers:?}");
}

#[test]
fn usage() {
    let machine = Machine::new();
    for (arguments, code, words) in [
        (vec![], 2, "Usage"),
        (vec!["token"], 2, "explain"),
        (vec!["token", "explain"], 2, "TOKEN|-"),
        (vec!["token", "explain", TOKEN], 2, "--application FILE"),
        (
            vec!["token", "explain", "--application", "missing.json", TOKEN],
            2,
            "cannot read missing.json",
        ),
        (
            vec!["token", "explain", "--dialect", "ticket", TOKEN],
            2,
            "possible values",
        ),
        (vec!["token", "explain", "--at", "soon", TOKEN], 2, "--at"),
        (vec!["--help"], 0, "Usage"),
        (vec!["--version"], 0, "countersign"),
    ] {
        let run = shell(&machine, &arguments);
        assert_eq!(run.code, code, "{arguments:?}");
        let text = format!("{}{}", run.stdout, run.stderr);
        assert!(text.contains(words), "{arguments:?}: {text}");
        assert!(!text.contains(TOKEN), "{text}");
    }
}
