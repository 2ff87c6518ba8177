//! What a socket is told: in order, without holes or doubles, and no more than
//! its user may know.

use serde_json::{Value, json};

use crate::socket_client::Came;
use crate::world::{Person, World, text};

async fn act(world: &World, person: &Person, conversation: &str, event: Value) -> Value {
    let path = format!("/beta/conversations/{conversation}/events");
    world.post(&path, &person.token, event).await.expect(200)
}

#[tokio::test]
async fn an_invitation_has_no_number_and_the_own_coming_in_is_the_first_that_has() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let conversation = world.shared(&[&alice]).await;
    world.say(&alice.token, &conversation, "before").await;
    let (mut invited, _) = world.connect(&bob.token).await;
    let (mut member, _) = world.connect(&alice.token).await;
    let members = format!("/v0.3/conversations/{conversation}/members");
    let body =
        json!({ "state": "invited", "user": { "name": "bob" }, "channel": { "type": "app" } });
    let made = world.post(&members, &alice.token, body).await.expect(201);
    assert_eq!(made["state"], "INVITED");
    let told = invited.named("member:invited").await;
    assert_eq!(told["cid"], conversation.as_str());
    assert!(told.get("id").is_none(), "{told}");
    assert_eq!(told["from"], made["id"]);
    assert_eq!(told["body"]["user"]["name"], "bob");
    assert_eq!(told["body"]["user"]["member_id"], made["id"]);
    assert_eq!(told["body"]["invited_by"], "alice");
    assert!(told["body"]["channel"].get("id").is_none());
    let told = member.named("member:invited").await;
    assert_eq!(told["id"], 3);
    assert_eq!(told["body"]["invited_by"], "alice");
    world
        .say(&alice.token, &conversation, "not for the invited")
        .await;
    member.named("text").await;
    let body = json!({
        "state": "joined",
        "user": { "name": "bob" },
        "channel": { "type": "app" },
        "from": made["id"],
    });
    let joined = world.post(&members, &bob.token, body).await.expect(201);
    assert_eq!(joined["id"], made["id"]);
    assert_eq!(joined["state"], "JOINED");
    assert_eq!(joined["_embedded"]["user"]["id"], bob.id.as_str());
    for client in [&mut invited, &mut member] {
        let told = client.named("member:joined").await;
        assert_eq!(told["id"], 5);
        assert_eq!(told["body"]["user"]["name"], "bob");
        assert_eq!(told["_embedded"]["from_user"]["name"], "bob");
    }
    let number = world.say(&alice.token, &conversation, "for both").await;
    for client in [&mut invited, &mut member] {
        let told = client.named("text").await;
        assert_eq!(told["id"], number);
        assert_eq!(told["body"], json!({ "text": "for both" }));
        assert_eq!(told["_embedded"]["from_user"]["display_name"], "ALICE");
    }
}

#[tokio::test]
async fn who_leaves_is_told_so_and_nothing_after_it() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let conversation = world.shared(&[&alice, &bob]).await;
    let (mut leaver, _) = world.connect(&bob.token).await;
    let (mut stays, _) = world.connect(&alice.token).await;
    let own = format!("/v0.3/conversations/{conversation}/members/me");
    let member = world.get(&own, &bob.token).await.expect(200);
    let id = text(&member["id"]);
    let path = format!("/beta/conversations/{conversation}/members/{id}?from={id}&reason_code=bye");
    world
        .call("DELETE", &path, &bob.token, None)
        .await
        .expect(200);
    for client in [&mut leaver, &mut stays] {
        let told = client.named("member:left").await;
        assert_eq!(told["from"], id.as_str());
        assert_eq!(told["body"]["user"]["name"], "bob");
        assert!(told["body"]["timestamp"]["left"].is_string());
        assert_eq!(told["body"]["reason"]["code"], "bye");
    }
    world.say(&alice.token, &conversation, "among us").await;
    stays.named("text").await;
    leaver.emit("fence", json!({ "tid": "fence" })).await;
    leaver.named("http:error:validation-fail").await;
    let path = format!("/v0.3/conversations/{conversation}");
    let refused = world.get(&path, &bob.token).await;
    refused.refused(404, "conversation:error:not-found");
}

