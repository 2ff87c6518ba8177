//! No key and no secret reaches a log line.

use serde_json::json;
use tracing::Level;

use crate::lines::Lines;
use crate::world::{SECRET, World, text};

#[tokio::test]
async fn no_secret_reaches_a_line() {
    let lines = Lines::keep(|metadata| {
        metadata.target().starts_with("countersign") || *metadata.level() <= Level::INFO
    });
    let world = World::new().await;
    let settings = "/v1/auth/customer/settings";
    world
        .backend("GET", settings, &world.backend)
        .await
        .expect(200);
    let user = world.api_key(&["user"], json!({})).await;
    let (key, jwt) = (text(&user["key"]), text(&user["jwt"]));
    for bearer in [&key, &jwt] {
        let reply = world.backend("GET", settings, bearer).await;
        reply.refused(403, "not_permitted");
    }
    let path = "/v1/auth/tokens?page[size]=hunter2";
    let reply = world.backend("GET", path, &world.backend).await;
    reply.refused(400, "bad_request");
    let lines = lines.take();
    let failed = lines.iter().filter(|line| line.contains("route=\"/v1/"));
    assert_eq!(failed.count(), 3, "{lines:#?}");
    let all = lines.join("\n");
    for secret in ["hunter", SECRET, &world.backend, &key, &jwt, "cs_", "Y3Nf"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}
