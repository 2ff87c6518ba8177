//! The long poll tells what a socket tells.

use serde_json::{Value, json};

use crate::client::{in_short, in_time};
use crate::world::{Device, World};

async fn sync(world: &World, device: &Device, body: Value) -> Vec<Value> {
    let answer = world.post("/v1/sync", &device.access, body).await;
    answer["frames"].as_array().unwrap().clone()
}

/// The frames without what differs from one answer to the next.
fn comparable(mut frames: Vec<Value>) -> Vec<Value> {
    for frame in &mut frames {
        if frame["type"] == "welcome" {
            frame["server_time"] = Value::Null;
        }
    }
    frames
}

#[tokio::test]
async fn a_poll_is_told_what_a_socket_is_told() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.shared(&[&alice, &bob]).await;
    let other = world.conversation(&bob).await;
    for what in ["a", "b", "c"] {
        world.say(&alice.access, &id, what).await;
    }
    let epoch = world.ctx.epoch();
    for have in [
        json!({}),
        json!({id.as_str(): 3}),
        json!({id.as_str(): 5, other.as_str(): 1}),
        json!({id.as_str(): 5, "CON-01a3185c-507b-7bab-abab-000000000000": 9}),
    ] {
        for epoch in [epoch, epoch + 1] {
            let (mut client, welcome) = world
                .connect_with(json!({"type": "authenticate", "token": bob.access,
                    "have": have, "epoch": epoch}))
                .await;
            let mut socket = vec![welcome];
            socket.extend(client.told().await);
            let poll = sync(&world, &bob, json!({"have": have, "epoch": epoch})).await;
            assert_eq!(comparable(poll), comparable(socket), "{have} {epoch}");
        }
    }
}

#[tokio::test]
async fn a_poll_waits_for_what_is_new_and_ends_with_it() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.shared(&[&alice, &bob]).await;
    let body = json!({"have": {id.as_str(): 2}, "wait_seconds": 25});
    let said = async {
        // Either it is there when the poll begins, or it ends the wait.
        tokio::task::yield_now().await;
        world.say(&alice.access, &id, "new").await;
    };
    let (frames, ()) = in_time(async { tokio::join!(sync(&world, &bob, body), said) }).await;
    assert_eq!(in_short(&frames), ["welcome", "event 3 new"]);
    let body = json!({"have": {id.as_str(): 3}, "wait_seconds": 1});
    assert_eq!(in_short(&sync(&world, &bob, body).await), ["welcome"]);
    for wait in [json!(26), json!(-1), json!("1")] {
        let body = json!({"wait_seconds": wait});
        let (status, answer) = world
            .call("POST", "/v1/sync", &bob.access, Some(body))
            .await;
        assert_eq!((status, &answer["code"]), (400, &json!("bad_request")));
    }
}

#[tokio::test]
async fn a_poll_ends_with_its_session() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    world.conversation(&alice).await;
    let body = json!({"wait_seconds": 25});
    let poll = world.call("POST", "/v1/sync", &alice.access, Some(body));
    let revoked = async {
        let body = json!({"session_id": alice.session});
        tokio::task::yield_now().await;
        world.post("/v1/revocations", &world.key, body).await;
    };
    let ((status, answer), ()) = in_time(async { tokio::join!(poll, revoked) }).await;
    assert_eq!((status, &answer["code"]), (401, &json!("session_ended")));
}
