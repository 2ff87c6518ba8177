//! Chats over HTTP: a visitor begins one, support answers, and both see it on
//! every device; polling tells that there is something new.

use serde_json::{Value, json};

use crate::world::{World, text};

const CHATS: &str = "/c/v1/chat/sessions";

/// What support writes, through the native door.
async fn answer(world: &World, chat: &str, said: &str) {
    world.clock.advance_s(1);
    let path = format!("/v1/conversations/{chat}/events");
    let event = json!({ "type": "text", "body": { "text": said } });
    world.done("POST", &path, Some(event)).await;
}

async fn messages(world: &World, token: &str, chat: &str) -> Vec<(String, String)> {
    let path = format!("{CHATS}/{chat}/messages");
    let data = world.ask(token, "GET", &path, None).await;
    let all = data.as_array().unwrap().iter().map(|message| {
        let attributes = &message["attributes"];
        (text(&attributes["direction"]), text(&attributes["body"]))
    });
    all.collect()
}

async fn begin(world: &World, token: &str, title: &str) -> String {
    world.clock.advance_s(1);
    let data = world
        .ask(token, "POST", CHATS, Some(json!({ "title": title })))
        .await;
    assert_eq!(data["type"], "chat_session");
    text(&data["id"])
}

#[tokio::test]
async fn a_chat_goes_both_ways_and_with_its_visitor() {
    let world = World::new().await;
    let visitor = world.visitor().await;
    let stats = "/c/v1/chat/customers/stats";
    let activity = async |token: &str| {
        world.ask(token, "GET", stats, None).await["attributes"]["lastActivity"].clone()
    };
    assert_eq!(activity(&visitor).await, Value::Null);
    let chat = begin(&world, &visitor, "Where is my order?").await;
    let first = world.say(&visitor, &chat, "Hello?").await;
    let seen = activity(&visitor).await;
    assert_eq!(activity(&visitor).await, seen);
    answer(&world, &chat, "On its way.").await;
    assert_ne!(activity(&visitor).await, seen, "there is something new");
    let expected = [("out", "On its way."), ("in", "Hello?")]
        .map(|(direction, said)| (direction.to_owned(), said.to_owned()));
    assert_eq!(messages(&world, &visitor, &chat).await, expected);

    let alice = world.log_in(Some(&visitor), "alice").await;
    let tablet = world.log_in(None, "alice").await;
    for device in [&alice.token, &tablet.token] {
        assert_eq!(messages(&world, device, &chat).await, expected);
        let path = format!("{CHATS}/{chat}/messages/{first}");
        let message = world.ask(device, "GET", &path, None).await;
        assert_eq!(message["attributes"]["body"], "Hello?");
        let customer = &message["relationships"]["sentBy"]["data"];
        assert_eq!(customer["id"], alice.customer);
    }
    world.say(&tablet.token, &chat, "Thanks").await;
    assert_eq!(messages(&world, &alice.token, &chat).await.len(), 3);
    let list = world.ask(&alice.token, "GET", CHATS, None).await;
    let attributes = &list[0]["attributes"];
    assert_eq!(attributes["title"], "Where is my order?");
    assert_eq!(attributes["preview"], "Thanks");
    assert_eq!(attributes["trackingId"], alice.tracking_id);
}

