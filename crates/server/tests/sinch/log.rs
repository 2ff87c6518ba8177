//! No ticket, secret, signature, password or query reaches a log line.

use serde_json::json;
use tracing::Level;

use crate::lines::Lines;
use crate::world::{Instance, World, text};

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
    let told = lines.take();
    let failed = told.iter().filter(|line| line.contains("route=\"/v1/"));
    assert_eq!(failed.count(), 6, "{told:#?}");
    let (fields, mac) = ticket.split_once(':').unwrap();
    let (_, signature) = signature.rsplit_once(':').unwrap();
    let all = told.join("\n");
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
    no_password_reaches_a_line(&lines).await;
}

/// Nor does a password, or the name in a path.
async fn no_password_reaches_a_line(lines: &Lines) {
    let world = World::new().await;
    world.sign_up("zaphod", "hunter1").await.refused(40_300);
    world.set(json!({ "managed_users": true })).await;
    let told = world.sign_up("zaphod", "hunter2").await.expect(200);
    let ticket = text(&told["authorization"]);
    let zaphod = Instance::of(world.enter(&ticket).await);
    world.sign_up("zaphod", "hunter3").await.refused(40_003);
    world.sign_in("zaphod", "hunter4").await.refused(40_100);
    let body = r#"{"currentPassword":"hunter5","newPassword":"hunter6"}"#;
    let path = "/v1/user/password";
    let wrong = world.signed(&zaphod, "PUT", path, body).await;
    wrong.refused(40_100);
    world.passwords.set_busy(true);
    world.sign_in("zaphod", "hunter7").await.refused(50_300);
    world.passwords.set_busy(false);
    let bad = r#"{"password":"hunter8","password":"hunter9"}"#;
    let peer = "192.0.2.1".parse().unwrap();
    let path = "/v1/users/username/zaphod/authentication";
    world.app_from(peer, path, bad).await.refused(40_003);
    let all = lines.take().join("\n");
    for code in ["not_permitted", "conflict", "wrong_password", "unavailable"] {
        assert!(all.contains(code), "{code} in {all}");
    }
    let (fields, mac) = ticket.split_once(':').unwrap();
    for secret in ["hunter", "zaphod", fields, mac, &zaphod.secret] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}
