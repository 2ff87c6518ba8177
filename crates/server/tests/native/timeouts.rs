//! When a session is over without anybody ending it, and how many a user may
//! have: each at its edge, to the millisecond.

use serde_json::{Value, json};

use crate::world::{Device, World, text};

const DAY_MS: i64 = 86_400_000;

/// Exchanges a refresh token that lives.
async fn renewed(world: &World, device: &Device) -> Device {
    Device::of(&world.refresh(&device.refresh, None).await.expect(200))
}

/// Checks that neither token of a session opens anything.
async fn is_over(world: &World, device: &Device, what: &str) {
    let refused = world.refresh(&device.refresh, None).await;
    refused.problem(401, "session_ended");
    assert!(!world.lives(device).await, "{what}: the access token");
}

/// The sessions that a user sees of its own.
async fn listed(world: &World, device: &Device) -> Vec<String> {
    let reply = world.get("/v1/sessions").bearer(&device.access).send();
    let list = reply.await.expect(200);
    let sessions = list["sessions"].as_array().expect("it is a list");
    sessions.iter().map(|one| text(&one["id"])).collect()
}

/// How many sessions have ended so, as the metrics tell.
async fn ended(world: &World, why: &str) -> u64 {
    let page = world.get("/metrics").bearer(&world.operator).send().await;
    assert_eq!(page.status, 200);
    let name = format!("countersign_sessions_ended_total{{reason=\"{why}\"}} ");
    let page = String::from_utf8(page.body).expect("the metrics are a text");
    let line = page.lines().find_map(|line| line.strip_prefix(&*name));
    line.map_or(0, |count| count.parse().expect("it is a number"))
}

#[tokio::test]
async fn who_is_idle_for_too_long_is_out_and_a_refresh_begins_anew() {
    let world = World::new().await;
    world
        .set(&json!({"idle_days": 2, "anonymous_days": 3}))
        .await;
    let user = world.user("ada").await;
    let minted = world.visitor().await;
    let kept = world.visitor().await;
    world.conversation(&kept).await;

    world.clock.advance_ms(2 * DAY_MS - 1);
    let user = renewed(&world, &user).await;
    assert!(world.lives(&user).await);
    world.clock.advance_ms(1);
    let phone = world.user("ada").await;
    assert_eq!(
        listed(&world, &phone).await,
        [&*phone.session, &*user.session]
    );

    world.clock.advance_ms(DAY_MS - 1);
    let minted = renewed(&world, &minted).await;
    let kept = renewed(&world, &kept).await;
    let phone = renewed(&world, &phone).await;

    // A millisecond before the user's two days are over, and then they are.
    world.clock.advance_ms(DAY_MS - 1);
    let phone = renewed(&world, &phone).await;
    let both = [&*phone.session, &*user.session];
    assert_eq!(listed(&world, &phone).await, both);
    world.clock.advance_ms(1);
    assert_eq!(listed(&world, &phone).await, [&*phone.session]);
    let devices = world.get("/v1/devices").bearer(&phone.access).send().await;
    let devices = devices.expect(200);
    assert_eq!(devices["devices"].as_array().map(Vec::len), Some(1));
    is_over(&world, &user, "the user").await;

    // A visitor's days are its own, whether it has written anything or not.
    world.clock.advance_ms(2 * DAY_MS - 2);
    let kept = renewed(&world, &kept).await;
    let minted_again = renewed(&world, &minted).await;
    assert_eq!(minted_again.session, minted.session);
    world.clock.advance_ms(3 * DAY_MS);
    is_over(&world, &kept, "the visitor with a row").await;
    is_over(&world, &minted_again, "the visitor without").await;
}

