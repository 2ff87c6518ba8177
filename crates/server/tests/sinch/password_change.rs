//! Changing a password: who knows the present one, and what it ends.

use serde_json::{Value, json};

use crate::world::{Instance, Reply, World, text};

async fn open() -> World {
    let world = World::new().await;
    world.set(json!({ "managed_users": true })).await;
    world
}

async fn change(world: &World, instance: &Instance, current: &str, new: &str) -> Reply {
    let body = json!({ "currentPassword": current, "newPassword": new }).to_string();
    world
        .signed(instance, "PUT", "/v1/user/password", &body)
        .await
}

#[tokio::test]
async fn it_ends_every_other_session_and_what_was_handed_out() {
    let world = open().await;
    let phone = world.managed("bob", "hunter2").await;
    let laptop = world.managed_again("bob", "hunter2").await;
    let other = world.managed("carol", "hunter2").await;
    let ticket = text(&world.sign_in("bob", "hunter2").await.expect(200)["authorization"]);
    let done = change(&world, &phone, "hunter2", "hunter3").await;
    assert_eq!(done.expect(200), json!({}));
    world.profile(&phone).await.expect(200);
    world.profile(&laptop).await.refused(40_400);
    world.profile(&other).await.expect(200);
    assert_eq!(world.sessions("bob").await.len(), 1);
    world.enter(&ticket).await.refused(40_102);
    world.enter_again(&ticket, &laptop.id).await.refused(40_102);
    world.sign_in("bob", "hunter2").await.refused(40_100);
    let laptop = world.managed_again("bob", "hunter3").await;
    world.profile(&laptop).await.expect(200);
    let log = world.audit("user.password_changed").await;
    let user = world.user("bob").await;
    assert_eq!(log.len(), 1);
    assert_eq!([&log[0]["actor"], &log[0]["target"]], [&user, &user]);
    // The same one again is another one, too.
    world.clock.advance_s(1);
    change(&world, &laptop, "hunter3", "hunter3")
        .await
        .expect(200);
    world.profile(&phone).await.refused(40_400);
}

#[tokio::test]
async fn without_the_present_one_nothing_changes() {
    let world = open().await;
    let bob = world.managed("bob", "hunter2").await;
    let laptop = world.managed_again("bob", "hunter2").await;
    world.passwords.work();
    change(&world, &bob, "hunter3", "hunter4")
        .await
        .refused(40_100);
    assert_eq!(world.passwords.work(), (0, 1));
    world.profile(&laptop).await.expect(200);
    world.managed_again("bob", "hunter2").await;
    assert!(world.audit("user.password_changed").await.is_empty());
    let path = "/v1/user/password";
    for (body, code) in [
        ("", 40_001),
        ("[]", 40_001),
        ("{", 40_003),
        (r#"{"currentPassword":"hunter2"}"#, 40_001),
        (r#"{"currentPassword":"hunter2","newPassword":""}"#, 40_001),
        (
            r#"{"newPassword":"hunter3","newPassword":"hunter3"}"#,
            40_003,
        ),
    ] {
        world.clock.advance_s(1);
        let reply = world.signed(&bob, "PUT", path, body).await;
        let told = reply.refused(code);
        assert!(!text(&told["message"]).contains("hunter"), "{told}");
    }
    world.passwords.set_busy(true);
    let reply = change(&world, &bob, "hunter2", "hunter3").await;
    reply.refused(50_300);
}

#[tokio::test]
async fn who_has_none_is_told() {
    let world = open().await;
    let alice = world.instance("alice").await;
    change(&world, &alice, "hunter2", "hunter3")
        .await
        .refused(40_300);
    assert_eq!(world.passwords.work(), (0, 0));
    world.set(json!({ "managed_users": false })).await;
    world.clock.advance_s(1);
    let told = change(&world, &alice, "hunter2", "hunter3")
        .await
        .refused(40_300);
    assert!(text(&told["message"]).contains("managed_users"), "{told}");
}

#[tokio::test]
async fn guessing_it_is_slowed_down_with_signing_in() {
    let world = open().await;
    let bob = world.managed("bob", "hunter2").await;
    // From this machine: as many as an account has from everywhere, and a few.
    for number in 0..102 {
        world.clock.advance_s(0);
        let wrong = format!("hunter{}", number + 3);
        change(&world, &bob, &wrong, "x").await.refused(40_100);
    }
    let reply = change(&world, &bob, "hunter2", "hunter3").await;
    assert_eq!(reply.header("retry-after"), "6");
    reply.refused(42_900);
    world.sign_in("bob", "hunter2").await.refused(42_900);
    world.clock.advance_s(6);
    change(&world, &bob, "hunter2", "hunter3").await.expect(200);
}

#[tokio::test]
async fn of_two_at_once_one_is_done_and_the_other_ends() {
    let world = open().await;
    let one = world.managed("bob", "hunter2").await;
    let other = world.managed_again("bob", "hunter2").await;
    let (first, second) = futures_util::future::join(
        change(&world, &one, "hunter2", "hunter3"),
        change(&world, &other, "hunter2", "hunter4"),
    )
    .await;
    let done: Vec<&str> = [(&first, "hunter3"), (&second, "hunter4")]
        .into_iter()
        .filter(|(reply, _)| reply.status == 200)
        .map(|(_, password)| password)
        .collect();
    let [password] = done[..] else {
        panic!("{first:?} {second:?}");
    };
    world.managed_again("bob", password).await;
    assert_eq!(world.audit("user.password_changed").await.len(), 1);
}

/// The change begins so many trips to the store after the logins.
#[tokio::test]
async fn nobody_gets_in_with_the_one_before_while_it_changes() {
    let world = open().await;
    for trips in 0..10 {
        let name = format!("bob{trips}");
        let bob = world.managed(&name, "hunter2").await;
        let told = world.sign_in(&name, "hunter2").await.expect(200);
        let ticket = text(&told["authorization"]);
        let changing = async {
            for _ in 0..trips {
                world.ctx.registry.ping().await.unwrap();
            }
            change(&world, &bob, "hunter2", "hunter3").await
        };
        let entering = (0..5).map(|_| world.enter(&ticket));
        let entering = futures_util::future::join_all(entering);
        let (changed, entered) = futures_util::future::join(changing, entering).await;
        changed.expect(200);
        for reply in entered {
            if reply.status == 200 {
                let got_in_before = Instance::of(reply);
                world.profile(&got_in_before).await.refused(40_400);
            } else {
                reply.refused(40_102);
            }
        }
        let open: Vec<Value> = world.sessions(&name).await;
        assert_eq!(open.len(), 1, "{trips}");
        world.profile(&bob).await.expect(200);
    }
}
