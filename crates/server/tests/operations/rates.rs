//! Too many calls are refused, and the headers say what is left.

use std::num::NonZeroU32;

use countersign_core::limit::Rate;
use countersign_server::operations::{Operations, Rates};
use serde_json::json;

use crate::node::{Node, Reply};

fn rate(burst: u32, per_second: u32) -> Rate {
    Rate {
        burst: NonZeroU32::new(burst).expect("the test's number is not zero"),
        per_second: NonZeroU32::new(per_second).expect("the test's number is not zero"),
    }
}

fn rates() -> Rates {
    Rates {
        entrance: rate(3, 1),
        local_entrance: rate(20, 1),
        session: rate(2, 1),
        key: rate(5, 1),
    }
}

/// Limit, remaining, reset and Retry-After.
#[track_caller]
fn check(reply: &Reply, status: u16, expected: [Option<&str>; 4]) {
    assert_eq!(reply.status, status, "{}", reply.text());
    let names = [
        "ratelimit-limit",
        "ratelimit-remaining",
        "ratelimit-reset",
        "retry-after",
    ];
    assert_eq!(names.map(|name| reply.header(name)), expected);
}

#[tokio::test]
async fn entrances_are_counted_by_address() {
    let node = Node::new(Operations::new(rates(), Vec::new())).await;
    let visit = |peer: &'static str| {
        let call = node.call("POST", "/v1/sessions/anonymous").from(peer);
        call.bearer(&node.publishable).send()
    };
    let one = visit("192.0.2.1").await;
    check(&one, 201, [Some("3"), Some("2"), Some("1"), None]);
    // A login and a refresh that fail count like one that does not.
    let login = node
        .call("POST", "/v1/sessions")
        .send_json(&json!({"credential": "guess"}))
        .await;
    check(&login, 401, [Some("3"), Some("1"), Some("2"), None]);
    let refresh = node
        .call("POST", "/v1/sessions/refresh")
        .send_json(&json!({"refresh_token": "guess"}))
        .await;
    check(&refresh, 401, [Some("3"), Some("0"), Some("3"), None]);
    let refused = visit("192.0.2.1").await;
    check(&refused, 429, [Some("3"), Some("0"), Some("3"), Some("1")]);
    assert_eq!(refused.code(429), "rate_limited");
    assert_eq!(
        refused.header("content-type"),
        Some("application/problem+json")
    );
    // Nobody is another by saying so.
    let spoofed = node
        .call("POST", "/v1/sessions/anonymous")
        .header("x-forwarded-for", "198.51.100.7")
        .header("forwarded", "for=198.51.100.7")
        .bearer(&node.publishable)
        .send()
        .await;
    assert_eq!(spoofed.code(429), "rate_limited");
    assert_eq!(visit("192.0.2.2").await.status, 201);
    assert_eq!(
        visit("127.0.0.1").await.header("ratelimit-limit"),
        Some("20")
    );
    node.clock.advance_ms(999);
    assert_eq!(visit("192.0.2.1").await.status, 429);
    node.clock.advance_ms(1);
    check(
        &visit("192.0.2.1").await,
        201,
        [Some("3"), Some("0"), Some("3"), None],
    );
    assert_eq!(visit("192.0.2.1").await.status, 429);
}

#[tokio::test]
async fn calls_are_counted_by_session_and_by_key() {
    let node = Node::new(Operations::new(rates(), Vec::new())).await;
    let (one, other) = (node.visitor().await, node.visitor().await);
    let list = |bearer: &str| node.call("GET", "/v1/conversations").bearer(bearer).send();
    check(
        &list(&one).await,
        200,
        [Some("2"), Some("1"), Some("1"), None],
    );
    assert_eq!(list(&one).await.status, 200);
    let refused = list(&one).await;
    check(&refused, 429, [Some("2"), Some("0"), Some("2"), Some("1")]);
    assert_eq!(list(&other).await.status, 200, "another session is another");
    // A refused call has done nothing.
    let create = node.call("POST", "/v1/conversations").bearer(&one);
    assert_eq!(create.send().await.status, 429);
    node.clock.advance_ms(1_000);
    let mine = list(&one).await.json(200);
    assert_eq!(mine["conversations"], json!([]));
    for remaining in ["4", "3", "2", "1", "0"] {
        let reply = list(&node.key).await;
        assert_eq!(reply.header("ratelimit-remaining"), Some(remaining));
    }
    assert_eq!(list(&node.key).await.code(429), "rate_limited");
    assert_eq!(
        list(&node.admin).await.status,
        200,
        "another key is another"
    );
}

#[tokio::test]
async fn a_page_is_told_to_wait() {
    let node = Node::new(Operations::new(rates(), Vec::new()).with_loopback_origins()).await;
    let page = "http://localhost:3000";
    let bearer = node.visitor().await;
    let list = || {
        let call = node.call("GET", "/v1/conversations").bearer(&bearer);
        call.header("origin", page).send()
    };
    while list().await.status == 200 {}
    let refused = list().await;
    assert_eq!(refused.code(429), "rate_limited");
    assert_eq!(refused.header("access-control-allow-origin"), Some(page));
    assert_eq!(refused.header("vary"), Some("Origin"));
    let exposed = refused.header("access-control-expose-headers");
    assert!(exposed.is_some_and(|names| names.contains("Retry-After")));
}

#[tokio::test]
async fn who_is_unknown_and_asks_for_nothing_is_not_counted() {
    let node = Node::new(Operations::new(rates(), Vec::new())).await;
    for _ in 0..10 {
        let health = node.call("GET", "/healthz").send().await;
        check(&health, 200, [None; 4]);
        let nobody = node.call("GET", "/v1/conversations").send().await;
        check(&nobody, 401, [None; 4]);
    }
}

#[tokio::test]
async fn real_use_is_far_from_the_default_rates() {
    let node = Node::new(Operations::default()).await;
    let bearer = node.visitor().await;
    for _ in 0..500 {
        let call = node.call("GET", "/v1/conversations").bearer(&bearer);
        assert_eq!(call.send().await.status, 200);
        node.visitor().await;
    }
}
