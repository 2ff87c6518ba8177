//! What is minted is accepted, and nothing near it is.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsBigEndian, AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_credential::acl::Acl;
use countersign_credential::claims::Claims;
use countersign_credential::dialect::Dialect;
use countersign_credential::json;
use countersign_credential::jws::key::WeakSecret;
use countersign_credential::key::{Key, KeyAlgorithm, KeyState, Kid, RingKey};
use countersign_credential::mint::{MintError, Minted, Order, mint};
use countersign_credential::refusal::Refusal;
use countersign_credential::ring::KeyRing;
use countersign_credential::signing_key::SigningKey;
use countersign_credential::subject::{Email, ExternalId, UserName};
use countersign_credential::time::Timestamp;
use countersign_credential::unverified::parse;
use countersign_credential::verifier::{Rules, Verifier};
use proptest::prelude::*;

const APPLICATION: &str = "0190d1c4-0000-7000-8000-000000000001";
const SECRET: &[u8] = b"a secret of thirty-two bytes, or so";
const SINCH_SECRET: &[u8] = b"sixteen bytes it";

/// A signing key of each kind, and the application that knows their public
/// halves.
struct Keys {
    rsa: SigningKey,
    ecdsa: SigningKey,
    ed25519: SigningKey,
    secret: SigningKey,
    sinch: SigningKey,
    verifier: Verifier,
}

/// An order with everything that proptest chooses.
#[derive(Debug, Clone)]
struct Wish {
    form: usize,
    name: String,
    external_id: String,
    with_email: bool,
    with_acl: bool,
    with_kid: bool,
    jti: Option<String>,
    life_s: Option<u32>,
    issued_at: i64,
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let rsa: Pkcs8V1Der<'_> = rsa.as_der().unwrap();
        let ecdsa = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let ecdsa = ecdsa.to_pkcs8v1().unwrap();
        let ed25519 = Ed25519KeyPair::generate().unwrap();
        let ed25519 = ed25519.to_pkcs8v1().unwrap();
        let private =
            |der: &[u8]| SigningKey::from_private_key_pem(&pem("PRIVATE KEY", der)).unwrap();
        let (rsa, ecdsa, ed25519) = (
            private(rsa.as_ref()),
            private(ecdsa.as_ref()),
            private(ed25519.as_ref()),
        );
        let public = |kid: &str, key: &SigningKey| {
            let algorithm = key.private_key_algorithm().unwrap();
            let pem = key.public_key_pem().unwrap();
            ring_key(kid, Key::from_public_key_pem(algorithm, &pem).unwrap())
        };
        let shared = |kid: &str, algorithm, secret: &[u8]| {
            let key = Key::from_secret(algorithm, secret, WeakSecret::Refuse).unwrap();
            ring_key(kid, key)
        };
        let ring = KeyRing::new(vec![
            public("rsa", &rsa),
            public("ecdsa", &ecdsa),
            public("ed25519", &ed25519),
            shared("secret", KeyAlgorithm::Hs256, SECRET),
            shared("sinch", KeyAlgorithm::SinchHmacSha256, SINCH_SECRET),
        ]);
        Keys {
            verifier: Verifier {
                application_id: APPLICATION.to_owned(),
                aliases: Vec::new(),
                ring: ring.unwrap(),
                rules: Rules::default(),
            },
            rsa,
            ecdsa,
            ed25519,
            secret: SigningKey::from_secret(SECRET).unwrap(),
            sinch: SigningKey::from_secret(SINCH_SECRET).unwrap(),
        }
    })
}

