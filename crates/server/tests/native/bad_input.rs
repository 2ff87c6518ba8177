//! Requests that are wrong: each gets the problem that names why, and changes
//! nothing.

use serde_json::{Value, json};

use crate::http::Call;
use crate::world::{World, text};

/// How many users, conversations and events there are, as a backend sees it.
async fn census(world: &World, conversation: &str) -> (usize, usize, Value) {
    let users = world
        .get("/v1/users")
        .bearer(&world.home.key)
        .send()
        .await
        .expect(200);
    let list = world
        .get("/v1/conversations")
        .bearer(&world.home.key)
        .send()
        .await
        .expect(200);
    let path = format!("/v1/conversations/{conversation}");
    let one = world
        .get(&path)
        .bearer(&world.home.key)
        .send()
        .await
        .expect(200);
    let count = |value: &Value| value.as_array().expect("it is a list").len();
    (count(&users["users"]), count(&list["conversations"]), one)
}

/// A world in which Alice has a conversation, and a backend has its key.
struct Asked {
    world: World,
    user: String,
    conversation: String,
    events: String,
}

// === impl Asked ===

impl Asked {
    async fn new() -> Self {
        let world = World::new().await;
        let alice = world.user("alice").await;
        let conversation = world.conversation(&alice).await;
        Self {
            events: format!("/v1/conversations/{conversation}/events"),
            user: alice.access,
            conversation,
            world,
        }
    }

    /// Each call gets its problem, and nothing has changed afterwards.
    async fn check(&self, calls: Vec<(Call, u16, &str)>) {
        let before = census(&self.world, &self.conversation).await;
        for (call, status, code) in calls {
            call.send().await.problem(status, code);
        }
        assert_eq!(census(&self.world, &self.conversation).await, before);
    }
}

fn json_type(call: Call) -> Call {
    call.header("content-type", "application/json")
}

fn long(bytes: usize) -> String {
    "x".repeat(bytes)
}

#[tokio::test]
async fn a_wrong_body_gets_its_problem_and_changes_nothing() {
    let asked = Asked::new().await;
    let (world, events) = (&asked.world, &asked.events);
    let create = || world.post("/v1/users").bearer(&world.home.key);
    let post = |path: &str| world.post(path).bearer(&asked.user);
    #[rustfmt::skip]
    let calls = vec![
        (json_type(create()).body(b"{"), 400, "malformed_json"),
        (json_type(create()).body(b"{\"name\":\"a\",\"name\":\"b\"}"), 400, "malformed_json"),
        (json_type(create()).body(b"{\"name\":\"\xff\"}"), 400, "malformed_json"),
        (json_type(create()).body(b"[]"), 400, "bad_request"),
        (create(), 400, "bad_request"),
        (create().json(&json!({"nome": "a"})), 400, "bad_request"),
        (create().json(&json!({"id": "USR-1", "name": "a"})), 400, "bad_request"),
        (create().json(&json!({"name": 7})), 400, "bad_request"),
        (create().json(&json!({"name": "USR-a"})), 400, "bad_request"),
        (create().json(&json!({"name": "a\u{0}b"})), 400, "bad_request"),
        (create().json(&json!({"email": "nobody"})), 400, "bad_request"),
        (create().json(&json!({"external_id": ""})), 400, "bad_request"),
        (create().json(&json!({"name": "a", "display_name": ""})), 400, "bad_request"),
        (create().json(&json!({"name": "a", "display_name": long(256)})), 400, "bad_request"),
        (create().body(b"{\"name\":\"a\"}"), 415, "unsupported_media_type"),
        (create().header("content-type", "text/plain").body(b"{}"), 415, "unsupported_media_type"),
        (json_type(create()).header("content-encoding", "gzip").body(b"{}"), 415, "unsupported_media_type"),
        (json_type(create()).body(&vec![b' '; 64 * 1024 + 1]), 413, "too_large"),
        (json_type(create()).body(&vec![b' '; 9 * 1024 * 1024]), 413, "too_large"),
        (json_type(world.post("/v1/nowhere")).body(&vec![b' '; 8 * 1024 * 1024]), 413, "too_large"),
        (post("/v1/conversations").json(&json!({"name": long(256)})), 400, "bad_request"),
        (post("/v1/conversations").json(&json!({"client_id": long(256)})), 400, "bad_request"),
        (post(events).json(&json!({"type": "text", "body": {}})), 400, "bad_request"),
        (post(events).json(&json!({"type": "text", "body": "a"})), 400, "bad_request"),
        (post(events).json(&json!({"type": "shout", "body": {}})), 400, "bad_request"),
        (post(events).json(&json!({"type": "member:joined", "body": {}})), 400, "bad_request"),
        (post(events).json(&json!({"type": "text", "body": {"text": long(61 * 1024)}})), 413, "too_large"),
        (post(events).json(&json!({"type": "delete", "body": {"event_id": 99}})), 404, "not_found"),
        (post(events).json(&json!({"type": "delete", "body": {"event_id": 1}})), 404, "not_found"),
    ];
    asked.check(calls).await;
}

