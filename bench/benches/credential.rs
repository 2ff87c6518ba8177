//! What judging a credential costs: no store, no socket, one thread.

use countersign_core::generate::generate;
use countersign_core::model::signing_key::KeyMaterial;
use countersign_core::ports::Random;
use countersign_credential::acl::Acl;
use countersign_credential::acl::call::{Call, Method};
use countersign_credential::json;
use countersign_credential::jws::key::WeakSecret;
use countersign_credential::key::{Key, KeyAlgorithm, KeyState, Kid, RingKey};
use countersign_credential::mint::{Minted, Order, mint};
use countersign_credential::ring::KeyRing;
use countersign_credential::signing_key::SigningKey;
use countersign_credential::subject::{Email, ExternalId, UserName};
use countersign_credential::time::Timestamp;
use countersign_credential::unverified::parse;
use countersign_credential::verifier::{Rules, Verifier};
use divan::{Bencher, black_box};

const APPLICATION: &str = "0190d1c4-0000-7000-8000-000000000001";
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn main() {
    divan::main();
}

/// A credential and what judges it.
struct Case {
    verifier: Verifier,
    text: String,
}

struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).expect("the machine has randomness");
    }
}

/// The dialects and algorithms that log users in.
const CASES: [&str; 6] = [
    "nexmo RS256",
    "native ES256",
    "native EdDSA",
    "native HS256",
    "kustomer HS256",
    "sinch ticket",
];

#[divan::bench(args = CASES)]
fn parse_and_verify(bencher: Bencher<'_, '_>, name: &str) {
    let case = case(name);
    bencher.bench_local(|| {
        let credential = parse(black_box(&case.text)).expect("it is well-formed");
        case.verifier
            .verify_login(&credential, NOW)
            .expect("it is good")
    });
}

#[divan::bench(args = CASES)]
fn refuse_a_bad_signature(bencher: Bencher<'_, '_>, name: &str) {
    let mut case = case(name);
    let changed = case.text.len() - 10;
    let other = if case.text.as_bytes()[changed] == b'A' {
        "B"
    } else {
        "A"
    };
    case.text.replace_range(changed..=changed, other);
    bencher.bench_local(|| {
        let credential = parse(black_box(&case.text)).expect("it is well-formed");
        case.verifier
            .verify_login(&credential, NOW)
            .expect_err("it was changed")
    });
}

#[divan::bench(args = ["/v1/conversations/CON-1/events", "/v1/users/USR-1", "/v1/tokens/explain"])]
fn acl_match_of_ten_patterns(bencher: Bencher<'_, '_>, path: &str) {
    let acl = Acl::full_client_set();
    let call = Call {
        method: Method::Post,
        path,
        parameters: &[],
    };
    bencher.bench_local(|| black_box(&acl).permits(black_box(&call)));
}

#[divan::bench]
fn acl_read_of_ten_patterns(bencher: Bencher<'_, '_>) {
    let text = Acl::full_client_set().to_json_text();
    bencher.bench_local(|| {
        let value = json::read(black_box(text.as_bytes())).expect("we wrote it");
        Acl::from_json(&value).expect("we wrote it")
    });
}

fn case(name: &str) -> Case {
    let algorithm = match name.rsplit_once(' ').map(|(_, algorithm)| algorithm) {
        Some("ES256") => KeyAlgorithm::Es256,
        Some("EdDSA") => KeyAlgorithm::EdDsa,
        Some("HS256") => KeyAlgorithm::Hs256,
        Some("ticket") => KeyAlgorithm::SinchHmacSha256,
        _ => KeyAlgorithm::Rs256,
    };
    let generated = generate(algorithm, &OsRandom).expect("a key is made");
    let (key, signing) = match (&generated.material, &generated.private_key_pem) {
        (KeyMaterial::Public(pem), Some(private)) => (
            Key::from_public_key_pem(algorithm, pem).expect("we made it"),
            SigningKey::from_private_key_pem(private).expect("we made it"),
        ),
        (KeyMaterial::Secret(secret), _) => (
            Key::from_secret(algorithm, secret, WeakSecret::Refuse).expect("we made it"),
            SigningKey::from_secret(secret).expect("we made it"),
        ),
        (KeyMaterial::Public(_), None) => unreachable!("a key pair has a private half"),
    };
    let kid = Kid::parse("bench").expect("it is a kid");
    let ring = vec![RingKey {
        kid,
        state: KeyState::Current,
        key,
    }];
    let verifier = Verifier {
        application_id: APPLICATION.to_owned(),
        aliases: Vec::new(),
        ring: KeyRing::new(ring).expect("one key is a ring"),
        rules: Rules::default(),
    };
    Case {
        text: text(name, &signing),
        verifier,
    }
}

fn text(name: &str, key: &SigningKey) -> String {
    let acl = Acl::full_client_set();
    let user = UserName::parse("alice").expect("it is a name");
    let external_id = ExternalId::parse("customer-42").expect("it is an id");
    let email = Email::parse("alice@example.com").expect("it is an address");
    let jti = Some("0190d1c4-aaaa-7000-8000-000000000001");
    let claims = match name.split(' ').next() {
        Some("nexmo") => Minted::Nexmo {
            subject: Some(&user),
            acl: Some(&acl),
            jti,
        },
        Some("kustomer") => Minted::Kustomer {
            email: Some(&email),
            external_id: None,
            jti: None,
        },
        Some("sinch") => Minted::SinchTicket { user: &user },
        _ => Minted::Native {
            subject: &external_id,
            jti,
        },
    };
    let order = Order {
        claims,
        application_id: APPLICATION,
        kid: None,
        issued_at: NOW,
        life_s: None,
    };
    mint(&order, key).expect("the key fits the dialect")
}
