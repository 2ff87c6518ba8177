//! Which web pages may call, and which may read an answer.

use countersign_core::context::{Ctx, Parts};
use countersign_core::model::settings_patch::SettingsPatch;
use countersign_core::op::settings::change_settings;
use countersign_core::token::TokenKeys;
use countersign_server::native;
use countersign_server::operations::Operations;
use serde_json::json;

use crate::http::{Call, Reply};
use crate::world::{World, principal};

/// Whose pages those of an origin are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// The server's own.
    Own,
    /// Of one application, by its setting.
    Home,
    /// Of the other application.
    Other,
    /// Nobody's.
    Nobody,
    /// This machine's: a developer's, and elsewhere nobody's.
    Loopback,
}

use Whose::{Home, Loopback, Nobody, Other, Own};

const HOME: [&str; 4] = [
    "https://chat.example",
    "https://shop.example:8443",
    "http://plain.example",
    "https://[2001:db8::1]",
];
const OTHER: [&str; 2] = ["https://other.example", "http://localhost:4000"];

/// What a browser may send as `Origin`, or somebody in its place.
const ORIGINS: [(&str, Whose); 48] = [
    ("https://chat.example", Home),
    ("https://shop.example:8443", Home),
    ("http://plain.example", Home),
    ("https://[2001:db8::1]", Home),
    // Another spelling of the same origin.
    ("https://chat.example:443", Home),
    ("http://plain.example:80", Home),
    ("https://CHAT.example", Home),
    ("HTTPS://chat.example", Home),
    ("https://[2001:DB8::1]:443", Home),
    ("https://other.example", Other),
    ("http://localhost:4000", Other),
    ("http://test", Own),
    ("https://test", Own),
    ("http://test:80", Own),
    ("http://test:7080", Nobody),
    ("http://test.example", Nobody),
    // Another scheme or port.
    ("http://chat.example", Nobody),
    ("https://plain.example", Nobody),
    ("https://chat.example:80", Nobody),
    ("https://chat.example:8443", Nobody),
    ("https://shop.example", Nobody),
    ("https://shop.example:8444", Nobody),
    ("wss://chat.example", Nobody),
    ("ftp://chat.example", Nobody),
    // A name around the name.
    ("https://chat.example.evil.example", Nobody),
    ("https://evilchat.example", Nobody),
    ("https://evil.chat.example", Nobody),
    ("https://example", Nobody),
    ("https://chat.exampl", Nobody),
    ("https://chat.example.", Nobody),
    ("https://chat-example", Nobody),
    ("https://chatXexample", Nobody),
    // What is no origin.
    ("null", Nobody),
    ("*", Nobody),
    ("chat.example", Nobody),
    ("//chat.example", Nobody),
    ("https://chat.example/", Nobody),
    ("https://chat.example/path", Nobody),
    ("https://user@chat.example", Nobody),
    ("https://chat.example@evil.example", Nobody),
    ("https://chat.example#evil.example", Nobody),
    ("https://chat.example https://evil.example", Nobody),
    ("https://ch\u{e4}t.example", Nobody),
    ("https://chat.example:0443", Nobody),
    ("http://localhost", Loopback),
    ("http://localhost:3000", Loopback),
    ("https://127.0.0.1:5173", Loopback),
    ("http://[::1]:8080", Loopback),
];

/// What every browser is told of what it may read.
const EXPOSED: &str = "Content-Disposition, RateLimit-Limit, RateLimit-Remaining, \
                       RateLimit-Reset, Retry-After, X-Request-Id";

#[tokio::test]
async fn an_origin_is_allowed_exactly_by_its_own_application() {
    let world = with_two_lists(Operations::default()).await;
    for (origin, whose) in ORIGINS {
        check(&world, origin, whose).await;
    }
}

#[tokio::test]
async fn a_developers_node_lets_its_own_machine_in_and_no_other_one() {
    let world = with_two_lists(Operations::default().with_loopback_origins()).await;
    for (origin, whose) in ORIGINS {
        match whose {
            // With the default port it is the same origin as without.
            Loopback => check_with(&world, origin, true, true).await,
            Other if origin.contains("localhost") => check_with(&world, origin, true, true).await,
            Own | Home | Other | Nobody => check(&world, origin, whose).await,
        }
    }
    for origin in [
        "http://localhost.example",
        "http://app.localhost",
        "http://127.0.0.1.example",
        "http://127.0.0.2",
        "http://10.0.0.1",
    ] {
        check(&world, origin, Nobody).await;
    }
}

