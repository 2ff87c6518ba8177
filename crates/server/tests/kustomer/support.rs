//! Support over HTTP: a backend reads a customer's chats and answers, and the
//! customer has the answer on every device.

use serde_json::{Value, json};

use crate::world::{Call, Door, Reply, World, text};

async fn read(world: &World, path: &str) -> Value {
    world.backend("GET", path, &world.backend).await.expect(200)
}

async fn post(world: &World, kind: &str, message: Value) -> Reply {
    let path = format!("/v2.1/chat/{kind}");
    world.posted(&path, message).await
}

/// What is said in a chat, the newest first.
fn said(body: &Value) -> Vec<(String, String)> {
    let messages = body["data"].as_array().unwrap().iter();
    let said = messages.map(|message| {
        let attributes = &message["attributes"];
        (text(&attributes["direction"]), text(&attributes["body"]))
    });
    said.collect()
}

#[tokio::test]
async fn a_backend_answers_and_the_customer_reads_it_on_every_device() {
    let world = World::new().await;
    let phone = world.log_in(None, "alice").await;
    let tablet = world.log_in(None, "alice").await;
    let alice = &phone.customer;
    let chat = world.chat(&phone.token).await;
    world.say(&phone.token, &chat, "Hello?").await;
    let sessions = format!("/v2.1/chat/sessions?customerId={alice}");
    let list = read(&world, &sessions).await;
    assert_eq!(list["data"][0]["id"], chat);
    assert_eq!(list["data"][0]["attributes"]["preview"], "Hello?");
    assert_eq!(list["data"][0]["attributes"]["trackingId"], Value::Null);

    let message = json!({
        "customerId": alice,
        "from": "agent-7",
        "session": chat,
        "body": "On its way.",
        "clientMessageId": "1",
    });
    let sent = post(&world, "outbound/messages", message.clone()).await;
    let sent = sent.expect(201);
    assert_eq!(sent["data"]["attributes"]["direction"], "out");
    let again = post(&world, "outbound/messages", message).await.expect(200);
    assert_eq!(again["data"], sent["data"], "a retry is harmless");
    let by_mail = json!({ "customerId": alice, "session": chat, "body": "Thanks" });
    let sent = post(&world, "messages", by_mail).await.expect(201);
    assert_eq!(sent["data"]["attributes"]["direction"], "in");

    let expected = [("in", "Thanks"), ("out", "On its way."), ("in", "Hello?")]
        .map(|(direction, said)| (direction.to_owned(), said.to_owned()));
    let path = format!("/v2.1/chat/sessions/{chat}/messages");
    assert_eq!(said(&read(&world, &path).await), expected);
    let path = format!("/c/v1/chat/sessions/{chat}/messages");
    for device in [&phone.token, &tablet.token] {
        let reply = world.device("GET", &path, Some(device), None).await;
        assert_eq!(said(&reply.expect(200)), expected);
    }
}

#[tokio::test]
async fn a_page_of_a_customers_chats_leads_to_the_next() {
    let world = World::new().await;
    let alice = world.log_in(None, "alice").await;
    let mut chats = Vec::new();
    for _ in 0..3 {
        world.clock.advance_s(1);
        chats.insert(0, world.chat(&alice.token).await);
    }
    let ended = json!({ "locked": true });
    let path = format!("/c/v1/chat/sessions/{}", chats[0]);
    world.ask(&alice.token, "PUT", &path, Some(ended)).await;
    let id = &alice.customer;
    let mut next = Value::from(format!(
        "/v2.1/chat/sessions?customerId={id}&active=true&page[size]=1"
    ));
    let mut found = Vec::new();
    while let Value::String(path) = next {
        let body = read(&world, &path).await;
        let data = body["data"].as_array().unwrap();
        found.extend(data.iter().map(|chat| text(&chat["id"])));
        next = body["links"]["next"].clone();
    }
    assert_eq!(found, chats[1..]);
}

#[tokio::test]
async fn a_chat_of_somebody_else_is_not_there() {
    let world = World::new().await;
    let alice = world.log_in(None, "alice").await;
    let bob = world.log_in(None, "bob").await;
    let chat = world.chat(&alice.token).await;
    for (customer, session, body, status, code) in [
        (&bob.customer, chat.as_str(), "a", 404, "not_found"),
        (&alice.customer, "x", "a", 404, "not_found"),
        (&alice.customer, chat.as_str(), "", 400, "bad_request"),
    ] {
        let message = json!({ "customerId": customer, "session": session, "body": body });
        for kind in ["outbound/messages", "messages"] {
            let reply = post(&world, kind, message.clone()).await;
            reply.refused(status, code);
        }
    }
    for (path, status, code) in [
        ("/v2.1/chat/sessions", 400, "bad_request"),
        ("/v2.1/chat/sessions?customerId=x", 404, "not_found"),
        ("/v2.1/chat/sessions/x/messages", 404, "not_found"),
    ] {
        let reply = world.backend("GET", path, &world.backend).await;
        reply.refused(status, code);
    }
    // A chat of this organization, at the address of another one.
    let authorization = format!("Bearer {}", world.other_backend);
    let path = format!("/other/v2.1/chat/sessions/{chat}/messages");
    let call = Call {
        headers: &[("authorization", &*authorization)],
        ..Call::of("GET", &path)
    };
    let reply = world.send(Door::Kustomer, call).await;
    reply.refused(404, "not_found");
}
