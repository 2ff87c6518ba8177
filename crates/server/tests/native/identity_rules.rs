//! DESIGN's rules of identity, by their numbers, through the door.

use serde_json::{Value, json};

use crate::http::Reply;
use crate::world::{Device, World, text};

/// Logs in with the device's own token.
async fn login_from(world: &World, device: &Device, subject: &str, more: &Value) -> Reply {
    let mut body = json!({
        "credential": world.credential(subject),
        "current_token": device.access,
    });
    for (name, value) in more.as_object().expect("more members") {
        body[name] = value.clone();
    }
    world.login(&body).await
}

async fn user_exists(world: &World, external_id: &str) -> bool {
    let path = format!("/v1/users?external_id={external_id}");
    let reply = world
        .get(&path)
        .bearer(&world.home.key)
        .send()
        .await
        .expect(200);
    !reply["users"]
        .as_array()
        .expect("users are a list")
        .is_empty()
}

#[tokio::test]
async fn rule_1_a_visitor_chats_at_once_and_is_stored_with_the_first_write() {
    let world = World::new().await;
    let visitor = world.visitor().await;
    let user = format!("/v1/users/{}", visitor.user);
    let unwritten = world.get(&user).bearer(&world.home.key).send().await;
    unwritten.problem(404, "not_found");
    let list = world
        .get("/v1/conversations")
        .bearer(&visitor.access)
        .send()
        .await;
    assert_eq!(list.expect(200), json!({"conversations": []}));

    // Without a row, refresh mints again at generation 0 and writes nothing.
    for _ in 0..3 {
        let again = Device::of(&world.refresh(&visitor.refresh, None).await.expect(200));
        assert_eq!(again.session, visitor.session);
        assert_eq!(again.user, visitor.user);
    }
    let unwritten = world.get(&user).bearer(&world.home.key).send().await;
    unwritten.problem(404, "not_found");

    world.conversation(&visitor).await;
    let written = world
        .get(&user)
        .bearer(&world.home.key)
        .send()
        .await
        .expect(200);
    assert_eq!(written["anonymous"], true);

    // The end of a visitor's session holds whether it was stored or not.
    let silent = world.visitor().await;
    for visitor in [&visitor, &silent] {
        let ended = world
            .call("DELETE", "/v1/sessions/current")
            .bearer(&visitor.access)
            .send();
        assert_eq!(ended.await.status, 204);
        let write = world
            .post("/v1/conversations")
            .bearer(&visitor.access)
            .json(&json!({}));
        write.send().await.problem(401, "session_ended");
        world
            .refresh(&visitor.refresh, None)
            .await
            .problem(401, "session_ended");
    }
}

#[tokio::test]
async fn rule_2_anonymous_history_is_visible_on_that_device_only() {
    let world = World::new().await;
    let visitor = world.visitor().await;
    let conversation = world.conversation(&visitor).await;
    for stranger in [world.visitor().await, world.user("mallory").await] {
        let path = format!("/v1/conversations/{conversation}");
        let read = world.get(&path).bearer(&stranger.access).send().await;
        read.problem(404, "not_found");
        world
            .say(&stranger, &conversation, "hi")
            .await
            .problem(404, "not_found");
        assert!(world.conversations(&stranger.access).await.is_empty());
    }
    assert_eq!(world.conversations(&visitor.access).await, [conversation]);
}

