//! API keys: held to their end and their network at every door, listed without
//! their text, revoked by an admin or by themselves.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::world::{Call, Door, Reply, World, text};

const TOKENS: &str = "/v1/auth/tokens";

/// At each door the call that any key of a backend may make.
async fn at_each_door(world: &World, bearer: &str, peer: &str) -> Vec<(Door, Reply)> {
    let authorization = format!("Bearer {bearer}");
    let headers = [("authorization", &*authorization)];
    let mut replies = Vec::new();
    for (door, path) in [
        (Door::Native, "/v1/users"),
        (Door::Nexmo, "/v0.3/users"),
        (Door::Kustomer, "/demo/v1/auth/customer/settings"),
    ] {
        let peer: IpAddr = peer.parse().unwrap();
        let call = Call {
            headers: &headers,
            peer,
            ..Call::of("GET", path)
        };
        replies.push((door, world.send(door, call).await));
    }
    replies
}

#[tokio::test]
async fn a_key_is_held_to_its_end_and_its_network_at_every_door() {
    let world = World::new().await;
    let held = json!({ "cidr": "203.0.113.0/24", "expires_in_days": 30 });
    let key = world.api_key(&["admin", "user"], held).await;
    for form in ["key", "jwt"] {
        let bearer = text(&key[form]);
        for (door, reply) in at_each_door(&world, &bearer, "203.0.113.9").await {
            assert_eq!(reply.status, 200, "{door:?}: {}", reply.body);
        }
        for (door, reply) in at_each_door(&world, &bearer, "198.51.100.9").await {
            assert_eq!(reply.status, 403, "{door:?}: {}", reply.body);
            let told = reply.body.to_string();
            assert!(told.contains("from this network"), "{door:?}: {told}");
        }
    }
    let bearer = text(&key["key"]);
    world.clock.advance_s(30 * 86_400 - 1);
    for (door, reply) in at_each_door(&world, &bearer, "203.0.113.9").await {
        assert_eq!(reply.status, 200, "{door:?}: {}", reply.body);
    }
    world.clock.advance_s(1);
    for (door, reply) in at_each_door(&world, &bearer, "203.0.113.9").await {
        assert_eq!(reply.status, 401, "{door:?}: {}", reply.body);
        let told = reply.body.to_string();
        assert!(told.contains("this API key ended at 2023-12-14"), "{told}");
    }
    // Who has not the text learns nothing of it.
    let guessed = format!("{}AAAA", &bearer[..bearer.len() - 4]);
    for (door, reply) in at_each_door(&world, &guessed, "198.51.100.9").await {
        assert_eq!(reply.status, 401, "{door:?}: {}", reply.body);
        assert!(reply.body.to_string().contains("this is no API key"));
    }
}

#[tokio::test]
async fn a_key_as_a_jwt_tells_what_clients_read_and_is_refused_when_it_was_changed() {
    let world = World::new().await;
    for (roles, told) in [
        (&["admin", "user"][..], json!(["org.admin", "org.user"])),
        (&["tracking"], json!(["org.tracking"])),
    ] {
        let key = world.api_key(roles, json!({})).await;
        let jwt = text(&key["jwt"]);
        let parts: Vec<&str> = jwt.split('.').collect();
        let read = |part: &str| -> Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        assert_eq!(read(parts[0]), json!({ "alg": "HS256", "typ": "JWT" }));
        let payload = read(parts[1]);
        assert_eq!(payload["orgName"], "demo");
        assert_eq!(payload["org"], world.application.to_string());
        assert_eq!(payload["roles"], told);
        assert_eq!(payload["id"], key["id"]);
        let last = if jwt.ends_with('A') { 'B' } else { 'A' };
        for changed in [
            format!("{}{last}", &jwt[..jwt.len() - 1]),
            format!("{jwt}AAAA"),
            format!("{}.{}.AAAA", parts[0], parts[1]),
        ] {
            let reply = world.backend("GET", TOKENS, &changed).await;
            assert_eq!(reply.status, 401, "{changed}: {}", reply.body);
        }
    }
    // A page enters with it as with the key itself.
    let page = world.api_key(&["tracking"], json!({})).await;
    let path = "/v1/sessions/anonymous";
    let entered = world
        .native("POST", path, &text(&page["jwt"]), Some(json!({})))
        .await;
    entered.expect(201);
}

