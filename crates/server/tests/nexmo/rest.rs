//! The calls of the client SDKs and of the server SDKs, and what they read of
//! the answers.

use serde_json::{Value, json};

use crate::world::{World, text};

#[tokio::test]
async fn what_the_client_sdk_does_first() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let asked = json!({
        "name": "room-1",
        "display_name": "Room One",
        "originating_session": "SES-1",
        "properties": { "custom_data": { "a": 1 } },
    });
    let made = world
        .post("/beta/conversations", &alice.token, asked)
        .await
        .expect(200);
    let id = text(&made["id"]);
    assert_eq!(
        made["href"],
        format!("http://nexmo.test/beta/conversations/{id}")
    );
    let old = world
        .get(&format!("/beta/conversations/{id}"), &alice.token)
        .await
        .expect(200);
    assert_eq!(old["uuid"], id.as_str());
    assert_eq!(old["sequence_number"], 0);
    assert_eq!(old["members"], json!([]));
    assert_eq!(old["properties"]["custom_data"], json!({ "a": 1 }));
    let members = format!("/v0.3/conversations/{id}/members");
    let join = json!({
        "state": "joined",
        "channel": { "type": "app" },
        "user": { "name": "alice", "id": alice.id },
        "originating_session": "SES-1",
    });
    let joined = world
        .post(&members, &alice.token, join.clone())
        .await
        .expect(201);
    assert_eq!(joined["_embedded"]["user"]["id"], alice.id.as_str());
    assert_eq!(joined["state"], "JOINED");
    assert!(joined["timestamp"]["joined"].is_string());
    let again = world.post(&members, &alice.token, join).await.expect(201);
    assert_eq!(again["id"], joined["id"]);
    let new = world
        .get(&format!("/v0.3/conversations/{id}"), &alice.token)
        .await
        .expect(200);
    assert_eq!((&new["id"], &new["state"]), (&json!(id), &json!("ACTIVE")));
    assert_eq!(new["sequence_number"], 1);
    let own = world
        .get(&format!("{members}/me"), &alice.token)
        .await
        .expect(200);
    assert_eq!(own["id"], joined["id"]);
    let by_id = format!("{members}/{}", own["id"].as_str().unwrap());
    assert_eq!(
        world.get(&by_id, &alice.token).await.expect(200)["id"],
        own["id"]
    );
    let taken = world
        .post(
            "/beta/conversations",
            &alice.token,
            json!({ "name": "room-1" }),
        )
        .await;
    taken.refused(409, "conversation:error:duplicate-name");
}

#[tokio::test]
async fn members_and_conversations_are_invited_to_and_listed() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let id = world.shared(&[&alice]).await;
    let members = format!("/v0.3/conversations/{id}/members");
    let own = world
        .get(&format!("{members}/me"), &alice.token)
        .await
        .expect(200);
    let invite = json!({ "state": "invited", "user": { "name": "bob" }, "from": own["id"] });
    let invited = world
        .post(&members, &alice.token, invite.clone())
        .await
        .expect(201);
    assert_eq!(
        (&invited["state"], &invited["invited_by"]),
        (&json!("INVITED"), &own["id"])
    );
    let twice = world.post(&members, &alice.token, invite).await;
    twice.refused(400, "conversation:error:member-already-invited");
    let listed = format!("/beta2/conversations/{id}/members?page_size=10&order=asc");
    let listed = world.get(&listed, &alice.token).await.expect(200);
    let mut names: Vec<String> = listed["_embedded"]["data"]["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| text(&member["name"]))
        .collect();
    // They were made in one millisecond.
    names.sort();
    assert_eq!(names, ["alice", "bob"]);
    let of_bob = format!(
        "/beta2/users/{}/conversations?page_size=10&order=asc",
        bob.id
    );
    let of_bob = world.get(&of_bob, &bob.token).await.expect(200);
    let of_bob = &of_bob["_embedded"]["data"]["conversations"][0];
    assert_eq!(
        (&of_bob["id"], &of_bob["state"]),
        (&json!(id), &json!("INVITED"))
    );
    assert_eq!(of_bob["member_id"], invited["id"]);
    let newer = format!("/v0.3/users/{}/conversations", bob.id);
    let newer = world.get(&newer, &bob.token).await.expect(200);
    let newer = &newer["_embedded"]["conversations"][0];
    assert_eq!(newer["state"], "ACTIVE");
    assert_eq!(newer["_embedded"]["member"]["id"], invited["id"]);
    let user = world
        .get(&format!("/beta/users/{}", alice.id), &alice.token)
        .await
        .expect(200);
    assert_eq!(
        (&user["name"], &user["display_name"]),
        (&json!("alice"), &json!("ALICE"))
    );
}

