//! Pictures: uploaded ahead of the event that names them, and whose they are
//! until then and from then on.

use countersign_core::limit;
use countersign_core::op::janitor::{self, Progress};
use serde_json::{Value, json};

use crate::world::{BOUNDARY, LIFE_S, Person, Reply, World, form, part, text};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and the rest of it";

/// Sends an image event with these representations.
async fn send(world: &World, bearer: &str, conversation: &str, sizes: &Value) -> Reply {
    let path = format!("/beta/conversations/{conversation}/events");
    let body = json!({ "type": "image", "body": { "representations": sizes } });
    world.post(&path, bearer, body).await
}

/// The path of a representation: what follows the host.
fn path_of(sizes: &Value) -> String {
    let url = text(&sizes["original"]["url"]);
    url.strip_prefix("http://nexmo.test").unwrap().to_owned()
}

#[tokio::test]
async fn a_picture_is_its_uploaders_until_an_event_names_it() {
    let world = World::new().await;
    let [alice, bob, eve] = [
        world.person("alice").await,
        world.person("bob").await,
        world.person("eve").await,
    ];
    let conversation = world.shared(&[&alice, &bob]).await;
    let sizes = world.upload(&alice.token, PNG).await.expect(200);
    let id = text(&sizes["original"]["id"]);
    for (size, kind) in [
        ("original", "ORIGINAL"),
        ("medium", "MEDIUM"),
        ("thumbnail", "THUMBNAIL"),
    ] {
        let url = format!("http://nexmo.test/v1/media/{id}");
        let expected = json!({ "id": id, "url": url, "type": kind, "size": PNG.len() });
        assert_eq!(sizes[size], expected);
    }
    let path = path_of(&sizes);
    assert_eq!(world.get(&path, &alice.token).await.bytes, PNG);
    let backend = world.backend();
    for other in [&bob.token, &eve.token, &backend, &world.admin] {
        for method in ["GET", "DELETE"] {
            let refused = world.call(method, &path, other, None).await;
            refused.refused(404, "media:error:not-found");
        }
        // Nor can it be given away by another.
        let refused = send(&world, other, &conversation, &sizes).await;
        assert_eq!(refused.status, 404, "{}", refused.body);
    }
    let number = send(&world, &alice.token, &conversation, &sizes).await;
    let number = number.expect(200)["id"].as_u64().unwrap();
    for reader in [&alice.token, &bob.token, &backend] {
        let read = world.get(&path, reader).await;
        assert_eq!(read.bytes, PNG);
        for (name, value) in [
            ("content-type", "image/png"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; sandbox"),
            ("content-disposition", "attachment; filename*=UTF-8''file"),
            ("access-control-allow-origin", "*"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(read.header(name), value, "{name}");
        }
    }
    let refused = world.get(&path, &eve.token).await;
    refused.refused(404, "media:error:not-found");
    // The other doors have it as a file of theirs.
    let native = format!("/v1/conversations/{conversation}/events/{number}");
    let event = world.native("GET", &native, &world.admin, None).await;
    assert_eq!(event.expect(200)["body"]["url"], format!("/v1/media/{id}"));
    leaves_with_its_event(&world, (&alice, &bob), &conversation, &path, number).await;
}

/// A member is no owner; and the picture goes with its event.
async fn leaves_with_its_event(
    world: &World,
    (alice, bob): (&Person, &Person),
    conversation: &str,
    path: &str,
    number: u64,
) {
    let refused = world.call("DELETE", path, &bob.token, None).await;
    refused.refused(403, "system:error:permission");
    let event = format!("/beta2/conversations/{conversation}/events/{number}");
    let deleted = world.call("DELETE", &event, &alice.token, None).await;
    deleted.expect(200);
    for reader in [&alice.token, &bob.token, &world.backend()] {
        let gone = world.get(path, reader).await;
        gone.refused(404, "media:error:not-found");
    }
}

#[tokio::test]
async fn what_a_place_gives_ends_with_it() {
    let world = World::new().await;
    let [alice, bob, carol] = [
        world.person("alice").await,
        world.person("bob").await,
        world.person("carol").await,
    ];
    let conversation = world.shared(&[&alice, &bob]).await;
    let members = format!("/v0.3/conversations/{conversation}/members");
    let invited = json!({ "state": "invited", "user": { "id": carol.id } });
    let invited = world.post(&members, &alice.token, invited).await;
    invited.expect(201);
    let sizes = world.upload(&bob.token, PNG).await.expect(200);
    send(&world, &bob.token, &conversation, &sizes)
        .await
        .expect(200);
    let path = path_of(&sizes);
    // Who is only invited knows of the conversation, and reads no event of it.
    let refused = world.get(&path, &carol.token).await;
    refused.refused(403, "system:error:permission");
    world
        .call("DELETE", &format!("{members}/me"), &bob.token, None)
        .await
        .expect(204);
    for method in ["GET", "DELETE"] {
        let gone = world.call(method, &path, &bob.token, None).await;
        gone.refused(404, "media:error:not-found");
    }
    assert_eq!(world.get(&path, &alice.token).await.bytes, PNG);
    let conversation = format!("/v0.3/conversations/{conversation}");
    let deleted = world.call("DELETE", &conversation, &alice.token, None);
    deleted.await.expect(204);
    let gone = world.get(&path, &alice.token).await;
    gone.refused(404, "media:error:not-found");
}

#[tokio::test]
async fn a_message_names_a_file_too_and_a_backend_its_own() {
    let world = World::new().await;
    let [alice, bob] = [world.person("alice").await, world.person("bob").await];
    let conversation = world.shared(&[&alice, &bob]).await;
    let events = format!("/v1/conversations/{conversation}/events");
    let sizes = world.upload(&alice.token, PNG).await.expect(200);
    let image = json!({ "url": sizes["original"]["url"], "caption": "look" });
    let body = json!({ "message_type": "image", "image": image });
    let message = json!({ "type": "message", "body": body });
    world.post(&events, &alice.token, message).await.expect(201);
    let path = path_of(&sizes);
    assert_eq!(world.get(&path, &bob.token).await.bytes, PNG);
    // The uploader deletes the file alone; the event names nothing then.
    world
        .call("DELETE", &path, &alice.token, None)
        .await
        .expect(204);
    for method in ["GET", "DELETE"] {
        let gone = world.call(method, &path, &alice.token, None).await;
        gone.refused(404, "media:error:not-found");
    }
    let own = format!("/v1/conversations/{conversation}/members/me");
    let member = text(&world.get(&own, &alice.token).await.expect(200)["id"]);
    let sizes = world.upload(&world.backend(), PNG).await.expect(200);
    let body = json!({ "representations": sizes });
    let event = json!({ "type": "image", "from": member, "body": body });
    world
        .post(&events, &world.backend(), event)
        .await
        .expect(201);
    assert_eq!(world.get(&path_of(&sizes), &bob.token).await.bytes, PNG);
}

#[tokio::test]
async fn a_picture_is_found_where_its_reader_has_reached_the_door() {
    let world = World::new().await;
    let [alice, bob] = [world.person("alice").await, world.person("bob").await];
    let conversation = world.shared(&[&alice, &bob]).await;
    let (mut client, _) = world.connect(&bob.token).await;
    // One that came by this door, at another place, and one by the native door.
    let sizes = world.upload(&alice.token, PNG).await.expect(200);
    let sizes = sizes.to_string().replace("nexmo.test", "old.example");
    let sizes = serde_json::from_str(&sizes).unwrap();
    let sent = send(&world, &alice.token, &conversation, &sizes).await;
    sent.expect(200);
    let path = format!("/v1/conversations/{conversation}/attachments");
    let stored = world.native_file(&path, PNG).await.expect(201);
    let events = format!("/v1/conversations/{conversation}/events");
    let body = json!({ "type": "image", "body": { "url": stored["url"] } });
    let sent = world
        .native("POST", &events, &world.admin, Some(body))
        .await;
    sent.expect(201);
    let elsewhere = json!({ "original": { "url": "https://cdn.example/v1/media/a.png" } });
    let sent = send(&world, &alice.token, &conversation, &elsewhere).await;
    sent.expect(200);
    let listed = format!("/v0.3/conversations/{conversation}/events?event_type=image");
    let listed = world.get(&listed, &bob.token).await.expect(200);
    let listed = listed["_embedded"]["events"].as_array().unwrap();
    let ids = [&sizes["original"]["id"], &stored["id"]].map(text);
    for (event, id) in listed.iter().zip(&ids) {
        for (event, origin) in [
            (event, "http://nexmo.test"),
            (&client.named("image").await, "http://test"),
        ] {
            for size in ["original", "medium", "thumbnail"] {
                let url = &event["body"]["representations"][size]["url"];
                assert_eq!(*url, format!("{origin}/v1/media/{id}"));
            }
        }
        let path = format!("/v1/media/{id}");
        assert_eq!(world.get(&path, &bob.token).await.bytes, PNG);
    }
    // What is not ours stays where it is.
    let told = client.named("image").await;
    assert_eq!(told["body"]["representations"], elsewhere);
    assert_eq!(listed[2]["body"]["representations"], elsewhere);
    let bearer = format!("Bearer {}", bob.token);
    let headers = [("authorization", &*bearer), ("x-forwarded-proto", "https")];
    let read = format!("{events}/{}", listed[0]["id"]);
    let read = world.raw("GET", &read, &headers, String::new()).await;
    let url = read.expect(200)["body"]["representations"]["original"]["url"].clone();
    assert_eq!(url, format!("https://nexmo.test/v1/media/{}", ids[0]));
}

#[tokio::test]
async fn only_a_picture_in_a_form_is_taken() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let form_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let with = |content: &[u8]| form(&[part("file", content), part("quality_ratio", b"100")]);
    let largest = [PNG, &vec![0; limit::ATTACHMENT_BYTES_MAX - PNG.len()]].concat();
    let oversize = [largest.as_slice(), b"x"].concat();
    let invalid = "http:error:validation-fail";
    let no_type = "http:error:unsupported-media-type";
    for (content_type, body, status, code) in [
        (&*form_type, with(PNG), 200, ""),
        (&form_type, with(&largest), 200, ""),
        (&form_type, with(&oversize), 413, invalid),
        (
            &form_type,
            form(&[part("quality_ratio", b"1")]),
            400,
            invalid,
        ),
        (&form_type, form(&[part("image", PNG)]), 400, invalid),
        (
            &form_type,
            form(&[part("file", PNG), part("file", PNG)]),
            400,
            invalid,
        ),
        (&form_type, form(&[]), 400, invalid),
        (&form_type, with(b""), 400, invalid),
        (&form_type, Vec::new(), 400, invalid),
        (&form_type, b"\0\xff\r\n--".repeat(99), 400, invalid),
        (&form_type, with(PNG)[..200].to_vec(), 400, invalid),
        (
            &form_type,
            with(b"<svg xmlns='x' onload='x()'/>"),
            415,
            no_type,
        ),
        (
            &form_type,
            with(b"<!doctype html><script>x()</script>"),
            415,
            no_type,
        ),
        (&form_type, with(b"%PDF-1.7 and so on"), 415, no_type),
        ("image/png", PNG.to_vec(), 415, no_type),
        ("application/json", b"{}".to_vec(), 415, no_type),
        ("multipart/form-data", with(PNG), 415, no_type),
    ] {
        let size = body.len();
        let reply = world.send_form(&alice.token, content_type, body).await;
        assert_eq!(reply.status, status, "{content_type} {size} {}", reply.body);
        if status != 200 {
            assert_eq!(reply.body["code"], code, "{content_type} {size}");
        }
    }
}

#[tokio::test]
async fn who_is_not_let_in_stores_nothing() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let other_acl = json!({ "paths": { "/*/sessions/**": {}, "/*/media/**": {} } });
    let withheld = world.token_with(Some("alice"), Some(&other_acl.to_string()), LIFE_S);
    let revoked = world.person("bob").await;
    let body = json!({ "jti": revoked.jti });
    let revocation = world.native("POST", "/v1/revocations", &world.admin, Some(body));
    revocation.await.expect(201);
    for (bearer, status, code) in [
        ("x.y.z".to_owned(), 401, "system:error:invalid-token"),
        (world.token("nobody"), 401, "user:error:not-found"),
        (revoked.token, 401, "system:error:invalid-token"),
        (withheld.clone(), 403, "system:error:permission"),
    ] {
        let refused = world.upload(&bearer, PNG).await;
        refused.refused(status, code);
    }
    world.upload(&alice.token, PNG).await.expect(200);
    // Who may upload and not read does not read.
    let acl = json!({ "paths": { "/*/image/**": {} } }).to_string();
    let uploads = world.token_with(Some("alice"), Some(&acl), LIFE_S);
    let sizes = world.upload(&uploads, PNG).await.expect(200);
    let path = path_of(&sizes);
    let refused = world.get(&path, &uploads).await;
    refused.refused(403, "system:error:permission");
    assert_eq!(world.get(&path, &withheld).await.bytes, PNG);
    // A visitor's files begin in a conversation.
    let keys = format!("/v1/applications/{}/api-keys", world.application);
    let key = json!({ "name": "page", "roles": ["tracking"] });
    let key = world.native("POST", &keys, &world.admin, Some(key)).await;
    let key = text(&key.expect(201)["key"]);
    let visitor = world.native("POST", "/v1/sessions/anonymous", &key, Some(json!({})));
    let visitor = text(&visitor.await.expect(201)["access_token"]);
    let refused = world.upload(&visitor, PNG).await;
    refused.refused(403, "system:error:permission");
}

