//! An ACL at the door: methods and filters count, and an ACL never adds.

use serde_json::{Value, json};

use crate::world::World;

async fn with_acl(world: &World, paths: &Value) {
    world.set(&json!({"default_acl": {"paths": paths}})).await;
}

#[tokio::test]
async fn filters_look_at_path_query_and_body() {
    let world = World::new().await;
    with_acl(
        &world,
        &json!({"/*/sessions/**":{},
            "/*/conversations":{"methods":["GET"],"filters":{"limit":"2"}},
            "/v1/conversations":{"methods":["POST"],"filters":{"display_name":"lunch"}}}),
    )
    .await;
    let alice = world.user("alice").await;
    let list = |path: &str| world.get(path).bearer(&alice.access).send();
    list("/v1/conversations?limit=2").await.expect(200);
    list("/v1/conversations?limit=3")
        .await
        .problem(403, "acl_denied");
    list("/v1/conversations").await.problem(403, "acl_denied");
    let create = |body| {
        world
            .post("/v1/conversations")
            .bearer(&alice.access)
            .json(&body)
            .send()
    };
    create(json!({"display_name": "lunch"})).await.expect(201);
    create(json!({"display_name": "dinner"}))
        .await
        .problem(403, "acl_denied");
    create(json!({"display_name": null}))
        .await
        .problem(403, "acl_denied");
    create(json!({})).await.problem(403, "acl_denied");
}

#[tokio::test]
async fn an_acl_never_adds_and_without_the_login_path_nobody_logs_in() {
    let world = World::new().await;
    with_acl(&world, &json!({"/**":{}})).await;
    let alice = world.user("alice").await;
    world
        .get("/v1/users")
        .bearer(&alice.access)
        .send()
        .await
        .problem(403, "not_permitted");
    with_acl(&world, &json!({"/*/conversations/**":{}})).await;
    let login = json!({"credential": world.credential("bob")});
    world.login(&login).await.problem(403, "acl_denied");
    with_acl(&world, &json!({})).await;
    world.login(&login).await.problem(403, "acl_denied");
}

#[tokio::test]
async fn deleting_an_event_is_the_right_to_delete_and_not_to_send() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let conversation = world.conversation(&alice).await;
    let sent = world.say(&alice, &conversation, "oops").await.expect(201);
    with_acl(
        &world,
        &json!({"/*/conversations/*/events/*": {"methods": ["DELETE"]}}),
    )
    .await;
    let refused = world.say(&alice, &conversation, "more").await;
    refused.problem(403, "acl_denied");
    let path = format!("/v1/conversations/{conversation}/events/{}", sent["id"]);
    let deleted = world
        .call("DELETE", &path)
        .bearer(&alice.access)
        .send()
        .await;
    assert_eq!(deleted.status, 204);
}
