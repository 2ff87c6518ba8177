//! The Application API, which API keys call with Basic.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_credential::mint::{Minted, Order, mint};
use countersign_credential::signing_key::SigningKey;
use serde_json::{Value, json};

use crate::world::{LIFE_S, Reply, World, text};

/// The id that stands in an API key's list.
async fn id_of(world: &World, bearer: &str, path: &str) -> String {
    let listed = world.native("GET", path, bearer, None).await.expect(200);
    text(&listed["api_keys"][0]["id"])
}

async fn basic(
    world: &World,
    (id, key): (&str, &str),
    method: &str,
    path: &str,
    body: Value,
) -> Reply {
    let header = format!("basic {}", STANDARD.encode(format!("{id}:{key}")));
    let headers = [("authorization", &*header)];
    world.raw(method, path, &headers, body.to_string()).await
}

#[tokio::test]
async fn an_application_is_made_with_its_key_and_its_backend_may_call() {
    let world = World::new().await;
    let id = id_of(&world, &world.operator, "/v1/api-keys").await;
    let pair = (&*id, &*world.operator);
    let path = "/v2/applications";
    let made = basic(&world, pair, "POST", path, json!({ "name": "shop" })).await;
    let made = made.expect(201);
    let application = text(&made["id"]);
    let key = SigningKey::from_private_key_pem(&text(&made["keys"]["private_key"])).unwrap();
    let claims = Minted::Nexmo {
        subject: None,
        acl: None,
        jti: Some("one"),
    };
    let order = Order {
        claims,
        application_id: &application,
        kid: None,
        issued_at: countersign_core::ports::Clock::now(&*world.clock),
        life_s: Some(LIFE_S),
    };
    let bearer = mint(&order, &key).unwrap();
    world.get("/v1/users", &bearer).await.expect(200);
    let one = format!("{path}/{application}");
    let read = basic(&world, pair, "GET", &one, json!({}))
        .await
        .expect(200);
    assert_eq!(read["keys"]["public_key"], made["keys"]["public_key"]);
    assert!(read["keys"].get("private_key").is_none());
    let other = basic(&world, pair, "POST", path, json!({ "name": "other" })).await;
    let other = other.expect(201);
    let change = json!({ "name": "store", "keys": { "public_key": other["keys"]["public_key"] } });
    let changed = basic(&world, pair, "PUT", &one, change).await.expect(200);
    assert_eq!(changed["name"], "store");
    assert_eq!(changed["keys"]["public_key"], other["keys"]["public_key"]);
    // What the key before has signed is still good.
    world.get("/v1/users", &bearer).await.expect(200);
    let own = json!({ "name": "own", "keys": { "public_key": made["keys"]["public_key"] } });
    let own = basic(&world, pair, "POST", path, own).await.expect(201);
    assert!(own["keys"].get("private_key").is_none());
    assert_eq!(
        basic(&world, pair, "DELETE", &one, json!({})).await.status,
        204
    );
    basic(&world, pair, "GET", &one, json!({}))
        .await
        .refused(404, "http:error:not-found");
    assert_eq!(world.get("/v1/users", &bearer).await.status, 401);
}

#[tokio::test]
async fn a_key_that_no_ring_takes_leaves_no_application() {
    let world = World::new().await;
    let id = id_of(&world, &world.operator, "/v1/api-keys").await;
    let pair = (&*id, &*world.operator);
    let path = "/v2/applications";
    let body = json!({ "name": "shop", "keys": { "public_key": "nonsense" } });
    assert_eq!(basic(&world, pair, "POST", path, body).await.status, 400);
    assert_eq!(
        basic(&world, pair, "POST", path, json!({})).await.status,
        400
    );
    let listed = basic(&world, pair, "GET", path, json!({}))
        .await
        .expect(200);
    assert_eq!(listed["total_items"], 1);
}

#[tokio::test]
async fn applications_are_listed_in_pages_that_lead_to_each_other() {
    let world = World::new().await;
    let id = id_of(&world, &world.operator, "/v1/api-keys").await;
    let pair = (&*id, &*world.operator);
    let path = "/v2/applications";
    for name in ["one", "two", "three"] {
        let made = basic(&world, pair, "POST", path, json!({ "name": name })).await;
        made.expect(201);
    }
    let href = |page: usize| json!({ "href": format!("{path}?page_size=3&page={page}") });
    // With the world's own there are four; of the third page nothing leads on.
    for (page, items, prev, next) in [
        (1, 3, None, Some(2)),
        (2, 1, Some(1), None),
        (3, 0, Some(2), None),
    ] {
        let asked = format!("{path}?page_size=3&page={page}");
        let listed = basic(&world, pair, "GET", &asked, json!({})).await;
        let listed = listed.expect(200);
        assert_eq!(listed["page"], page);
        assert_eq!(listed["total_items"], 4);
        assert_eq!(listed["total_pages"], 2);
        let shown = listed["_embedded"]["applications"].as_array().unwrap();
        assert_eq!(shown.len(), items, "page {page}");
        let links = &listed["_links"];
        assert_eq!(links["self"], href(page));
        assert_eq!((&links["first"], &links["last"]), (&href(1), &href(2)));
        assert_eq!(links.get("prev"), prev.map(href).as_ref(), "page {page}");
        assert_eq!(links.get("next"), next.map(href).as_ref(), "page {page}");
    }
}

#[tokio::test]
async fn nobody_else_manages_applications() {
    let world = World::new().await;
    let id = id_of(&world, &world.operator, "/v1/api-keys").await;
    let keys = format!("/v1/applications/{}/api-keys", world.application);
    let admin = id_of(&world, &world.admin, &keys).await;
    let path = "/v2/applications";
    let body = json!({ "name": "x" });
    for (pair, status) in [
        ((&*admin, &*world.admin), 403),
        ((&*admin, &*world.operator), 401),
        ((&*id, "cs_sk_x"), 401),
        (("x", &*world.operator), 401),
        (("", ""), 401),
    ] {
        let reply = basic(&world, pair, "POST", path, body.clone()).await;
        assert_eq!(reply.status, status, "{}", reply.body);
    }
    let header = format!(
        "Basic {}",
        STANDARD.encode(format!("{id}:{}", world.operator))
    );
    let page = [
        ("authorization", &*header),
        ("origin", "https://shop.example"),
    ];
    let reply = world.raw("POST", path, &page, body.to_string()).await;
    assert_eq!(reply.status, 403);
    let bearer = format!("Bearer {}", world.operator);
    let bearer = [("authorization", &*bearer)];
    let reply = world.raw("GET", path, &bearer, String::new()).await;
    reply.refused(401, "system:error:missing-token");
    // An admin reads its own application, and no other.
    let own = format!("{path}/{}", world.application);
    basic(&world, (&admin, &world.admin), "GET", &own, json!({}))
        .await
        .expect(200);
}