#[tokio::test]
async fn nothing_outlives_the_absolute_end() {
    let world = World::new().await;
    world
        .set(&json!({"idle_days": 2, "absolute_days": 3, "anonymous_days": 2}))
        .await;
    let mut devices = [
        ("user", world.user("ada").await),
        ("visitor with a row", world.visitor().await),
        ("visitor without", world.visitor().await),
    ];
    world.conversation(&devices[1].1).await;
    for advance_ms in [DAY_MS, DAY_MS, DAY_MS - 1] {
        world.clock.advance_ms(advance_ms);
        for (_, device) in &mut devices {
            *device = renewed(&world, device).await;
        }
    }
    for (what, device) in &devices {
        // The access token ends with the session, and not ten minutes later.
        let session = &device.answer["session"];
        let end = &device.answer["access_token_expires_at"];
        assert_eq!(end, "2027-01-18T08:00:00.000Z", "{what}");
        assert_ne!(session["expires_at"], Value::Null, "{what}");
        assert!(world.lives(device).await, "{what}");
    }
    world.clock.advance_ms(1);
    for (what, device) in &devices {
        is_over(&world, device, what).await;
    }
}

#[tokio::test]
async fn the_oldest_ends_where_there_are_too_many() {
    let world = World::new().await;
    world.set(&json!({"sessions_max": 2})).await;
    let mut devices = Vec::new();
    for login in 0..4 {
        devices.push(world.user("ada").await);
        world.clock.advance_ms(1);
        for (age, device) in devices.iter().rev().enumerate() {
            assert_eq!(world.lives(device).await, age < 2, "login {login}");
        }
    }
    assert_eq!(ended(&world, "too_many").await, 2);
    for device in &devices[..2] {
        is_over(&world, device, "an old one").await;
    }
    let stranger = world.user("bob").await;
    // A lower cap counts from the next login on.
    world.set(&json!({"sessions_max": 1})).await;
    assert!(world.lives(&devices[2]).await);
    devices.push(world.user("ada").await);
    for device in &devices[2..4] {
        is_over(&world, device, "an old one").await;
    }
    assert!(world.lives(&devices[4]).await && world.lives(&stranger).await);
    assert_eq!(ended(&world, "too_many").await, 4);
}

#[tokio::test]
async fn a_session_that_is_over_by_time_takes_no_place() {
    let world = World::new().await;
    world.set(&json!({"sessions_max": 2, "idle_days": 1})).await;
    let used = world.user("ada").await;
    world.clock.advance_ms(1);
    let idle = world.user("ada").await;
    world.clock.advance_ms(DAY_MS - 2);
    let used = renewed(&world, &used).await;
    world.clock.advance_ms(2);
    let newest = world.user("ada").await;
    is_over(&world, &idle, "the idle one").await;
    assert!(
        world.lives(&used).await,
        "it was opened first, and is in use"
    );
    assert!(world.lives(&newest).await);
    assert_eq!(ended(&world, "too_many").await, 0);
}

#[tokio::test]
async fn sessions_that_end_together_are_counted_each() {
    let world = World::new().await;
    let delete = |path: String, bearer: String| {
        let call = world.call("DELETE", &path).bearer(&bearer);
        async move { assert_eq!(call.send().await.status, 204) }
    };
    let mut revoked = 0;
    for (what, ends) in [
        ("others", 2),
        ("device", 1),
        ("block", 3),
        ("delete", 3),
        ("revoke device", 1),
        ("revoke session", 1),
    ] {
        let name = world.unique("user");
        let mut own = Vec::new();
        for _ in 0..3 {
            own.push(world.user(&name).await);
        }
        let [first, .., last] = &*own else {
            panic!("there are three");
        };
        let revoke = |what: Value| {
            let call = world.post("/v1/revocations").bearer(&world.home.key);
            async move { call.json(&what).send().await.expect(201) }
        };
        match what {
            "others" => delete("/v1/sessions/others".to_owned(), last.access.clone()).await,
            "device" => {
                let path = format!("/v1/devices/{}", first.device);
                delete(path, last.access.clone()).await;
            }
            "block" => {
                let path = format!("/v1/users/{}", first.user);
                let call = world.call("PATCH", &path).bearer(&world.home.key);
                call.json(&json!({"blocked": true}))
                    .send()
                    .await
                    .expect(200);
            }
            "delete" => {
                let path = format!("/v1/users/{}", first.user);
                delete(path, world.home.key.clone()).await;
            }
            "revoke device" => {
                revoke(json!({"device_id": first.device})).await;
            }
            _ => {
                revoke(json!({"session_id": first.session})).await;
            }
        }
        revoked += ends;
        assert_eq!(ended(&world, "revoked").await, revoked, "{what}");
    }
}
