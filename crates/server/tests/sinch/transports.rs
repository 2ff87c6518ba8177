//! Transports: conversations that are named by their users, as clients of this
//! protocol ask for them.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::world::{Instance, Reply, World, text};

const TRANSPORT: &str = "/v1/transport";

/// Asks for the transport to these users.
async fn to(world: &World, from: &Instance, names: &[&str]) -> Reply {
    let asked: Vec<Value> = names
        .iter()
        .map(|name| json!({ "identity": name }))
        .collect();
    let body = Value::from(asked).to_string();
    world.signed(from, "POST", TRANSPORT, &body).await
}

/// Its id.
async fn id_to(world: &World, from: &Instance, names: &[&str]) -> String {
    text(&to(world, from, names).await.expect(200)["transportId"])
}

/// Asks by its id, as the SDK does.
async fn by_id(world: &World, from: &Instance, id: &str) -> Reply {
    let path = format!("{TRANSPORT}?transportId={id}&");
    world.signed(from, "GET", &path, "").await
}

fn identities(transport: &Value) -> Vec<String> {
    let participants = transport["participants"].as_array().unwrap();
    let identity = |participant: &Value| text(&participant["destination"]["identity"]);
    participants.iter().map(identity).collect()
}

async fn channel(world: &World, instance: &Instance) -> Value {
    let path = "/v1/configuration/user";
    let found = world.signed(instance, "GET", path, "").await.expect(200);
    found["rtcProfile"]["transportChannel"].clone()
}

async fn conversations(world: &World) -> Vec<Value> {
    let found = world.done("GET", "/v1/conversations", None).await;
    found["conversations"].as_array().unwrap().clone()
}

/// A conversation that a backend made, with these users joined.
async fn made_elsewhere(world: &World, users: &[&str]) -> String {
    let made = world.done("POST", "/v1/conversations", Some(json!({})));
    let id = text(&made.await["id"]);
    for user in users {
        // One after the other, to the millisecond.
        world.clock.advance_s(1);
        add(world, &id, user, "joined").await;
    }
    id
}

async fn add(world: &World, conversation: &str, user: &str, state: &str) -> String {
    let path = format!("/v1/conversations/{conversation}/members");
    let member = json!({ "user": { "id": user }, "state": state });
    text(&world.done("POST", &path, Some(member)).await["id"])
}

#[tokio::test]
async fn what_a_client_needs_to_write_to_somebody() {
    let world = World::new().await;
    let (alice, bob) = (world.instance("alice").await, world.instance("bob").await);
    let asked = to(&world, &alice, &["bob"]).await.expect(200);
    assert!(text(&asked["transportId"]).starts_with("CON-"));
    assert_eq!(STANDARD.decode(text(&asked["key"])).unwrap().len(), 16);
    let instance = text(&asked["participants"][0]["instances"][0]["instanceId"]);
    let participant = |channel: Value, name: &str, instance: &str| {
        json!({
            "channel": channel,
            "destination": { "identity": name, "type": "username" },
            "instances": [{ "instanceId": instance, "capabilities": ["online", "im"] }],
        })
    };
    let of_bob = participant(channel(&world, &bob).await, "bob", &instance);
    assert_eq!(asked["participants"], json!([of_bob]));
    assert!(!instance.contains(&bob.id) && !bob.id.contains(&instance));

    // The other one hears the same of the same conversation, and of all of it.
    let id = text(&asked["transportId"]);
    let seen = by_id(&world, &bob, &id).await.expect(200);
    assert_eq!(seen["transportId"], id.as_str());
    let of_alice = text(&seen["participants"][1]["instances"][0]["instanceId"]);
    let of_alice = participant(channel(&world, &alice).await, "alice", &of_alice);
    assert_eq!(seen["participants"], json!([of_bob, of_alice]));
    let asked = by_id(&world, &alice, &id).await.expect(200);
    assert_eq!(asked["participants"], json!([of_alice, of_bob]));
}

