//! Conversations, members and events, through the door.

use serde_json::{Value, json};

use crate::http::{Call, Reply};
use crate::world::{Device, World, text};

fn events(conversation: &str) -> String {
    format!("/v1/conversations/{conversation}/events")
}

fn members(conversation: &str) -> String {
    format!("/v1/conversations/{conversation}/members")
}

async fn send(call: Call, device: &Device, body: Value) -> Reply {
    call.bearer(&device.access).json(&body).send().await
}

#[tokio::test]
async fn a_retry_with_the_same_client_id_is_answered_as_before() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let create = json!({"display_name": "Support", "client_id": "c-1"});
    let first = send(world.post("/v1/conversations"), &alice, create.clone())
        .await
        .expect(201);
    let retry = send(world.post("/v1/conversations"), &alice, create)
        .await
        .expect(200);
    assert_eq!(first["id"], retry["id"]);
    let other = json!({"display_name": "Sales", "client_id": "c-1"});
    let other = send(world.post("/v1/conversations"), &alice, other).await;
    other.problem(409, "client_id_reused");

    let conversation = text(&first["id"]);
    let hello = json!({"type": "text", "body": {"text": "hello"}, "client_id": "e-1"});
    let first = send(world.post(&events(&conversation)), &alice, hello.clone())
        .await
        .expect(201);
    assert_eq!(first["client_id"], "e-1");
    let retry = send(world.post(&events(&conversation)), &alice, hello)
        .await
        .expect(200);
    assert_eq!(first, retry);
    let other = json!({"type": "text", "body": {"text": "bye"}, "client_id": "e-1"});
    let other = send(world.post(&events(&conversation)), &alice, other).await;
    other.problem(409, "client_id_reused");
    assert_eq!(world.texts(&alice.access, &conversation).await, ["hello"]);
}

#[tokio::test]
async fn a_member_is_invited_joins_reads_and_leaves() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let bob = world.user("bob").await;
    let conversation = world.conversation(&alice).await;
    world.say(&alice, &conversation, "hello").await.expect(201);

    let invite = json!({"user": {"external_id": "bob"}, "state": "invited"});
    let invited = send(world.post(&members(&conversation)), &alice, invite.clone()).await;
    let invited = invited.expect(201);
    assert_eq!(invited["state"], "invited");
    assert_eq!(invited["user_id"], bob.user);
    send(world.post(&members(&conversation)), &alice, invite)
        .await
        .problem(409, "conflict");

    // Invited: reads the conversation, and neither reads nor sends events.
    let path = format!("/v1/conversations/{conversation}");
    world
        .get(&path)
        .bearer(&bob.access)
        .send()
        .await
        .expect(200);
    let early = world
        .get(&events(&conversation))
        .bearer(&bob.access)
        .send()
        .await;
    early.problem(403, "not_permitted");
    world
        .say(&bob, &conversation, "hi")
        .await
        .problem(403, "not_permitted");

    let place = format!("{}/{}", members(&conversation), text(&invited["id"]));
    let join = json!({"state": "joined"});
    let joined = send(world.call("PATCH", &place), &bob, join)
        .await
        .expect(200);
    assert_eq!(joined["state"], "joined");
    assert_eq!(world.texts(&bob.access, &conversation).await, ["hello"]);

    a_joined_member_leaves(&world, &alice, &bob, &conversation, &place).await;
}

