//! Attachments over HTTP: announced, sent without a token, named by a message, and
//! read by whoever may read that.

use serde_json::{Value, json};

use crate::world::{Call, Door, Reply, World, text};

const ATTACHMENTS: &str = "/c/v1/chat/attachments";
const PNG: &str = "\u{89}PNG";
const TEXT: &str = "a file's own bytes";

struct Announced {
    id: String,
    path: String,
    key: String,
}

async fn announce(world: &World, token: &str, name: &str) -> Announced {
    let file = json!({ "name": name, "contentLength": 18, "contentType": "text/plain" });
    let reply = world.device("POST", ATTACHMENTS, Some(token), Some(file));
    let body = reply.await.expect(201);
    assert_eq!(body["data"]["type"], "attachment");
    let upload = &body["meta"]["upload"];
    let url = text(&upload["url"]);
    let path = url.strip_prefix("http://127.0.0.1:7082");
    assert_eq!(path, Some("/demo/c/v1/chat/attachments/uploads"), "{url}");
    Announced {
        id: text(&body["data"]["id"]),
        path: path.unwrap().to_owned(),
        key: text(&upload["fields"]["key"]),
    }
}

/// As to a file storage: no token, the fields first, and the file last.
async fn upload(world: &World, path: &str, key: &str, content: &str) -> Reply {
    let part = |name: &str, content: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
    };
    let call = Call {
        headers: &[("content-type", "multipart/form-data; boundary=b")],
        body: format!("{}{}--b--\r\n", part("key", key), part("file", content)),
        ..Call::of("POST", path)
    };
    world.send(Door::Kustomer, call).await
}

async fn send(world: &World, token: &str, message: Value) -> Reply {
    let path = "/c/v1/chat/messages";
    world.device("POST", path, Some(token), Some(message)).await
}

async fn stored(world: &World, token: &str, name: &str) -> String {
    let file = announce(world, token, name).await;
    let reply = upload(world, &file.path, &file.key, TEXT).await;
    assert_eq!(reply.status, 204, "{}", reply.body);
    file.id
}

fn path(message: &str, file: &str) -> String {
    format!("/c/v1/chat/messages/{message}/attachments/{file}?redirect=true")
}

#[tokio::test]
async fn a_file_goes_with_a_message_and_its_visitor() {
    let world = World::new().await;
    let visitor = world.visitor().await;
    let chat = world.chat(&visitor).await;
    let [one, two] = [
        stored(&world, &visitor, "bill.txt").await,
        stored(&world, &visitor, "more.txt").await,
    ];
    let message = json!({ "session": chat, "body": "see here", "attachments": [one, two, one] });
    let sent = send(&world, &visitor, message).await.expect(201);
    let named = json!({ "data": [
        { "type": "attachment", "id": one },
        { "type": "attachment", "id": two },
    ]});
    assert_eq!(sent["data"]["relationships"]["attachments"], named);
    assert_eq!(sent["data"]["attributes"]["body"], "see here");
    let message = text(&sent["data"]["id"]);

    let alice = world.log_in(Some(&visitor), "alice").await.token;
    let tablet = world.log_in(None, "alice").await.token;
    for device in [&alice, &tablet] {
        let read = path(&message, &one);
        let reply = world.device("GET", &read, Some(device), None).await;
        assert_eq!((reply.status, reply.text.as_str()), (200, TEXT));
        let name = reply.header("content-disposition");
        assert_eq!(name, "attachment; filename*=UTF-8''bill.txt");
        assert_eq!(reply.header("access-control-allow-origin"), "*");
    }
    // Support reads it natively, by the address that the message has.
    let events = format!("/v1/conversations/{chat}/events");
    let events = world.done("GET", &events, None).await;
    let event = events["events"].as_array().unwrap().iter();
    let body = &event
        .clone()
        .find(|event| event["type"] == "message")
        .unwrap()["body"];
    assert_eq!(body["file"]["name"], "bill.txt");
    assert_eq!(body["attachments"][1]["url"], format!("/v1/media/{two}"));
    let file = format!("/v1/media/{two}");
    let reply = world.native("GET", &file, &world.backend, None).await;
    assert_eq!((reply.status, reply.text.as_str()), (200, TEXT));

    // Nobody else reads it, nor through another message.
    let bob = world.log_in(None, "bob").await.token;
    let other = world.say(&alice, &chat, "no file").await;
    for (token, message) in [(&bob, &message), (&alice, &other)] {
        let read = path(message, &one);
        let reply = world.device("GET", &read, Some(token), None).await;
        reply.refused(404, "not_found");
    }
}

