//! A nexmo token without `sub` is a backend's bearer. That it was found good once is remembered,
//! and never longer than it is so.

use countersign_credential::mint::{Minted, Order, mint};
use countersign_credential::signing_key::SigningKey;
use serde_json::json;

use crate::world::{World, text};

const LIFE_S: u32 = 600;

/// A backend's bearer with this `jti`, of a new key, whose kid comes with it.
async fn bearer(world: &World, jti: &str) -> (String, String) {
    let keys = format!("/v1/applications/{}/keys", world.home.id);
    let asked = json!({"algorithm": "RS256"});
    let made = world.post(&keys).bearer(&world.home.admin).json(&asked);
    let made = made.send().await.expect(201);
    let key = SigningKey::from_private_key_pem(&text(&made["private_key_pem"]));
    let order = Order {
        claims: Minted::Nexmo {
            subject: None,
            acl: None,
            jti: Some(jti),
        },
        application_id: &world.home.id.to_string(),
        kid: None,
        issued_at: world.now(),
        life_s: Some(LIFE_S),
    };
    let token = mint(&order, &key.expect("the key is one")).expect("the token can be minted");
    (token, text(&made["kid"]))
}

#[tokio::test]
async fn a_bearer_that_was_good_is_good_until_it_is_over() {
    let world = World::new().await;
    let (token, _) = bearer(&world, "over").await;
    let list = || world.get("/v1/users").bearer(&token).send();
    list().await.expect(200);
    list().await.expect(200);
    world.clock.advance_s(i64::from(LIFE_S) - 1);
    list().await.expect(200);
    list().await.expect(200);
    world.clock.advance_s(1);
    list().await.problem(401, "expired");
}

#[tokio::test]
async fn a_bearer_that_was_good_ends_at_once_by_each_way_to_end_it() {
    for (way, code) in [
        ("jti", "credential_revoked"),
        ("kid", "unknown_key"),
        ("application_id", "credential_revoked"),
        ("key", "unknown_key"),
    ] {
        let world = World::new().await;
        let (token, kid) = bearer(&world, "ended").await;
        let list = || world.get("/v1/users").bearer(&token).send();
        list().await.expect(200);
        let call = match way {
            "jti" => world.post("/v1/revocations").json(&json!({"jti": "ended"})),
            "kid" => world.post("/v1/revocations").json(&json!({"kid": kid})),
            "application_id" => world
                .post("/v1/revocations")
                .json(&json!({"application_id": world.home.id.to_string()})),
            _ => world
                .call(
                    "PATCH",
                    &format!("/v1/applications/{}/keys/{kid}", world.home.id),
                )
                .json(&json!({"state": "revoked"})),
        };
        let done = call.bearer(&world.home.admin).send().await;
        assert!(done.status < 300, "{way}: {}", done.text());
        list().await.problem(401, code);
    }
}

#[tokio::test]
async fn what_ends_another_bearer_leaves_this_one() {
    let world = World::new().await;
    let (token, _) = bearer(&world, "stays").await;
    let list = || world.get("/v1/users").bearer(&token).send();
    list().await.expect(200);
    let other = json!({"jti": "another"});
    let revoke = world.post("/v1/revocations").json(&other);
    revoke.bearer(&world.home.admin).send().await.expect(201);
    list().await.expect(200);
}

#[tokio::test]
async fn who_changes_itself_reads_the_change() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let path = format!("/v1/users/{}", alice.user);
    let read = || world.get(&path).bearer(&alice.access).send();
    assert!(read().await.expect(200)["display_name"].is_null());
    for (bearer, name) in [(&alice.access, "Alice"), (&world.home.key, "Alice Cooper")] {
        let patch = json!({"display_name": name});
        let call = world.call("PATCH", &path).bearer(bearer).json(&patch);
        call.send().await.expect(200);
        assert_eq!(read().await.expect(200)["display_name"], name);
    }
}
