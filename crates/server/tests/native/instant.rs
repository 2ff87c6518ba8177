//! A conversation that is named by its users: here as any other, but for what
//! would make its name lie.

use countersign_core::op::instant::{Instant, instant_conversation};
use serde_json::{Value, json};

use crate::http::Call;
use crate::world::{Device, World, principal, text};

/// The conversation of a user and these others, as another door asks for it.
async fn instant(world: &World, device: &Device, others: &[&Device]) -> String {
    let asker = principal(&world.ctx, &device.access, None).await;
    let names: Vec<String> = others.iter().map(|other| other.user.clone()).collect();
    match instant_conversation(&world.ctx, &asker, &names).await {
        Ok(Instant::Of { conversation, .. }) => conversation.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn all_its_users_read_and_write_it() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let bob = world.user("bob").await;
    let id = instant(&world, &alice, &[&bob]).await;
    assert_eq!(instant(&world, &bob, &[&alice]).await, id);
    world.say(&alice, &id, "hello").await.expect(201);
    world.say(&bob, &id, "hi").await.expect(201);
    for device in [&alice, &bob] {
        assert_eq!(world.conversations(&device.access).await, [id.as_str()]);
        assert_eq!(world.texts(&device.access, &id).await, ["hello", "hi"]);
    }
    let path = format!("/v1/conversations/{id}");
    let shown = json!({ "display_name": "Lunch" });
    let call = world.call("PATCH", &path).bearer(&alice.access);
    let shown = call.json(&shown).send().await.expect(200);
    assert_eq!(shown["display_name"], "Lunch");
    assert!(text(&shown["name"]).starts_with("im:"));
}

/// What changes who takes part, or whose it is, by a user who may otherwise.
#[tokio::test]
async fn its_members_and_its_name_stay_as_they_are() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let bob = world.user("bob").await;
    let carol = world.user("carol").await;
    let id = instant(&world, &alice, &[&bob]).await;
    let path = format!("/v1/conversations/{id}");
    let members = format!("{path}/members");
    let listed = world.get(&members).bearer(&alice.access).send().await;
    let listed = listed.expect(200);
    let place = |device: &Device| {
        let all = listed["members"].as_array().unwrap();
        let own = all.iter().find(|member| member["user_id"] == device.user);
        format!("{members}/{}", text(&own.unwrap()["id"]))
    };
    let add = |state: &str| json!({ "user": { "id": carol.user }, "state": state });
    let key = &world.home.key;
    let left = || Some(json!({ "state": "left" }));
    let name = |name: Value| Some(json!({ "name": name }));
    for (method, path, bearer, body) in [
        ("POST", &members, &alice.access, Some(add("invited"))),
        ("POST", &members, key, Some(add("invited"))),
        ("POST", &members, key, Some(add("joined"))),
        ("PATCH", &place(&alice), &alice.access, left()),
        ("PATCH", &place(&bob), &bob.access, left()),
        ("PATCH", &place(&bob), key, left()),
        ("DELETE", &place(&alice), &alice.access, None),
        ("DELETE", &place(&bob), &alice.access, None),
        ("DELETE", &place(&bob), key, None),
        ("PATCH", &path, &alice.access, name("x".into())),
        ("PATCH", &path, &alice.access, name(Value::Null)),
        ("PATCH", &path, key, name("im:x".into())),
        ("DELETE", &path, &alice.access, None),
    ] {
        let call: Call = world.call(method, path).bearer(bearer);
        let call = match &body {
            Some(body) => call.json(body),
            None => call,
        };
        let told = call.send().await.problem(403, "not_permitted");
        assert!(text(&told["detail"]).contains("users"), "{method}: {told}");
    }
    // Nobody else gets in, or learns of it.
    let own = json!({ "user": { "id": carol.user }, "state": "joined" });
    let call = world.post(&members).bearer(&carol.access).json(&own);
    call.send().await.problem(404, "not_found");
    // Who is in is in, however often it says so.
    let own = json!({ "user": { "id": bob.user }, "state": "joined" });
    let call = world.post(&members).bearer(&bob.access).json(&own);
    call.send().await.expect(200);
    let now = world.get(&members).bearer(&alice.access).send().await;
    assert_eq!(now.expect(200), listed);
    world
        .call("DELETE", &path)
        .bearer(key)
        .send()
        .await
        .expect(204);
}

#[tokio::test]
async fn no_other_has_such_a_name() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let id = world.conversation(&alice).await;
    let path = format!("/v1/conversations/{id}");
    for name in ["im:", "im:aaaa", "IM:x", "Im:x"] {
        let named = json!({ "name": name });
        for bearer in [&alice.access, &world.home.key] {
            let call = world.post("/v1/conversations").bearer(bearer).json(&named);
            call.send().await.problem(400, "bad_request");
            let call = world.call("PATCH", &path).bearer(bearer).json(&named);
            call.send().await.problem(400, "bad_request");
        }
    }
    let visitor = world.visitor().await;
    let named = json!({ "name": "im:x" });
    let call = world.post("/v1/conversations").bearer(&visitor.access);
    call.json(&named).send().await.problem(400, "bad_request");
    let free = json!({ "name": "imagine" });
    let call = world.post("/v1/conversations").bearer(&alice.access);
    call.json(&free).send().await.expect(201);
}

/// A visitor is in none, so that a login that brings its history changes none.
#[tokio::test]
async fn a_merge_leaves_it_as_it_is() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let bob = world.user("bob").await;
    let id = instant(&world, &alice, &[&bob]).await;
    let visitor = world.visitor().await;
    world.conversation(&visitor).await;
    let asker = principal(&world.ctx, &alice.access, None).await;
    let names = [visitor.user.clone()];
    let found = instant_conversation(&world.ctx, &asker, &names).await;
    let Ok(Instant::Unknown { found, unknown }) = found else {
        panic!("a visitor is nobody: {found:?}");
    };
    assert_eq!((found, unknown), (Vec::new(), names.to_vec()));
    let by_visitor = principal(&world.ctx, &visitor.access, None).await;
    let refused = instant_conversation(&world.ctx, &by_visitor, &[]).await;
    assert_eq!(refused.unwrap_err().code.as_str(), "not_permitted");
    let login = json!({
        "credential": world.credential("bob"),
        "current_token": visitor.access,
    });
    let merged = Device::of(&world.login(&login).await.expect(201));
    assert_eq!(merged.user, bob.user);
    assert_eq!(instant(&world, &merged, &[&alice]).await, id);
    let members = format!("/v1/conversations/{id}/members");
    let listed = world.get(&members).bearer(&alice.access).send().await;
    assert_eq!(listed.expect(200)["members"].as_array().unwrap().len(), 2);
}
