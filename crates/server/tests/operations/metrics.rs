//! The node's numbers: for operators alone, and without a secret.

use std::sync::Arc;

use countersign_server::operations::{Operations, Rates, Reading, Sample};
use serde_json::json;

use crate::node::Node;

/// What must not be seen, wherever a stranger puts it.
const CANARY: &str = "canary-7d1f";

#[tokio::test]
async fn the_numbers_are_for_operators() {
    let node = Node::new(Operations::default()).await;
    let visitor = node.visitor().await;
    for (bearer, expected) in [
        (&node.publishable, "not_permitted"),
        (&visitor, "not_permitted"),
        (&node.key, "not_permitted"),
        (&node.admin, "not_permitted"),
    ] {
        let reply = node.call("GET", "/metrics").bearer(bearer).send().await;
        assert_eq!(reply.code(403), expected);
    }
    let nobody = node.call("GET", "/metrics").send().await;
    assert_eq!(nobody.code(401), "no_credential");
    let page = node.call("GET", "/metrics").bearer(&node.operator);
    let reply = page.send().await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
}

#[tokio::test]
async fn what_was_done_is_counted_and_nothing_is_named() {
    let tell = || {
        vec![Sample {
            name: "countersign_store_commits_total",
            help: "Commits.",
            reading: Reading::Number(7),
        }]
    };
    let node = Node::new(Operations::new(Rates::default(), vec![Arc::new(tell)])).await;
    let visitor = node.visitor().await;
    let conversation = node.conversation(&visitor).await;
    let path = format!("/v1/conversations/{conversation}");
    for _ in 0..3 {
        let read = node.call("GET", &path).bearer(&visitor).send().await;
        assert_eq!(read.status, 200);
    }
    let head = node.call("HEAD", &path).bearer(&visitor).send().await;
    assert_eq!(head.status, 200);
    let login = node
        .call("POST", "/v1/sessions")
        .bearer(&node.publishable)
        .send_json(&json!({"credential": CANARY}))
        .await;
    assert_eq!(login.status, 401);
    for (method, path) in [
        ("GET", format!("/{CANARY}")),
        ("GET", format!("/v1/users/{CANARY}")),
        ("GET", format!("/v1/conversations?{CANARY}={CANARY}")),
        ("CANARY", path.clone()),
        ("CANARY", format!("/{CANARY}")),
    ] {
        let reply = node.call(method, &path).bearer(CANARY).send().await;
        assert!(reply.status >= 400, "{}", reply.text());
    }
    let out = node.call("DELETE", "/v1/sessions/current");
    assert_eq!(out.bearer(&visitor).send().await.status, 204);

    let call = node.call("GET", "/metrics").bearer(&node.operator);
    let page = call.send().await.text();
    let route = "/v1/conversations/{conversation_id}";
    for line in [
        &*format!(r#"countersign_requests_total{{route="{route}",method="GET",status="2xx"}} 4"#),
        r#"countersign_requests_total{route="/v1/sessions",method="POST",status="4xx"} 1"#,
        r#"countersign_requests_total{route="none",method="any",status="4xx"} 3"#,
        r#"countersign_refusals_total{code="malformed_token"} 3"#,
        r#"countersign_refusals_total{code="not_found"} 2"#,
        r#"countersign_refusals_total{code="method_not_allowed"} 1"#,
        r#"countersign_refusals_total{code="internal"} 0"#,
        r#"countersign_logins_total{dialect="anonymous",outcome="opened"} 1"#,
        r#"countersign_logins_total{dialect="unreadable",outcome="malformed_token"} 1"#,
        r#"countersign_sessions_ended_total{reason="logged_out"} 1"#,
        "# TYPE countersign_store_commits_total counter",
        "countersign_store_commits_total 7",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}\n{page}");
    }
    let mut secrets = vec![CANARY, "CANARY", "CON-", "SES-", "USR-", "cs_", "192.0.2."];
    secrets.extend([&*visitor, &*node.operator, &*node.publishable]);
    for secret in secrets {
        assert!(!page.contains(secret), "{secret}\n{page}");
    }
    for line in page.lines() {
        assert!(
            line.starts_with("# ") || line.starts_with("countersign_"),
            "{line}"
        );
    }
}