async fn a_joined_member_leaves(
    world: &World,
    alice: &Device,
    bob: &Device,
    conversation: &str,
    place: &str,
) {
    let path = format!("/v1/conversations/{conversation}");

    // A joined member does not change or delete what another created.
    let patch = json!({"display_name": "Mine"});
    send(world.call("PATCH", &path), bob, patch)
        .await
        .problem(403, "not_permitted");
    let deleted = world.call("DELETE", &path).bearer(&bob.access).send().await;
    deleted.problem(403, "not_permitted");

    // What the two see of each other has no identifier of the backend's.
    let seen = world
        .get(&format!("/v1/users/{}", bob.user))
        .bearer(&alice.access);
    let seen = seen.send().await.expect(200);
    assert_eq!(
        (&seen["external_id"], &seen["blocked"]),
        (&Value::Null, &Value::Null)
    );

    let left = world.call("DELETE", place).bearer(&bob.access).send().await;
    assert_eq!(left.status, 204);
    world
        .get(&path)
        .bearer(&bob.access)
        .send()
        .await
        .problem(404, "not_found");
    let list = world
        .get(&events(conversation))
        .bearer(&alice.access)
        .send()
        .await
        .expect(200);
    let kinds: Vec<_> = list["events"]
        .as_array()
        .expect("events are a list")
        .iter()
        .map(|e| text(&e["type"]))
        .collect();
    assert_eq!(
        kinds,
        [
            "member:joined",
            "text",
            "member:invited",
            "member:joined",
            "member:left"
        ]
    );
    assert_eq!(list["events"][2]["body"]["user_id"], bob.user);
}

#[tokio::test]
async fn a_visitor_cannot_be_invited_and_has_five_conversations() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let conversation = world.conversation(&alice).await;
    let visitor = world.visitor().await;
    for _ in 0..5 {
        world.conversation(&visitor).await;
    }
    let sixth = send(world.post("/v1/conversations"), &visitor, json!({})).await;
    sixth.problem(409, "too_many_conversations");
    let invite = json!({"user": {"id": visitor.user}, "state": "invited"});
    let invited = send(world.post(&members(&conversation)), &alice, invite).await;
    invited.problem(409, "user_anonymous");
}

#[tokio::test]
async fn an_edit_has_a_body_of_the_type_that_it_edits() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let conversation = world.conversation(&alice).await;
    let sent = world.say(&alice, &conversation, "helo").await.expect(201);
    let edit = |event: &Value, body: Value| {
        let body = json!({"event_id": event, "body": body});
        let call = world.post(&events(&conversation));
        send(call, &alice, json!({"type": "edit", "body": body}))
    };
    for wrong in [
        json!({}),
        json!({"text": 7}),
        json!({"text": "a", "url": "b"}),
    ] {
        edit(&sent["id"], wrong).await.problem(400, "bad_request");
    }
    edit(&json!(99), json!({"text": "a"}))
        .await
        .problem(404, "not_found");
    edit(&json!(1), json!({"text": "a"}))
        .await
        .problem(404, "not_found");
    edit(&sent["id"], json!({"text": "hello"}))
        .await
        .expect(201);
    assert_eq!(world.texts(&alice.access, &conversation).await, ["hello"]);
}

#[tokio::test]
async fn an_event_is_edited_and_deleted_by_its_sender() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let bob = world.user("bob").await;
    let conversation = world.conversation(&alice).await;
    let add = json!({"user": {"id": bob.user}, "state": "joined"});
    let added = world
        .post(&members(&conversation))
        .bearer(&world.home.key)
        .json(&add)
        .send()
        .await;
    added.expect(201);
    let sent = world.say(&alice, &conversation, "helo").await.expect(201);
    let path = format!("{}/{}", events(&conversation), sent["id"]);

    let edit = json!({"type": "edit", "body": {"event_id": sent["id"], "body": {"text": "hello"}}});
    send(world.post(&events(&conversation)), &bob, edit.clone())
        .await
        .problem(404, "not_found");
    let edited = send(world.post(&events(&conversation)), &alice, edit)
        .await
        .expect(201);
    assert_eq!(edited["type"], "edit");
    let read = world
        .get(&path)
        .bearer(&bob.access)
        .send()
        .await
        .expect(200);
    assert_eq!(read["body"], json!({"text": "hello"}));
    assert!(read["edited_at"].is_string());

    let foreign = world.call("DELETE", &path).bearer(&bob.access).send().await;
    foreign.problem(403, "not_permitted");
    let deleted = world
        .call("DELETE", &path)
        .bearer(&alice.access)
        .send()
        .await;
    assert_eq!(deleted.status, 204);
    let read = world
        .get(&path)
        .bearer(&bob.access)
        .send()
        .await
        .expect(200);
    assert_eq!(read["body"], json!({}));
    assert!(read["deleted_at"].is_string());
    let page = world
        .get(&events(&conversation))
        .bearer(&bob.access)
        .send()
        .await;
    let page = page.expect(200).to_string();
    assert!(!page.contains("hello") && !page.contains("helo"), "{page}");
    let again = world
        .call("DELETE", &path)
        .bearer(&alice.access)
        .send()
        .await;
    again.problem(404, "not_found");
}