#[tokio::test]
async fn a_wrong_query_path_or_method_gets_its_problem() {
    let asked = Asked::new().await;
    let (world, events) = (&asked.world, &asked.events);
    let key = |call: Call| call.bearer(&world.home.key);
    let user = |call: Call| call.bearer(&asked.user);
    let foreign = format!(
        "/v1/conversations/{}",
        asked.conversation.replace("CON-", "USR-")
    );
    #[rustfmt::skip]
    let calls = vec![
        (user(world.get("/v1/conversations?limit=0")), 400, "bad_request"),
        (user(world.get("/v1/conversations?limit=101")), 400, "bad_request"),
        (user(world.get("/v1/conversations?limit=1&limit=1")), 400, "bad_request"),
        (user(world.get("/v1/conversations?cursor=!")), 400, "bad_request"),
        (user(world.get("/v1/conversations?page=2")), 400, "bad_request"),
        (user(world.get(&format!("{events}?after=1&before=2"))), 400, "bad_request"),
        (user(world.get(&format!("{events}?after=-1"))), 400, "bad_request"),
        (user(world.get("/v1/conversations?application_id=x")), 400, "bad_request"),
        (key(world.get("/v1/devices")), 400, "bad_request"),
        (key(world.get("/v1/applications/current/audit?after=-1")), 400, "bad_request"),
        (key(world.get("/v1/applications/current/audit?before=1")), 400, "bad_request"),
        (key(world.get("/v1/users?name=a&email=a@b.c")), 400, "bad_request"),
        (world.get("/v1/users").bearer(&world.operator), 400, "application_required"),
        (user(world.get("/v1/nowhere")), 404, "not_found"),
        (world.get("/"), 404, "not_found"),
        (world.get("/v1/"), 404, "not_found"),
        (user(world.get("/v1/conversations/")), 404, "not_found"),
        (user(world.get("/V1/conversations")), 404, "not_found"),
        (user(world.get("/v1/conversations/nonsense")), 404, "not_found"),
        (user(world.get(&foreign)), 404, "not_found"),
        (user(world.get(&format!("{events}/01"))), 404, "not_found"),
        (user(world.get(&format!("{events}/99"))), 404, "not_found"),
        (world.call("PUT", "/v1/sessions"), 405, "method_not_allowed"),
        (world.call("DELETE", "/healthz"), 405, "method_not_allowed"),
        (world.get("//v1/conversations"), 400, "bad_path"),
        (world.get("/v1/%2e%2e/v1/conversations"), 400, "bad_path"),
        (world.get("/v1/./conversations"), 400, "bad_path"),
        (world.get("/v1/conversations%2fx"), 400, "bad_path"),
        (world.get("/v1/conversations%00"), 400, "bad_path"),
        (world.get("/v1/conversations;a=b"), 400, "bad_path"),
        (world.get("/v1\\conversations"), 400, "bad_path"),
        (world.get("/v1/%ff"), 400, "bad_path"),
        (world.call("OPTIONS", "*"), 400, "bad_path"),
    ];
    asked.check(calls).await;
}

#[tokio::test]
async fn a_bearer_is_judged_and_never_counts_as_none() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let credential = world.credential("alice");
    let mut changed = alice.access.clone();
    changed.pop();
    let wrong_key = format!("{}A", world.home.key);
    for (value, status, code) in [
        ("Basic YWxpY2U6eA==".to_owned(), 401, "no_credential"),
        ("Bearer".to_owned(), 401, "malformed_token"),
        (
            format!("Bearer {} {}", alice.access, alice.access),
            401,
            "malformed_token",
        ),
        (format!("Bearer {changed}"), 401, "malformed_token"),
        (format!("Bearer {}", alice.refresh), 401, "malformed_token"),
        (format!("Bearer {credential}"), 401, "no_credential"),
        (format!("Bearer {wrong_key}"), 401, "unknown_key"),
        ("Bearer nonsense".to_owned(), 401, "malformed_token"),
        (
            format!("Bearer {}", "x".repeat(9_000)),
            401,
            "malformed_token",
        ),
    ] {
        for call in [
            world.get("/v1/conversations"),
            world
                .post("/v1/sessions")
                .json(&json!({"credential": credential})),
        ] {
            let reply = call
                .header("authorization", &value)
                .header("origin", "https://evil.example")
                .send()
                .await;
            let problem = reply.problem(status, code).to_string();
            for secret in [&alice.access, &alice.refresh, &credential, &world.home.key] {
                assert!(!problem.contains(secret.as_str()), "{problem}");
            }
            assert_eq!(reply.header("access-control-allow-origin"), None);
        }
    }
    let two = world
        .get("/v1/conversations")
        .bearer(&alice.access)
        .bearer(&alice.access)
        .send()
        .await;
    two.problem(400, "bad_request");
    let hint = world
        .get("/v1/conversations")
        .bearer(&credential)
        .send()
        .await;
    let hint = text(&hint.problem(401, "no_credential")["hint"]);
    assert!(hint.contains("POST /v1/sessions"), "{hint}");
    // The credential was judged as no bearer, and not used up by it.
    world
        .login(&json!({"credential": credential}))
        .await
        .expect(201);
}

