//! Signing in with a name and a password, and what guessing comes to.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::world::{Instance, Reply, World, text};

async fn open() -> World {
    let world = World::new().await;
    world.set(json!({ "managed_users": true })).await;
    world
}

/// A try from another machine.
async fn from(world: &World, peer: &str, name: &str, password: &str) -> Reply {
    let peer: IpAddr = peer.parse().unwrap();
    let path = format!("/v1/users/username/{name}/authentication");
    let body = json!({ "username": name, "password": password });
    world.app_from(peer, &path, &body.to_string()).await
}

/// What a ticket says of itself.
fn fields(ticket: &str) -> Value {
    let (fields, _) = ticket.split_once(':').expect("it has two parts");
    serde_json::from_slice(&STANDARD.decode(fields).unwrap()).unwrap()
}

#[tokio::test]
async fn a_password_becomes_a_ticket_and_that_a_session() {
    let world = open().await;
    world.sign_up("zoë b", "hunter2").await.expect(200);
    let told = world.sign_in("zo%C3%AB%20b", "hunter2").await.expect(200);
    let identities = json!([{ "type": "username", "endpoint": "zoë b" }]);
    assert_eq!(told["user"]["identities"], identities);
    let ticket = text(&told["authorization"]);
    let said = fields(&ticket);
    assert_eq!(said["applicationKey"], world.application.to_string());
    assert_eq!(said["identity"], identities[0]);
    assert_eq!(said["created"], "2027-01-15T08:00:00.000Z");
    let zoe = Instance::of(world.enter(&ticket).await);
    world.profile(&zoe).await.expect(200);
    assert_eq!(world.passwords.work(), (1, 1));
}

#[tokio::test]
async fn a_ticket_lives_as_long_as_is_asked_for_and_a_day_at_most() {
    let world = open().await;
    world.sign_up("bob", "hunter2").await.expect(200);
    let path = "/v1/users/username/bob/authentication";
    let asked = async |life: Value| {
        let body = json!({ "password": "hunter2", "expiresIn": life });
        world.app(path, &body).await
    };
    for (life, expected) in [
        (Value::Null, 3_600),
        (json!(60), 60),
        (json!(90.7), 90),
        (json!(86_400), 86_400),
        (json!(31_536_000), 86_400),
        (json!(1e300), 86_400),
    ] {
        let told = asked(life.clone()).await.expect(200);
        assert_eq!(told["expiresIn"], expected, "{life}");
        let said = fields(&text(&told["authorization"]));
        assert_eq!(said["expiresIn"], expected, "{life}");
    }
    for life in [json!(0), json!(-1), json!(0.5), json!("60"), json!([])] {
        asked(life).await.refused(40_001);
    }
    let ticket = text(&asked(json!(60)).await.expect(200)["authorization"]);
    world.clock.advance_s(59);
    Instance::of(world.enter(&ticket).await);
    world.clock.advance_s(1);
    world.enter(&ticket).await.refused(40_100);
}