#[tokio::test]
async fn what_gets_no_number_is_told_without_one() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let conversation = world.shared(&[&alice, &bob]).await;
    let (mut client, _) = world.connect(&bob.token).await;
    let sent = act(
        &world,
        &alice,
        &conversation,
        json!({
            "type": "message", "body": { "message_type": "text", "text": "hi" }
        }),
    );
    let number = sent.await["id"].clone();
    assert_eq!(client.named("message").await["id"], number);
    for (event, name, body) in [
        (
            json!({ "type": "text:typing:on", "body": { "activity": 1 } }),
            "text:typing:on",
            json!({ "activity": 1 }),
        ),
        (
            json!({ "type": "text:typing:off" }),
            "text:typing:off",
            json!({ "activity": 0 }),
        ),
        (
            json!({ "type": "message:delivered", "body": { "event_id": number } }),
            "message:delivered",
            json!({ "event_id": number }),
        ),
        (
            json!({ "type": "message:seen", "body": { "event_id": number.to_string() } }),
            "message:seen",
            json!({ "event_id": number }),
        ),
        (
            json!({ "type": "ephemeral", "body": { "a": [1] } }),
            "ephemeral",
            json!({ "a": [1] }),
        ),
    ] {
        let answer = act(&world, &alice, &conversation, event).await;
        assert!(answer.get("id").is_none(), "{answer}");
        assert!(answer["timestamp"].is_string());
        let told = client.named(name).await;
        assert!(told.get("id").is_none(), "{told}");
        assert_eq!(told["body"], body);
        assert!(told["from"].as_str().unwrap().starts_with("MEM-"));
    }
}

#[tokio::test]
async fn the_newest_client_gets_numbers_where_it_takes_nothing_without() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let conversation = world.shared(&[&alice]).await;
    let query = format!(
        "SDK_name=%40vonage%2Fclient-sdk&session_version=0.0.3&token={}",
        bob.token
    );
    let (mut client, _) = world.login(&query).await;
    let members = format!("/v0.3/conversations/{conversation}/members");
    let body = json!({ "state": "invited", "user": { "name": "bob" } });
    world.post(&members, &alice.token, body).await.expect(201);
    let told = client.named("member:invited").await;
    assert!(told["id"].is_u64(), "{told}");
    assert_eq!(
        told["body"]["conversation"]["conversation_id"],
        conversation.as_str()
    );
    let body = json!({ "state": "joined", "user": { "name": "bob" } });
    world.post(&members, &bob.token, body).await.expect(201);
    client.named("member:joined").await;
    let number = world.say(&alice.token, &conversation, "hi").await;
    client.named("text").await;
    let seen = json!({ "type": "text:seen", "body": { "event_id": number } });
    act(&world, &alice, &conversation, seen).await;
    assert_eq!(client.named("text:seen").await["id"], number);
}

#[tokio::test]
async fn every_numbered_event_is_told_whatever_door_it_came_by() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let conversation = world.shared(&[&alice, &bob]).await;
    let (mut client, _) = world.connect(&bob.token).await;
    let first = world.say(&alice.token, &conversation, "one").await;
    let path = format!("/v1/conversations/{conversation}/events");
    for event in [
        json!({ "type": "image", "body": { "url": "https://example.com/a.png" } }),
        json!({ "type": "custom:my_event", "body": { "a": 1 } }),
    ] {
        let sent = world.native("POST", &path, &world.admin, Some(event)).await;
        sent.expect(201);
    }
    let path = format!("/beta2/conversations/{conversation}/events/{first}?from=MEM-1");
    world
        .call("DELETE", &path, &alice.token, None)
        .await
        .expect(200);
    for (number, name) in [
        (first, "text"),
        (first + 1, "image"),
        (first + 2, "custom:my_event"),
        (first + 3, "event:delete"),
    ] {
        let told = client.named(name).await;
        assert_eq!(told["id"], number);
        match name {
            "image" => assert_eq!(
                told["body"]["representations"]["medium"]["url"],
                "https://example.com/a.png"
            ),
            "event:delete" => assert_eq!(told["body"], json!({ "event_id": first })),
            _ => {}
        }
    }
    let listed = format!(
        "/beta2/conversations/{conversation}/events?start_id={first}&end_id={}",
        first + 3
    );
    let page = world.get(&listed, &bob.token).await.expect(200);
    let events = page["_embedded"]["data"]["events"].as_array().unwrap();
    let numbers: Vec<u64> = events
        .iter()
        .map(|event| event["id"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (first..=first + 3).collect::<Vec<_>>());
    assert!(events[0]["body"]["timestamp"]["deleted"].is_string());
}