#[tokio::test]
async fn rule_3_a_login_with_the_visitors_token_moves_its_conversations_by_the_policy() {
    for policy in ["merge", "keep_separate", "discard"] {
        let world = World::new().await;
        world.set(&json!({"merge": policy})).await;
        let visitor = world.visitor().await;
        let conversation = world.conversation(&visitor).await;
        world
            .say(&visitor, &conversation, "hello")
            .await
            .expect(201);
        let alice = login_from(&world, &visitor, "alice", &json!({}))
            .await
            .expect(201);
        let alice = Device::of(&alice);
        let path = format!("/v1/conversations/{conversation}");
        let as_support = world.get(&path).bearer(&world.home.key).send().await;
        match policy {
            "merge" => {
                assert_eq!(world.texts(&alice.access, &conversation).await, ["hello"]);
                as_support.expect(200);
            }
            "keep_separate" => {
                assert!(world.conversations(&alice.access).await.is_empty());
                as_support.expect(200);
                assert_eq!(world.texts(&world.home.key, &conversation).await, ["hello"]);
            }
            _ => {
                assert!(world.conversations(&alice.access).await.is_empty());
                as_support.problem(404, "not_found");
            }
        }
        assert!(!world.lives(&visitor).await, "{policy:?}");
    }
}

#[tokio::test]
async fn rule_3_who_does_not_send_the_token_keeps_the_visitor() {
    let world = World::new().await;
    let visitor = world.visitor().await;
    let conversation = world.conversation(&visitor).await;
    let alice = world.user("alice").await;
    assert!(world.conversations(&alice.access).await.is_empty());
    assert_eq!(world.conversations(&visitor.access).await, [conversation]);
}

#[tokio::test]
async fn rule_4_the_same_user_goes_on_with_the_same_session() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let reply = login_from(&world, &alice, "alice", &json!({"nonce": "n"})).await;
    let again = Device::of(&reply.expect(200));
    assert_eq!(again.session, alice.session);
    assert_ne!(again.refresh, alice.refresh);
    world.refresh(&again.refresh, None).await.expect(200);

    // Over: refresh, then retry. Nothing has changed.
    world.clock.advance_s(600);
    let reply = login_from(&world, &again, "alice", &json!({})).await;
    assert!(reply.problem(401, "current_token_expired")["server_time"].is_string());

    // Of an ended session: as if absent.
    let bob = world.user("bob").await;
    world
        .call("DELETE", "/v1/sessions/current")
        .bearer(&bob.access)
        .send()
        .await;
    let reply = login_from(&world, &bob, "carol", &json!({})).await;
    assert_ne!(Device::of(&reply.expect(201)).session, bob.session);

    // Malformed, or of another application.
    let mallory = json!({"credential": world.credential_for(&world.other, "mallory")});
    let reply = world
        .post("/v1/sessions")
        .bearer(&world.other.publishable)
        .json(&mallory);
    let mallory = Device::of(&reply.send().await.expect(201));
    for wrong in [mallory.access.as_str(), "cs_at_x", "", &bob.refresh] {
        let login = json!({"credential": world.credential("dave"), "current_token": wrong});
        world
            .login(&login)
            .await
            .problem(400, "current_token_invalid");
    }
    assert!(!user_exists(&world, "dave").await);
}

#[tokio::test]
async fn rule_5_another_identified_user_is_refused_or_switched_to() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let conversation = world.conversation(&alice).await;
    let refused = login_from(&world, &alice, "bob", &json!({})).await;
    refused.problem(409, "already_identified");
    assert!(world.lives(&alice).await);
    assert!(!user_exists(&world, "bob").await);

    let bob = login_from(&world, &alice, "bob", &json!({"switch": true})).await;
    let bob = Device::of(&bob.expect(201));
    assert_ne!(bob.user, alice.user);
    assert!(!world.lives(&alice).await);
    world
        .refresh(&alice.refresh, None)
        .await
        .problem(401, "session_ended");
    assert!(world.conversations(&bob.access).await.is_empty());
    let path = format!("/v1/conversations/{conversation}/events");
    world
        .get(&path)
        .bearer(&bob.access)
        .send()
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn rule_6_a_failed_login_changes_nothing() {
    let world = World::new().await;
    let visitor = world.visitor().await;
    let conversation = world.conversation(&visitor).await;
    let foreign = world.credential_for(&world.other, "alice");
    let mut changed = world.credential("alice");
    changed.pop();
    changed.push('~');
    for (credential, status, code) in [
        (foreign, 401, "wrong_audience"),
        (changed, 401, "malformed_token"),
        ("nonsense".to_owned(), 401, "malformed_token"),
        (String::new(), 401, "malformed_token"),
        ("x".repeat(9_000), 401, "malformed_token"),
    ] {
        let login = json!({"credential": credential, "current_token": visitor.access});
        let reply = world.login(&login).await;
        let problem = reply.problem(status, code);
        assert!(credential.is_empty() || !problem.to_string().contains(&credential));
        assert!(
            problem["access_token"].is_null(),
            "never falls back to a visitor"
        );
    }
    assert!(!user_exists(&world, "alice").await);
    assert_eq!(world.conversations(&visitor.access).await, [conversation]);
    world.refresh(&visitor.refresh, None).await.expect(200);
}