/// Follows a page's own addresses, and collects what stands on each page.
async fn pages(world: &World, bearer: &str, first: &str, noun: &str) -> Vec<Vec<u64>> {
    let mut pages = Vec::new();
    let mut path = first.to_owned();
    loop {
        let page = world.get(&path, bearer).await.expect(200);
        let items = page["_embedded"]["data"][noun].as_array().unwrap();
        pages.push(
            items
                .iter()
                .map(|item| item["id"].as_u64().unwrap())
                .collect(),
        );
        let links = &page["_links"];
        for link in ["self", "first"] {
            assert!(
                links[link]["href"]
                    .as_str()
                    .unwrap()
                    .starts_with("http://nexmo.test/")
            );
        }
        let Some(next) = links.get("next") else {
            return pages;
        };
        let next = text(&next["href"]);
        // A client reads the whole address as a query.
        assert!(next.contains("&cursor="), "{next}");
        path = next.strip_prefix("http://nexmo.test").unwrap().to_owned();
    }
}

#[tokio::test]
async fn events_are_listed_page_by_page_in_either_order_and_by_type() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let conversation = world.shared(&[&alice, &bob]).await;
    for number in 0..4 {
        world
            .say(&alice.token, &conversation, &number.to_string())
            .await;
    }
    let path = format!("/beta2/conversations/{conversation}/events");
    for (query, expected) in [
        ("page_size=3&order=asc", vec![vec![1, 2, 3], vec![4, 5, 6]]),
        ("page_size=4&order=DESC", vec![vec![6, 5, 4, 3], vec![2, 1]]),
        ("event_type=member%3A*", vec![vec![1, 2]]),
        ("event_type=text&page_size=3", vec![vec![3, 4, 5], vec![6]]),
        (
            "event_type=text,member:joined&order=desc",
            vec![vec![6, 5, 4, 3, 2, 1]],
        ),
        ("event_type=nonsense", vec![vec![]]),
        (
            "event_type=nonsense,text&page_size=4",
            vec![vec![3, 4, 5, 6]],
        ),
        ("start_id=2&end_id=4", vec![vec![2, 3, 4]]),
        ("start_id=6&end_id=99", vec![vec![6]]),
        ("start_id=7&end_id=99", vec![vec![]]),
        (
            "filter_group_type=ChatEvents&filter_group_version=3",
            vec![vec![1, 2, 3, 4, 5, 6]],
        ),
    ] {
        let first = format!("{path}?{query}");
        let found = pages(&world, &alice.token, &first, "events").await;
        assert_eq!(found, expected, "{query}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_of_a_list_is_refused_and_what_is_deleted_may_be_left_out() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let conversation = world.shared(&[&alice, &bob]).await;
    for number in 0..4 {
        world
            .say(&alice.token, &conversation, &number.to_string())
            .await;
    }
    let path = format!("/beta2/conversations/{conversation}/events");
    for query in [
        "page_size=0",
        "page_size=101",
        "page_size=x",
        "order=up",
        "cursor=%25",
        "start_id=-1",
    ] {
        let refused = world.get(&format!("{path}?{query}"), &alice.token).await;
        refused.refused(400, "http:error:validation-fail");
    }
    let delete = format!("{path}/3?from=MEM-1");
    world
        .call("DELETE", &delete, &alice.token, None)
        .await
        .expect(200);
    let kept = format!("{path}?exclude_deleted_events=true&event_type=text");
    assert_eq!(
        pages(&world, &alice.token, &kept, "events").await,
        [[4, 5, 6]]
    );
    let first = format!("{path}?page_size=2&order=asc");
    let mut page = world.get(&first, &alice.token).await.expect(200);
    let mut seen = vec![page["_embedded"]["data"]["events"][0]["id"].clone()];
    for link in ["next", "next", "prev", "prev"] {
        let href = text(&page["_links"][link]["href"]);
        let href = href.strip_prefix("http://nexmo.test").unwrap();
        page = world.get(href, &alice.token).await.expect(200);
        seen.push(page["_embedded"]["data"]["events"][0]["id"].clone());
    }
    assert_eq!(seen, [1, 3, 5, 3, 1]);
    assert!(page["_links"].get("prev").is_none());
    let bare = format!("/v1/conversations/{conversation}/events");
    let bare = world.get(&bare, &world.backend()).await.expect(200);
    assert_eq!(bare["_embedded"][2]["id"], 3);
    assert!(bare["_embedded"][2]["body"]["timestamp"]["deleted"].is_string());
    let newer = format!("/v0.3/conversations/{conversation}/events");
    let newer = world.get(&newer, &alice.token).await.expect(200);
    assert_eq!(newer["_embedded"]["events"][0]["type"], "member:joined");
    assert!(newer["_embedded"]["events"][0].get("cid").is_none());
}

#[tokio::test]
async fn what_the_server_sdks_do_with_users() {
    let world = World::new().await;
    let bearer = world.backend();
    let asked =
        json!({ "name": "carol", "display_name": "Carol", "image_url": "https://example.com/c" });
    let carol = world.post("/v1/users", &bearer, asked).await.expect(201);
    let id = text(&carol["id"]);
    assert_eq!(
        carol["_links"]["self"]["href"],
        format!("http://nexmo.test/v1/users/{id}")
    );
    world.clock.advance_s(1);
    let path = format!("/v1/users/{id}");
    let change =
        json!({ "display_name": "Carol B", "properties": { "custom_data": { "k": "v" } } });
    let changed = world
        .call("PATCH", &path, &bearer, Some(change))
        .await
        .expect(200);
    assert_eq!(changed["display_name"], "Carol B");
    assert_eq!(changed["image_url"], "https://example.com/c");
    assert_eq!(changed["properties"]["custom_data"], json!({ "k": "v" }));
    world
        .post("/v1/users", &bearer, json!({ "name": "dave" }))
        .await
        .expect(201);
    world.clock.advance_s(1);
    let nameless = world
        .post("/v1/users", &bearer, json!({}))
        .await
        .expect(201);
    assert!(nameless["name"].as_str().unwrap().starts_with("NAM-"));
    let listed = world
        .get("/v1/users?page_size=2", &bearer)
        .await
        .expect(200);
    assert_eq!(listed["page_size"], 2);
    assert_eq!(listed["_embedded"]["users"][1]["name"], "dave");
    for link in ["first", "self", "next"] {
        assert!(listed["_links"][link]["href"].is_string(), "{listed}");
    }
    for (version, name, found) in [
        ("v1", "dave", 1),
        ("v0.3", "dave", 1),
        ("v1", "nobody", 0),
        ("v1", "USR-1", 0),
    ] {
        let named = world
            .get(&format!("/{version}/users?name={name}"), &bearer)
            .await
            .expect(200);
        assert_eq!(
            named["_embedded"]["users"].as_array().unwrap().len(),
            found,
            "{name}"
        );
    }
    let taken = world
        .post("/v1/users", &bearer, json!({ "name": "dave" }))
        .await;
    taken.refused(409, "user:error:duplicate-name");
    let me = world
        .post("/v1/users", &bearer, json!({ "name": "me" }))
        .await;
    me.refused(400, "user:error:invalid-user-name");
    let gone = world.call("DELETE", &path, &bearer, None).await;
    assert_eq!(gone.status, 204);
    let gone = world.get(&path, &bearer).await;
    gone.refused(404, "user:error:not-found");
}

#[tokio::test]
async fn what_the_server_sdks_do_with_conversations() {
    let world = World::new().await;
    let bearer = world.backend();
    let id = world.person("carol").await.id;
    let room = world
        .post("/v1/conversations", &bearer, json!({ "name": "srv-room" }))
        .await
        .expect(201);
    let room = text(&room["id"]);
    let path = format!("/v1/conversations/{room}");
    let member = json!({ "state": "joined", "user": { "id": id }, "channel": { "type": "app" } });
    let member = world
        .post(&format!("{path}/members"), &bearer, member)
        .await
        .expect(201);
    assert_eq!(member["initiator"]["joined"]["is_system"], false);
    let listed = world
        .get(&format!("{path}/members"), &bearer)
        .await
        .expect(200);
    assert_eq!(listed["_embedded"]["members"][0]["id"], member["id"]);
    let sent = json!({ "type": "text", "from": member["id"], "body": { "text": "yo" } });
    let sent = world
        .post(&format!("{path}/events"), &bearer, sent)
        .await
        .expect(201);
    assert_eq!(sent["id"], 2);
    let event = world
        .get(&format!("{path}/events/2"), &bearer)
        .await
        .expect(200);
    assert_eq!(event["body"], json!({ "text": "yo" }));
    assert_eq!(
        world
            .call("DELETE", &format!("{path}/events/2"), &bearer, None)
            .await
            .status,
        204
    );
    let left = format!("{path}/members/{}", member["id"].as_str().unwrap());
    let left = world
        .call("PATCH", &left, &bearer, Some(json!({ "state": "left" })))
        .await
        .expect(200);
    assert_eq!(left["state"], "LEFT");
    let replaced = json!({ "display_name": "Room" });
    let replaced = world
        .call("PUT", &path, &bearer, Some(replaced))
        .await
        .expect(200);
    assert_eq!(
        (&replaced["name"], &replaced["display_name"]),
        (&json!("srv-room"), &json!("Room"))
    );
    let listed = world.get("/v1/conversations", &bearer).await.expect(200);
    assert_eq!(listed["_embedded"]["conversations"][0]["id"], room.as_str());
    let of_carol = world
        .get(&format!("/v1/users/{id}/conversations"), &bearer)
        .await
        .expect(200);
    assert_eq!(
        of_carol["_embedded"]["conversations"][0]["_embedded"]["state"],
        "LEFT"
    );
    assert_eq!(world.call("DELETE", &path, &bearer, None).await.status, 204);
}

#[tokio::test]
async fn the_oldest_server_library_says_action_instead_of_state() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bearer = world.backend();
    let room = world
        .post("/beta/conversations", &bearer, json!({}))
        .await
        .expect(200);
    let members = format!(
        "/beta/conversations/{}/members",
        room["id"].as_str().unwrap()
    );
    let bob = world.person("bob").await;
    for (action, user, state, refusal) in [
        ("invite", &alice, "INVITED", "member-already-invited"),
        ("join", &bob, "JOINED", "member-already-joined"),
    ] {
        let body = json!({ "action": action, "user_id": user.id, "channel": { "type": "app" } });
        let added = world.post(&members, &bearer, body).await.expect(201);
        assert_eq!(added["state"], state);
        for again in ["invite", "join"] {
            let body = json!({ "action": again, "user_id": user.id });
            let refused = world.post(&members, &bearer, body).await;
            refused.refused(400, &format!("conversation:error:{refusal}"));
        }
    }
    let path = format!("/beta/users/{}", alice.id);
    let changed = world
        .call("PUT", &path, &bearer, Some(json!({ "display_name": "A" })))
        .await;
    assert_eq!(changed.expect(200)["display_name"], "A");
}

