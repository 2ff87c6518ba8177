//! Signing up: a name that nobody has, and a password.

use serde_json::{Value, json};

use crate::world::{Instance, World, text};

async fn open() -> World {
    let world = World::new().await;
    world.set(json!({ "managed_users": true })).await;
    world
}

#[tokio::test]
async fn what_the_sdk_does_for_a_new_user() {
    let world = open().await;
    let told = world.sign_up("bob", "hunter2").await.expect(200);
    assert_eq!(told["expiresIn"], 86_400);
    let identities = json!([{ "type": "username", "endpoint": "bob" }]);
    assert_eq!(told["user"]["identities"], identities);
    assert_eq!(told["user"]["profile"], json!({}));
    let ticket = text(&told["authorization"]);
    let bob = Instance::of(world.enter(&ticket).await);
    let profile = world.profile(&bob).await.expect(200);
    assert_eq!(profile["user"]["identities"], identities);
    assert_eq!(profile["user"]["id"], told["user"]["id"]);
    assert_eq!(world.sessions("bob").await[0]["dialect"], "sinch");
    // It is good as often as it is shown, as long as it lives.
    let again = world.enter_again(&ticket, &bob.id).await;
    assert_eq!(Instance::of(again), bob);
    world.clock.advance_s(86_399);
    Instance::of(world.enter(&ticket).await);
    world.clock.advance_s(1);
    world.enter(&ticket).await.refused(40_100);
    world.profile(&bob).await.expect(200);
    assert_eq!(world.passwords.work(), (1, 0));
}

#[tokio::test]
async fn a_ticket_outlives_its_use_also_where_credentials_do_not() {
    let world = open().await;
    world.set(json!({ "one_time": { "sinch": true } })).await;
    let told = world.sign_up("bob", "hunter2").await.expect(200);
    let ticket = text(&told["authorization"]);
    for _ in 0..2 {
        Instance::of(world.enter(&ticket).await);
    }
}

#[tokio::test]
async fn a_name_that_somebody_has_is_refused_and_nobody_is_touched() {
    let world = open().await;
    let alice = world.instance("alice").await;
    let bob = world.managed("bob", "hunter2").await;
    world
        .done("POST", "/v1/users", Some(json!({ "name": "carol" })))
        .await;
    world.passwords.work();
    for name in ["alice", "bob", "carol"] {
        let before = world.user(name).await;
        let told = world.sign_up(name, "hunter3").await.refused(40_003);
        assert!(text(&told["message"]).contains("already registered"));
        assert_eq!(world.user(name).await, before);
        world.sign_in(name, "hunter3").await.refused(40_100);
    }
    assert_eq!(world.passwords.work(), (0, 3), "nothing was hashed");
    world.profile(&alice).await.expect(200);
    world.profile(&bob).await.expect(200);
    world.managed_again("bob", "hunter2").await;
}