#[tokio::test]
async fn unknown_without_and_wrong_are_one_answer_after_one_work() {
    let world = open().await;
    world.instance("alice").await;
    world.sign_up("bob", "hunter2").await.expect(200);
    world.passwords.work();
    let body = json!({ "password": "hunter3" });
    let mut told = Vec::new();
    for who in [
        "username/bob",
        "username/alice",
        "username/nobody",
        "username/USR-1",
        "username/%20bob",
        "email/bob@shop.example",
        "email/bob",
        "number/+46700000000",
    ] {
        let path = format!("/v1/users/{who}/authentication");
        let mut answer = world.app(&path, &body).await.refused(40_100);
        assert_eq!(world.passwords.work(), (0, 1), "{who}");
        answer["reference"].take();
        told.push(answer);
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:#?}");
    for who in ["phone/1", "username", "username/bob/x"] {
        let path = format!("/v1/users/{who}/authentication");
        world.app(&path, &body).await.refused(40_400);
    }
}

#[tokio::test]
async fn a_blocked_user_is_told_so_once_the_password_is_known() {
    let world = open().await;
    let bob = world.managed("bob", "hunter2").await;
    let told = world.sign_in("bob", "hunter2").await.expect(200);
    let ticket = text(&told["authorization"]);
    let path = format!("/v1/users/{}", world.user("bob").await);
    let blocked = json!({ "blocked": true });
    world.done("PATCH", &path, Some(blocked)).await;
    world.sign_in("bob", "hunter3").await.refused(40_100);
    world.sign_in("bob", "hunter2").await.refused(40_300);
    world.clock.advance_s(1);
    world.enter(&ticket).await.refused(40_100);
    world.profile(&bob).await.refused(40_400);
    world.done("DELETE", &path, None).await;
    world.sign_in("bob", "hunter2").await.refused(40_100);
}

#[tokio::test]
async fn a_ticket_is_its_passwords_own() {
    let world = open().await;
    let elsewhere = open().await;
    let told = world.sign_up("bob", "hunter2").await.expect(200);
    let ticket = text(&told["authorization"]);
    elsewhere.sign_up("bob", "hunter2").await.expect(200);
    elsewhere.enter(&ticket).await.refused(40_100);
    world.sign_up("carol", "hunter2").await.expect(200);
    let (said, mac) = ticket.split_once(':').unwrap();
    let said = String::from_utf8(STANDARD.decode(said).unwrap()).unwrap();
    for changed in [
        said.replace("bob", "carol"),
        said.replace("86400", "86399"),
        said.replace("bob", "nobody"),
    ] {
        assert_ne!(changed, said);
        let forged = format!("{}:{mac}", STANDARD.encode(changed));
        world.enter(&forged).await.refused(40_102);
    }
    // The application's word takes the password, and with it what it led to.
    let first = Instance::of(world.enter(&ticket).await);
    let signed = world.instance("bob").await;
    world.profile(&first).await.refused(40_400);
    world.enter(&ticket).await.refused(40_102);
    world.sign_in("bob", "hunter2").await.refused(40_100);
    world.profile(&signed).await.expect(200);
    assert_eq!(world.audit("user.password_removed").await.len(), 1);
}

#[tokio::test]
async fn a_ticket_logs_in_at_the_native_door_too_and_can_be_looked_at() {
    let world = open().await;
    let told = world.sign_up("bob", "hunter2").await.expect(200);
    let ticket = text(&told["authorization"]);
    let body = json!({ "credential": ticket, "application_id": world.application.to_string() });
    let answer = world.by_stranger("POST", "/v1/sessions", body).await;
    let answer = answer.expect(201);
    assert_eq!(answer["user"]["name"], "bob");
    world.sign_in("bob", "hunter2").await.expect(200);
    let body = json!({ "token": ticket });
    let active = world
        .done("POST", "/v1/tokens/introspect", Some(body))
        .await;
    assert_eq!(active["active"], true);
    assert_eq!(active["username"], "bob");
    let explained = async |credential: &str| {
        let body = json!({ "token": credential });
        world.done("POST", "/v1/tokens/explain", Some(body)).await
    };
    let told = explained(&ticket).await;
    assert_eq!(told["accepted"], true, "{told}");
    world.clock.advance_s(86_401);
    let told = explained(&ticket).await;
    assert_eq!(told["code"], "expired", "{told}");
    let (said, _) = ticket.split_once(':').unwrap();
    let told = explained(&format!("{said}:{}=", "A".repeat(43))).await;
    assert_eq!(told["code"], "bad_signature", "{told}");
}

#[tokio::test]
async fn what_is_no_password_is_told_and_counts_for_nothing() {
    let world = open().await;
    world.sign_up("bob", "hunter2").await.expect(200);
    world.passwords.work();
    let path = "/v1/users/username/bob/authentication";
    let peer = "192.0.2.1".parse().unwrap();
    let long = json!({ "password": "x".repeat(1_025) }).to_string();
    let huge = json!({ "password": "x".repeat(70_000) }).to_string();
    for (body, code) in [
        ("", 40_001),
        ("{}", 40_001),
        ("[]", 40_001),
        ("{", 40_003),
        (r#"{"password":""}"#, 40_001),
        (r#"{"password":null}"#, 40_001),
        (r#"{"password":20072}"#, 40_001),
        (r#"{"password":"hunter2","password":"hunter2"}"#, 40_003),
        (&long, 40_001),
        (&huge, 41_300),
    ] {
        for _ in 0..3 {
            let told = world.app_from(peer, path, body).await.refused(code);
            let message = text(&told["message"]);
            assert!(
                !message.contains("hunter") && !message.contains("20072"),
                "{message}"
            );
        }
    }
    assert_eq!(world.passwords.work(), (0, 0));
    from(&world, "192.0.2.1", "bob", "hunter2")
        .await
        .expect(200);
    world.passwords.set_busy(true);
    for _ in 0..20 {
        let reply = from(&world, "192.0.2.1", "bob", "hunter2").await;
        assert_eq!(reply.header("retry-after"), "2");
        reply.refused(50_300);
    }
    world.passwords.set_busy(false);
    from(&world, "192.0.2.1", "bob", "hunter2")
        .await
        .expect(200);
}

#[tokio::test]
async fn who_guesses_is_slowed_down_and_learns_nothing_more() {
    let world = open().await;
    world.sign_up("bob", "hunter2").await.expect(200);
    for name in ["bob", "nobody"] {
        world.passwords.work();
        for _ in 0..10 {
            from(&world, "192.0.2.1", name, "hunter3")
                .await
                .refused(40_100);
        }
        assert_eq!(world.passwords.work(), (0, 10));
        // The right one neither is compared.
        for password in ["hunter3", "hunter2"] {
            let reply = from(&world, "192.0.2.1", name, password).await;
            assert_eq!(reply.header("retry-after"), "10");
            reply.refused(42_900);
        }
        assert_eq!(world.passwords.work(), (0, 0));
    }
    // The owner has another network, and the attacker another account.
    from(&world, "203.0.113.1", "bob", "hunter2")
        .await
        .expect(200);
    from(&world, "192.0.2.1", "carol", "hunter2")
        .await
        .refused(40_100);
    world.clock.advance_s(10);
    from(&world, "192.0.2.1", "bob", "hunter2")
        .await
        .expect(200);
    from(&world, "192.0.2.1", "bob", "hunter3")
        .await
        .refused(40_100);
    from(&world, "192.0.2.1", "bob", "hunter2")
        .await
        .refused(42_900);
}

#[tokio::test]
async fn many_tries_at_once_are_no_way_past() {
    let world = open().await;
    world.sign_up("bob", "hunter2").await.expect(200);
    world.passwords.work();
    let tries = (0..50).map(|_| from(&world, "192.0.2.1", "bob", "hunter3"));
    let replies = futures_util::future::join_all(tries).await;
    let compared = replies.iter().filter(|reply| reply.status == 401);
    assert_eq!(compared.count(), 10);
    assert_eq!(world.passwords.work(), (0, 10));
}

#[tokio::test]
async fn an_attacker_of_many_networks_does_not_keep_the_owner_out() {
    let world = open().await;
    world.sign_up("bob", "hunter2").await.expect(200);
    for round in 0..3 {
        for network in 0..60 {
            for _ in 0..3 {
                let peer = format!("198.51.100.{network}");
                from(&world, &peer, "bob", "hunter3").await;
            }
        }
        // Another network than any of theirs has its tries, however much they did.
        let own = format!("203.0.113.{round}");
        from(&world, &own, "bob", "hunter3").await.refused(40_100);
        from(&world, &own, "bob", "hunter2").await.expect(200);
        let (_, compared) = world.passwords.work();
        assert!(compared <= 100 + 60 * 2 + 2, "{compared} in round {round}");
        world.clock.advance_s(30);
    }
}
