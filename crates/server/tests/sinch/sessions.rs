//! A client's session: opened with a credential, used, gone on with.

use serde_json::{Value, json};

use crate::world::{Instance, World, text};

#[tokio::test]
async fn what_the_sdk_does_when_it_starts() {
    let world = World::new().await;
    let now = world.raw("GET", "/v1/timestamp/", &[], String::new()).await;
    assert_eq!(now.expect(200)["timestamp"], "2027-01-15T08:00:00.000Z");
    let opened = world.enter(&world.ticket("alice")).await.expect(200);
    assert_eq!(opened["expiresIn"], 180 * 86_400);
    assert_eq!(text(&opened["secret"]).len(), 44);
    let alice = Instance {
        id: text(&opened["id"]),
        secret: text(&opened["secret"]),
    };
    let path = "/v1/configuration/user";
    let configuration = world.signed(&alice, "GET", path, "").await.expect(200);
    let network = &configuration["rtcConfiguration"]["broadcastNetwork"];
    assert_eq!(network["host"], "messages.test");
    assert_eq!(network, &configuration["rtcConfiguration"]["signalNetwork"]);
    let profile = world.profile(&alice).await.expect(200);
    let identity = json!([{ "type": "username", "endpoint": "alice" }]);
    assert_eq!(profile["user"]["identities"], identity);
    let report = r#"{"version":"2.0","sent":2,"received":1,"failed":1}"#;
    let told = world.signed(&alice, "POST", "/v1/report/im", report).await;
    assert_eq!(told.expect(200), json!({}));
    let sessions = world.sessions("alice").await;
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0]["dialect"], "sinch");
    let device = format!("/v1/devices?user_id={}", world.user("alice").await);
    let devices = world.done("GET", &device, None).await;
    assert_eq!(devices["devices"][0]["name"], "Linux, Chrome");
}

/// The names and keys of a configuration, without those of everybody.
async fn names(world: &World, instance: &Instance) -> Vec<String> {
    let path = "/v1/configuration/user";
    let found = world.signed(instance, "GET", path, "").await.expect(200);
    let network = &found["rtcConfiguration"]["broadcastNetwork"];
    let profile = &found["rtcProfile"];
    [
        &network["publishKey"],
        &network["subscribeKey"],
        &profile["broadcastChannel"],
        &profile["signalChannel"],
        &profile["key"],
        &profile["transportChannel"],
    ]
    .map(text)
    .into()
}

#[tokio::test]
async fn names_are_a_sessions_own_and_the_transport_its_users() {
    let world = World::new().await;
    let phone = world.instance("alice").await;
    let laptop = world.instance("alice").await;
    let bob = world.instance("bob").await;
    let (of_phone, of_laptop) = (names(&world, &phone).await, names(&world, &laptop).await);
    let of_bob = names(&world, &bob).await;
    assert_eq!(of_phone, names(&world, &phone).await);
    for (place, name) in of_phone.iter().enumerate() {
        let shared = place == 5;
        assert_eq!(*name == of_laptop[place], shared, "{name}");
        assert_ne!(*name, of_bob[place]);
        assert!(!name.contains([',', ' ', '/']) || place == 4, "{name}");
        assert_eq!(of_phone.iter().filter(|other| *other == name).count(), 1);
        assert!(!name.contains(phone.secret.trim_end_matches('=')));
    }
}

#[tokio::test]
async fn a_jwt_of_today_logs_in_too_and_other_dialects_do_not() {
    let world = World::new().await;
    let jwt = world.jwt("alice", "n-1");
    for scheme in ["user", "Bearer", "bearer"] {
        let header = format!("{scheme} {jwt}");
        let headers = [("authorization", header.as_str())];
        let reply = world.raw("POST", "/v1/instance", &headers, String::new());
        let alice = Instance::of(reply.await);
        world.profile(&alice).await.expect(200);
    }
    let native = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJ4Iiwic3ViIjoiYSJ9.AAAA";
    let kustomer = "eyJhbGciOiJIUzI1NiJ9.eyJleHRlcm5hbElkIjoiYSJ9.AAAA";
    for other in [native, kustomer, "undefined", "a:b", "YQ==:YQ=="] {
        world.enter(other).await.refused(40_100);
    }
}

#[tokio::test]
async fn who_comes_back_keeps_id_and_secret() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    world.clock.advance_s(60);
    let again = world.enter_again(&world.ticket("alice"), &alice.id).await;
    assert_eq!(Instance::of(again), alice);
    world.profile(&alice).await.expect(200);
    assert_eq!(world.sessions("alice").await.len(), 1);
    let renewed = world.signed(&alice, "POST", "/v1/instance", "").await;
    assert_eq!(Instance::of(renewed), alice);
    let other = world.instance("alice").await;
    assert_ne!(other.id, alice.id);
    assert_ne!(other.secret, alice.secret);
}