#[tokio::test]
async fn of_many_at_once_one_has_the_name() {
    let world = open().await;
    let passwords: Vec<String> = (0..20).map(|number| format!("hunter{number}")).collect();
    let all = passwords.iter().map(|it| world.sign_up("bob", it));
    let replies = futures_util::future::join_all(all).await;
    let mut owner = None;
    for (password, reply) in passwords.iter().zip(replies) {
        if reply.status == 200 {
            assert!(owner.replace(password).is_none(), "two have it");
        } else {
            reply.refused(40_003);
        }
    }
    let owner = owner.expect("one has it");
    world.managed_again("bob", owner).await;
    let found = world.done("GET", "/v1/users", None).await;
    assert_eq!(found["users"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_no_user_or_no_password_is_told() {
    let world = open().await;
    let name = |endpoint: &str| json!([{ "type": "username", "endpoint": endpoint }]);
    let body = |password: &str, identities: Value| {
        json!({ "password": password, "identities": identities }).to_string()
    };
    let email = json!([{ "type": "email", "endpoint": "bob@shop.example" }]);
    let two = json!([
        { "type": "username", "endpoint": "bob" },
        { "type": "username", "endpoint": "carol" },
    ]);
    let long = "x".repeat(1_025);
    for (body, code) in [
        (body("hunter2", email), 40_001),
        (body("hunter2", two), 40_001),
        (body("hunter2", json!([])), 40_001),
        (body("hunter2", json!("bob")), 40_001),
        (body("hunter2", name("")), 40_001),
        (body("hunter2", name(" bob")), 40_001),
        (body("hunter2", name("me")), 40_001),
        (body("hunter2", name("USR-1")), 40_001),
        (body("hunter2", name("a\u{7}b")), 40_001),
        (body("hunter2", name("e\u{301}")), 40_001),
        (body("hunter2", name("a/b")), 40_001),
        (body("hunter2", name("..")), 40_001),
        (body("", name("bob")), 40_001),
        (body(&long, name("bob")), 40_001),
        (body(&"x".repeat(70_000), name("bob")), 41_300),
        (json!({ "identities": name("bob") }).to_string(), 40_001),
        (json!({ "password": "hunter2" }).to_string(), 40_001),
        (json!([body("hunter2", name("bob"))]).to_string(), 40_001),
        ("".to_owned(), 40_001),
        ("{".to_owned(), 40_003),
        (
            r#"{"password":"hunter2","password":"hunter3"}"#.to_owned(),
            40_003,
        ),
        (r#"{"password":20072,"identities":[]}"#.to_owned(), 40_001),
    ] {
        let peer = "192.0.2.1".parse().unwrap();
        let told = world.app_from(peer, "/v1/users", &body).await.refused(code);
        let message = text(&told["message"]);
        assert!(
            !message.contains("hunter") && !message.contains("20072"),
            "{message}"
        );
    }
    assert_eq!(world.passwords.work(), (0, 0));
    // What others do not take is good here: one letter, and any text of 1,024 bytes.
    for (name, password) in [("b", "p"), ("zoë b+@.", &long[1..])] {
        world.sign_up(name, password).await.expect(200);
        world.sign_up(name, password).await.refused(40_003);
    }
}

#[tokio::test]
async fn who_comes_while_too_many_wait_is_told_when_to_come_again() {
    let world = open().await;
    world.passwords.set_busy(true);
    let reply = world.sign_up("bob", "hunter2").await;
    assert_eq!(reply.header("retry-after"), "2");
    reply.refused(50_300);
    world.passwords.set_busy(false);
    world.sign_up("bob", "hunter2").await.expect(200);
}

#[tokio::test]
async fn an_imported_key_names_the_same_application() {
    let world = open().await;
    let body = json!({
        "password": "hunter2",
        "identities": [{ "type": "username", "endpoint": "bob" }],
        "profile": { "contact": { "email": "bob@shop.example" } },
    });
    let headers = [("authorization", "application your-app-key")];
    let reply = world.raw("POST", "/v1/users", &headers, body.to_string());
    let told = reply.await.expect(200);
    Instance::of(world.enter(&text(&told["authorization"])).await);
    let user = world.done("GET", "/v1/users?name=bob", None).await;
    assert_eq!(
        user["users"][0]["email"],
        Value::Null,
        "nobody vouches for it"
    );
}

#[tokio::test]
async fn no_key_can_be_called_as_passwords_are() {
    let world = open().await;
    let bob = world.managed("bob", "hunter2").await;
    let keys = format!("/v1/applications/{}/keys", world.application);
    let kid = "countersign.password";
    for body in [
        json!({ "algorithm": "sinch-hmac-sha256", "kid": kid }),
        json!({ "algorithm": "HS256", "kid": kid, "secret": "x".repeat(32) }),
    ] {
        let reply = world.by_admin("POST", &keys, Some(body)).await;
        assert_eq!(reply.expect(400)["code"], "bad_request");
    }
    let revoked = json!({ "kid": kid });
    let reply = world
        .by_admin("POST", "/v1/revocations", Some(revoked))
        .await;
    assert_eq!(reply.expect(400)["code"], "bad_request");
    world.profile(&bob).await.expect(200);
}
