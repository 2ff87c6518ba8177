//! Whatever ends a credential or a session ends its sockets and its calls, and
//! nothing more goes out.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::socket_client::Came;
use crate::world::{Person, World};

/// The ways to end it, each with the body of the revocation.
fn ways(world: &World, person: &Person, session: &Value) -> Vec<(&'static str, Value)> {
    vec![
        ("jti", json!({ "jti": person.jti })),
        ("session", json!({ "session_id": session["id"] })),
        ("user", json!({ "user_id": person.id })),
        ("kid", json!({ "kid": world.kid })),
        (
            "application",
            json!({ "application_id": world.application.to_string() }),
        ),
    ]
}

#[tokio::test]
async fn each_way_to_revoke_closes_the_socket_and_refuses_the_token() {
    for place in 0..5 {
        let world = World::new().await;
        let alice = world.person("alice").await;
        let (mut client, session) = world.connect(&alice.token).await;
        let me = || world.get("/v0.3/users/me", &alice.token);
        me().await.expect(200);
        let (way, body) = ways(&world, &alice, &session).remove(place);
        let done = world.native("POST", "/v1/revocations", &world.admin, Some(body));
        assert_eq!(done.await.status, 201, "{way}");
        assert_eq!(
            client.rest().await,
            [Came::Left, Came::Closed(Some(1000))],
            "{way}"
        );
        let refused = me().await;
        assert_eq!(refused.status, 401, "{way}");
        assert_eq!(refused.body["code"], "system:error:invalid-token", "{way}");
    }
}

#[tokio::test]
async fn who_is_blocked_or_deleted_is_put_out() {
    for (method, body) in [
        ("PATCH", Some(json!({ "blocked": true }))),
        ("DELETE", None),
    ] {
        let world = World::new().await;
        let alice = world.person("alice").await;
        let (mut client, _) = world.connect(&alice.token).await;
        world.get("/v0.3/users/me", &alice.token).await.expect(200);
        let path = format!("/v1/users/{}", alice.id);
        let done = world.native(method, &path, &world.admin, body).await;
        assert!(done.status < 300, "{method}");
        assert_eq!(client.rest().await, [Came::Left, Came::Closed(Some(1000))]);
        let refused = world.get("/v0.3/users/me", &alice.token).await;
        assert_eq!(refused.status, 401, "{method}");
    }
}

/// The reader stops reading, so that events wait everywhere where they can; and
/// once the revocation is answered, none of those that had not left goes out.
#[tokio::test]
async fn what_was_waiting_does_not_go_out_after_a_revocation() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let conversation = world.shared(&[&alice, &bob]).await;
    let (mut client, _) = world.connect(&bob.token).await;
    client.keep_silent();
    // More than the kernel's buffers of both ends take.
    let big = "x".repeat(48 * 1024);
    let mut last = 0;
    for _ in 0..400 {
        last = world.say(&alice.token, &conversation, &big).await;
    }
    let body = json!({ "jti": bob.jti });
    let done = world.native("POST", "/v1/revocations", &world.admin, Some(body));
    assert_eq!(done.await.status, 201);
    let after = world
        .say(&alice.token, &conversation, "after the revocation")
        .await;
    assert!(after > last);
    let mut seen = 0;
    for came in client.rest().await {
        if let Came::Event(_, payload) = came {
            seen = payload["id"].as_u64().unwrap();
        }
    }
    assert!(seen < last, "{seen} of {last} went out");
}

#[tokio::test]
async fn a_revoked_session_is_not_taken_up_again() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let (mut client, session) = world.connect(&alice.token).await;
    let body = json!({ "session_id": session["id"] });
    let done = world.native("POST", "/v1/revocations", &world.admin, Some(body));
    assert_eq!(done.await.status, 201);
    client.rest().await;
    let id = session["id"].as_str().unwrap();
    let (_client, first) = world
        .login(&format!("session_id={id}&token={}", alice.token))
        .await;
    let Came::Event(name, _) = first else {
        panic!("{first:?}");
    };
    assert_eq!(name, "system:error:invalid-token");
}

#[tokio::test]
async fn a_websocket_ping_is_answered_and_a_close_is_too() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let (mut client, _) = world.connect(&alice.token).await;
    client.send_message(Message::Ping(vec![1].into())).await;
    client.send_message(Message::Close(None)).await;
    assert!(matches!(client.next().await, Came::Closed(_)));
}
