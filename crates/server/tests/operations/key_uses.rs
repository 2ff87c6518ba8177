//! When a key was last used: told without a write in the call that used it.

use std::sync::Arc;

use countersign_core::error::Code;
use countersign_core::op::key_uses::{write_all, write_due};
use countersign_core::ports::Clock as _;
use countersign_credential::mint::{Minted, Order, mint};
use countersign_credential::signing_key::SigningKey;
use countersign_credential::subject::Email;
use countersign_server::operations::Operations;
use countersign_server::upkeep;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::node::{Node, Reply, text};

const SECRET: &str = "test-secret-0123456789abcdef012345";
const KEYS: &str = "/v1/applications/current/keys";
const API_KEYS: &str = "/v1/applications/current/api-keys";

/// When the node's `user` API key, its key `used` and its key `unused` were
/// last used, as an administrator reads it.
async fn told(node: &Node) -> [Option<String>; 3] {
    let mut all = Vec::new();
    for (path, list, name) in [(API_KEYS, "api_keys", "name"), (KEYS, "keys", "kid")] {
        let call = node.call("GET", path).bearer(&node.admin);
        let page = call.send().await.json(200);
        for key in page[list].as_array().expect("it is a list") {
            let used = key["last_used_at"].as_str().map(str::to_owned);
            all.push((text(&key[name]), used));
        }
    }
    ["user", "used", "unused"].map(|name| {
        let found = all.iter().find(|(of, _)| of == name);
        found.expect("the key is listed").1.clone()
    })
}

#[track_caller]
fn is(told: &[Option<String>; 3], expected: [Option<&str>; 3]) {
    assert_eq!(told.each_ref().map(Option::as_deref), expected);
}

fn credential(node: &Node, secret: &str) -> String {
    let email = Email::parse("ada@example.com").expect("the test's address is one");
    let order = Order {
        claims: Minted::Kustomer {
            email: Some(&email),
            external_id: None,
            jti: None,
        },
        application_id: "",
        kid: None,
        issued_at: node.clock.now(),
        life_s: None,
    };
    let key = SigningKey::from_secret(secret.as_bytes()).expect("the test's secret is one");
    mint(&order, &key).expect("the test's credential can be minted")
}

async fn log_in(node: &Node, credential: &str) -> Reply {
    let call = node.call("POST", "/v1/sessions").bearer(&node.publishable);
    call.send_json(&json!({ "credential": credential })).await
}

async fn backend_call(node: &Node, bearer: &str) -> Reply {
    node.call("GET", "/v1/users").bearer(bearer).send().await
}

async fn with_signing_keys() -> Node {
    let node = Node::new(Operations::default()).await;
    for (kid, secret) in [("used", SECRET), ("unused", &SECRET.replace('t', "u"))] {
        let call = node.call("POST", KEYS).bearer(&node.admin);
        let body: Value = json!({"algorithm": "HS256", "kid": kid, "secret": secret});
        call.send_json(&body).await.json(201);
    }
    node
}

#[tokio::test]
async fn a_use_is_told_within_a_minute_and_only_moves_forward() {
    let node = with_signing_keys().await;
    let ctx = &node.ctx;
    assert_eq!(backend_call(&node, &node.key).await.status, 200);
    assert_eq!(log_in(&node, &credential(&node, SECRET)).await.status, 201);
    is(&told(&node).await, [None, None, None]);
    write_due(ctx).await.unwrap();
    let first = "2027-01-15T08:00:00.000Z";
    is(&told(&node).await, [Some(first), Some(first), None]);

    node.clock.advance_ms(59_999);
    assert_eq!(backend_call(&node, &node.key).await.status, 200);
    write_due(ctx).await.unwrap();
    is(&told(&node).await, [Some(first), Some(first), None]);
    node.clock.advance_ms(1);
    assert_eq!(log_in(&node, &credential(&node, SECRET)).await.status, 201);
    write_due(ctx).await.unwrap();
    let last = Some("2027-01-15T08:01:00.000Z");
    is(
        &told(&node).await,
        [Some("2027-01-15T08:00:59.999Z"), last, None],
    );

    node.clock.advance_ms(-1_000);
    assert_eq!(log_in(&node, &credential(&node, SECRET)).await.status, 201);
    assert_eq!(backend_call(&node, &node.key).await.status, 200);
    write_all(ctx).await.unwrap();
    is(
        &told(&node).await,
        [Some("2027-01-15T08:00:59.999Z"), last, None],
    );
}

#[tokio::test]
async fn who_is_refused_has_used_no_key() {
    let node = with_signing_keys().await;
    let forged = format!("{}x", &node.key[..node.key.len() - 1]);
    assert_eq!(backend_call(&node, &forged).await.code(401), "unknown_key");
    let foreign = credential(&node, "a-secret-that-this-node-does-not-have");
    let refused = log_in(&node, &foreign).await;
    assert_eq!(refused.code(401), "bad_signature");
    let old = credential(&node, SECRET);
    node.clock.advance_ms(900_001);
    assert_eq!(log_in(&node, &old).await.code(401), "too_old");
    let explain = node.call("POST", "/v1/tokens/explain").bearer(&node.admin);
    let good = credential(&node, SECRET);
    let verdict = explain.send_json(&json!({ "token": good })).await.json(200);
    assert_eq!(verdict["accepted"], true);
    write_all(&node.ctx).await.unwrap();
    is(&told(&node).await, [None, None, None]);
}

#[tokio::test]
async fn a_stop_writes_what_is_noted_and_a_failing_store_loses_nothing_of_it() {
    let node = with_signing_keys().await;
    write_all(&node.ctx).await.unwrap();
    assert_eq!(backend_call(&node, &node.key).await.status, 200);
    let stop = CancellationToken::new();
    stop.cancel();
    upkeep::run(Arc::clone(&node.ctx), stop).await;
    let [used, _, _] = told(&node).await;
    assert_eq!(used.as_deref(), Some("2027-01-15T08:00:00.000Z"));

    node.clock.advance_ms(1_000);
    assert_eq!(backend_call(&node, &node.key).await.status, 200);
    let now = node.clock.now();
    node.store.engine().close().await;
    let failed = write_all(&node.ctx).await.unwrap_err();
    assert_eq!(failed.code, Code::Unavailable);
    let kept = node.ctx.key_uses.take_all(now);
    assert!(kept.iter().any(|used| used.at == now), "{kept:?}");
}