#[tokio::test]
async fn an_instance_of_nobody_or_of_another_is_not_found() {
    let world = World::new().await;
    let elsewhere = World::new().await;
    let alice = world.instance("alice").await;
    let bob = world.instance("bob").await;
    let foreign = elsewhere.instance("bob").await;
    let ticket = world.ticket("bob");
    for id in ["dead", "SES-1", &alice.id, &foreign.id, &alice.id[1..]] {
        world.enter_again(&ticket, id).await.refused(40_400);
    }
    // A credential that is not good hears of no instance.
    for id in ["dead", &bob.id] {
        world.enter_again("YQ==:YQ==", id).await.refused(40_100);
    }
    assert_eq!(world.sessions("alice").await.len(), 1);
    world.profile(&alice).await.expect(200);
    for id in ["dead", &foreign.id[1..]] {
        let lost = Instance {
            id: id.to_owned(),
            ..bob.clone()
        };
        world.profile(&lost).await.refused(40_400);
    }
    for id in [&alice.id, &foreign.id] {
        let crossed = Instance {
            id: id.clone(),
            ..bob.clone()
        };
        world.profile(&crossed).await.refused(40_102);
    }
}

#[tokio::test]
async fn a_session_in_use_is_not_idle() {
    let world = World::new().await;
    let used = world.instance("alice").await;
    let silent = world.instance("alice").await;
    for _ in 0..4 {
        world.clock.advance_s(20 * 86_400);
        let path = "/v1/configuration/user";
        world.signed(&used, "GET", path, "").await.expect(200);
    }
    world.profile(&used).await.expect(200);
    world.profile(&silent).await.refused(40_400);
    // At its end it is over, however much it is used.
    for _ in 0..4 {
        world.clock.advance_s(20 * 86_400);
        world
            .signed(&used, "POST", "/v1/instance", "")
            .await
            .expect(200);
    }
    world.clock.advance_s(20 * 86_400);
    world.profile(&used).await.refused(40_400);
}

#[tokio::test]
async fn an_app_with_an_imported_key_goes_on() {
    let world = World::new().await;
    let body = "{}".to_owned();
    let headers = [("authorization", "application your-app-key")];
    let told = world.raw("POST", "/v1/report/im", &headers, body.clone());
    told.await.expect(200);
    let headers = [("authorization", "application their-app-key")];
    let told = world.raw("POST", "/v1/report/im", &headers, body).await;
    told.refused(40_100);
}

#[tokio::test]
async fn an_old_sdk_sends_less() {
    let world = World::new().await;
    let header = format!("user {}", world.ticket("alice"));
    let headers = [("authorization", header.as_str())];
    for body in [
        "",
        "{}",
        r#"{"version":{"os":"Chrome","platform":"Win32"}}"#,
        r#"{"version":null,"services":[],"expiresIn":"soon"}"#,
    ] {
        let reply = world.raw("POST", "/v1/instance", &headers, body.to_owned());
        reply.await.expect(200);
    }
    for (body, code) in [("[]", 40_001), ("{", 40_003), (r#"{"version":7}"#, 40_001)] {
        let reply = world.raw("POST", "/v1/instance", &headers, body.to_owned());
        reply.await.refused(code);
    }
}

#[tokio::test]
async fn one_time_means_one_session() {
    let world = World::new().await;
    world.set(json!({ "one_time": { "sinch": true } })).await;
    for credential in [world.ticket("alice"), world.jwt("alice", "n-1")] {
        world.enter(&credential).await.expect(200);
        world.enter(&credential).await.refused(40_100);
    }
}

#[tokio::test]
async fn who_is_unknown_or_blocked_is_told() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    world
        .set(json!({ "unknown_user": { "sinch": "refuse" } }))
        .await;
    world.enter(&world.ticket("bob")).await.refused(40_100);
    let path = format!("/v1/users/{}", world.user("alice").await);
    let block = |blocked: bool| Some(json!({ "blocked": blocked }));
    world.done("PATCH", &path, block(true)).await;
    world.clock.advance_s(1);
    world.enter(&world.ticket("alice")).await.refused(40_300);
    world.profile(&alice).await.refused(40_400);
    world.done("PATCH", &path, block(false)).await;
    world.clock.advance_s(1);
    world.enter(&world.ticket("alice")).await.expect(200);
    world.profile(&alice).await.refused(40_400);
}

#[tokio::test]
async fn no_secret_is_in_the_database() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    let ticket = world.ticket("bob");
    world.enter(&ticket).await.expect(200);
    let (_, mac) = ticket.split_once(':').unwrap();
    let forms = |text: &str| {
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::STANDARD.decode(text);
        [text.as_bytes().to_vec(), bytes.unwrap()]
    };
    let secrets: Vec<_> = [&alice.secret, mac].into_iter().flat_map(forms).collect();
    let mut looked_at = 0;
    for entry in std::fs::read_dir(world.folder()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        looked_at += bytes.len();
        for secret in &secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "a secret is on the disk");
        }
    }
    assert!(looked_at > 4_096);
    assert_ne!(Value::Null, world.profile(&alice).await.expect(200));
}

#[tokio::test]
async fn many_tabs_that_come_back_at_once_are_one_session() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    let ticket = world.ticket("alice");
    let tabs = (0..20).map(|_| world.enter_again(&ticket, &alice.id));
    for reply in futures_util::future::join_all(tabs).await {
        assert_eq!(Instance::of(reply), alice);
    }
    // The day after, each of them tells that it is in use.
    world.clock.advance_s(2 * 86_400);
    let path = "/v1/configuration/user";
    let starts = (0..20).map(|_| world.signed(&alice, "GET", path, ""));
    for reply in futures_util::future::join_all(starts).await {
        reply.expect(200);
    }
    assert_eq!(world.sessions("alice").await.len(), 1);
}
