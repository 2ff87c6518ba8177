//! How each version tells an error, and that every answer may be read by a page.

use serde_json::{Value, json};

use crate::world::{LIFE_S, World};

const OLD: [&str; 4] = ["beta", "v0.1", "beta2", "v0.2"];
const NEW: [&str; 2] = ["v0.3", "v1"];

#[tokio::test]
async fn each_version_has_its_own_shape_of_an_error() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    for version in OLD {
        let path = format!("/{version}/conversations/CON-nope");
        let reply = world.get(&path, &alice.token).await;
        assert_eq!(reply.header("content-type"), "application/json");
        let body = reply.refused(404, "conversation:error:not-found");
        assert!(
            body["description"].is_string() && body["rid"].is_string(),
            "{body}"
        );
        assert!(body.get("title").is_none(), "{body}");
    }
    for version in NEW {
        let path = format!("/{version}/conversations/CON-nope");
        let reply = world.get(&path, &alice.token).await;
        assert_eq!(reply.header("content-type"), "application/problem+json");
        let request = reply.header("x-request-id").to_owned();
        let body = reply.refused(404, "conversation:error:not-found");
        assert_eq!(body["title"], "Not found.");
        assert_eq!(body["instance"], request);
        assert!(
            body["type"]
                .as_str()
                .unwrap()
                .ends_with("#conversation:error:not-found")
        );
        assert!(
            body["detail"].is_string() && body.get("description").is_none(),
            "{body}"
        );
    }
}

#[tokio::test]
async fn each_refusal_has_its_status_and_code() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let room = world.shared(&[&alice]).await;
    let backend = world.backend();
    let expired = world.token_with(Some("alice"), None, 30);
    let narrow = world.token_with(
        Some("alice"),
        Some(r#"{"paths":{"/*/users/**":{}}}"#),
        LIFE_S,
    );
    world.clock.advance_s(31);
    let room_path = format!("/v0.3/conversations/{room}");
    let events = format!("{room_path}/events");
    for (method, path, bearer, body, status, code) in [
        (
            "GET",
            "/v1/users/me",
            "",
            None,
            401,
            "system:error:invalid-token",
        ),
        (
            "GET",
            "/v1/users/me",
            "a.b.c",
            None,
            401,
            "system:error:invalid-token",
        ),
        (
            "GET",
            "/v1/users/me",
            &expired,
            None,
            401,
            "system:error:expired-token",
        ),
        (
            "GET",
            "/v1/users/me",
            &world.token("nobody"),
            None,
            401,
            "user:error:not-found",
        ),
        (
            "POST",
            "/v1/users",
            &backend,
            Some(json!({ "name": "me" })),
            400,
            "user:error:invalid-user-name",
        ),
        (
            "POST",
            "/beta/users",
            &backend,
            Some(json!({ "name": "USR-1" })),
            400,
            "user:error:invalid-user-name",
        ),
        (
            "GET",
            &room_path,
            &narrow,
            None,
            403,
            "system:error:permission",
        ),
        (
            "GET",
            "/v1/users",
            &alice.token,
            None,
            403,
            "system:error:permission",
        ),
        (
            "GET",
            &room_path,
            &bob.token,
            None,
            404,
            "conversation:error:not-found",
        ),
        (
            "GET",
            "/v1/nothing",
            &alice.token,
            None,
            404,
            "http:error:not-found",
        ),
        (
            "GET",
            "/v2/users",
            &alice.token,
            None,
            404,
            "http:error:not-found",
        ),
        (
            "POST",
            "/beta/legs",
            &alice.token,
            Some(json!({})),
            404,
            "http:error:not-found",
        ),
        (
            "POST",
            "/beta/knocking",
            &alice.token,
            Some(json!({})),
            404,
            "http:error:not-found",
        ),
        (
            "GET",
            "/v0.3/discovery/legs",
            &alice.token,
            None,
            404,
            "http:error:not-found",
        ),
        (
            "POST",
            &format!("{room_path}/rtc"),
            &alice.token,
            Some(json!({})),
            404,
            "http:error:not-found",
        ),
        (
            "DELETE",
            "/v1/users",
            &alice.token,
            None,
            405,
            "http:error:method-not-allowed",
        ),
        (
            "GET",
            &format!("{events}/99"),
            &alice.token,
            None,
            404,
            "event:error:not-found",
        ),
        (
            "GET",
            &format!("{events}/x"),
            &alice.token,
            None,
            404,
            "event:error:not-found",
        ),
        (
            "DELETE",
            &format!("{events}/1"),
            &alice.token,
            None,
            404,
            "event:error:not-found",
        ),
        (
            "GET",
            &format!("{room_path}/members/MEM-x"),
            &alice.token,
            None,
            404,
            "conversation:error:member-not-found",
        ),
        (
            "GET",
            "/v1/users/USR-x",
            &alice.token,
            None,
            404,
            "user:error:not-found",
        ),
        (
            "PUT",
            "/v0.2/sessions/SES-x",
            &alice.token,
            None,
            404,
            "session:error:not-found",
        ),
        (
            "GET",
            "/v1//users",
            &alice.token,
            None,
            400,
            "http:error:validation-fail",
        ),
        (
            "GET",
            "/v1/users/%2e%2e",
            &alice.token,
            None,
            400,
            "http:error:validation-fail",
        ),
    ] {
        let reply = world.call(method, path, bearer, body).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.body);
        assert_eq!(reply.body["code"], code, "{method} {path}");
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_is_refused() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let room = world.shared(&[&alice]).await;
    let path = format!("/v1/conversations/{room}/events");
    for body in [
        json!({}),
        json!({ "type": 7 }),
        json!({ "type": "text" }),
        json!({ "type": "text", "body": "hi" }),
        json!({ "type": "text", "body": [] }),
        json!({ "type": "text", "body": { "text": 1 } }),
        json!({ "type": "message", "body": { "text": "x" } }),
        json!({ "type": "image", "body": {} }),
        json!({ "type": "image", "body": { "representations": { "original": {} } } }),
        json!({ "type": "custom:", "body": {} }),
        json!({ "type": "custom:a b", "body": {} }),
        json!({ "type": format!("custom:{}", "x".repeat(101)), "body": {} }),
        json!({ "type": "member:joined", "body": {} }),
        json!({ "type": "edit", "body": { "event_id": 1, "body": {} } }),
        json!({ "type": "event:delete", "body": { "event_id": 1 } }),
        json!({ "type": "text:seen", "body": {} }),
        json!({ "type": "text:seen", "body": { "event_id": "x" } }),
        json!({ "type": "text:seen", "body": { "event_id": -1 } }),
        json!({ "type": "audio:say", "body": {} }),
    ] {
        let reply = world.post(&path, &alice.token, body.clone()).await;
        assert_eq!(reply.status, 400, "{body}: {}", reply.body);
        assert_eq!(reply.body["code"], "http:error:validation-fail", "{body}");
    }
    for text in [
        "{",
        "[]",
        "{\"type\":\"text\",\"type\":\"text\"}",
        "{\"a\":\"\\ud800\"}",
        "nonsense",
    ] {
        let header = format!("Bearer {}", alice.token);
        let reply = world
            .raw(
                "POST",
                &path,
                &[("authorization", &header)],
                text.to_owned(),
            )
            .await;
        reply.refused(400, "http:error:validation-fail");
    }
    let header = format!("Bearer {}", alice.token);
    let big = "x".repeat(70_000);
    let reply = world
        .raw("POST", &path, &[("authorization", &header)], big)
        .await;
    assert_eq!(reply.status, 413);
}