#[tokio::test]
async fn a_set_is_one_conversation_whoever_of_it_asks() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    let laptop = world.instance("alice").await;
    let bob = world.instance("bob").await;
    let carol = world.instance("carol").await;
    let id = id_to(&world, &alice, &["bob", "carol"]).await;
    for (from, names) in [
        (&alice, &["bob", "carol"][..]),
        (&alice, &["carol", "bob"]),
        (&alice, &["carol", "bob", "carol", "alice"]),
        (&laptop, &["bob", "carol"]),
        (&bob, &["alice", "carol"]),
        (&carol, &["bob", "alice"]),
    ] {
        world.clock.advance_s(1);
        let found = to(&world, from, names).await.expect(200);
        assert_eq!(found["transportId"], id.as_str());
        assert_eq!(identities(&found).len(), 2);
    }
    let others = [
        id_to(&world, &alice, &["bob"]).await,
        id_to(&world, &alice, &["carol"]).await,
        id_to(&world, &carol, &["bob"]).await,
    ];
    let all: BTreeSet<_> = others.iter().chain([&id]).collect();
    assert_eq!(all.len(), 4);
    assert_eq!(conversations(&world).await.len(), 4);
}

#[tokio::test]
async fn a_key_is_a_sessions_own_in_one_conversation() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    let laptop = world.instance("alice").await;
    let bob = world.instance("bob").await;
    let id = id_to(&world, &alice, &["bob"]).await;
    let other = id_to(&world, &alice, &[]).await;
    let mut keys = BTreeSet::new();
    for (instance, id) in [(&alice, &id), (&alice, &other), (&laptop, &id), (&bob, &id)] {
        let found = by_id(&world, instance, id).await.expect(200);
        let again = by_id(&world, instance, id).await.expect(200);
        assert_eq!(found, again);
        keys.insert(text(&found["key"]));
    }
    assert_eq!(keys.len(), 4);
    let asked = to(&world, &alice, &["bob"]).await.expect(200);
    let found = by_id(&world, &alice, &id).await.expect(200);
    assert_eq!(asked["key"], found["key"]);
}

#[tokio::test]
async fn who_writes_to_nobody_else_keeps_notes() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    let notes = to(&world, &alice, &[]).await.expect(200);
    assert_eq!(notes["participants"], json!([]));
    let id = text(&notes["transportId"]);
    assert_eq!(id_to(&world, &alice, &["alice"]).await, id);
    assert_eq!(id_to(&world, &alice, &["alice", "alice"]).await, id);
    let found = by_id(&world, &alice, &id).await.expect(200);
    assert_eq!(identities(&found), ["alice"]);
    let bob = world.instance("bob").await;
    assert_ne!(id_to(&world, &bob, &[]).await, id);
}

#[tokio::test]
async fn all_of_a_set_are_in_at_once() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    world.instance("bob").await;
    world.instance("zoë").await;
    let id = id_to(&world, &alice, &["zoë", "bob"]).await;
    let conversation = &conversations(&world).await[0];
    let name = text(&conversation["name"]);
    assert!(name.starts_with("im:") && name.len() == 55, "{name}");
    assert_eq!(conversation["display_name"], Value::Null);
    let path = format!("/v1/conversations/{id}/members");
    let members = world.done("GET", &path, None).await;
    let members = members["members"].as_array().unwrap();
    let states = members.iter().map(|member| text(&member["state"]));
    assert_eq!(states.collect::<Vec<_>>(), ["joined"; 3]);
    let path = format!("/v1/conversations/{id}/events");
    let events = world.done("GET", &path, None).await;
    let told = events["events"].as_array().unwrap().iter().map(|event| {
        assert_eq!(event["type"], "member:joined");
        assert_eq!(event["from"]["name"], "alice");
        text(&event["body"]["name"])
    });
    assert_eq!(told.collect::<Vec<_>>(), ["alice", "zoë", "bob"]);
}