#[tokio::test]
async fn a_preflight_grants_every_method_that_a_route_has() {
    let world = with_two_lists(Operations::default()).await;
    for call in native::calls() {
        let path = call.template.replace(['{', '}'], "");
        let method = call.method.as_str();
        let reply = preflight(&world, &path, method, HOME[0]).await;
        let granted = reply.header("access-control-allow-methods");
        let granted: Vec<&str> = granted.unwrap_or_default().split(", ").collect();
        assert!(granted.contains(&method), "{method} {path}: {granted:?}");
        let headers = reply.header("access-control-allow-headers");
        assert_eq!(headers, Some("Authorization, Content-Type"));
        assert_eq!(reply.header("access-control-max-age"), Some("600"));
    }
    // What asks for nothing in particular is a call like any other.
    let options = world.call("OPTIONS", "/v1/sessions");
    let reply = options.header("origin", HOME[0]).send().await;
    reply.problem(405, "method_not_allowed");
}

#[tokio::test]
async fn what_is_refused_to_a_page_has_changed_nothing() {
    let world = with_two_lists(Operations::default()).await;
    let alice = world.user("alice").await;
    let from_other = |call: Call| call.header("origin", OTHER[0]);
    let credential = world.credential("bob");
    let body = json!({"credential": credential});
    let login = || world.post("/v1/sessions").json(&body);
    let refused = from_other(login()).send().await;
    refused.problem(403, "not_permitted");
    login().send().await.expect(201);

    let nonce = json!({"refresh_token": alice.refresh, "nonce": "n"});
    let refresh = || world.post("/v1/sessions/refresh").json(&nonce);
    let refused = from_other(refresh()).send().await;
    refused.problem(403, "not_permitted");
    assert!(world.lives(&alice).await);
    world.refresh(&alice.refresh, None).await.expect(200);

    let create = || world.post("/v1/conversations").bearer(&alice.access);
    let refused = from_other(create()).send().await;
    let problem = refused.problem(403, "not_permitted");
    let hint = problem["hint"].as_str().expect("a hint");
    assert!(
        hint.contains("allowed_origins") && hint.contains(OTHER[0]),
        "{hint}"
    );
    assert!(world.conversations(&alice.access).await.is_empty());
}

#[tokio::test]
async fn an_operator_key_in_a_page_acts_in_the_application_that_it_names() {
    let world = with_two_lists(Operations::default()).await;
    let read = |path: &str| {
        world
            .get(path)
            .bearer(&world.operator)
            .header("origin", HOME[0])
    };
    for path in ["/v1/applications", "/v1/api-keys", "/v1/audit", "/metrics"] {
        read(path).send().await.problem(403, "not_permitted");
    }
    let (home, other) = (world.home.id, world.other.id);
    let users = format!("/v1/users?application_id={home}");
    read(&users).send().await.expect(200);
    let users = format!("/v1/users?application_id={other}");
    read(&users).send().await.problem(403, "not_permitted");
}

#[tokio::test]
async fn a_page_reads_refusals_too() {
    let world = with_two_lists(Operations::default()).await;
    let large = vec![b' '; 70_000];
    for (call, status) in [
        (world.get("/v1/nowhere"), 404),
        (world.call("PUT", "/v1/sessions"), 405),
        (world.get("/v1/users/a%2fb"), 400),
        (world.get("/v1/conversations"), 401),
        (world.post("/v1/sessions").body(&large), 413),
        (world.post("/v1/sessions").body(b"x"), 415),
        (world.get("/healthz"), 200),
    ] {
        let reply = call.header("origin", HOME[0]).send().await;
        assert_eq!(reply.status, status, "{}", reply.text());
        told(&reply, HOME[0], true);
        let exposed = reply.header("access-control-expose-headers");
        assert_eq!(exposed, Some(EXPOSED));
    }
    let without = world.get("/healthz").send().await;
    assert_eq!(without.header("vary"), Some("Origin"));
    assert_eq!(without.header("access-control-allow-origin"), None);
    let twice = world.get("/v1/conversations").bearer(&world.home.key);
    let twice = twice.header("origin", HOME[0]).header("origin", HOME[0]);
    twice.send().await.problem(403, "not_permitted");
}