#[tokio::test]
async fn applications_do_not_see_each_other() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let conversation = world.conversation(&alice).await;
    world.say(&alice, &conversation, "hello").await.expect(201);
    let login = json!({"credential": world.credential_for(&world.other, "alice")});
    let other = world
        .post("/v1/sessions")
        .bearer(&world.other.publishable)
        .json(&login);
    let stranger = text(&other.send().await.expect(201)["access_token"]);
    let paths = [
        format!("/v1/conversations/{conversation}"),
        format!("/v1/conversations/{conversation}/events"),
        format!("/v1/conversations/{conversation}/members"),
        format!("/v1/conversations/{conversation}/events/2"),
        format!("/v1/users/{}", alice.user),
    ];
    for bearer in [&stranger, &world.other.key, &world.other.admin] {
        for path in &paths {
            world
                .get(path)
                .bearer(bearer)
                .send()
                .await
                .problem(404, "not_found");
        }
        let event = json!({"type": "text", "body": {"text": "hi"}});
        let sent = world
            .post(&paths[1])
            .bearer(bearer)
            .json(&event)
            .send()
            .await;
        sent.problem(404, "not_found");
        let named = format!("/v1/conversations?application_id={}", world.home.id);
        world
            .get(&named)
            .bearer(bearer)
            .send()
            .await
            .problem(401, "wrong_audience");
    }
    for path in [
        paths[0].clone(),
        paths[4].clone(),
        format!("/v1/sessions/{}", alice.session),
    ] {
        let deleted = world
            .call("DELETE", &path)
            .bearer(&world.other.admin)
            .send()
            .await;
        deleted.problem(404, "not_found");
    }
    assert!(world.lives(&alice).await);
    assert_eq!(world.texts(&alice.access, &conversation).await, ["hello"]);
}

#[tokio::test]
async fn the_application_is_named_once_and_must_agree() {
    let world = World::new().await;
    let kustomer = || world.kustomer(None, Some("u-1"));
    let (home, other) = (world.home.id.to_string(), world.other.id.to_string());
    let login = |body: Value| world.post("/v1/sessions").json(&body).send();
    let nameless = login(json!({"credential": kustomer()})).await;
    nameless.problem(400, "application_required");
    login(json!({"credential": kustomer(), "application_id": home}))
        .await
        .expect(201);
    let unknown = "01890000-0000-7000-8000-000000000000";
    let reply = login(json!({"credential": kustomer(), "application_id": unknown})).await;
    reply.problem(401, "wrong_audience");
    let reply = login(json!({"credential": kustomer(), "application_id": "home"})).await;
    reply.problem(400, "bad_request");
    let native = world.credential("alice");
    let reply = login(json!({"credential": native, "application_id": other})).await;
    reply.problem(401, "wrong_audience");
    let reply = world
        .login(&json!({"credential": native, "application_id": other}))
        .await;
    reply.problem(401, "wrong_audience");
    login(json!({"credential": native})).await.expect(201);
}

#[tokio::test]
async fn sessions_of_a_deleted_application_are_over() {
    let world = World::new().await;
    let (alice, visitor) = (world.user("alice").await, world.visitor().await);
    world
        .call("DELETE", &format!("/v1/applications/{}", world.home.id))
        .bearer(&world.operator)
        .send()
        .await
        .expect(204);
    for device in [alice, visitor] {
        let call = world.get("/v1/conversations").bearer(&device.access);
        call.send().await.problem(401, "session_ended");
        let refreshed = world.refresh(&device.refresh, None).await;
        refreshed.problem(401, "session_ended");
    }
}

#[tokio::test]
async fn a_405_names_the_methods_and_head_has_no_body() {
    let world = World::new().await;
    let reply = world.call("PUT", "/v1/sessions").send().await;
    let mut allow: Vec<&str> = reply.header("allow").unwrap().split(',').collect();
    allow.sort_unstable();
    assert_eq!(allow, ["GET", "HEAD", "POST"]);
    let head = world.call("HEAD", "/healthz").send().await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    let head = world.call("HEAD", "/v1/nowhere").send().await;
    assert_eq!((head.status, head.body.len()), (404, 0));
}
