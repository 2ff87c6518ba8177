//! A backend reads the secret with a key that has both roles; it is the current
//! one, and the audit log tells who reads it.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::world::{Call, Door, Reply, SECRET, World, text};

const SETTINGS: &str = "/v1/auth/customer/settings";

async fn from(world: &World, peer: &str, bearer: &str) -> Reply {
    let authorization = format!("Bearer {bearer}");
    let headers = [("authorization", &*authorization)];
    let peer: IpAddr = peer.parse().unwrap();
    let path = format!("/demo{SETTINGS}");
    let call = Call {
        headers: &headers,
        peer,
        ..Call::of("GET", &path)
    };
    world.send(Door::Kustomer, call).await
}

#[tokio::test]
async fn both_roles_read_it_and_no_other_key_does() {
    let world = World::new().await;
    for (roles, reads) in [
        (&["admin", "user"][..], true),
        (&["admin", "user", "tracking"], true),
        (&["admin"], false),
        (&["user"], false),
        (&["tracking"], false),
        (&["admin", "tracking"], false),
        (&["user", "tracking"], false),
    ] {
        let key = world.api_key(roles, json!({})).await;
        for form in ["key", "jwt"] {
            let reply = world.backend("GET", SETTINGS, &text(&key[form])).await;
            if reads {
                let body = reply.expect(200);
                assert_eq!(body["data"]["attributes"]["secret"], SECRET, "{roles:?}");
            } else {
                reply.refused(403, "not_permitted");
            }
        }
    }
    let operator = world.backend("GET", SETTINGS, &world.operator).await;
    operator.refused(403, "not_permitted");
}

#[tokio::test]
async fn it_is_the_current_one_as_text() {
    let world = World::new().await;
    let secret = async || {
        let reply = world.backend("GET", SETTINGS, &world.backend).await;
        reply.expect(200)["data"].clone()
    };
    let first = secret().await;
    assert_eq!(first["id"], "first");
    assert_eq!(first["type"], "customer_auth_settings");
    let made = json!({ "algorithm": "HS256", "kid": "second" });
    let second = world.done("POST", &world.at("/keys"), Some(made)).await;
    // A new one stands by until it is made current.
    assert_eq!(secret().await["attributes"]["secret"], SECRET);
    let current = json!({ "state": "current" });
    let path = world.at("/keys/second");
    world.done("PATCH", &path, Some(current.clone())).await;
    let attributes = &secret().await["attributes"];
    assert_eq!(attributes["secret"], second["secret"]);
    assert_eq!(attributes["kid"], "second");

    // Bytes that are no text cannot be given as one.
    let bytes =
        json!({ "algorithm": "HS256", "kid": "bytes", "secret_base64": "/".repeat(42) + "8=" });
    world.done("POST", &world.at("/keys"), Some(bytes)).await;
    let path = world.at("/keys/bytes");
    world.done("PATCH", &path, Some(current)).await;
    let reply = world.backend("GET", SETTINGS, &world.backend).await;
    reply.refused(409, "conflict");

    let revoked = json!({ "state": "revoked" });
    world.done("PATCH", &path, Some(revoked)).await;
    let reply = world.backend("GET", SETTINGS, &world.backend).await;
    reply.refused(404, "not_found");
}

#[tokio::test]
async fn the_audit_log_tells_who_reads_it_and_not_each_time() {
    let world = World::new().await;
    let read = async |peer: &str| {
        from(&world, peer, &world.backend).await.expect(200);
        world.clock.advance_s(1);
    };
    let told = async || -> Vec<Value> {
        let entries = world.audit("key.secret_read").await;
        entries
            .iter()
            .map(|entry| entry["detail"].clone())
            .collect()
    };
    for _ in 0..50 {
        read("127.0.0.1").await;
    }
    assert_eq!(told().await, ["from 127.0.0.1"]);
    read("203.0.113.7").await;
    assert_eq!(told().await, ["from 203.0.113.7", "from 127.0.0.1"]);
    world.clock.advance_s(3_600);
    read("127.0.0.1").await;
    read("127.0.0.1").await;
    let newest = &told().await[0];
    assert_eq!(
        *newest,
        "from 127.0.0.1, 49 times more since the last entry"
    );
    assert_eq!(told().await.len(), 3);

    // Another key reads, and then another secret is read.
    let key = world.api_key(&["admin", "user"], json!({})).await;
    let bearer = text(&key["key"]);
    from(&world, "127.0.0.1", &bearer).await.expect(200);
    let entries = world.audit("key.secret_read").await;
    assert_eq!(entries[0]["actor"], key["id"]);
    assert_eq!(entries[0]["target"], "first");
    assert!(!entries.iter().any(|it| it.to_string().contains(SECRET)));
    let made = json!({ "algorithm": "HS256", "kid": "second" });
    world.done("POST", &world.at("/keys"), Some(made)).await;
    let current = json!({ "state": "current" });
    let path = world.at("/keys/second");
    world.done("PATCH", &path, Some(current)).await;
    world.clock.advance_s(1);
    from(&world, "127.0.0.1", &bearer).await.expect(200);
    let entries = world.audit("key.secret_read").await;
    assert_eq!(entries[0]["target"], "second");
    assert_eq!(entries.len(), 5);

    // Who may not read leaves no entry.
    let user = world.api_key(&["user"], json!({})).await;
    from(&world, "127.0.0.1", &text(&user["key"]))
        .await
        .refused(403, "not_permitted");
    assert_eq!(world.audit("key.secret_read").await.len(), 5);
}