#[tokio::test]
async fn a_message_of_a_file_alone_has_no_text() {
    let world = World::new().await;
    let alice = world.log_in(None, "alice").await.token;
    let chat = world.chat(&alice).await;
    let file = stored(&world, &alice, "bill.txt").await;
    let message = json!({
        "session": chat,
        "attachments": [file],
        "clientMessageId": "once",
    });
    let sent = send(&world, &alice, message.clone()).await.expect(201);
    assert_eq!(sent["data"]["attributes"]["body"], "");
    let again = send(&world, &alice, message).await.expect(200);
    assert_eq!(again["data"], sent["data"], "a retry is harmless");
    let empty = json!({ "session": chat, "attachments": [] });
    send(&world, &alice, empty)
        .await
        .refused(400, "bad_request");
}

#[tokio::test]
async fn a_picture_of_another_door_is_an_attachment() {
    let world = World::new().await;
    let alice = world.log_in(None, "alice").await.token;
    let chat = world.chat(&alice).await;
    let file = stored(&world, &alice, "bill.txt").await;
    let message = json!({ "session": chat, "attachments": [file] });
    send(&world, &alice, message).await.expect(201);
    let url = format!("https://chat.example.com/v1/media/{file}");
    let event = json!({ "type": "image", "body": { "url": url } });
    let events = format!("/v1/conversations/{chat}/events");
    world.done("POST", &events, Some(event)).await;
    let messages = format!("/c/v1/chat/sessions/{chat}/messages");
    let messages = world.ask(&alice, "GET", &messages, None).await;
    let newest = &messages[0];
    assert_eq!(newest["attributes"]["body"], "");
    assert_eq!(
        newest["relationships"]["attachments"]["data"][0]["id"],
        file
    );
    let path = path(&text(&newest["id"]), &file);
    let reply = world.device("GET", &path, Some(&alice), None).await;
    assert_eq!((reply.status, reply.text.as_str()), (200, TEXT));
}

#[tokio::test]
async fn an_upload_needs_the_key_that_was_given_for_it() {
    let world = World::new().await;
    let alice = world.log_in(None, "alice").await;
    let file = announce(&world, &alice.token, "a.png").await;
    let changed = format!("{}x", file.key);
    let (token, _) = file.key.split_once('.').unwrap();
    for key in ["", "x", &alice.token, token, &changed] {
        let reply = upload(&world, &file.path, key, PNG).await;
        reply.refused(401, "malformed_token");
    }
    let elsewhere = file.path.replace("/demo/", "/other/");
    let reply = upload(&world, &elsewhere, &file.key, PNG).await;
    reply.refused(404, "not_found");
    let reply = upload(&world, &file.path, &file.key, "").await;
    reply.refused(400, "bad_request");
    for _ in ["at first", "again, since the answer got lost"] {
        let reply = upload(&world, &file.path, &file.key, PNG).await;
        assert_eq!(reply.status, 204, "{}", reply.body);
    }
    // No key is good for anything else, and none for long.
    let reply = world.device("GET", "/c/v1/chat/sessions", Some(token), None);
    reply.await.refused(401, "malformed_token");
    let late = announce(&world, &alice.token, "b.png").await;
    let lost = announce(&world, &alice.token, "c.png").await;
    world.reset(Some(&alice.token)).await.expect(200);
    let reply = upload(&world, &lost.path, &lost.key, PNG).await;
    reply.refused(401, "session_ended");
    world.clock.advance_s(601);
    let reply = upload(&world, &late.path, &late.key, PNG).await;
    reply.refused(401, "access_expired");
}

#[tokio::test]
async fn what_is_no_file_of_ones_own_goes_with_no_message() {
    let world = World::new().await;
    let alice = world.log_in(None, "alice").await.token;
    let bob = world.log_in(None, "bob").await.token;
    let chat = world.chat(&alice).await;
    let bobs = stored(&world, &bob, "bob.txt").await;
    let never = announce(&world, &alice, "never.txt").await.id;
    for id in [&bobs, &never, "x"] {
        let message = json!({ "session": chat, "body": "hello", "attachments": [id] });
        send(&world, &alice, message)
            .await
            .refused(404, "not_found");
    }
    let message = json!({ "session": chat, "body": "hello", "attachments": vec![never; 9] });
    send(&world, &alice, message)
        .await
        .refused(400, "bad_request");
    for (name, length, status, code) in [
        ("a.txt", json!(5 * 1024 * 1024 + 1), 413, "too_large"),
        ("a.txt", json!(-1), 400, "bad_request"),
        ("../a.txt", json!(1), 400, "bad_request"),
        ("", json!(1), 400, "bad_request"),
        ("a\u{202e}b", json!(1), 400, "bad_request"),
    ] {
        let file = json!({ "name": name, "contentLength": length });
        let reply = world.device("POST", ATTACHMENTS, Some(&alice), Some(file));
        reply.await.refused(status, code);
    }
    // Files that no message has named yet are few.
    for _ in 0..19 {
        stored(&world, &bob, "more.txt").await;
    }
    let file = announce(&world, &bob, "one too many.txt").await;
    let reply = upload(&world, &file.path, &file.key, TEXT).await;
    reply.refused(413, "too_large");
}