#[tokio::test]
async fn the_oldest_lists_are_bare_arrays() {
    let world = World::new().await;
    world.person("alice").await;
    world.clock.advance_s(1);
    world.person("bob").await;
    for (path, names) in [
        ("/beta/users", vec!["alice", "bob"]),
        ("/v0.1/users?order=desc", vec!["bob", "alice"]),
        ("/beta/users?name=bob", vec!["bob"]),
    ] {
        let listed = world.get(path, &world.backend()).await.expect(200);
        let found: Vec<&Value> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|user| &user["name"])
            .collect();
        assert_eq!(found, names, "{path}");
    }
}

#[tokio::test]
async fn a_backend_speaks_for_a_member_and_a_user_for_itself() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    let conversation = world.shared(&[&alice, &bob]).await;
    let own = format!("/v0.3/conversations/{conversation}/members/me");
    let of_bob = world.get(&own, &bob.token).await.expect(200)["id"].clone();
    let of_alice = world.get(&own, &alice.token).await.expect(200)["id"].clone();
    let path = format!("/v1/conversations/{conversation}/events");
    for (bearer, from, expected) in [
        (world.backend(), of_bob.clone(), of_bob.clone()),
        (alice.token.clone(), of_bob, of_alice),
        (
            world.backend(),
            Value::Null,
            json!("MEM-00000000-0000-0000-0000-000000000000"),
        ),
    ] {
        let sent = json!({ "type": "text", "from": from, "body": { "text": "yo" } });
        let sent = world.post(&path, &bearer, sent).await.expect(201);
        let read = format!("{path}/{}", sent["id"]);
        let read = world.get(&read, &world.backend()).await.expect(200);
        assert_eq!(read["from"], expected);
        assert_eq!(read["_embedded"]["from_member"]["id"], expected);
        assert!(read["_embedded"]["from_user"]["name"].is_string(), "{read}");
    }
    let sent = json!({ "type": "text", "from": "MEM-x", "body": { "text": "yo" } });
    let refused = world.post(&path, &world.backend(), sent).await;
    refused.refused(404, "conversation:error:member-not-found");
}

