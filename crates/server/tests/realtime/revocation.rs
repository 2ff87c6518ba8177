//! A session that ends is told nothing more, and its sockets are closed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::client::{Client, in_short, in_time, say};
use crate::raw::{CLOSE, FIN, Raw};
use crate::world::{Device, KID, World};

/// The close code of a session that is over.
const ENDED: u16 = 4410;

/// Trials of a revocation under load.
const TRIALS: u32 = 1_000;
/// Sockets that are open at once in those trials.
const AT_ONCE: u32 = 20;

/// How a session is ended.
#[derive(Debug, Clone, Copy)]
enum Way {
    LogOut,
    BySelf,
    ByUser,
    Device,
    Others,
    RevokeSession,
    RevokeDevice,
    RevokeUser,
    RevokeJti,
    RevokeKid,
    RevokeApiKey,
    RevokeApplication,
    RevokeKey,
    Block,
    DeleteUser,
    DeleteApplication,
    RefreshTheft,
    Switch,
    TooMany,
}

const WAYS: [Way; 19] = [
    Way::LogOut,
    Way::BySelf,
    Way::ByUser,
    Way::Device,
    Way::Others,
    Way::RevokeSession,
    Way::RevokeDevice,
    Way::RevokeUser,
    Way::RevokeJti,
    Way::RevokeKid,
    Way::RevokeApiKey,
    Way::RevokeApplication,
    Way::RevokeKey,
    Way::Block,
    Way::DeleteUser,
    Way::DeleteApplication,
    Way::RefreshTheft,
    Way::Switch,
    Way::TooMany,
];

/// Ends the session of a device; `other` is one of the same user.
async fn end(world: &World, way: Way, device: &Device, other: &Device) {
    let delete = async |path: &str, bearer: &str| {
        let (status, answer) = world.call("DELETE", path, bearer, None).await;
        assert_eq!(status, 204, "{way:?} {answer}");
    };
    let revoke = async |bearer: &str, body: Value| {
        world.post("/v1/revocations", bearer, body).await;
    };
    let patch = async |path: &str, bearer: &str, body: Value| {
        let (status, answer) = world.call("PATCH", path, bearer, Some(body)).await;
        assert_eq!(status, 200, "{way:?} {answer}");
    };
    let user = format!("/v1/users/{}", device.user);
    let session = format!("/v1/sessions/{}", device.session);
    match way {
        Way::LogOut => delete("/v1/sessions/current", &device.access).await,
        Way::BySelf => delete(&session, &device.access).await,
        Way::ByUser => delete(&session, &other.access).await,
        Way::Device => delete(&format!("/v1/devices/{}", device.device), &other.access).await,
        Way::Others => delete("/v1/sessions/others", &other.access).await,
        Way::RevokeSession => revoke(&world.key, json!({"session_id": device.session})).await,
        Way::RevokeDevice => revoke(&world.key, json!({"device_id": device.device})).await,
        Way::RevokeUser => revoke(&world.key, json!({"user_id": device.user})).await,
        Way::RevokeJti => revoke(&world.key, json!({"jti": device.jti})).await,
        Way::RevokeKid => revoke(&world.admin, json!({"kid": KID})).await,
        Way::RevokeApiKey => {
            let path = "/v1/applications/current/api-keys";
            let (_, keys) = world.call("GET", path, &world.admin, None).await;
            let keys = keys["api_keys"].as_array().unwrap();
            let page = keys.iter().find(|key| key["name"] == "tracking").unwrap();
            revoke(&world.admin, json!({"api_key_id": page["id"]})).await;
        }
        Way::RevokeApplication => {
            let application = world.application.to_string();
            revoke(&world.admin, json!({"application_id": application})).await;
        }
        Way::RevokeKey => {
            let path = format!("/v1/applications/current/keys/{KID}");
            patch(&path, &world.admin, json!({"state": "revoked"})).await;
        }
        Way::Block => patch(&user, &world.key, json!({"blocked": true})).await,
        Way::DeleteUser => delete(&user, &world.key).await,
        Way::DeleteApplication => {
            let path = format!("/v1/applications/{}", world.application);
            delete(&path, &world.operator).await;
        }
        Way::RefreshTheft => steal(world, device).await,
        Way::Switch => {
            let jti = world.unique("jti");
            let credential = world.credential("another", &jti);
            let body = json!({"credential": credential, "current_token": device.access,
                "switch": true});
            world.log_in(body, jti).await;
        }
        Way::TooMany => {
            world.set(json!({"sessions_max": 1})).await;
            world.user("alice").await;
        }
    }
}

