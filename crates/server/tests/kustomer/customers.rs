//! Customers as backends keep them: created beforehand, and found by what they are
//! known by.

use serde_json::json;

use crate::world::{World, text};

const CUSTOMERS: &str = "/v1/customers";

#[tokio::test]
async fn who_was_created_beforehand_is_who_logs_in() {
    let world = World::new().await;
    world
        .set(json!({ "unknown_user": { "kustomer": "refuse" } }))
        .await;
    let new = json!({
        "name": "Jane",
        "externalIds": [{ "externalId": "user_8412" }],
        "emails": [{ "email": "Jane@Example.com", "type": "home" }],
    });
    let made = world.posted(CUSTOMERS, new.clone()).await.expect(201);
    let customer = &made["data"];
    assert_eq!(customer["type"], "customer");
    let attributes = &customer["attributes"];
    assert_eq!(attributes["displayName"], "Jane");
    assert_eq!(attributes["externalId"], "user_8412");
    assert_eq!(
        attributes["emails"],
        json!([{ "email": "jane@example.com", "verified": true }])
    );
    let id = text(&customer["id"]);
    for by in ["user_8412", "jane@example.com"] {
        assert_eq!(world.log_in(None, by).await.customer, id, "{by}");
    }
    for named in [&*id, "email=jane@example.com", "externalId=user_8412"] {
        let path = format!("{CUSTOMERS}/{named}");
        let found = world
            .backend("GET", &path, &world.backend)
            .await
            .expect(200);
        assert_eq!(found["data"]["id"], id, "{named}");
    }
    let again = world.posted(CUSTOMERS, new).await;
    again.refused(409, "conflict");
}

#[tokio::test]
async fn they_are_listed_and_visitors_are_not() {
    let world = World::new().await;
    let visitor = world.visitor().await;
    world.chat(&visitor).await;
    for number in 0..3 {
        world.clock.advance_s(1);
        world.log_in(None, &format!("customer-{number}")).await;
    }
    let path = format!("{CUSTOMERS}?page[size]=2");
    let first = world
        .backend("GET", &path, &world.backend)
        .await
        .expect(200);
    let next = text(&first["links"]["next"]);
    let second = world
        .backend("GET", &next, &world.backend)
        .await
        .expect(200);
    let pages = [&first, &second].map(|page| page["data"].as_array().unwrap().clone());
    let ids = pages.concat().into_iter();
    let ids: Vec<String> = ids
        .map(|it| text(&it["attributes"]["externalId"]))
        .collect();
    assert_eq!(ids, ["customer-0", "customer-1", "customer-2"]);
    assert_eq!(second["links"]["next"], serde_json::Value::Null);
}

#[tokio::test]
async fn bad_input_is_refused() {
    let world = World::new().await;
    let email = |text: &str| json!({ "email": text });
    for body in [
        json!({}),
        json!({ "name": "nobody could log in" }),
        json!({ "emails": [email("none")] }),
        json!({ "emails": [email("a@example.com"), email("b@example.com")] }),
        json!({ "emails": "a@example.com" }),
        json!({ "externalIds": [{ "externalId": "" }] }),
        json!({ "externalIds": [{ "externalId": "a" }], "externalId": "b" }),
        json!({ "externalId": 7 }),
        json!({ "externalId": "a", "name": "a\nb" }),
        json!([]),
    ] {
        let told = body.to_string();
        let reply = world.posted(CUSTOMERS, body).await;
        assert_eq!(reply.status, 400, "{told}: {}", reply.body);
        reply.refused(400, "bad_request");
    }
    for named in [
        "USR-1",
        "email=none",
        "email=a@example.com",
        "externalId=",
        "x",
    ] {
        let path = format!("{CUSTOMERS}/{named}");
        let reply = world.backend("GET", &path, &world.backend).await;
        reply.refused(404, "not_found");
    }
}
