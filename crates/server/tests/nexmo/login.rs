//! How a login goes: the first event says it.

use serde_json::json;

use crate::socket_client::Came;
use crate::world::{LIFE_S, World};

#[tokio::test]
async fn who_has_a_good_token_has_a_session() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let (_client, session) = world.connect(&alice.token).await;
    assert_eq!(session["user_id"], alice.id.as_str());
    assert_eq!(session["name"], "alice");
    let path = format!("/v0.3/users/{}/sessions?page_size=10&order=asc", alice.id);
    let listed = world.get(&path, &alice.token).await.expect(200);
    let sessions = listed["_embedded"]["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0]["id"], session["id"]);
    assert_eq!(sessions[0]["_embedded"]["user"]["name"], "alice");
}

#[tokio::test]
async fn a_login_that_is_refused_is_told_why_and_ends() {
    let world = World::new().await;
    world.person("alice").await;
    let good = world.token("alice");
    let expired = world.token_with(Some("alice"), None, 30);
    world.clock.advance_s(31);
    let no_sessions = world.token_with(
        Some("alice"),
        Some(r#"{"paths":{"/*/users/**":{}}}"#),
        LIFE_S,
    );
    let tampered = format!("{}AAAA", &good[..good.len() - 4]);
    for (query, code) in [
        (format!("token={expired}"), "system:error:expired-token"),
        ("token=x.y.z".to_owned(), "system:error:invalid-token"),
        (format!("token={tampered}"), "system:error:invalid-token"),
        ("token=".to_owned(), "system:error:missing-token"),
        (
            format!("token={}", world.token("nobody")),
            "user:error:not-found",
        ),
        (
            format!("token={}", world.backend()),
            "system:error:invalid-token",
        ),
        (format!("token={no_sessions}"), "system:error:permission"),
        (
            format!("token={}", "x".repeat(8_193)),
            "system:error:invalid-token",
        ),
    ] {
        let (mut client, first) = world.login(&query).await;
        let Came::Event(name, payload) = first else {
            panic!("{code}: {first:?}");
        };
        assert_eq!(name, code, "{payload}");
        assert_eq!(payload["body"]["code"], code);
        let sentence = payload["description"].as_str().unwrap();
        assert!(!sentence.is_empty(), "{code}: the client's message is this");
        assert_eq!(payload["body"]["description"], sentence);
        assert!(!payload.to_string().contains("eyJ"), "{payload}");
        assert_eq!(client.next().await, Came::Left, "{code}");
        assert_eq!(client.next().await, Came::Closed(Some(1000)), "{code}");
    }
}

#[tokio::test]
async fn what_is_no_socket_of_ours_is_refused_by_the_engine() {
    let world = World::new().await;
    for query in ["transport=websocket", "EIO=2&transport=websocket", ""] {
        let refused = world.try_socket("/v2/rtc/", query).await;
        assert_eq!(refused.err(), Some(400), "{query}");
    }
    let polled = world.raw(
        "GET",
        "/v2/rtc/?EIO=4&transport=polling",
        &[],
        String::new(),
    );
    assert_eq!(polled.await.expect(400)["code"], 0);
}

#[tokio::test]
async fn a_client_of_the_older_revision_is_in_the_namespace_at_once() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    for path in ["/rtc/", "/v2/rtc/"] {
        let query = format!("EIO=3&transport=websocket&token={}", alice.token);
        let mut client = world.try_socket(path, &query).await.unwrap();
        let Came::Packet(open) = client.next().await else {
            panic!("the first packet opens");
        };
        assert!(
            open.starts_with("0{") && !open.contains("maxPayload"),
            "{open}"
        );
        assert_eq!(client.next().await, Came::Packet("40".into()));
        client.named("session:success").await;
        client.send("2").await;
        assert_eq!(client.next().await, Came::Packet("3".into()));
    }
}

#[tokio::test]
async fn a_client_without_a_token_in_the_query_logs_in_by_an_event() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let mut client = world
        .try_socket("/rtc/", "EIO=3&transport=websocket")
        .await
        .unwrap();
    client.next().await;
    client.next().await;
    for (tid, token, name) in [
        ("one", "x.y.z", "system:error:invalid-token"),
        ("two", "", "system:error:missing-token"),
        ("three", &*alice.token, "session:success"),
    ] {
        let login = json!({ "tid": tid, "body": { "token": token } });
        client.emit("session:login", login).await;
        let payload = client.named(name).await;
        assert_eq!(payload["rid"], tid);
    }
    let renewal = json!({ "tid": "four", "body": { "token": world.token("alice") } });
    client.emit("session:update-token", renewal).await;
    let payload = client.named("session:update-token:success").await;
    assert_eq!(payload["rid"], "four");
    client
        .emit("session:logout", json!({ "tid": "five", "body": {} }))
        .await;
    let payload = client.named("session:logged-out").await;
    assert_eq!(payload["rid"], "five");
}

