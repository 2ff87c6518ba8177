//! Signed requests: over what came, of this moment, and once.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::limit::Rate;
use countersign_server::operations::{Operations, Rates};

use crate::world::{CONTENT_TYPE, World};

const REPORT: &str = "/v1/report/im";
const PROFILE: &str = "/v1/user/profile";

#[tokio::test]
async fn a_request_counts_within_five_minutes_of_its_making() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    for (ahead_ms, expected) in [
        (0, None),
        (-300_000, None),
        (300_000, None),
        (-300_001, Some("behind")),
        (300_001, Some("ahead")),
        (-86_400_000, Some("behind")),
        (i64::from(u32::MAX) * 1_000, Some("ahead")),
    ] {
        for (method, path) in [("GET", PROFILE), ("POST", REPORT)] {
            let mut call = world.call(method, path, "");
            call.at = world.ctx.now().plus_milliseconds(ahead_ms).to_string();
            let reply = world.send(&call, &alice.sign(&call)).await;
            match expected {
                None => assert_eq!(reply.status, 200, "{ahead_ms}: {}", reply.body),
                Some(side) => {
                    let told = reply.refused(40_101)["message"].to_string();
                    assert!(told.contains(side) && told.contains(&call.at), "{told}");
                }
            }
        }
    }
}

#[tokio::test]
async fn what_changes_something_is_taken_once() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    let bob = world.instance("bob").await;
    let key = world.application;
    for body in ["", r#"{"version":"2.0","sent":1}"#] {
        let call = world.call("POST", REPORT, body);
        let backend = format!("application {key}:{}", call.signature(&world.secret));
        for signature in [alice.sign(&call), bob.sign(&call), backend] {
            world.send(&call, &signature).await.expect(200);
            world.send(&call, &signature).await.refused(40_100);
        }
        world.clock.advance_s(300);
        world.send(&call, &alice.sign(&call)).await.refused(40_100);
        world.clock.advance_s(1);
        world.send(&call, &alice.sign(&call)).await.refused(40_101);
    }
    let read = world.call("GET", PROFILE, "");
    for _ in 0..3 {
        world.send(&read, &alice.sign(&read)).await.expect(200);
    }
}

#[tokio::test]
async fn of_many_copies_one_gets_through() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    let call = world.call("POST", REPORT, "{}");
    let signature = alice.sign(&call);
    let copies = (0..20).map(|_| world.send(&call, &signature));
    let replies = futures_util::future::join_all(copies).await;
    let through = replies.iter().filter(|reply| reply.status == 200);
    assert_eq!(through.count(), 1);
}

#[tokio::test]
async fn a_request_that_was_not_signed_so_is_refused_and_leaves_no_trace() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    let bob = world.instance("bob").await;
    let call = world.call("POST", REPORT, r#"{"sent":1}"#);
    let good = alice.sign(&call);
    let secret = STANDARD.decode(&alice.secret).unwrap();
    let of_text = call.signature(alice.secret.as_bytes());
    let of_application = call.signature(&world.secret);
    let of_path = call.signature_over(&secret, "/v1/report/im/");
    let of_bob = bob.sign(&call);
    let (_, of_bob) = of_bob.rsplit_once(':').unwrap();
    for wrong in [&of_text, &of_application, &of_path, of_bob] {
        let signature = format!("instance {}:{wrong}", alice.id);
        world.send(&call, &signature).await.refused(40_102);
    }
    let mut changed = call.clone();
    changed.body = r#"{"sent":9}"#.to_owned();
    world.send(&changed, &good).await.refused(40_102);
    world.send(&call, &good).await.expect(200);
}

#[tokio::test]
async fn a_wrong_md5_is_told() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    let call = world.call("POST", REPORT, "{}");
    let signature = alice.sign(&call);
    let send = async |md5: &str| {
        let headers = [
            ("authorization", signature.as_str()),
            ("content-type", CONTENT_TYPE),
            ("x-timestamp", &call.at),
            ("content-md5", md5),
        ];
        world.raw("POST", REPORT, &headers, call.body.clone()).await
    };
    for wrong in ["", "x", "vl5pJORY0sePaha7LYo27w=="] {
        let told = send(wrong).await.refused(40_102)["message"].to_string();
        assert!(told.contains("Content-MD5"), "{told}");
    }
    send("mZFLkyvTelC5g8XnyQrpOw==").await.expect(200);
}

#[tokio::test]
async fn a_query_is_signed_or_not_and_a_path_as_it_came() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    let secret = STANDARD.decode(&alice.secret).unwrap();
    let call = world.call("GET", "/v1/user/profile?a=b%20c&", "");
    for (signed, expected) in [
        ("/v1/user/profile", 200),
        ("/v1/user/profile?a=b%20c&", 200),
        ("/v1/user/profile?", 401),
        ("/v1/user/profile?a=b c&", 401),
    ] {
        let signature = call.signature_over(&secret, signed);
        let signature = format!("instance {}:{signature}", alice.id);
        let reply = world.send(&call, &signature).await;
        assert_eq!(reply.status, expected, "{signed}");
    }
    let encoded = world.call("GET", "/v1/user/%70rofile", "");
    world
        .send(&encoded, &alice.sign(&encoded))
        .await
        .expect(200);
}

#[tokio::test]
async fn a_backend_signs_with_a_key_of_the_ring() {
    let world = World::new().await;
    let call = world.call("POST", REPORT, "{}");
    let signed = |key: &str| format!("application {key}:{}", call.signature(&world.secret));
    world.send(&call, &signed("your-app-key")).await.expect(200);
    world
        .send(&call, &signed("their-app-key"))
        .await
        .refused(40_100);
    let wrong = call.signature(b"another secret of nobody");
    let wrong = format!("application your-app-key:{wrong}");
    world.send(&call, &wrong).await.refused(40_102);
    let path = format!("/v1/applications/{}/keys/{}", world.application, world.kid);
    let revoked = serde_json::json!({ "state": "revoked" });
    world.done("PATCH", &path, Some(revoked)).await;
    world.clock.advance_s(1);
    let call = world.call("POST", REPORT, "{}");
    let late = call.signature(&world.secret);
    let late = format!("application your-app-key:{late}");
    world.send(&call, &late).await.refused(40_100);
}

#[tokio::test]
async fn what_is_one_too_many_was_not_made_and_may_come_again() {
    let rate = Rate {
        burst: NonZeroU32::MIN,
        per_second: NonZeroU32::MIN,
    };
    let rates = Rates {
        session: rate,
        ..Rates::default()
    };
    let world = World::operated(Operations::new(rates, Vec::new())).await;
    let alice = world.instance("alice").await;
    let [first, second] = ["", "{}"].map(|body| world.call("POST", REPORT, body));
    world.send(&first, &alice.sign(&first)).await.expect(200);
    let signature = alice.sign(&second);
    world.send(&second, &signature).await.refused(42_900);
    world.clock.advance_s(1);
    world.send(&second, &signature).await.expect(200);
    world.clock.advance_s(1);
    world.send(&second, &signature).await.refused(40_100);
}