#[tokio::test]
async fn a_session_that_comes_back_is_told_what_it_missed() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let conversation = world.shared(&[&alice, &bob]).await;
    let other = world.shared(&[&alice]).await;
    let (mut client, session) = world.connect(&bob.token).await;
    let first = world.say(&alice.token, &conversation, "one").await;
    assert_eq!(client.named("text").await["id"], first);
    // It arrives, and the client does not say so.
    client.keep_silent();
    let second = world.say(&alice.token, &conversation, "two").await;
    assert_eq!(client.named("text").await["id"], second);
    client
        .send_message(tokio_tungstenite::tungstenite::Message::Close(None))
        .await;
    client.rest().await;
    let third = world.say(&alice.token, &conversation, "three").await;
    let members = format!("/v0.3/conversations/{other}/members");
    let body = json!({ "state": "invited", "user": { "name": "bob" } });
    world.post(&members, &alice.token, body).await.expect(201);
    let id = session["id"].as_str().unwrap();
    let (mut client, first_event) = world
        .login(&format!("session_id={id}&token={}", bob.token))
        .await;
    let Came::Event(name, payload) = first_event else {
        panic!("{first_event:?}");
    };
    assert_eq!(
        (name.as_str(), &payload["body"]["id"]),
        ("session:success", &session["id"])
    );
    let told = client.named("member:invited").await;
    assert_eq!(told["cid"], other.as_str());
    assert_eq!(client.named("text").await["id"], second);
    assert_eq!(client.named("text").await["id"], third);
}

#[tokio::test]
async fn many_senders_are_told_in_one_order() {
    let world = World::new().await;
    let mut people = Vec::new();
    for name in ["a", "b", "c", "d"] {
        people.push(world.person(name).await);
    }
    let all: Vec<&Person> = people.iter().collect();
    let conversation = world.shared(&all).await;
    let (mut client, _) = world.connect(&people[3].token).await;
    let senders = people.iter().map(|person| async {
        for number in 0..25 {
            world
                .say(&person.token, &conversation, &number.to_string())
                .await;
        }
    });
    let told = async {
        let mut numbers = Vec::new();
        while numbers.len() < 100 {
            numbers.push(client.named("text").await["id"].as_u64().unwrap());
        }
        numbers
    };
    let (_, numbers) = tokio::join!(futures_util::future::join_all(senders), told);
    let first = numbers[0];
    assert_eq!(numbers, (first..first + 100).collect::<Vec<_>>());
}

#[tokio::test]
async fn who_declines_or_is_not_wanted_any_more_is_told_so_without_a_number() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let conversation = world.shared(&[&alice]).await;
    let (mut invited, _) = world.connect(&bob.token).await;
    let members = format!("/v0.3/conversations/{conversation}/members");
    for remover in [&bob, &alice] {
        let body = json!({ "state": "invited", "user": { "name": "bob" } });
        let made = world.post(&members, &alice.token, body).await.expect(201);
        invited.named("member:invited").await;
        world.say(&alice.token, &conversation, "between").await;
        let path = format!("{members}/{}", made["id"].as_str().unwrap());
        let gone = world.call("DELETE", &path, &remover.token, None).await;
        assert_eq!(gone.status, 204);
        let told = invited.named("member:left").await;
        assert_eq!(told["from"], made["id"]);
        assert!(told.get("id").is_none(), "{told}");
    }
}

/// The place of who asks.
async fn place_of(world: &World, person: &Person, conversation: &str) -> Value {
    let own = format!("/v0.3/conversations/{conversation}/members/me");
    world.get(&own, &person.token).await.expect(200)["id"].clone()
}