#[tokio::test]
async fn who_tries_too_often_by_events_is_sent_away() {
    let world = World::new().await;
    let mut client = world
        .try_socket("/rtc/", "EIO=3&transport=websocket")
        .await
        .unwrap();
    client.next().await;
    client.next().await;
    for _ in 0..5 {
        let login = json!({ "tid": "t", "body": { "token": "x.y.z" } });
        client.emit("session:login", login).await;
        client.named("system:error:invalid-token").await;
    }
    assert_eq!(client.next().await, Came::Closed(Some(1002)));
}

#[tokio::test]
async fn a_log_out_ends_the_session_and_names_what_it_answers() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let (mut client, session) = world.connect(&alice.token).await;
    client
        .emit("session:logout", json!({ "tid": "bye", "body": {} }))
        .await;
    let payload = client.named("session:logged-out").await;
    assert_eq!(payload, json!({ "rid": "bye", "body": {} }));
    client.send("41").await;
    assert_eq!(client.next().await, Came::Closed(Some(1000)));
    let path = format!("/v0.3/users/{}/sessions", alice.id);
    let listed = world.get(&path, &alice.token).await.expect(200);
    assert_eq!(listed["_embedded"]["sessions"], json!([]));
    // Its id names nothing any more.
    let query = format!(
        "session_id={}&token={}",
        session["id"].as_str().unwrap(),
        alice.token
    );
    let (_client, first) = world.login(&query).await;
    let Came::Event(name, payload) = first else {
        panic!("{first:?}");
    };
    assert_eq!(name, "session:success");
    assert_ne!(payload["body"]["id"], session["id"]);
}

#[tokio::test]
async fn a_session_goes_on_for_its_own_user_alone() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let (client, session) = world.connect(&alice.token).await;
    client.drop_transport();
    let id = session["id"].as_str().unwrap();
    for (token, same) in [
        (&alice.token, true),
        (&bob.token, false),
        (&world.token("alice"), true),
    ] {
        let (_client, first) = world.login(&format!("session_id={id}&token={token}")).await;
        let Came::Event(name, payload) = first else {
            panic!("{first:?}");
        };
        assert_eq!(name, "session:success");
        assert_eq!(payload["body"]["id"] == id, same);
    }
    for unknown in ["SES-00000000-0000-7000-8000-000000000000", "x", ""] {
        let query = format!("session_id={unknown}&token={}", alice.token);
        let (_client, first) = world.login(&query).await;
        assert!(matches!(first, Came::Event(name, _) if name == "session:success"));
    }
}

#[tokio::test]
async fn a_token_that_is_nearly_over_is_told_and_one_that_is_over_ends_the_socket() {
    let world = World::new().await;
    world.person("alice").await;
    let short = world.token_with(Some("alice"), None, 120);
    let (mut client, session) = world.connect(&short).await;
    let (mut renewed, other) = world.connect(&short).await;
    world.clock.advance_s(61);
    world.look();
    client.named("system:error:expired-token").await;
    renewed.named("system:error:expired-token").await;
    let path = format!("/v0.2/sessions/{}", other["id"].as_str().unwrap());
    world
        .call("PUT", &path, &world.token("alice"), None)
        .await
        .expect(200);
    // One client sends a text there, and it is of no matter.
    let body = Some(json!(""));
    let put = world.call("PUT", &path, &world.token("alice"), body).await;
    assert_eq!(put.expect(200)["session_id"], other["id"]);
    // Its answer comes once the socket has looked at its session again.
    renewed.emit("unknown", json!({ "tid": "t" })).await;
    renewed.named("http:error:validation-fail").await;
    world.clock.advance_s(60);
    world.look();
    assert_eq!(client.next().await, Came::Left);
    renewed.emit("unknown", json!({ "tid": "t" })).await;
    renewed.named("http:error:validation-fail").await;
    let path = format!("/v0.2/sessions/{}", session["id"].as_str().unwrap());
    let bob = world.person("bob").await;
    let refused = world.call("PUT", &path, &bob.token, None).await;
    refused.refused(404, "session:error:not-found");
}

#[tokio::test]
async fn a_token_is_used_up_at_the_native_door_alone() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let path = "/v1/applications/current/settings";
    let patch = Some(json!({ "one_time": { "nexmo": true } }));
    world
        .native("PATCH", path, &world.admin, patch)
        .await
        .expect(200);
    for _ in 0..2 {
        world.connect(&alice.token).await;
    }
    let login = json!({ "credential": alice.token });
    let log_in = || world.native("POST", "/v1/sessions", &world.admin, Some(login.clone()));
    log_in().await.expect(201);
    let again = log_in().await.expect(401);
    assert_eq!(again["code"], "credential_used");
    world.connect(&alice.token).await;
    world.get("/v0.3/users/me", &alice.token).await.expect(200);
}

#[tokio::test]
async fn the_native_door_takes_no_token_of_a_user_as_a_bearer() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    // That it was found good here does not make it good there.
    for _ in 0..2 {
        world.get("/v0.3/users/me", &alice.token).await.expect(200);
        let refused = world.native("GET", "/v1/conversations", &alice.token, None);
        assert_eq!(refused.await.expect(401)["code"], "no_credential");
    }
}
