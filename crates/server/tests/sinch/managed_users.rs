//! The setting: what is refused without it, and what ends when it goes off.

use futures_util::FutureExt as _;
use serde_json::json;

use crate::phone::{Phone, in_time, refused};
use crate::world::{Instance, World, text};

async fn turn(world: &World, on: bool) {
    world.set(json!({ "managed_users": on })).await;
}

#[tokio::test]
async fn without_it_nobody_signs_up_or_in() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    let body = json!({ "currentPassword": "hunter2", "newPassword": "hunter3" }).to_string();
    let path = "/v1/user/password";
    for told in [
        world.sign_up("bob", "hunter2").await,
        world.sign_in("alice", "hunter2").await,
        world.sign_in("nobody", "hunter2").await,
        world.signed(&alice, "PUT", path, &body).await,
    ] {
        let message = text(&told.refused(40_300)["message"]);
        assert!(message.contains("managed_users"), "{message}");
    }
    assert_eq!(world.passwords.work(), (0, 0));
    let found = world.done("GET", "/v1/users", None).await;
    assert_eq!(found["users"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn off_ends_what_passwords_opened_at_once_and_for_good() {
    let world = World::new().await;
    turn(&world, true).await;
    let alice = world.instance("alice").await;
    let bob = world.managed("bob", "hunter2").await;
    let told = world.sign_in("bob", "hunter2").await.expect(200);
    let ticket = text(&told["authorization"]);
    for instance in [&alice, &bob] {
        world.profile(instance).await.expect(200);
    }
    turn(&world, false).await;
    world.profile(&alice).await.expect(200);
    world.profile(&bob).await.refused(40_400);
    world.enter(&ticket).await.refused(40_102);
    world.enter_again(&ticket, &bob.id).await.refused(40_102);
    assert!(world.sessions("bob").await.is_empty());
    let log = world.audit("session.end_by_password").await;
    assert_eq!(log.len(), 1);
    assert_eq!(log[0]["target"], world.application.to_string());
    // On again lets users in again, and no session live again.
    turn(&world, true).await;
    world.profile(&bob).await.refused(40_400);
    let again = Instance::of(world.enter(&ticket).await);
    world.profile(&again).await.expect(200);
    assert_eq!(world.audit("session.end_by_password").await.len(), 1);
}

#[tokio::test]
async fn whoever_enters_while_it_goes_off_is_not_in() {
    let world = World::new().await;
    turn(&world, true).await;
    let told = world.sign_up("bob", "hunter2").await.expect(200);
    let ticket = text(&told["authorization"]);
    let entering = (0..20).map(|_| world.enter(&ticket));
    let (entered, ()) = futures_util::future::join(
        futures_util::future::join_all(entering),
        turn(&world, false),
    )
    .await;
    for reply in entered {
        if reply.status == 200 {
            let bob = Instance::of(reply);
            world.profile(&bob).await.refused(40_400);
        }
    }
    turn(&world, true).await;
    assert!(
        world.sessions("bob").await.is_empty(),
        "none is left behind"
    );
}

/// The setting goes off so many trips to the store after the sign-ups began.
#[tokio::test]
async fn nobody_is_signed_up_any_more_once_it_is_off() {
    let world = World::new().await;
    let users = async || {
        let found = world.done("GET", "/v1/users", None).await;
        found["users"].as_array().unwrap().len()
    };
    for trips in 0..10 {
        turn(&world, true).await;
        let names = (0..5).map(|number| format!("bob{trips}x{number}"));
        let signing_up = names.map(async |name| world.sign_up(&name, "hunter2").await.status);
        let going_off = async {
            for _ in 0..trips {
                world.ctx.registry.ping().await.unwrap();
            }
            turn(&world, false).await;
            users().await
        };
        let signing_up = futures_util::future::join_all(signing_up);
        let (signed_up, known) = futures_util::future::join(signing_up, going_off).await;
        assert_eq!(users().await, known, "{trips}: {signed_up:?}");
    }
}

#[tokio::test]
async fn off_ends_what_was_opened_at_another_door_too() {
    let world = World::new().await;
    turn(&world, true).await;
    let told = world.sign_up("bob", "hunter2").await.expect(200);
    let ticket = text(&told["authorization"]);
    let credential = json!({
        "credential": ticket,
        "application_id": world.application.to_string(),
    });
    let reply = world.by_stranger("POST", "/v1/sessions", credential).await;
    let answer = reply.expect(201);
    let token = text(&answer["access_token"]);
    let refresh = json!({ "refresh_token": answer["refresh_token"] });
    turn(&world, false).await;
    let again = world.native("GET", "/v1/conversations", &token, None).await;
    assert_eq!(again.expect(401)["code"], "session_ended");
    let refreshed = world
        .by_stranger("POST", "/v1/sessions/refresh", refresh)
        .await;
    assert_eq!(refreshed.expect(401)["code"], "session_ended");
}

/// The ways that passwords end sessions by, and others that no request names.
#[tokio::test]
async fn whatever_ends_a_session_of_a_password_cuts_its_poll_at_once() {
    for way in ["off", "change", "ticket", "too many", "application"] {
        let world = World::new().await;
        turn(&world, true).await;
        let bob = world.managed("bob", "hunter2").await;
        world.clock.advance_s(1);
        let other = world.managed_again("bob", "hunter2").await;
        let phone = Phone::at(&world, "bob", bob).await;
        let (_, token) = phone.fetch("0").await;
        let mut waits = Box::pin(phone.poll(&token));
        assert!(waits.as_mut().now_or_never().is_none());
        match way {
            "off" => turn(&world, false).await,
            "change" => {
                let body = json!({"currentPassword": "hunter2", "newPassword": "hunter3"});
                let path = "/v1/user/password";
                let changed = world.signed(&other, "PUT", path, &body.to_string()).await;
                changed.expect(200);
            }
            "ticket" => drop(world.instance("bob").await),
            "too many" => {
                world.set(json!({ "sessions_max": 2 })).await;
                drop(world.managed_again("bob", "hunter2").await);
            }
            _ => world.delete_application().await,
        }
        // Nobody looks at the sockets here but who has heard of it.
        refused(&in_time(waits).await, 403);
        refused(&phone.poll(&token).await, 403);
        refused(&phone.poll("0").await, 403);
        world.operations.look_at_sockets(&world.ctx);
        assert_eq!(world.metric("connections").await, 0, "{way}");
    }
}