#[tokio::test]
async fn rule_7_a_login_that_changes_who_the_device_is_issues_new_ids() {
    let world = World::new().await;
    let visitor = world.visitor().await;
    world.conversation(&visitor).await;
    let alice = login_from(&world, &visitor, "alice", &json!({}))
        .await
        .expect(201);
    let alice = Device::of(&alice);
    let bob = login_from(&world, &alice, "bob", &json!({"switch": true}))
        .await
        .expect(201);
    let bob = Device::of(&bob);
    let devices = [&visitor, &alice, &bob];
    for (place, one) in devices.iter().enumerate() {
        for other in &devices[place + 1..] {
            assert_ne!(one.session, other.session);
            assert_ne!(one.access, other.access);
            assert_ne!(one.refresh, other.refresh);
        }
    }
    for dead in [&visitor, &alice] {
        assert!(!world.lives(dead).await);
        world
            .refresh(&dead.refresh, None)
            .await
            .problem(401, "session_ended");
    }
}

#[tokio::test]
async fn rule_8_email_beats_external_id() {
    let world = World::new().await;
    let by_email = world.kustomer(Some("alice@example.com"), None);
    let alice = world
        .login(&json!({"credential": by_email}))
        .await
        .expect(201);
    let by_id = world.kustomer(None, Some("u-2"));
    let bob = world.login(&json!({"credential": by_id})).await.expect(201);
    assert_ne!(alice["user"]["id"], bob["user"]["id"]);
    world.clock.advance_s(1);
    let both = world.kustomer(Some("alice@example.com"), Some("u-2"));
    let both = world.login(&json!({"credential": both})).await.expect(201);
    assert_eq!(both["user"]["id"], alice["user"]["id"]);
    assert_eq!(both["user"]["external_id"], Value::Null);
}

#[tokio::test]
async fn rule_11_an_unknown_user_is_created_or_refused_and_a_blocked_one_refused() {
    let world = World::new().await;
    world
        .set(&json!({"unknown_user": {"native": "refuse"}}))
        .await;
    let login = json!({"credential": world.credential("alice")});
    world.login(&login).await.problem(401, "unknown_user");
    assert!(!user_exists(&world, "alice").await);

    let create = json!({"external_id": "alice"});
    let created = world
        .post("/v1/users")
        .bearer(&world.home.key)
        .json(&create)
        .send()
        .await;
    let id = text(&created.expect(201)["id"]);
    let alice = world.user("alice").await;
    assert_eq!(alice.user, id);

    let path = format!("/v1/users/{id}");
    let block = |on: Value| {
        let call = world.call("PATCH", &path).bearer(&world.home.key);
        call.json(&json!({"blocked": on})).send()
    };
    assert_eq!(block(json!(true)).await.expect(200)["blocked"], true);
    assert!(!world.lives(&alice).await, "blocking ends the sessions");
    world.clock.advance_s(1);
    let login = json!({"credential": world.credential("alice")});
    world.login(&login).await.problem(401, "user_blocked");
    assert_eq!(block(Value::Null).await.expect(200)["blocked"], false);
    world.clock.advance_s(1);
    world.user("alice").await;
}