/// Uses a refresh token twice.
async fn steal(world: &World, device: &Device) {
    let path = "/v1/sessions/refresh";
    let body = |nonce: &str| json!({"refresh_token": device.refresh, "nonce": nonce});
    world.post(path, "", body("mine")).await;
    let (status, answer) = world.call("POST", path, "", Some(body("theirs"))).await;
    assert_eq!((status, &answer["code"]), (401, &json!("refresh_reused")));
}

#[tokio::test]
async fn however_a_session_ends_its_sockets_are_closed() {
    for way in WAYS {
        let world = World::new().await;
        let device = world.user("alice").await;
        let other = world.user("alice").await;
        let mut first = world.connect(&device).await;
        let mut second = world.connect(&device).await;
        end(&world, way, &device, &other).await;
        assert_eq!(first.closed_at_once().await, ENDED, "{way:?}");
        assert_eq!(second.closed_at_once().await, ENDED, "{way:?}");
        let mut again = world.socket().await;
        again
            .send(json!({"type": "authenticate", "token": device.access}))
            .await;
        assert_eq!(again.closed_at_once().await, ENDED, "{way:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_sockets_of_an_application_are_closed_within_a_second() {
    const USERS: usize = 20;
    const SOCKETS_EACH: usize = 15;
    let world = Arc::new(World::new().await);
    let speaker = world.user("speaker").await;
    let id = world.conversation(&speaker).await;
    let mut readers = JoinSet::new();
    for name in 0..USERS {
        let phone = world.user(&format!("user-{name}")).await;
        let tablet = world.user(&format!("user-{name}")).await;
        world.add(&id, &phone, "joined").await;
        for number in 0..SOCKETS_EACH {
            let device = if number % 2 == 0 { &phone } else { &tablet };
            let mut client = world.connect(device).await;
            readers.spawn(async move {
                let told = was_told(&mut client, "after").await;
                (told, Instant::now())
            });
        }
    }
    let (neighbour, publishable) = world.neighbour().await;
    let mut neighbours = Vec::new();
    for name in 0..5 {
        // They bear the same names.
        let jti = world.unique("jti");
        let credential = world.credential_for(neighbour, &format!("user-{name}"), &jti);
        let body = json!({ "credential": credential });
        let answer = world.post("/v1/sessions", &publishable, body).await;
        let device = Device::of(&answer, jti);
        neighbours.push((world.connect(&device).await, device));
    }
    let application = world.application.to_string();
    let body = json!({ "application_id": application });
    let (noise, noisy, room) = (Arc::clone(&world), speaker.clone(), id.clone());
    let noise =
        tokio::spawn(async move { while noise.try_say(&noisy.access, &room, "noise").await {} });
    world.post("/v1/revocations", &world.admin, body).await;
    let answered = Instant::now();
    world.say(&world.key, &id, "after").await;
    let closed = in_time(readers.join_all()).await;
    noise.await.unwrap();
    assert_eq!(closed.len(), USERS * SOCKETS_EACH);
    for (told, at) in closed {
        assert!(!told, "it was told what came after the answer");
        let took = at.saturating_duration_since(answered);
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
    for (client, device) in &mut neighbours {
        world.conversation(device).await;
        let told = in_short(&[client.frame().await, client.frame().await]);
        assert_eq!(told, ["conversation added", "event 1 member:joined"]);
    }
}

/// The answer says that it has been carried out here, and not that it is about to be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_to_leave_was_told_before_a_revocation_is_answered() {
    for path in ["/v1/revocations", "/v1/sessions/others"] {
        let world = World::new().await;
        let device = world.user("alice").await;
        let other = world.user("alice").await;
        let mut sockets = Vec::new();
        for _ in 0..100 {
            sockets.push(Raw::welcomed(&world, &device).await);
        }
        if path == "/v1/revocations" {
            let body = json!({"session_id": device.session});
            world.post(path, &world.key, body).await;
        } else {
            let (status, _) = world.call("DELETE", path, &other.access, None).await;
            assert_eq!(status, 204);
        }
        for socket in sockets {
            let close = socket.already();
            assert_eq!(close.first(), Some(&(FIN | CLOSE)), "{path}: {close:?}");
            assert_eq!(close.get(2..4), Some(&4410_u16.to_be_bytes()[..]), "{path}");
        }
    }
}

/// A thousand times, since it is a matter of who wakes for what first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_taken_once_the_revocation_is_answered() {
    let world = World::new().await;
    let speaker = world.user("speaker").await;
    let id = world.conversation(&speaker).await;
    let first = world.user("writer").await;
    world.add(&id, &first, "joined").await;
    for _ in 0..TRIALS {
        let device = world.user("writer").await;
        let mut client = world.connect(&device).await;
        let body = json!({"session_id": device.session});
        world.post("/v1/revocations", &world.key, body).await;
        client.try_send(say(1, &id, "after")).await;
        assert_eq!(client.closed_at_once().await, ENDED);
    }
    let path = format!("/v1/conversations/{id}/events");
    let (_, page) = world.call("GET", &path, &world.key, None).await;
    let members_alone = page["events"].as_array().unwrap().len() == 2;
    assert!(members_alone, "an ended session has sent something");
}

#[tokio::test]
async fn who_is_not_meant_stays() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let tablet = world.user("alice").await;
    let id = world.shared(&[&alice, &bob]).await;
    let mut tablets = world.connect(&tablet).await;
    let mut bobs = world.connect(&bob).await;
    let mut alices = world.connect(&alice).await;
    let body = json!({"session_id": alice.session});
    world.post("/v1/revocations", &world.key, body).await;
    assert_eq!(alices.closed_at_once().await, ENDED);
    let body = json!({"jti": "nobody's"});
    world.post("/v1/revocations", &world.key, body).await;
    world.say(&world.key, &id, "still there").await;
    assert_eq!(tablets.told().await.len(), 1);
    assert_eq!(bobs.told().await.len(), 1);
    // A moment before the session was opened covers nothing of it.
    let body = json!({"user_id": bob.user, "before": "2027-01-15T07:59:59.999Z"});
    world.post("/v1/revocations", &world.key, body).await;
    world.say(&world.key, &id, "still there").await;
    assert_eq!(bobs.told().await.len(), 1);
}

