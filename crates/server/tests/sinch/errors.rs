//! Every answer is JSON that a page may read: a client waits for ever for what
//! it cannot read.

use crate::world::World;

#[tokio::test]
async fn each_refusal_has_its_number() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    let old = world.ticket("alice");
    let (fields, mac) = old.split_once(':').unwrap();
    let forged = format!("user {fields}:{}", mac.replace(|c: char| c != '=', "A"));
    world.clock.advance_s(86_401);
    let old = format!("user {old}");
    let large = "x".repeat(70_000);
    let unsigned = format!("instance {}", alice.id);
    let half = format!("instance {}:AAAA", alice.id);
    let app = format!("application {}", world.application);
    let key_only = |key: &str| format!("application {key}");
    for (method, path, authorization, body, code) in [
        ("POST", "/v1/instance", "", "", 40_100),
        ("POST", "/v1/instance", "user undefined", "", 40_100),
        ("POST", "/v1/instance", "Basic YTpi", "", 40_100),
        ("POST", "/v1/instance", &old, "", 40_100),
        ("POST", "/v1/instance", &forged, "", 40_102),
        ("POST", "/v1/instance", &app, "", 40_301),
        ("GET", "/v1/user/profile", "", "", 40_100),
        ("GET", "/v1/user/profile", &unsigned, "", 40_102),
        ("GET", "/v1/user/profile", &half, "", 40_102),
        ("GET", "/v1/user/profile", &app, "", 40_301),
        ("POST", "/v1/report/im", &app, "{", 40_003),
        ("POST", "/v1/report/im", &app, "[]", 40_001),
        ("POST", "/v1/report/im", &app, &large, 41_300),
        ("POST", "/v1/report/im", &key_only("nobody"), "{}", 40_100),
        ("GET", "/v1/nothing", "", "", 40_400),
        ("GET", "/", "", "", 40_400),
        ("GET", "//v1/user/profile", "", "", 40_001),
        ("GET", "/v1/%2e%2e/user", "", "", 40_001),
        ("DELETE", "/v1/user/profile", "", "", 40_500),
        ("BREW", "/v1/instance", "", "", 40_500),
        ("OPTIONS", "/v1/instance", "", "", 40_500),
    ] {
        let headers = [("authorization", authorization), ("x-timestamp", "now")];
        let headers = if authorization.is_empty() {
            &headers[1..]
        } else {
            &headers[..]
        };
        let reply = world.raw(method, path, headers, body.to_owned()).await;
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        assert_eq!(reply.header("cache-control"), "no-store");
        let reference = reply.header("x-request-id").to_owned();
        let answers_basic = reply.header("www-authenticate").contains("Basic");
        assert!(!answers_basic, "a browser asks for no password");
        assert_eq!(
            reply.body["errorCode"], code,
            "{method} {path} {authorization}: {}",
            reply.body
        );
        let body = reply.refused(code);
        assert_eq!(body["reference"], reference);
    }
}

#[tokio::test]
async fn what_is_signed_without_a_time_says_so() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    for at in ["", "now", "1800000000", "2027-01-15"] {
        let mut call = world.call("GET", "/v1/user/profile", "");
        call.at = at.to_owned();
        let told = world.send(&call, &alice.sign(&call)).await.refused(40_101);
        assert!(
            told["message"].to_string().contains("X-Timestamp"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn a_node_without_messages_says_so() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    let path = "/v1/configuration/user";
    let reply = world.signed_at_silent(&alice, path).await;
    reply.refused(42_200);
    let profile = world.signed_at_silent(&alice, "/v1/user/profile").await;
    profile.expect(200);
}

#[tokio::test]
async fn any_page_may_ask() {
    let world = World::new().await;
    for (path, method) in [
        ("/v1/instance", "POST"),
        ("/v1/instances/id/x/authorization", "PUT"),
        ("/v1/user/profile", "PATCH"),
        ("/v1/nothing", "GET"),
    ] {
        let headers = [
            ("origin", "https://shop.example"),
            ("access-control-request-method", method),
            (
                "access-control-request-headers",
                "authorization,content-type,x-timestamp",
            ),
        ];
        let reply = world.raw("OPTIONS", path, &headers, String::new()).await;
        assert_eq!(reply.status, 204);
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        assert!(
            reply
                .header("access-control-allow-methods")
                .contains(method)
        );
        let allowed = reply.header("access-control-allow-headers");
        for name in ["Authorization", "Content-Type", "X-Timestamp"] {
            assert!(allowed.contains(name), "{allowed}");
        }
        assert_eq!(reply.header("access-control-allow-credentials"), "");
    }
}
