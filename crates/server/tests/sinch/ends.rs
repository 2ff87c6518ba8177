//! Whatever ends a session refuses its next signed request, and what it was
//! known by does not come back.

use serde_json::{Value, json};

use crate::world::{Instance, World, text};

/// The ways to end it, each with the call of the native door that does it.
pub(crate) async fn ways(world: &World) -> Vec<(&'static str, String, Option<Value>)> {
    let user = world.user("alice").await;
    let session = text(&world.sessions("alice").await[0]["id"]);
    let revoke = |body: Value| ("POST", "/v1/revocations".to_owned(), Some(body));
    vec![
        revoke(json!({ "session_id": session })),
        revoke(json!({ "user_id": user })),
        revoke(json!({ "kid": world.kid })),
        revoke(json!({ "application_id": world.application.to_string() })),
        ("DELETE", format!("/v1/sessions/{session}"), None),
        (
            "DELETE",
            format!("/v1/sessions/others?user_id={user}"),
            None,
        ),
        ("DELETE", format!("/v1/users/{user}"), None),
        (
            "PATCH",
            format!("/v1/users/{user}"),
            Some(json!({ "blocked": true })),
        ),
    ]
}

#[tokio::test]
async fn each_way_to_end_a_session_refuses_its_next_request() {
    for place in 0..8 {
        let world = World::new().await;
        let alice = world.instance("alice").await;
        world.profile(&alice).await.expect(200);
        let (method, path, body) = ways(&world).await.remove(place);
        let way = format!("{method} {path} {body:?}");
        world.done(method, &path, body).await;
        for (method, path) in [
            ("GET", "/v1/user/profile"),
            ("GET", "/v1/configuration/user"),
            ("POST", "/v1/instance"),
            ("POST", "/v1/report/im"),
        ] {
            let refused = world.signed(&alice, method, path, "").await;
            assert_eq!(refused.body["errorCode"], 40_400, "{way}: {path}");
        }
    }
}

#[tokio::test]
async fn who_was_put_out_comes_in_as_another_instance() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    let session = text(&world.sessions("alice").await[0]["id"]);
    let path = format!("/v1/sessions/{session}");
    world.done("DELETE", &path, None).await;
    world.clock.advance_s(1);
    // What the SDK does: the instance that it knows, and then a new one.
    let ticket = world.ticket("alice");
    let known = world.enter_again(&ticket, &alice.id).await;
    known.refused(40_400);
    let again = Instance::of(world.enter(&ticket).await);
    assert_ne!(again.id, alice.id);
    assert_ne!(again.secret, alice.secret);
    world.profile(&again).await.expect(200);
    world.profile(&alice).await.refused(40_400);
}

#[tokio::test]
async fn a_deleted_application_has_no_instances() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    world.delete_application().await;
    world.profile(&alice).await.refused(40_400);
    world.enter(&world.ticket("alice")).await.refused(40_100);
}

#[tokio::test]
async fn too_many_sessions_end_the_oldest() {
    let world = World::new().await;
    world.set(json!({ "sessions_max": 2 })).await;
    let mut instances = Vec::new();
    for _ in 0..3 {
        instances.push(world.instance("alice").await);
        world.clock.advance_s(1);
    }
    world.profile(&instances[0]).await.refused(40_400);
    for instance in &instances[1..] {
        world.profile(instance).await.expect(200);
    }
}