#[tokio::test]
async fn conversations_are_listed_by_their_age() {
    let world = World::new().await;
    let mut alice = world.person("alice").await;
    let mut made = Vec::new();
    // 2027-01-15T08:00:00Z, and an hour later each.
    for _ in 0..4 {
        made.push(world.shared(&[&alice]).await);
        world.clock.advance_s(3_600);
        alice.token = world.token("alice");
    }
    let backend = world.backend();
    let of_alice = format!("/v0.3/users/{}/conversations", alice.id);
    for (query, expected) in [
        ("", 0..4),
        ("date_start=2027-01-15T09:00:00Z", 1..4),
        ("date_start=2027-01-15T10:00:00%2B01:00", 1..4),
        ("date_start=2027-01-15+09:00:00", 1..4),
        ("date_end=2027-01-15T09:59:59.999Z", 0..2),
        (
            "date_start=2027-01-15T08:00:01Z&date_end=2027-01-15T10:30:00Z",
            1..3,
        ),
        (
            "date_start=2027-01-15T08:00:01Z&page_size=1&order=desc",
            3..4,
        ),
        ("date_start=2030-01-01T00:00:00Z", 0..0),
    ] {
        for path in ["/v1/conversations", &of_alice] {
            let listed = world.get(&format!("{path}?{query}"), &backend).await;
            let listed = listed.expect(200);
            let found = listed["_embedded"]["conversations"].as_array().unwrap();
            let found: Vec<String> = found.iter().map(|one| text(&one["id"])).collect();
            assert_eq!(found, made[expected.clone()], "{path} {query}");
            if let Some(next) = listed["_links"]["next"]["href"].as_str() {
                assert!(
                    next.contains("date_start="),
                    "a page knows what is asked: {next}"
                );
            }
        }
    }
    for wrong in ["yesterday", "2027-01-15", "0", "2027-13-01T00:00:00Z"] {
        let path = format!("/v1/conversations?date_start={wrong}");
        let refused = world.get(&path, &backend).await;
        refused.refused(400, "http:error:validation-fail");
    }
}