#[tokio::test]
async fn so_many_wait_for_so_long() {
    let world = World::new().await;
    let [alice, bob] = [world.person("alice").await, world.person("bob").await];
    let conversation = world.shared(&[&alice, &bob]).await;
    let mut sizes = Vec::new();
    for _ in 0..limit::FILES_WAITING_MAX {
        sizes.push(world.upload(&alice.token, PNG).await.expect(200));
    }
    world.upload(&alice.token, PNG).await.expect(413);
    world.upload(&bob.token, PNG).await.expect(200);
    let named = &sizes[0];
    send(&world, &alice.token, &conversation, named)
        .await
        .expect(200);
    let late = world.upload(&alice.token, PNG).await.expect(200);
    world.clock.advance_s(limit::FILE_WAITS_S - 1);
    let clean = async || {
        let mut progress = Progress::default();
        for _ in 0..8 {
            janitor::clean(&world.ctx, &mut progress).await.unwrap();
        }
    };
    clean().await;
    let (alice, bob) = (world.token("alice"), world.token("bob"));
    assert_eq!(world.get(&path_of(&late), &alice).await.status, 200);
    world.clock.advance_s(1);
    clean().await;
    for waited in sizes[1..].iter().chain([&late]) {
        let gone = world.get(&path_of(waited), &alice).await;
        gone.refused(404, "media:error:not-found");
    }
    assert_eq!(world.get(&path_of(named), &bob).await.bytes, PNG);
    let refused = send(&world, &alice, &conversation, &late).await;
    refused.refused(404, "media:error:not-found");
}

#[tokio::test]
async fn what_waits_goes_with_its_user() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let sizes = world.upload(&alice.token, PNG).await.expect(200);
    let path = format!("/v1/users/{}", alice.id);
    let backend = world.backend();
    let deleted = world.call("DELETE", &path, &backend, None);
    deleted.await.expect(204);
    let file = text(&sizes["original"]["id"]).parse().unwrap();
    let store = &world.ctx.store;
    let found = store.attachment(world.application, file).await.unwrap();
    assert_eq!(found, None);
    let refused = world.upload(&alice.token, PNG).await;
    assert_eq!(refused.status, 401, "{}", refused.body);
}
