//! Tracking tokens: minted for who has none, good for as long as they are used,
//! and begun anew by who logs out.

use serde_json::{Value, json};

use crate::world::{Call, Door, World, text, token};

const DAY_S: i64 = 86_400;

fn tracking_id(body: &Value) -> String {
    assert_eq!(body["data"]["type"], "tracking_token");
    text(&body["data"]["attributes"]["trackingId"])
}

#[tokio::test]
async fn who_has_none_gets_one_and_keeps_it_by_coming_back() {
    let world = World::new().await;
    let first = world.current(None).await.expect(200);
    assert_eq!(first["data"]["attributes"]["verified"], false);
    assert_eq!(first["data"]["attributes"]["customerId"], Value::Null);
    let id = tracking_id(&first);
    let other = world.current(None).await.expect(200);
    assert_ne!(tracking_id(&other), id);
    let mut newest = token(&first);
    for _ in 0..5 {
        world.clock.advance_s(29 * DAY_S);
        let again = world.current(Some(&newest)).await.expect(200);
        assert_eq!(tracking_id(&again), id, "each use lets it live on");
        newest = token(&again);
    }
    world.clock.advance_s(30 * DAY_S);
    let late = world.current(Some(&newest)).await.expect(200);
    assert_ne!(tracking_id(&late), id);
    world.touch(&newest).await.refused(401, "session_ended");
}

#[tokio::test]
async fn a_customer_stays_as_long_as_the_client_starts_now_and_then() {
    let world = World::new().await;
    let alice = world.log_in(None, "alice").await;
    let mut newest = alice.token.clone();
    for _ in 0..5 {
        world.clock.advance_s(29 * DAY_S);
        let again = world.current(Some(&newest)).await.expect(200);
        assert_eq!(tracking_id(&again), alice.tracking_id);
        assert_eq!(again["data"]["attributes"]["customerId"], alice.customer);
        newest = token(&again);
    }
    world.clock.advance_s(30 * DAY_S);
    let late = world.current(Some(&newest)).await.expect(200);
    assert_eq!(late["data"]["attributes"]["verified"], false);
}

#[tokio::test]
async fn what_is_none_of_ours_counts_as_none_where_a_token_is_asked_for() {
    let world = World::new().await;
    let vendors = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpZCI6IjVhNjFjMzVhIn0.AAAA";
    let visitor = world.visitor().await;
    let last = if visitor.ends_with('A') { 'Q' } else { 'A' };
    let changed = format!("{}{last}", &visitor[..visitor.len() - 1]);
    let page = world.api_key(&["tracking"], json!({})).await;
    let path = "/v1/sessions/anonymous";
    let key = text(&page["key"]);
    let native = world.native("POST", path, &key, Some(json!({}))).await;
    let native = text(&native.expect(201)["access_token"]);
    let long = "x".repeat(9_000);
    for foreign in ["", "undefined", vendors, &changed, &native, &long] {
        world.current(Some(foreign)).await.expect(200);
        world.reset(Some(foreign)).await.expect(200);
        world.touch(foreign).await.refused(401, "malformed_token");
        let credential = world.credential("alice");
        let refused = world.identify(Some(foreign), &credential).await;
        refused.refused(400, "current_token_invalid");
    }
    let path = format!("/v1/sessions?limit={visitor}");
    let at_native = world.native("GET", &path, &visitor, None).await;
    assert_eq!(at_native.status, 401, "{}", at_native.body);
}

#[tokio::test]
async fn who_begins_anew_has_left_what_was() {
    let world = World::new().await;
    let visitor = world.visitor().await;
    world.chat(&visitor).await;
    let alice = world.log_in(None, "alice").await;
    world.chat(&alice.token).await;
    for before in [&visitor, &alice.token] {
        let anew = token(&world.reset(Some(before)).await.expect(200));
        assert_eq!(world.chats(&anew).await, [""; 0]);
        world.touch(before).await.refused(401, "session_ended");
        let ended = world.current(Some(before)).await.expect(200);
        assert_eq!(ended["data"]["attributes"]["verified"], false);
    }
    let path = format!("/v1/sessions?user_id={}", alice.customer);
    assert_eq!(world.done("GET", &path, None).await["sessions"], json!([]));
    // Her conversation is there when she comes back.
    let again = world.log_in(None, "alice").await;
    assert_eq!(world.chats(&again.token).await.len(), 1);
    world.reset(None).await.expect(200);
}

#[tokio::test]
async fn a_visitor_who_wrote_nothing_leaves_nothing() {
    let world = World::new().await;
    let visitor = world.visitor().await;
    let before = world.current(Some(&visitor)).await.expect(200);
    world.reset(Some(&visitor)).await.expect(200);
    // Nothing was there to be ended, and nothing was written to end it.
    let after = world.current(Some(&visitor)).await.expect(200);
    assert_eq!(tracking_id(&after), tracking_id(&before));
}

#[tokio::test]
async fn a_session_that_others_end_is_over_at_once() {
    let world = World::new().await;
    for way in 0..4 {
        let who = format!("alice-{way}");
        let alice = world.log_in(None, &who).await;
        world.touch(&alice.token).await.expect(200);
        let user = &alice.customer;
        let (method, path, body) = match way {
            0 => (
                "DELETE",
                format!("/v1/sessions/{}", alice.tracking_id),
                None,
            ),
            1 => {
                let body = json!({ "user_id": user });
                ("POST", "/v1/revocations".to_owned(), Some(body))
            }
            2 => {
                let body = json!({ "blocked": true });
                ("PATCH", format!("/v1/users/{user}"), Some(body))
            }
            _ => ("DELETE", format!("/v1/users/{user}"), None),
        };
        world.done(method, &path, body).await;
        let refused = world.touch(&alice.token).await;
        refused.refused(401, "session_ended");
        // What a client has to go on with is a visitor's.
        let anew = world.current(Some(&alice.token)).await.expect(200);
        assert_eq!(anew["data"]["attributes"]["verified"], false);
    }
}

#[tokio::test]
async fn others_can_ask_what_a_token_is_worth() {
    let world = World::new().await;
    let authorization = format!("Bearer {}", world.backend);
    let headers = [
        ("authorization", &*authorization),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let worth = async |token: &str| {
        let call = Call {
            headers: &headers,
            body: format!("token={token}"),
            ..Call::of("POST", "/v1/tokens/introspect")
        };
        world.send(Door::Native, call).await.expect(200)
    };
    let visitor = world.visitor().await;
    assert_eq!(worth(&visitor).await["active"], true);
    let alice = world.log_in(Some(&visitor), "alice").await;
    assert_eq!(worth(&visitor).await["active"], false);
    let handed = token(&world.current(Some(&visitor)).await.expect(200));
    // To be asked for is not to be used.
    for either in [&alice.token, &handed] {
        let told = worth(either).await;
        assert_eq!(told["active"], true);
        assert_eq!(told["sub"], alice.customer, "{told}");
        assert_eq!(told["exp"], world.clock.seconds() + 30 * DAY_S);
    }
    world.touch(&handed).await.expect(200);
    assert_eq!(worth(&handed).await["active"], true);
    assert_eq!(worth(&alice.token).await["active"], false);
    world.touch(&handed).await.expect(200);
    let other = world.send(
        Door::Kustomer,
        Call::of("GET", "/other/c/v1/tracking/tokens/current"),
    );
    let foreign = token(&other.await.expect(200));
    assert_eq!(worth(&foreign).await["active"], false);
}
