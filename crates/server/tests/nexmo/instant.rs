//! A conversation that is named by its users, as a client of this door sees it.

use std::net::{IpAddr, Ipv4Addr};

use countersign_core::op::authenticate::Bearer;
use countersign_core::op::instant::{Instant, instant_conversation};
use countersign_core::op::user_bearer::authenticate_users_too;
use serde_json::{Value, json};

use crate::world::{Person, World, text};

/// The conversation of a user and these others, as another door asks for it.
async fn instant(world: &World, person: &Person, others: &[&str]) -> String {
    let bearer = Bearer {
        text: &person.token,
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        confidential: true,
        application: None,
    };
    let asker = authenticate_users_too(&world.ctx, bearer).await.unwrap();
    let names: Vec<String> = others.iter().map(|name| (*name).to_owned()).collect();
    match instant_conversation(&world.ctx, &asker, &names).await {
        Ok(Instant::Of { conversation, .. }) => conversation.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn its_users_are_told_that_they_are_in_and_what_is_said() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let (mut hers, _) = world.connect(&alice.token).await;
    let (mut his, _) = world.connect(&bob.token).await;
    let id = instant(&world, &alice, &["bob"]).await;
    // At this door the own coming in is the first that is told.
    let both = [(1, "alice"), (2, "bob")];
    for (client, expected) in [(&mut hers, &both[..]), (&mut his, &both[1..])] {
        for (number, name) in expected {
            let told = client.named("member:joined").await;
            assert_eq!(told["cid"], id.as_str());
            assert_eq!(told["id"], *number);
            assert_eq!(told["body"]["user"]["name"], *name);
        }
    }
    let number = world.say(&bob.token, &id, "hello").await;
    for client in [&mut hers, &mut his] {
        let told = client.named("text").await;
        assert_eq!(told["id"], number);
        assert_eq!(told["body"], json!({ "text": "hello" }));
    }
    let path = format!("/v0.3/conversations/{id}");
    let shown = world.get(&path, &bob.token).await.expect(200);
    assert!(text(&shown["name"]).starts_with("im:"), "{shown}");
    assert_eq!(shown["_embedded"]["state"], "JOINED");
}

#[tokio::test]
async fn its_members_and_its_name_stay_as_they_are() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    world.person("bob").await;
    let carol = world.person("carol").await;
    let id = instant(&world, &alice, &["bob"]).await;
    let path = format!("/v0.3/conversations/{id}");
    let members = format!("{path}/members");
    let own = world.get(&format!("{members}/me"), &alice.token).await;
    let own = format!("{members}/{}", text(&own.expect(200)["id"]));
    let add = |state: &str| {
        let user = json!({ "id": carol.id });
        Some(json!({ "state": state, "user": user, "channel": { "type": "app" } }))
    };
    let backend = world.backend();
    let name = |name: &str| Some(json!({ "name": name }));
    let left = || Some(json!({ "state": "left" }));
    for (method, path, bearer, body) in [
        ("POST", &members, &alice.token, add("invited")),
        ("POST", &members, &backend, add("joined")),
        ("PATCH", &own, &alice.token, left()),
        ("PATCH", &own, &backend, left()),
        ("DELETE", &own, &alice.token, None),
        ("PUT", &path, &alice.token, name("x")),
        ("PUT", &path, &backend, name("im:x")),
        ("DELETE", &path, &alice.token, None),
    ] {
        let refused = world.call(method, path, bearer, body).await;
        assert_eq!(refused.status, 403, "{method} {path}: {}", refused.body);
    }
    let listed = world.get(&members, &alice.token).await.expect(200);
    let listed = listed["_embedded"]["members"].as_array().cloned();
    assert_eq!(listed.map(|members| members.len()), Some(2));
    // A change that tells the name it has changes something else.
    let shown = world.get(&path, &alice.token).await.expect(200);
    let body = json!({ "name": shown["name"], "display_name": "Lunch" });
    let put = world.call("PUT", &path, &alice.token, Some(body)).await;
    put.expect(200);
    let shown = world.get(&path, &alice.token).await.expect(200);
    assert_eq!(shown["display_name"], "Lunch");
    assert!(text(&shown["name"]).starts_with("im:"));
    let gone = world.call("DELETE", &path, &backend, None).await;
    assert!(gone.status < 300, "{}", gone.body);
}

#[tokio::test]
async fn no_other_has_such_a_name() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let id = world.shared(&[&alice]).await;
    let path = format!("/v0.3/conversations/{id}");
    for name in ["im:x", "IM:X"] {
        let body: Value = json!({ "name": name });
        for (method, path) in [("POST", "/v0.3/conversations"), ("PUT", &path)] {
            let refused = world.call(method, path, &alice.token, Some(body.clone()));
            assert_eq!(refused.await.status, 400, "{method}");
        }
    }
}
