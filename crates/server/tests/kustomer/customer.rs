//! What a customer says of itself is kept apart from what is known.

use serde_json::{Value, json};

use crate::world::World;

const CURRENT: &str = "/c/v1/customers/current";

#[tokio::test]
async fn it_is_kept_and_counts_as_unverified() {
    let world = World::new().await;
    let visitor = world.visitor().await;
    let describe = async |token: &str, body: Value| {
        let reply = world
            .device("PATCH", CURRENT, Some(token), Some(body))
            .await;
        reply.expect(200)["data"].clone()
    };
    let first = json!({
        "emails": [{ "email": "me@example.com" }],
        "phones": [{ "phone": "555" }],
        "socials": [{ "username": "me", "type": "twitter" }],
        "custom": { "planStr": "gold", "seatsNum": 3 },
    });
    describe(&visitor, first).await;
    let told = describe(&visitor, json!({ "custom": { "seatsNum": 4 } })).await;
    assert_eq!(told["type"], "customer");
    let attributes = &told["attributes"];
    assert_eq!(
        attributes["sharedEmails"],
        json!([{ "email": "me@example.com", "verified": false }])
    );
    assert_eq!(attributes["sharedPhones"][0]["phone"], "555");
    assert_eq!(attributes["sharedSocials"][0]["type"], "twitter");
    assert_eq!(
        attributes["custom"],
        json!({ "planStr": "gold", "seatsNum": 4 })
    );
    assert_eq!(attributes["emails"], json!([]));

    let jane = world.log_in(None, "jane@example.com").await;
    let told = describe(
        &jane.token,
        json!({ "emails": [{ "email": "other@example.com" }] }),
    )
    .await;
    let attributes = &told["attributes"];
    assert_eq!(told["id"], jane.customer);
    assert_eq!(
        attributes["emails"],
        json!([{ "email": "jane@example.com", "verified": true }])
    );
    assert_eq!(attributes["sharedEmails"][0]["email"], "other@example.com");
}

#[tokio::test]
async fn support_sees_how_well_a_visitor_is_known() {
    let world = World::new().await;
    let visitor = world.visitor().await;
    let chat = world.chat(&visitor).await;
    world.say(&visitor, &chat, "who am I?").await;
    let said = json!({ "emails": [{ "email": "me@example.com" }] });
    world.ask(&visitor, "PATCH", CURRENT, Some(said)).await;
    world.say(&visitor, &chat, "me").await;
    let alice = world.log_in(Some(&visitor), "alice").await;
    world.say(&alice.token, &chat, "Alice").await;
    let path = format!("/v1/conversations/{chat}/events");
    let events = world.done("GET", &path, None).await["events"].clone();
    let said = events.as_array().unwrap().iter();
    let texts = said.filter(|event| event["type"] == "text");
    let assurance: Vec<&Value> = texts.map(|event| &event["from"]["assurance"]).collect();
    assert_eq!(assurance, ["anonymous", "described", "verified"]);
}

#[tokio::test]
async fn it_is_bounded() {
    let world = World::new().await;
    let visitor = world.visitor().await;
    let many: Vec<Value> = (0..21).map(|_| json!({ "phone": "1" })).collect();
    for (body, status, code) in [
        (
            json!({ "custom": { "x": "y".repeat(9_000) } }),
            413,
            "too_large",
        ),
        (
            json!({ "custom": { "x": "y".repeat(70_000) } }),
            413,
            "too_large",
        ),
        (json!({ "phones": many }), 400, "bad_request"),
        (json!({ "emails": ["me@example.com"] }), 400, "bad_request"),
        (json!({ "custom": [] }), 400, "bad_request"),
        (json!([]), 400, "bad_request"),
    ] {
        let reply = world.device("PATCH", CURRENT, Some(&visitor), Some(body));
        reply.await.refused(status, code);
    }
    let reply = world.device("PATCH", CURRENT, None, Some(json!({})));
    reply.await.refused(401, "no_credential");
}