#[tokio::test]
async fn a_recipient_who_is_nobody_is_missing_and_nothing_is_created() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    world.instance("bob").await;
    for (names, found) in [
        (&["nobody"][..], &[][..]),
        (&["bob", "nobody"], &["bob"]),
        (&["nobody", "alice", "bob", "NOBODY"], &["bob"]),
        (&["Bob"], &[]),
        (&[""], &[]),
        (&["b\u{0}b"], &[]),
        (&["USR-01a3185c-507b-7bab-abab-abababababab"], &[]),
        (&["CON-01a3185c-507b-7bab-abab-abababababab"], &[]),
        (&["' OR 1=1 --"], &[]),
    ] {
        world.clock.advance_s(1);
        let reply = to(&world, &alice, names).await.expect(200);
        assert_eq!(identities(&reply), found, "{names:?}");
        assert!(reply.get("transportId").is_none() && reply.get("key").is_none());
    }
    assert_eq!(conversations(&world).await.len(), 0);
}

#[tokio::test]
async fn who_is_blocked_is_written_to_and_a_visitor_is_not() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    world.instance("bob").await;
    let path = format!("/v1/users/{}", world.user("bob").await);
    world
        .done("PATCH", &path, Some(json!({ "blocked": true })))
        .await;
    let to_bob = to(&world, &alice, &["bob"]).await.expect(200);
    assert_eq!(identities(&to_bob), ["bob"]);
    let visitor = world.visitor().await;
    let reply = to(&world, &alice, &[&visitor]).await.expect(200);
    assert_eq!(reply, json!({ "participants": [] }));
    assert_eq!(conversations(&world).await.len(), 2);
}

/// An app that answers to a user who came from another door knows its id alone.
#[tokio::test]
async fn who_has_no_name_is_written_to_by_id() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    let user = json!({ "external_id": "42", "display_name": "Somebody" });
    let user = text(&world.done("POST", "/v1/users", Some(user)).await["id"]);
    let found = to(&world, &alice, &[&user]).await.expect(200);
    assert_eq!(identities(&found), [user.as_str()]);
    let id = text(&found["transportId"]);
    let own = world.user("alice").await;
    assert_eq!(id_to(&world, &alice, &[&own, &user]).await, id);
}

#[tokio::test]
async fn one_writes_to_a_hundred_users_and_to_no_more() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    let names: Vec<String> = (0..=100).map(|number| format!("user{number}")).collect();
    for name in &names {
        let user = json!({ "name": name });
        world.done("POST", "/v1/users", Some(user)).await;
    }
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    let told = to(&world, &alice, &names).await.refused(40_001);
    assert!(text(&told["message"]).contains("100"), "{told}");
    assert_eq!(conversations(&world).await.len(), 0);
    names.pop();
    let found = to(&world, &alice, &names).await.expect(200);
    assert_eq!(identities(&found), names);
    let id = text(&found["transportId"]);
    let found = identities(&by_id(&world, &alice, &id).await.expect(200));
    assert_eq!(found[0], "alice");
    let others: BTreeSet<&str> = found[1..].iter().map(String::as_str).collect();
    assert_eq!(others, names.iter().copied().collect());

    // Of a larger one, that was made elsewhere, no more are told.
    let mut users = Vec::new();
    for name in &names {
        users.push(world.user(name).await);
    }
    users.push(world.user("user100").await);
    users.push(world.user("alice").await);
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    let id = made_elsewhere(&world, &users).await;
    let found = by_id(&world, &alice, &id).await.expect(200);
    assert_eq!(identities(&found)[0], "alice");
    assert_eq!(identities(&found)[1..], names);
}