#[tokio::test]
async fn rule_12_log_out_ends_the_session_and_conversations_stay() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let conversation = world.conversation(&alice).await;
    let out = world
        .call("DELETE", "/v1/sessions/current")
        .bearer(&alice.access)
        .send()
        .await;
    assert_eq!(out.status, 204);
    assert!(!world.lives(&alice).await);
    world
        .refresh(&alice.refresh, None)
        .await
        .problem(401, "session_ended");
    let back = world.user("alice").await;
    assert_eq!(world.conversations(&back.access).await, [conversation]);
}

#[tokio::test]
async fn rule_14_a_deleted_user_can_come_back_as_a_new_one() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    world.conversation(&alice).await;
    let old = world.credential("alice");
    let path = format!("/v1/users/{}", alice.user);
    let deleted = world
        .call("DELETE", &path)
        .bearer(&world.home.key)
        .send()
        .await;
    assert_eq!(deleted.status, 204);
    assert!(!world.lives(&alice).await);
    world
        .refresh(&alice.refresh, None)
        .await
        .problem(401, "session_ended");
    world
        .get(&path)
        .bearer(&world.home.key)
        .send()
        .await
        .problem(404, "not_found");
    let reply = world.login(&json!({"credential": old})).await;
    reply.problem(401, "credential_revoked");
    world.clock.advance_s(1);
    let new = world.user("alice").await;
    assert_ne!(new.user, alice.user);
    assert!(world.conversations(&new.access).await.is_empty());
}

#[tokio::test]
async fn rule_15_a_credential_opens_one_session() {
    let world = World::new().await;
    let login = |credential: &str, nonce: Option<&str>| {
        let body = json!({"credential": credential, "nonce": nonce});
        let world = &world;
        async move { world.login(&body).await }
    };
    let credential = world.credential("alice");
    let first = Device::of(&login(&credential, Some("n-1")).await.expect(201));
    let retry = Device::of(&login(&credential, Some("n-1")).await.expect(201));
    assert_eq!(retry.session, first.session);
    assert_eq!(retry.access, first.access);
    for nonce in [Some("n-2"), None] {
        login(&credential, nonce)
            .await
            .problem(401, "credential_used");
    }
    // Once the session has gone on, the same nonce is worth nothing more.
    world.refresh(&first.refresh, Some("r-1")).await.expect(200);
    let late = login(&credential, Some("n-1")).await;
    late.problem(401, "credential_used");
    // Without a nonce there is no retry.
    let credential = world.credential("alice");
    login(&credential, None).await.expect(201);
    login(&credential, None)
        .await
        .problem(401, "credential_used");
}

#[tokio::test]
async fn fifty_refreshes_with_one_nonce_get_one_answer_and_with_fifty_the_session_ends() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let calls = (0..50).map(|_| world.refresh(&alice.refresh, Some("one")));
    let mut tokens: Vec<String> = Vec::new();
    for reply in at_once(calls).await {
        tokens.push(text(&reply.expect(200)["refresh_token"]));
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 1);

    let nonces: Vec<String> = (0..50).map(|number| format!("n-{number}")).collect();
    let calls = nonces
        .iter()
        .map(|nonce| world.refresh(&tokens[0], Some(nonce)));
    let mut fine = 0;
    for reply in at_once(calls).await {
        if reply.status == 200 {
            fine += 1;
        } else {
            reply.problem(401, "refresh_reused");
        }
    }
    assert_eq!(fine, 1);
    assert!(!world.lives(&alice).await);
}

/// Runs calls at the same time, and answers in their order.
async fn at_once<T>(calls: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut calls: Vec<_> = calls.map(|call| (Box::pin(call), None)).collect();
    std::future::poll_fn(|context| {
        let mut waiting = false;
        for (call, answer) in &mut calls {
            if answer.is_none() {
                match call.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *answer = Some(value),
                    std::task::Poll::Pending => waiting = true,
                }
            }
        }
        if waiting {
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(())
        }
    })
    .await;
    calls.into_iter().filter_map(|(_, answer)| answer).collect()
}
