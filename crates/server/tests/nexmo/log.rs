//! A token in a query, and one in a header, reach no log line.

use serde_json::json;
use tracing::Level;

use crate::lines::Lines;
use crate::socket_client::Came;
use crate::world::World;

#[tokio::test]
async fn no_token_reaches_a_line() {
    let lines = Lines::keep(|metadata| {
        metadata.target().starts_with("countersign") || *metadata.level() <= Level::INFO
    });
    let world = World::new().await;
    let alice = world.person("alice").await;
    let unknown = world.token("nobody");
    let (mut client, _) = world.connect(&alice.token).await;
    client.emit("hunter2", json!({ "tid": "hunter3" })).await;
    client.event().await;
    client.send("hunter4").await;
    assert_eq!(client.next().await, Came::Closed(Some(1002)));
    let (mut refused, _) = world.login(&format!("token={unknown}")).await;
    refused.rest().await;
    let path = "/v0.3/conversations/hunter5?token=hunter6";
    world.get(path, &alice.token).await.expect(404);
    world.get("/v1/users/me", &unknown).await.expect(401);
    let lines = lines.take();
    let failed = lines
        .iter()
        .filter(|line| line.contains("route=\"/{version}/"));
    assert_eq!(failed.count(), 2, "{lines:#?}");
    let all = lines.join("\n");
    for secret in ["hunter", &alice.token, &unknown, "eyJ"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}
