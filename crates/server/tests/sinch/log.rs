//! No ticket, secret, signature or query reaches a log line.

use tracing::Level;

use crate::lines::Lines;
use crate::world::World;

#[tokio::test]
async fn no_secret_reaches_a_line() {
    let lines = Lines::keep(|metadata| {
        metadata.target().starts_with("countersign") || *metadata.level() <= Level::INFO
    });
    let world = World::new().await;
    let ticket = world.ticket("alice");
    let alice = world.instance("alice").await;
    let mut bad = world.call("POST", "/v1/report/im", r#"{"sent":"hunter2"}"#);
    let signature = alice.sign(&bad);
    bad.body = "hunter3".to_owned();
    world.send(&bad, &signature).await.refused(40_102);
    world.enter("hunter4").await.refused(40_100);
    world.enter(&ticket[1..]).await;
    world.enter_again(&ticket, "hunter5").await.refused(40_400);
    let path = "/v1/user/profile?secret=hunter6";
    world
        .raw("GET", path, &[], String::new())
        .await
        .refused(40_100);
    let transport = world.signed(&alice, "POST", "/v1/transport", "[]").await;
    let key = transport.expect(200)["key"].to_string();
    let body = r#"[{"identity":"hunter7","type":"hunter8"}]"#;
    let refused = world.signed(&alice, "POST", "/v1/transport", body).await;
    refused.refused(40_001);
    let lines = lines.take();
    let failed = lines.iter().filter(|line| line.contains("route=\"/v1/"));
    assert_eq!(failed.count(), 6, "{lines:#?}");
    let (fields, mac) = ticket.split_once(':').unwrap();
    let (_, signature) = signature.rsplit_once(':').unwrap();
    let all = lines.join("\n");
    let key = key.trim_matches('"');
    for secret in [
        "hunter",
        fields,
        mac,
        signature,
        key,
        &alice.secret,
        &alice.id,
    ] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}