#[tokio::test]
async fn what_was_seen_and_what_was_ended_is_kept() {
    let world = World::new().await;
    let alice = world.log_in(None, "alice").await.token;
    let chat = begin(&world, &alice, "one").await;
    let path = format!("{CHATS}/{chat}");
    answer(&world, &chat, "first").await;
    answer(&world, &chat, "second").await;
    let read = async || world.ask(&alice, "GET", CHATS, None).await[0]["attributes"].clone();
    assert_eq!(read().await["unread"], 2);
    // The time of the first answer, as the client has it.
    let seen = json!({ "lastSeenAt": "2023-11-14T22:13:22.000Z" });
    let changed = world.ask(&alice, "PUT", &path, Some(seen)).await;
    assert_eq!(changed["attributes"]["unread"], 1);
    assert_eq!(
        changed["attributes"]["lastSeenAt"],
        "2023-11-14T22:13:22.000Z"
    );
    let earlier = json!({ "lastSeenAt": "2001-01-01T00:00:00.000Z" });
    let changed = world.ask(&alice, "PUT", &path, Some(earlier)).await;
    assert_eq!(changed["attributes"]["unread"], 1, "it never goes back");
    let later = json!({ "lastSeenAt": "2030-01-01T00:00:00.000Z" });
    let changed = world.ask(&alice, "PUT", &path, Some(later)).await;
    assert_eq!(changed["attributes"]["unread"], 0);

    begin(&world, &alice, "two").await;
    assert_eq!(changed["attributes"]["lockedAt"], Value::Null);
    let locked = json!({ "locked": true, "lockReason": "customer_ended" });
    let changed = world.ask(&alice, "PUT", &path, Some(locked.clone())).await;
    let locked_at = changed["attributes"]["lockedAt"].clone();
    assert!(locked_at.is_string(), "{changed}");
    assert_eq!(changed["attributes"]["lockReason"], "customer_ended");
    world.clock.advance_s(1);
    let again = world.ask(&alice, "PUT", &path, Some(locked)).await;
    assert_eq!(again["attributes"]["lockedAt"], locked_at);
    let custom = json!({ "custom": { "orderStr": "A-1" } });
    let path = format!("/c/v1/conversations/{chat}");
    let told = world.ask(&alice, "PATCH", &path, Some(custom)).await;
    assert_eq!(told["attributes"]["custom"], json!({ "orderStr": "A-1" }));
    let open = format!("{CHATS}?active=true");
    let open = world.ask(&alice, "GET", &open, None).await;
    assert_eq!(open.as_array().unwrap().len(), 1);
    assert_eq!(open[0]["attributes"]["title"], "two");
    let all = world.ask(&alice, "GET", CHATS, None).await;
    assert_eq!(all.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_long_history_is_read_page_by_page() {
    let world = World::new().await;
    let alice = world.log_in(None, "alice").await.token;
    let chat = begin(&world, &alice, "long").await;
    for number in 0..60 {
        world.say(&alice, &chat, &format!("{number}")).await;
    }
    let mut path = format!("{CHATS}/{chat}/messages");
    let mut said = Vec::new();
    loop {
        let reply = world.device("GET", &path, Some(&alice), None).await;
        let body = reply.expect(200);
        let page = body["data"].as_array().unwrap().iter();
        said.extend(page.map(|message| text(&message["attributes"]["body"])));
        match body["links"]["next"].as_str() {
            Some(next) => next.clone_into(&mut path),
            None => break,
        }
    }
    let expected: Vec<String> = (0..60).rev().map(|number| number.to_string()).collect();
    assert_eq!(said, expected);
}

#[tokio::test]
async fn nobody_reads_or_writes_in_anothers_chat() {
    let world = World::new().await;
    let alice = world.log_in(None, "alice").await.token;
    let chat = begin(&world, &alice, "private").await;
    let message = world.say(&alice, &chat, "secret").await;
    let visitor = world.visitor().await;
    let bob = world.log_in(None, "bob").await.token;
    for other in [&visitor, &bob] {
        for (method, path, body) in [
            ("GET", format!("{CHATS}/{chat}/messages"), None),
            ("GET", format!("{CHATS}/{chat}/messages/{message}"), None),
            (
                "PUT",
                format!("{CHATS}/{chat}"),
                Some(json!({ "locked": true })),
            ),
            (
                "PUT",
                format!("{CHATS}/{chat}"),
                Some(json!({ "lastSeenAt": "2030-01-01T00:00:00.000Z" })),
            ),
            (
                "PATCH",
                format!("/c/v1/conversations/{chat}"),
                Some(json!({ "custom": {} })),
            ),
            (
                "POST",
                "/c/v1/chat/messages".to_owned(),
                Some(json!({ "session": chat, "body": "hello" })),
            ),
        ] {
            let reply = world.device(method, &path, Some(other), body).await;
            reply.refused(404, "not_found");
        }
        let list = world.ask(other, "GET", CHATS, None).await;
        assert_eq!(list, json!([]));
    }
    // Nor is another chat's message this one's.
    let mine = begin(&world, &bob, "mine").await;
    for id in [&*message, "1", "x", ""] {
        let path = format!("{CHATS}/{mine}/messages/{id}");
        let reply = world.device("GET", &path, Some(&bob), None).await;
        reply.refused(404, "not_found");
    }
}

#[tokio::test]
async fn bad_input_is_refused() {
    let world = World::new().await;
    let alice = world.log_in(None, "alice").await.token;
    let chat = begin(&world, &alice, "").await;
    let chat_path = format!("{CHATS}/{chat}");
    let (long, longer) = ("x".repeat(256), "x".repeat(62_000));
    for (body, status, code) in [
        (json!({}), 400, "bad_request"),
        (json!({ "session": chat }), 400, "bad_request"),
        (json!({ "session": chat, "body": "" }), 400, "bad_request"),
        (json!({ "session": "x", "body": "a" }), 404, "not_found"),
        (json!({ "session": chat, "body": longer }), 413, "too_large"),
        (
            json!({ "session": chat, "body": "a", "attachments": ["x"] }),
            404,
            "not_found",
        ),
        (
            json!({ "session": chat, "body": "a", "clientMessageId": "" }),
            400,
            "bad_request",
        ),
    ] {
        let path = "/c/v1/chat/messages";
        let reply = world.device("POST", path, Some(&alice), Some(body)).await;
        reply.refused(status, code);
    }
    for (method, path, body, status) in [
        ("POST", CHATS, json!({ "title": long }), 400),
        ("POST", CHATS, json!({ "title": "a\nb" }), 400),
        ("POST", CHATS, json!({ "title": 7 }), 400),
        ("PUT", &chat_path, json!({ "lastSeenAt": "now" }), 400),
        ("PUT", "/c/v1/chat/sessions/x", json!({}), 404),
    ] {
        let reply = world.device(method, path, Some(&alice), Some(body)).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.body);
    }
    assert_eq!(messages(&world, &alice, &chat).await, []);
}

#[tokio::test]
async fn a_retry_with_an_id_is_harmless() {
    let world = World::new().await;
    let alice = world.log_in(None, "alice").await.token;
    let chat = begin(&world, &alice, "").await;
    let message = json!({ "session": chat, "body": "once", "clientMessageId": "m-1" });
    let path = "/c/v1/chat/messages";
    let mut ids = Vec::new();
    for status in [201, 200, 200] {
        let body = Some(message.clone());
        let reply = world.device("POST", path, Some(&alice), body).await;
        ids.push(text(&reply.expect(status)["data"]["id"]));
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(messages(&world, &alice, &chat).await.len(), 1);
}

#[tokio::test]
async fn a_visitor_has_room_for_a_few_chats() {
    let world = World::new().await;
    let visitor = world.visitor().await;
    for number in 0..5 {
        begin(&world, &visitor, &format!("{number}")).await;
    }
    let reply = world.device("POST", CHATS, Some(&visitor), Some(json!({})));
    reply.await.refused(409, "too_many_conversations");
}

#[tokio::test]
async fn a_chat_has_settings_and_is_open_at_all_hours() {
    let world = World::new().await;
    let reply = world.device("GET", "/p/v1/chat/settings?lang=en", None, None);
    let body = reply.await.expect(200);
    assert_eq!(body["data"]["type"], "chat_settings");
    assert_eq!(body["data"]["attributes"]["teamName"], "demo");
    assert_eq!(body["data"]["attributes"]["enabled"], true);
    for id in ["default", "5a61c35a"] {
        let path = format!("/p/v1/schedules/{id}?include=holidays");
        let reply = world.device("GET", &path, None, None).await;
        reply.refused(404, "not_found");
    }
}

#[tokio::test]
async fn a_customer_sees_who_answers() {
    let world = World::new().await;
    let alice = world.log_in(None, "alice").await.token;
    let chat = begin(&world, &alice, "Hello").await;
    let agent = json!({ "name": "agent-7", "display_name": "Dana of Our shop" });
    let agent = world.done("POST", "/v1/users", Some(agent)).await;
    let path = format!("/c/v1/users/{}", text(&agent["id"]));
    let reply = world.device("GET", &path, Some(&alice), None).await;
    reply.refused(404, "not_found");
    let member = json!({ "user": { "id": agent["id"] }, "state": "joined" });
    let members = format!("/v1/conversations/{chat}/members");
    world.done("POST", &members, Some(member)).await;
    let shown = world.ask(&alice, "GET", &path, None).await;
    assert_eq!(shown["type"], "user");
    assert_eq!(shown["attributes"]["displayName"], "Dana of Our shop");
    assert_eq!(shown["attributes"]["avatarUrl"], Value::Null);
    for id in ["", "x", "USR-00000000-0000-7000-8000-000000000000"] {
        let path = format!("/c/v1/users/{id}");
        let reply = world.device("GET", &path, Some(&alice), None).await;
        reply.refused(404, "not_found");
    }
}