#[tokio::test]
async fn they_are_listed_page_by_page_without_their_text() {
    let world = World::new().await;
    for _ in 0..4 {
        world.api_key(&["user"], json!({})).await;
    }
    world
        .api_key(
            &["tracking"],
            json!({ "cidr": "10.0.0.0/8", "expires_in_days": 1 }),
        )
        .await;
    let mut path = format!("{TOKENS}?page[size]=4");
    let mut all = Vec::new();
    loop {
        let reply = world.backend("GET", &path, &world.backend).await;
        let body = reply.expect(200);
        all.extend(body["data"].as_array().unwrap().clone());
        assert_eq!(body["links"]["first"], format!("{TOKENS}?page%5Bsize%5D=4"));
        match body["links"]["next"].as_str() {
            Some(next) => next.clone_into(&mut path),
            None => break,
        }
    }
    assert_eq!(all.len(), 6);
    let told = Value::from(all.clone()).to_string();
    assert!(!told.contains("cs_") && !told.contains("Y3Nf"), "{told}");
    let attributes = &all[0]["attributes"];
    assert_eq!(attributes["roles"], json!(["org.admin", "org.user"]));
    assert!(
        world
            .backend
            .ends_with(&text(&attributes["lastTokenChars"]))
    );
    let page = &all[5];
    assert_eq!(page["type"], "token");
    assert_eq!(page["attributes"]["roles"], json!(["org.tracking"]));
    assert_eq!(page["attributes"]["cidr"], "10.0.0.0/8");
    assert_eq!(page["attributes"]["expiresAt"], "2023-11-15T22:13:25.000Z");
}

#[tokio::test]
async fn a_key_revokes_itself_and_an_admin_each() {
    let world = World::new().await;
    let key = async |roles: &[&str]| {
        let made = world.api_key(roles, json!({})).await;
        (text(&made["id"]), text(&made["key"]))
    };
    let (own, user) = key(&["user"]).await;
    let (neighbour, _) = key(&["user"]).await;
    let (page, publishable) = key(&["tracking"]).await;
    let of = |id: &str| format!("{TOKENS}/{id}");
    let refused = async |path: &str, bearer: &str, status, code| {
        let reply = world.backend("DELETE", path, bearer).await;
        reply.refused(status, code);
    };
    refused(&of(&neighbour), &user, 403, "not_permitted").await;
    // A publishable key is everybody's: nobody takes it from the others.
    refused(&of("current"), &publishable, 403, "not_permitted").await;
    refused(&of(&page), &publishable, 403, "not_permitted").await;
    refused(&of("current"), &world.operator, 409, "conflict").await;
    refused(&of("KEY-1"), &world.backend, 404, "not_found").await;
    refused(&of(&own), &world.other_backend, 404, "not_found").await;

    let reply = world.backend("DELETE", &of("current"), &user).await;
    reply.expect(204);
    refused(&of("current"), &user, 401, "unknown_key").await;
    let (own, user) = key(&["user"]).await;
    world.backend("DELETE", &of(&own), &user).await.expect(204);
    refused(&of(&own), &user, 401, "unknown_key").await;
    for id in [&neighbour, &page] {
        let reply = world.backend("DELETE", &of(id), &world.backend).await;
        reply.expect(204);
        refused(&of(id), &world.backend, 404, "not_found").await;
    }
    assert_eq!(world.audit("api_key.revoke").await.len(), 4);
}
