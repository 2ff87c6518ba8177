//! No key and no secret reaches a log line.

use serde_json::json;
use tracing::Level;

use crate::lines::Lines;
use crate::world::{SECRET, World, text, token};

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
    let visitor = world.visitor().await;
    let credential = world.credential("hunter3");
    let refused = world.identify(Some(&visitor), &credential[1..]).await;
    assert_eq!(refused.status, 401);
    let changed = format!("{visitor}A");
    world.touch(&changed).await.refused(401, "malformed_token");
    let hunter = world.log_in(Some(&visitor), "hunter3").await;
    let handed = token(&world.current(Some(&visitor)).await.expect(200));
    world.touch(&hunter.token).await.expect(200);
    world.touch(&handed).await.refused(401, "refresh_reused");
    let lines = lines.take();
    let failed = lines.iter().filter(|line| line.contains("route=\"/"));
    assert_eq!(failed.count(), 6, "{lines:#?}");
    let all = lines.join("\n");
    let tokens = [
        &world.backend,
        &key,
        &jwt,
        &visitor,
        &hunter.token,
        &handed,
        &credential,
    ];
    let tokens = tokens.into_iter().map(String::as_str);
    for secret in tokens.chain(["hunter", SECRET, "cs_", "Y3Nf", "eyJ"]) {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}