#[tokio::test]
async fn a_body_that_names_nobody_is_told_so() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    for (body, code) in [
        ("", 40_003),
        ("[", 40_003),
        ("[{\"identity\":\"bob\",\"identity\":\"bob\"}]", 40_003),
        ("[{\"identity\":\"\\ud800\"}]", 40_003),
        (&deep, 40_003),
        ("null", 40_001),
        ("{}", 40_001),
        ("\"bob\"", 40_001),
        ("{\"identity\":\"bob\"}", 40_001),
        ("[\"bob\"]", 40_001),
        ("[{}]", 40_001),
        ("[null]", 40_001),
        ("[{\"identity\":7}]", 40_001),
        ("[{\"identity\":\"bob\",\"type\":\"email\"}]", 40_001),
        ("[{\"identity\":\"bob\",\"type\":7}]", 40_001),
    ] {
        world.clock.advance_s(1);
        let reply = world.signed(&alice, "POST", TRANSPORT, body).await;
        assert_eq!(reply.body["errorCode"], code, "{body}: {}", reply.body);
        reply.refused(code);
    }
    assert_eq!(conversations(&world).await.len(), 0);
    world.instance("bob").await;
    let typed = r#"[{"identity":"bob","type":"username","more":1}]"#;
    let reply = world.signed(&alice, "POST", TRANSPORT, typed).await;
    assert_eq!(identities(&reply.expect(200)), ["bob"]);
}

#[tokio::test]
async fn a_conversation_of_another_door_is_a_transport_too() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    world.instance("bob").await;
    let nameless = json!({ "email": "carol@shop.example", "display_name": "Carol" });
    let carol = text(&world.done("POST", "/v1/users", Some(nameless)).await["id"]);
    let bob = world.user("bob").await;
    let own = world.user("alice").await;
    let id = made_elsewhere(&world, &[&carol, &bob, &own]).await;
    let found = by_id(&world, &alice, &id).await.expect(200);
    assert_eq!(identities(&found), ["alice", &carol, "bob"]);
    assert!(!found.to_string().contains("carol@"));

    // Who is only invited has no part yet, and who has left none any more.
    let asked = json!({ "name": "dave" });
    let dave = text(&world.done("POST", "/v1/users", Some(asked)).await["id"]);
    add(&world, &id, &dave, "invited").await;
    let members = format!("/v1/conversations/{id}/members");
    let listed = world.done("GET", &members, None).await;
    let path = format!("{members}/{}", text(&listed["members"][1]["id"]));
    world.done("DELETE", &path, None).await;
    let found = by_id(&world, &alice, &id).await.expect(200);
    assert_eq!(identities(&found), ["alice", &carol]);
}

#[tokio::test]
async fn a_transport_that_is_not_ones_own_is_none() {
    let world = World::new().await;
    let elsewhere = World::new().await;
    let alice = world.instance("alice").await;
    let bob = world.instance("bob").await;
    let bobs = id_to(&world, &bob, &[]).await;
    let theirs = {
        let eve = elsewhere.instance("eve").await;
        id_to(&elsewhere, &eve, &[]).await
    };
    let own = world.user("alice").await;
    let left = made_elsewhere(&world, &[]).await;
    let member = add(&world, &left, &own, "joined").await;
    by_id(&world, &alice, &left).await.expect(200);
    let path = format!("/v1/conversations/{left}/members/{member}");
    world.done("DELETE", &path, None).await;
    let invited = made_elsewhere(&world, &[]).await;
    add(&world, &invited, &own, "invited").await;
    let mut told = BTreeSet::new();
    for id in [
        bobs.as_str(),
        &theirs,
        &left,
        &invited,
        "CON-01a3185c-507b-7bab-abab-abababababab",
        "",
        "tr1",
        "../../etc",
        &bobs.to_lowercase(),
        &format!("{bobs}&transportId={bobs}"),
        &"x".repeat(4_000),
    ] {
        let refused = by_id(&world, &alice, id).await.refused(40_001);
        told.insert(text(&refused["message"]));
    }
    assert_eq!(told.len(), 1);
    for query in ["", "?", "?&", "?id=1", "?TransportId=1"] {
        let path = format!("{TRANSPORT}{query}");
        world.signed(&alice, "GET", &path, "").await.refused(40_002);
    }
    // The instance is as good as it was.
    world.profile(&alice).await.expect(200);
}