#[tokio::test]
async fn unread_counts_others_messages_until_they_are_seen() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let conversation = world.conversation(&alice).await;
    world.say(&alice, &conversation, "hello").await.expect(201);
    for kind in ["text", "custom:offer"] {
        let event = json!({"type": kind, "body": {"text": "x"}, "client_id": kind});
        let call = world.post(&events(&conversation)).bearer(&world.home.key);
        call.json(&event).send().await.expect(201);
    }
    let path = format!("/v1/conversations/{conversation}");
    let read = world
        .get(&path)
        .bearer(&alice.access)
        .send()
        .await
        .expect(200);
    assert_eq!(
        (&read["unread"], &read["last_event_id"]),
        (&json!(2), &json!(4))
    );
    let seen = json!({"type": "seen", "body": {"up_to": 3}});
    let seen = send(world.post(&events(&conversation)), &alice, seen).await;
    assert_eq!(seen.status, 204);
    let read = world
        .get(&path)
        .bearer(&alice.access)
        .send()
        .await
        .expect(200);
    assert_eq!(read["unread"], 1);
    let list = world
        .get(&members(&conversation))
        .bearer(&alice.access)
        .send()
        .await
        .expect(200);
    assert_eq!(
        (
            &list["members"][0]["seen"],
            &list["members"][0]["delivered"]
        ),
        (&json!(3), &json!(3))
    );
    // The client's own id is shown to its sender alone.
    let page = world
        .get(&events(&conversation))
        .bearer(&alice.access)
        .send()
        .await;
    assert!(!page.expect(200).to_string().contains("client_id"));
    let page = world
        .get(&events(&conversation))
        .bearer(&world.home.key)
        .send()
        .await;
    assert!(
        page.expect(200)
            .to_string()
            .contains(r#""client_id":"custom:offer""#)
    );
}

#[tokio::test]
async fn history_is_paged_both_ways_and_lists_to_their_end() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(world.conversation(&alice).await);
        world.clock.advance_s(1);
    }
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/conversations?limit=3{cursor}");
        let page = world
            .get(&path)
            .bearer(&alice.access)
            .send()
            .await
            .expect(200);
        found.extend(
            page["conversations"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| text(&one["id"])),
        );
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    made.reverse();
    assert_eq!(found, made);

    let conversation = &made[0];
    for number in 2..=10 {
        world
            .say(&alice, conversation, &number.to_string())
            .await
            .expect(201);
    }
    for (query, expected) in [
        ("limit=3", vec![8, 9, 10]),
        ("before=4&limit=2", vec![2, 3]),
        ("after=0&limit=2", vec![1, 2]),
        ("after=8", vec![9, 10]),
        ("after=10", vec![]),
        ("before=1", vec![]),
    ] {
        let path = format!("{}?{query}", events(conversation));
        let page = world
            .get(&path)
            .bearer(&alice.access)
            .send()
            .await
            .expect(200);
        let ids: Vec<u64> = page["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["id"].as_u64().unwrap())
            .collect();
        assert_eq!(ids, expected, "{query}");
    }
}

#[tokio::test]
async fn a_body_goes_through_to_the_digit() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let conversation = world.conversation(&alice).await;
    let body = r#"{"z":1.00,"a":123456789012345678901234567890,"e":"ä\u0000 \"x\""}"#;
    let sent = world
        .post(&events(&conversation))
        .bearer(&alice.access)
        .header("content-type", "application/json; charset=utf-8")
        .body(
            format!(
                r#"{{ "type": "custom:a.b", "body": {} }}"#,
                body.replace(',', " ,\n")
            )
            .as_bytes(),
        )
        .send()
        .await;
    sent.expect(201);
    assert!(sent.text().contains(body), "{}", sent.text());
    let page = world
        .get(&events(&conversation))
        .bearer(&alice.access)
        .send()
        .await;
    assert!(page.text().contains(body), "{}", page.text());
}