#[tokio::test]
async fn a_client_is_told_where_the_door_is() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let places = "/v0.3/discovery/api";
    let origin = "http://nexmo.test";
    let expected = json!({ "countersign": {
        "endpoint": origin,
        "https": format!("{origin}/ping"),
        "ws": origin,
    } });
    assert_eq!(world.get(places, &alice.token).await.expect(200), expected);
    let servers = "/v0.3/discovery/media/countersign";
    assert_eq!(
        world.get(servers, &alice.token).await.expect(200),
        json!([])
    );
    for path in [places, servers] {
        let refused = world.get(path, "").await;
        assert_eq!(refused.status, 401, "{}", refused.body);
    }
    let reached = world.raw("GET", "/ping", &[], String::new()).await;
    assert_eq!(reached.expect(200), json!({}));
}

#[tokio::test]
async fn both_doors_have_one_history() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let conversation = world.shared(&[&alice]).await;
    world.say(&alice.token, &conversation, "from nexmo").await;
    let path = format!("/v1/conversations/{conversation}/events");
    let body = json!({ "type": "text", "body": { "text": "from native" } });
    world
        .native("POST", &path, &world.admin, Some(body))
        .await
        .expect(201);
    let native = world
        .native("GET", &path, &world.admin, None)
        .await
        .expect(200);
    let listed = world
        .get(
            &format!("/v0.3/conversations/{conversation}/events"),
            &alice.token,
        )
        .await
        .expect(200);
    let of = |events: &Value| -> Vec<(Value, Value)> {
        let texts = events
            .as_array()
            .unwrap()
            .iter()
            .filter(|event| event["type"] == "text");
        texts
            .map(|event| (event["id"].clone(), event["body"]["text"].clone()))
            .collect()
    };
    assert_eq!(of(&native["events"]), of(&listed["_embedded"]["events"]));
    assert_eq!(of(&native["events"]).len(), 2);
}