/// Two messages to the same users within a millisecond make one request.
#[tokio::test]
async fn the_very_same_request_is_answered_again() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    world.instance("bob").await;
    let call = world.call("POST", TRANSPORT, r#"[{"identity":"bob"}]"#);
    let signature = alice.sign(&call);
    let copies = (0..5).map(|_| world.send(&call, &signature));
    let answers: BTreeSet<String> = join_all(copies)
        .await
        .into_iter()
        .map(|reply| reply.expect(200).to_string())
        .collect();
    assert_eq!(answers.len(), 1);
    world.clock.advance_s(301);
    world.send(&call, &signature).await.refused(40_101);
    let mut changed = call.clone();
    changed.body = r#"[{"identity":"eve"}]"#.to_owned();
    world.send(&changed, &signature).await.refused(40_101);
    changed.at = world.ctx.now().to_string();
    world.send(&changed, &signature).await.refused(40_102);
}

#[tokio::test]
async fn of_many_who_write_at_once_one_creates_it() {
    let world = World::new().await;
    let mut instances = Vec::new();
    for name in ["alice", "bob", "carol"] {
        for _ in 0..4 {
            instances.push((name, world.instance(name).await));
        }
    }
    let asked = instances.iter().map(async |(name, instance)| {
        let others = ["alice", "bob", "carol"].into_iter();
        let others: Vec<&str> = others.filter(|other| other != name).collect();
        id_to(&world, instance, &others).await
    });
    let ids: BTreeSet<String> = join_all(asked).await.into_iter().collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let all = conversations(&world).await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["last_event_id"], 3);
}

#[tokio::test]
async fn a_set_is_of_users_and_not_of_their_names() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    let bob = world.instance("bob").await;
    let id = id_to(&world, &alice, &["bob"]).await;
    let path = format!("/v1/users/{}", world.user("bob").await);
    let renamed = json!({ "name": "robert" });
    world.done("PATCH", &path, Some(renamed)).await;
    assert_eq!(id_to(&world, &alice, &["robert"]).await, id);
    world.clock.advance_s(1);
    let other = world.instance("bob").await;
    assert_ne!(id_to(&world, &alice, &["bob"]).await, id);
    by_id(&world, &other, &id).await.refused(40_001);

    // Who is deleted goes; whoever comes back by that name is somebody else.
    world.done("DELETE", &path, None).await;
    world.profile(&bob).await.refused(40_400);
    let found = by_id(&world, &alice, &id).await.expect(200);
    assert_eq!(identities(&found), ["alice"]);
    let missing = to(&world, &alice, &["robert"]).await.expect(200);
    assert_eq!(missing, json!({ "participants": [] }));
    world.clock.advance_s(1);
    let again = world.instance("robert").await;
    let anew = id_to(&world, &again, &["alice"]).await;
    assert_ne!(anew, id);
    by_id(&world, &again, &id).await.refused(40_001);
    assert_ne!(id_to(&world, &alice, &[]).await, id);
}

#[tokio::test]
async fn what_a_backend_deletes_is_begun_anew() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    world.instance("bob").await;
    let id = id_to(&world, &alice, &["bob"]).await;
    let path = format!("/v1/conversations/{id}");
    world.done("DELETE", &path, None).await;
    by_id(&world, &alice, &id).await.refused(40_001);
    world.clock.advance_s(1);
    assert_ne!(id_to(&world, &alice, &["bob"]).await, id);
}

#[tokio::test]
async fn a_session_that_is_over_gets_no_key() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    world.instance("bob").await;
    let id = id_to(&world, &alice, &["bob"]).await;
    let session = text(&world.sessions("alice").await[0]["id"]);
    let revoked = json!({ "session_id": session });
    world.done("POST", "/v1/revocations", Some(revoked)).await;
    world.clock.advance_s(1);
    to(&world, &alice, &["bob"]).await.refused(40_400);
    by_id(&world, &alice, &id).await.refused(40_400);
}

#[tokio::test]
async fn what_an_acl_withholds_is_refused() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    world.instance("bob").await;
    let id = id_to(&world, &alice, &["bob"]).await;
    let acl = json!({ "default_acl": { "paths": { "/*/sessions/**": {} } } });
    world.set(acl).await;
    world.clock.advance_s(61);
    let late = world.instance("alice").await;
    to(&world, &late, &["bob"]).await.refused(40_300);
    by_id(&world, &late, &id).await.refused(40_300);
}