fn ring_key(kid: &str, key: Key) -> RingKey {
    RingKey {
        kid: Kid::parse(kid).unwrap(),
        state: KeyState::Current,
        key,
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

fn judge(token: &str, now: Timestamp) -> Result<Claims, Refusal> {
    keys().verifier.verify_login(&parse(token)?, now)
}

/// Mints by a wish; the forms are 0 to 7.
fn minted(wish: &Wish) -> Result<String, MintError> {
    let keys = keys();
    let acl = Acl::full_client_set();
    let name = UserName::parse(&wish.name).unwrap();
    let external_id = ExternalId::parse(&wish.external_id).unwrap();
    let email = Email::parse("jane@example.com").unwrap();
    let jti = wish.jti.as_deref();
    let native = Minted::Native {
        subject: &external_id,
        jti: Some(jti.unwrap_or("j")),
    };
    let (claims, key, kid) = match wish.form {
        0 => (
            Minted::Nexmo {
                subject: Some(&name),
                acl: wish.with_acl.then_some(&acl),
                jti,
            },
            &keys.rsa,
            Some("rsa"),
        ),
        1 => (
            Minted::Kustomer {
                email: wish.with_email.then_some(&email),
                external_id: Some(&external_id),
                jti,
            },
            &keys.secret,
            Some("secret"),
        ),
        2 => (native, &keys.rsa, Some("rsa")),
        3 => (native, &keys.ecdsa, Some("ecdsa")),
        4 => (native, &keys.ed25519, Some("ed25519")),
        5 => (native, &keys.secret, Some("secret")),
        6 => (Minted::SinchTicket { user: &name }, &keys.sinch, None),
        _ => (
            Minted::SinchJwt {
                user: &name,
                nonce: jti.unwrap_or("n"),
            },
            &keys.sinch,
            None,
        ),
    };
    let kid = kid.map(|kid| Kid::parse(kid).unwrap());
    let life_s = match wish.form {
        1 => wish.life_s.map(|life_s| life_s.min(900)),
        _ => wish.life_s,
    };
    mint(
        &Order {
            claims,
            application_id: APPLICATION,
            kid: kid.as_ref().filter(|_| wish.with_kid),
            issued_at: Timestamp::from_milliseconds(wish.issued_at),
            life_s,
        },
        key,
    )
}

fn wishes() -> impl Strategy<Value = Wish> {
    (
        0..8_usize,
        any::<String>().prop_filter("a user name", |name| UserName::parse(name).is_ok()),
        any::<String>().prop_filter("an external id", |id| ExternalId::parse(id).is_ok()),
        any::<[bool; 3]>(),
        proptest::option::of("\\PC{1,40}"),
        proptest::option::of(2..=86_400_u32),
        0..253_000_000_000_000_i64,
    )
        .prop_map(
            |(
                form,
                name,
                external_id,
                [with_email, with_acl, with_kid],
                jti,
                life_s,
                issued_at,
            )| {
                Wish {
                    form,
                    name,
                    external_id,
                    with_email,
                    with_acl,
                    with_kid,
                    jti,
                    life_s,
                    issued_at,
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_minted_is_accepted(wish in wishes()) {
        let token = minted(&wish).unwrap();
        let now = Timestamp::from_milliseconds(wish.issued_at);
        let claims = judge(&token, now).unwrap();
        let subject = claims.subject.as_ref().unwrap().as_str();
        let expected = match wish.form {
            0 | 6 | 7 => wish.name.as_str(),
            1 if wish.with_email => "jane@example.com",
            _ => &wish.external_id,
        };
        prop_assert_eq!(subject, expected);
        prop_assert!(claims.expires_at > now);
        prop_assert!(!claims.capped);
        prop_assert_eq!(judge(&token, claims.expires_at.plus_seconds(1)).is_ok(), false);
        let explanation = keys().verifier.explain(&token, Some(claims.dialect), now);
        prop_assert_eq!(explanation.claims.as_ref(), Some(&claims));
    }

    #[test]
    fn a_changed_byte_is_refused(wish in wishes(), place in any::<prop::sample::Index>(), to in any::<u8>()) {
        let token = minted(&wish).unwrap();
        let mut bytes = token.clone().into_bytes();
        let place = place.index(bytes.len());
        prop_assume!(bytes[place] != to);
        bytes[place] = to;
        let now = Timestamp::from_milliseconds(wish.issued_at);
        if let Ok(changed) = String::from_utf8(bytes) {
            prop_assert!(judge(&changed, now).is_err());
            let explanation = keys().verifier.explain(&changed, None, now);
            prop_assert!(!explanation.accepted());
            prop_assert!(explanation.claims.is_none());
        }
    }

    #[test]
    fn the_doctor_and_the_judge_agree(
        wish in wishes(),
        after in -100_000_000..100_000_000_i64,
        cut in any::<prop::sample::Index>(),
        with in "[ -~]{0,3}",
        dialect in proptest::option::of(0..4_usize),
    ) {
        let token = minted(&wish).unwrap();
        let place = cut.index(token.len() + 1);
        let spoilt = format!("{}{with}{}", &token[..place], &token[place..]);
        let now = Timestamp::from_milliseconds(wish.issued_at + after);
        for token in [&token, &spoilt] {
            let insisted = dialect.map(|index| Dialect::ALL[index]);
            let explanation = keys().verifier.explain(token, insisted, now);
            let verdict = parse(token).and_then(|credential| {
                insisted.map_or(Ok(()), |dialect| credential.require(dialect))?;
                keys().verifier.verify_login(&credential, now)
            });
            prop_assert_eq!(explanation.refusal.as_ref(), verdict.as_ref().err());
            prop_assert_eq!(explanation.claims.as_ref(), verdict.as_ref().ok());
            prop_assert_eq!(explanation.checks.iter().all(|check| check.passed), verdict.is_ok());
        }
    }

    #[test]
    fn no_text_makes_a_panic(text in any::<String>(), now in any::<i64>()) {
        let now = Timestamp::from_milliseconds(now);
        prop_assert!(judge(&text, now).is_err());
        prop_assert!(!keys().verifier.explain(&text, None, now).accepted());
    }
}

#[test]
fn every_single_byte_counts() {
    for form in 0..8 {
        let wish = Wish {
            form,
            name: "zoë".to_owned(),
            external_id: "u-1".to_owned(),
            with_email: false,
            with_acl: false,
            with_kid: true,
            jti: None,
            life_s: None,
            issued_at: 1_800_000_000_000,
        };
        let token = minted(&wish).unwrap();
        let now = Timestamp::from_milliseconds(wish.issued_at);
        assert!(judge(&token, now).is_ok());
        for place in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            // The other value of the lowest bit of base64's digit, or a
            // separator that is none any more.
            bytes[place] = match bytes[place] {
                b'A' => b'B',
                _ => b'A',
            };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(judge(&changed, now).is_err(), "form {form}, byte {place}");
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_no_verifier_takes_is_not_minted() {
    let keys = keys();
    let id = ExternalId::parse("u").unwrap();
    let user = UserName::parse("alice").unwrap();
    let kid = Kid::parse("k").unwrap();
    let long = "j".repeat(256);
    let native = |jti| Minted::Native {
        subject: &id,
        jti: Some(jti),
    };
    let order = |claims, kid, life_s| Order {
        claims,
        application_id: APPLICATION,
        kid,
        issued_at: Timestamp::from_seconds(1_800_000_000),
        life_s,
    };
    let nobody = Minted::Kustomer {
        email: None,
        external_id: None,
        jti: None,
    };
    let kustomer = Minted::Kustomer {
        email: None,
        external_id: Some(&id),
        jti: None,
    };
    let bearer = Minted::Nexmo {
        subject: None,
        acl: None,
        jti: None,
    };
    let ticket = Minted::SinchTicket { user: &user };
    let jwt = Minted::SinchJwt {
        user: &user,
        nonce: "",
    };
    for (order, key, expected) in [
        (
            order(native(""), None, None),
            &keys.rsa,
            "has 1 to 255 bytes",
        ),
        (
            order(native(&long), None, None),
            &keys.rsa,
            "has 1 to 255 bytes",
        ),
        (
            order(native("j"), None, Some(0)),
            &keys.rsa,
            "lives 1 to 86400 seconds",
        ),
        (
            order(native("j"), None, Some(86_401)),
            &keys.rsa,
            "lives 1 to 86400 seconds",
        ),
        (
            order(kustomer.clone(), None, Some(901)),
            &keys.secret,
            "lives 1 to 900 seconds",
        ),
        (
            order(kustomer, None, None),
            &keys.rsa,
            "signed with a secret, and this key is RS256",
        ),
        (
            order(nobody, None, None),
            &keys.secret,
            "an e-mail address or an external id",
        ),
        (
            order(bearer.clone(), None, None),
            &keys.secret,
            "signed with an RSA private key",
        ),
        (
            order(bearer, None, None),
            &keys.ecdsa,
            "and this key is ES256",
        ),
        (
            order(ticket.clone(), Some(&kid), None),
            &keys.sinch,
            "a sinch-ticket takes no kid",
        ),
        (
            order(ticket, None, None),
            &keys.ed25519,
            "and this key is EdDSA",
        ),
        (order(jwt, None, None), &keys.sinch, "has 1 to 255 bytes"),
    ] {
        let error = mint(&order, key).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let mut early = order(native("j"), None, None);
    early.issued_at = Timestamp::from_seconds(-1);
    assert_eq!(mint(&early, &keys.rsa), Err(MintError::Time));
    let mut nameless = order(native("j"), None, None);
    nameless.application_id = "";
    assert_eq!(mint(&nameless, &keys.rsa), Err(MintError::ApplicationId));
}

#[test]
fn a_bearer_is_minted_and_is_no_login() {
    let token = mint(
        &Order {
            claims: Minted::Nexmo {
                subject: None,
                acl: None,
                jti: Some("j"),
            },
            application_id: APPLICATION,
            kid: None,
            issued_at: Timestamp::from_seconds(1_800_000_000),
            life_s: None,
        },
        &keys().rsa,
    )
    .unwrap();
    let now = Timestamp::from_seconds(1_800_000_000);
    let claims = keys()
        .verifier
        .verify(&parse(&token).unwrap(), now)
        .unwrap();
    assert_eq!(claims.subject, None);
    assert_eq!(judge(&token, now).unwrap_err().code.as_str(), "no_subject");
}

#[test]
fn an_acl_that_makes_the_token_too_long_is_said() {
    let patterns: Vec<String> = (0..100)
        .map(|number| format!(r#""/v1/{}{number}/**":{{}}"#, "x".repeat(100)))
        .collect();
    let text = format!(r#"{{"paths":{{{}}}}}"#, patterns.join(","));
    let acl = Acl::from_json(&json::read(text.as_bytes()).unwrap()).unwrap();
    let order = Order {
        claims: Minted::Nexmo {
            subject: None,
            acl: Some(&acl),
            jti: None,
        },
        application_id: APPLICATION,
        kid: None,
        issued_at: Timestamp::from_seconds(0),
        life_s: None,
    };
    assert!(matches!(mint(&order, &keys().rsa), Err(MintError::Size(_))));
}

#[test]
fn private_keys_in_their_other_forms() {
    let ecdsa = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let scalar: aws_lc_rs::encoding::EcPrivateKeyBin<'_> =
        ecdsa.private_key().as_be_bytes().unwrap();
    // RFC 5915: version 1, the scalar, and the curve.
    let mut sec1 = vec![0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20];
    sec1.extend(scalar.as_ref());
    sec1.extend([
        0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
    ]);
    let key = SigningKey::from_private_key_pem(&pem("EC PRIVATE KEY", &sec1)).unwrap();
    assert_eq!(key.private_key_algorithm(), Some(KeyAlgorithm::Es256));

    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let pkcs8: Pkcs8V1Der<'_> = rsa.as_der().unwrap();
    // A PKCS#1 key is what a PKCS#8 key of RSA holds, behind 26 bytes.
    let pkcs1 = &pkcs8.as_ref()[26..];
    let key = SigningKey::from_private_key_pem(&pem("RSA PRIVATE KEY", pkcs1)).unwrap();
    assert_eq!(key.private_key_algorithm(), Some(KeyAlgorithm::Rs256));
    assert_eq!(format!("{key:?}"), "SigningKey(RS256)");

    let public = keys().rsa.public_key_pem().unwrap();
    for (text, expected) in [
        ("", "not PEM"),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----", "is encrypted"),
        (public.as_str(), "holds no private key but \"PUBLIC KEY\""),
        (&pem("PRIVATE KEY", b"x"), "no RSA, P-256 or Ed25519 key"),
    ] {
        let error = SigningKey::from_private_key_pem(text)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(SigningKey::from_secret(b"").is_err());
    assert!(SigningKey::from_secret(public.as_bytes()).is_err());
}