#[tokio::test]
async fn a_refreshed_session_keeps_its_sockets() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let id = world.conversation(&alice).await;
    let mut client = world.connect(&alice).await;
    let body = json!({"refresh_token": alice.refresh, "nonce": "n"});
    world.post("/v1/sessions/refresh", "", body).await;
    world.say(&world.key, &id, "still there").await;
    assert_eq!(client.told().await.len(), 1);
}

/// Reads to the end, and answers whether it was told a text.
async fn was_told(client: &mut Client, text: &str) -> bool {
    loop {
        match client.next().await {
            Ok(frame) if frame["event"]["body"]["text"] == json!(text) => return true,
            Ok(_) => {}
            Err((code, _)) => {
                assert_eq!(code, ENDED);
                return false;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_told_once_the_revocation_is_answered() {
    let world = Arc::new(World::new().await);
    let speaker = world.user("speaker").await;
    let id = world.conversation(&speaker).await;
    let first = world.user("reader").await;
    world.add(&id, &first, "joined").await;
    for round in 0..TRIALS / AT_ONCE {
        let mut readers = Vec::new();
        for _ in 0..AT_ONCE {
            let device = world.user("reader").await;
            readers.push((world.connect(&device).await, device));
        }
        // Something is on the way all the time.
        let (noise, noisy, room) = (Arc::clone(&world), speaker.clone(), id.clone());
        let noise = tokio::spawn(async move {
            loop {
                noise.say(&noisy.access, &room, "noise").await;
            }
        });
        for (place, (mut client, device)) in readers.into_iter().enumerate() {
            let body = json!({"session_id": device.session});
            world.post("/v1/revocations", &world.key, body).await;
            let secret = format!("after {round} {place}");
            world.say(&world.key, &id, &secret).await;
            assert!(!was_told(&mut client, &secret).await, "{secret}");
        }
        noise.abort();
    }
}