#[tokio::test]
async fn the_scheme_is_read_in_any_case() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    for (header, status) in [
        (format!("bearer {}", alice.token), 200),
        (format!("BEARER {}", alice.token), 200),
        (format!("Basic {}", alice.token), 401),
        (alice.token.clone(), 401),
    ] {
        let headers = [("authorization", &*header)];
        let reply = world.raw("GET", "/v0.3/users/me", &headers, String::new());
        assert_eq!(reply.await.status, status, "{header:.6}");
    }
    let none = world.raw("GET", "/v0.3/users/me", &[], String::new()).await;
    none.refused(401, "system:error:missing-token");
}

#[tokio::test]
async fn a_page_of_any_origin_may_read_every_answer() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    for path in [
        "/v0.3/users/me",
        "/v1/nothing",
        "/v2/rtc/metrics",
        "/beta/conversations",
    ] {
        let origin = ("origin", "https://shop.example");
        let asks = [
            origin,
            ("access-control-request-method", "POST"),
            (
                "access-control-request-headers",
                "authorization,content-type",
            ),
        ];
        let reply = world.raw("OPTIONS", path, &asks, String::new()).await;
        assert_eq!(reply.status, 204, "{path}");
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        let methods = reply.header("access-control-allow-methods").to_owned();
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            assert!(methods.contains(method), "{methods}");
        }
        let headers = reply.header("access-control-allow-headers").to_lowercase();
        assert!(headers.contains("authorization") && headers.contains("content-type"));
        assert_eq!(reply.header("access-control-allow-credentials"), "");
        for bearer in [&*alice.token, "x"] {
            let header = format!("Bearer {bearer}");
            let headers = [origin, ("authorization", &*header)];
            let reply = world.raw("POST", path, &headers, "{}".to_owned()).await;
            assert_eq!(reply.header("access-control-allow-origin"), "*", "{path}");
        }
    }
}

#[tokio::test]
async fn a_client_may_tell_how_long_it_took() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let body =
        json!({ "sessionId": "SES-1", "metrics": [{ "name": "TIME_TO_RECONNECT_SUCCESS" }] });
    for path in ["/v2/rtc/metrics", "/rtc/metrics"] {
        let reply = world.post(path, &alice.token, body.clone()).await;
        assert_eq!((reply.status, reply.body), (204, Value::Null));
        world
            .post(path, "x", body.clone())
            .await
            .refused(401, "system:error:invalid-token");
    }
}