#[tokio::test]
async fn a_backend_types_and_sees_for_a_member() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let conversation = world.shared(&[&alice, &bob]).await;
    let number = world.say(&alice.token, &conversation, "hi").await;
    let of_bob = place_of(&world, &bob, &conversation).await;
    let (mut hears, _) = world.connect(&alice.token).await;
    let backend = world.backend();
    let events = format!("/v1/conversations/{conversation}/events");
    let position = json!({ "event_id": number });
    for (name, body) in [
        ("text:typing:on", json!({ "activity": 1 })),
        ("text:typing:off", json!({ "activity": 0 })),
        ("ephemeral", json!({ "x": 1 })),
        ("text:delivered", position.clone()),
        ("text:seen", position.clone()),
    ] {
        let event = |from: &Value| json!({ "type": name, "from": from, "body": body });
        let sent = world.post(&events, &backend, event(&of_bob)).await;
        let sent = sent.expect(201);
        assert!(
            sent.get("id").is_none() && sent["timestamp"].is_string(),
            "{sent}"
        );
        let told = hears.named(name).await;
        assert_eq!(told["from"], of_bob, "{name}");
        assert_eq!(told["_embedded"]["from_user"]["name"], "bob", "{name}");
        assert_eq!(told["body"], body, "{name}");
        let refused = world.post(&events, &backend, event(&Value::Null)).await;
        refused.refused(400, "http:error:validation-fail");
        for nobody in ["MEM-x", "MEM-00000000-0000-0000-0000-000000000000"] {
            let refused = world.post(&events, &backend, event(&json!(nobody))).await;
            refused.refused(404, "conversation:error:member-not-found");
        }
    }
    let members = format!("/v1/conversations/{conversation}/members");
    let listed = world.native("GET", &members, &world.admin, None).await;
    let listed = listed.expect(200);
    let mut listed = listed["members"].as_array().unwrap().iter();
    let moved = listed.find(|member| member["id"] == of_bob);
    assert_eq!(moved.unwrap()["seen"], number);
    // Who has left is spoken for by nobody.
    let leave = format!("{members}/me");
    let left = world.call("DELETE", &leave, &bob.token, None).await;
    left.expect(204);
    let event = json!({ "type": "text:typing:on", "from": of_bob, "body": {} });
    let refused = world.post(&events, &backend, event).await;
    refused.refused(404, "conversation:error:member-not-found");
}

#[tokio::test]
async fn a_backend_invites_for_a_member() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let carol = world.person("carol").await;
    let conversation = world.shared(&[&alice, &bob]).await;
    let of_bob = place_of(&world, &bob, &conversation).await;
    let (mut hears, _) = world.connect(&alice.token).await;
    let (mut invited, _) = world.connect(&carol.token).await;
    let backend = world.backend();
    let members = format!("/v1/conversations/{conversation}/members");
    let invite = |from: &Value| {
        let user = json!({ "name": "carol" });
        json!({ "state": "invited", "user": user, "from": from, "channel": { "type": "app" } })
    };
    let nobody = json!("MEM-00000000-0000-0000-0000-000000000000");
    let refused = world.post(&members, &backend, invite(&nobody)).await;
    refused.refused(404, "conversation:error:member-not-found");
    let made = world.post(&members, &backend, invite(&of_bob)).await;
    let made = made.expect(201);
    assert_eq!(made["invited_by"], of_bob);
    for client in [&mut hears, &mut invited] {
        let told = client.named("member:invited").await;
        assert_eq!(told["body"]["invited_by"], "bob");
        let initiator = &told["body"]["initiator"]["invited"];
        assert_eq!(initiator["member_id"], of_bob);
        assert_eq!(initiator["user_id"], bob.id.as_str());
        assert_eq!(initiator["is_system"], false);
    }
    // A place that is only asked for speaks for nobody yet.
    let events = format!("/v1/conversations/{conversation}/events");
    let event = json!({ "type": "text:typing:on", "from": made["id"], "body": {} });
    let refused = world.post(&events, &backend, event).await;
    refused.refused(404, "conversation:error:member-not-found");
}