#[tokio::test]
async fn a_change_holds_at_once_here_and_soon_elsewhere() {
    let world = World::new().await;
    let page = "https://new.example";
    let granted = async || {
        let reply = preflight(&world, "/v1/sessions", "POST", page).await;
        reply.header("access-control-allow-origin").is_some()
    };
    assert!(!granted().await);
    world.set(&json!({"allowed_origins": [page]})).await;
    assert!(granted().await);
    world.set(&json!({"allowed_origins": null})).await;
    assert!(!granted().await);

    // Another node changes it, and its notice is lost.
    let elsewhere = another_node(&world).await;
    let admin = principal(&elsewhere, &world.home.admin, None).await;
    let patch = SettingsPatch {
        allowed_origins: Some(Some(vec![page.to_owned()])),
        ..SettingsPatch::default()
    };
    change_settings(&elsewhere, &admin, patch)
        .await
        .expect("an admin changes settings");
    world.clock.advance_s(5);
    assert!(!granted().await, "a stranger's question costs no hop");
    world.clock.advance_s(1);
    assert!(granted().await);
}

/// Checks a page in a world where the home application's settings decide.
async fn check(world: &World, origin: &str, whose: Whose) {
    let readable = matches!(whose, Home | Other);
    let permitted = matches!(whose, Home | Own);
    check_with(world, origin, readable, permitted).await;
}

/// Checks what pages of an origin may read, and whether they may call the home
/// application: by every way to name it.
async fn check_with(world: &World, origin: &str, readable: bool, permitted: bool) {
    let asked = preflight(world, "/v1/conversations", "POST", origin).await;
    told(&asked, origin, readable);
    let visitor = world.visitor().await;
    let credential = world.credential(&world.unique("subject"));
    let home = &world.home;
    let calls = [
        world
            .post("/v1/sessions/anonymous")
            .bearer(&home.publishable)
            .json(&json!({})),
        world
            .post("/v1/sessions")
            .json(&json!({ "credential": credential })),
        world
            .post("/v1/sessions/refresh")
            .json(&json!({ "refresh_token": visitor.refresh })),
        world.get("/v1/conversations").bearer(&visitor.access),
        world.get("/v1/users").bearer(&home.key),
    ];
    for call in calls {
        let reply = call.header("origin", origin).send().await;
        told(&reply, origin, readable);
        if permitted {
            assert!(reply.status < 300, "{origin}: {}", reply.text());
        } else {
            reply.problem(403, "not_permitted");
        }
    }
}

/// Checks what an answer tells a browser.
#[track_caller]
fn told(reply: &Reply, origin: &str, readable: bool) {
    let allowed = reply.header("access-control-allow-origin");
    assert_eq!(allowed, readable.then_some(origin), "{origin}");
    assert_eq!(reply.header("vary"), Some("Origin"), "{origin}");
    assert_eq!(reply.header("access-control-allow-credentials"), None);
}

async fn preflight(world: &World, path: &str, method: &str, origin: &str) -> Reply {
    let reply = world
        .call("OPTIONS", path)
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header(
            "access-control-request-headers",
            "authorization,content-type",
        )
        .send()
        .await;
    reply.expect(204);
    reply.has_the_headers_of_every_answer();
    reply
}

/// A world whose two applications allow different pages.
async fn with_two_lists(operations: Operations) -> World {
    let world = World::operated(operations).await;
    for (application, origins) in [(&world.home, &HOME[..]), (&world.other, &OTHER[..])] {
        world
            .call("PATCH", "/v1/applications/current/settings")
            .bearer(&application.admin)
            .json(&json!({"allowed_origins": origins}))
            .send()
            .await
            .expect(200);
    }
    world
}

/// A node on the same store, whose notices do not arrive here.
async fn another_node(world: &World) -> Ctx {
    let ctx = &world.ctx;
    let parts = Parts {
        store: ctx.store.clone(),
        registry: ctx.registry.clone(),
        fanout: ctx.fanout.clone(),
        clock: ctx.clock.clone(),
        random: ctx.random.clone(),
        passwords: ctx.passwords.clone(),
        tokens: TokenKeys::new(&[(1, [0; 32])]),
    };
    Ctx::new(parts).await.expect("the store tells its epoch")
}
