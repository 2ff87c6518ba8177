//! Every route with every actor, and each held to its ACL.
//!
//! A route that is missing here fails the test, and so does a line for a route
//! that is none.

use std::collections::BTreeSet;

use countersign_server::nexmo;
use serde_json::{Value, json};

use crate::world::{LIFE_S, Person, Reply, World, text};

/// Who asks.
const ACTORS: [&str; 5] = ["nobody", "native session", "stranger", "user", "backend"];

const CONVERSATIONS: &str = "/{version}/conversations";
const CONVERSATION: &str = "/{version}/conversations/{conversation_id}";
const MEMBERS: &str = "/{version}/conversations/{conversation_id}/members";
const MEMBER: &str = "/{version}/conversations/{conversation_id}/members/{member_id}";
const EVENTS: &str = "/{version}/conversations/{conversation_id}/events";
const EVENT: &str = "/{version}/conversations/{conversation_id}/events/{event_id}";
const USERS: &str = "/{version}/users";
const USER: &str = "/{version}/users/{user_id}";
const USER_CONVERSATIONS: &str = "/{version}/users/{user_id}/conversations";
const USER_SESSIONS: &str = "/{version}/users/{user_id}/sessions";
const SESSION: &str = "/{version}/sessions/{session_id}";
const IMAGE: &str = "/{version}/image";
const MEDIA: &str = "/{version}/media/{attachment_id}";

/// A method and path, the ACL's pattern that it needs, and the status for each
/// of [`ACTORS`].
type Line = (&'static str, &'static str, &'static str, [u16; 5]);

#[rustfmt::skip]
const TABLE: [Line; 27] = [
    //                                                                nobody native strange user backend
    ("POST", CONVERSATIONS,      "/v1/conversations",                 [401, 201, 201, 201, 201]),
    ("GET", CONVERSATIONS,       "/v1/conversations",                 [401, 200, 200, 200, 200]),
    ("GET", CONVERSATION,        "/v1/conversations/*",               [401, 404, 404, 200, 200]),
    ("PUT", CONVERSATION,        "/v1/conversations/*",               [401, 404, 404, 200, 200]),
    ("DELETE", CONVERSATION,     "/v1/conversations/*",               [401, 404, 404, 204, 204]),
    ("POST", MEMBERS,            "/v1/conversations/*/members",       [401, 404, 404, 201, 201]),
    ("GET", MEMBERS,             "/v1/conversations/*/members",       [401, 404, 404, 200, 200]),
    ("GET", MEMBER,              "/v1/conversations/*/members/*",     [401, 404, 404, 200, 200]),
    ("PATCH", MEMBER,            "/v1/conversations/*/members/*",     [401, 404, 404, 200, 200]),
    ("PUT", MEMBER,              "/v1/conversations/*/members/*",     [401, 404, 404, 200, 200]),
    ("DELETE", MEMBER,           "/v1/conversations/*/members/*",     [401, 404, 404, 204, 204]),
    ("POST", EVENTS,             "/v1/conversations/*/events",        [401, 404, 404, 201, 201]),
    ("GET", EVENTS,              "/v1/conversations/*/events",        [401, 404, 404, 200, 200]),
    ("GET", EVENT,               "/v1/conversations/*/events/*",      [401, 404, 404, 200, 200]),
    ("DELETE", EVENT,            "/v1/conversations/*/events/*",      [401, 404, 404, 204, 204]),
    ("POST", USERS,              "/v1/users",                         [401, 403, 403, 403, 201]),
    ("GET", USERS,               "/v1/users",                         [401, 403, 403, 403, 200]),
    ("GET", USER,                "/v1/users/*",                       [401, 404, 404, 200, 200]),
    ("PATCH", USER,              "/v1/users/*",                       [401, 404, 404, 200, 200]),
    ("PUT", USER,                "/v1/users/*",                       [401, 404, 404, 200, 200]),
    ("DELETE", USER,             "/v1/users/*",                       [401, 403, 403, 403, 204]),
    ("GET", USER_CONVERSATIONS,  "/v1/conversations",                 [401, 404, 404, 200, 200]),
    ("GET", USER_SESSIONS,       "/v1/sessions",                      [401, 403, 403, 200, 200]),
    ("PUT", SESSION,             "/v1/sessions/**",                   [401, 401, 404, 200, 403]),
    ("POST", IMAGE,              "/v1/image",                         [401, 200, 200, 200, 200]),
    ("GET", MEDIA,               "/v1/media/*",                       [401, 404, 404, 200, 200]),
    ("DELETE", MEDIA,            "/v1/media/*",                       [401, 404, 404, 204, 204]),
];

/// What the user of one line owns, fresh for every call.
struct Fixture {
    alice: Person,
    conversation: String,
    member: String,
    event: u64,
    session: Value,
    file: String,
}

impl Fixture {
    async fn new(world: &World) -> Self {
        let alice = world.person(&world.unique("alice")).await;
        let conversation = world.shared(&[&alice]).await;
        let event = world.say(&alice.token, &conversation, "hi").await;
        let own = format!("/v0.3/conversations/{conversation}/members/me");
        let member = text(&world.get(&own, &alice.token).await.expect(200)["id"]);
        let (_client, session) = world.connect(&alice.token).await;
        let sizes = world.upload(&alice.token, b"GIF89a").await.expect(200);
        let file = text(&sizes["original"]["id"]);
        let image = json!({ "type": "image", "body": { "representations": sizes } });
        let events = format!("/v1/conversations/{conversation}/events");
        world.post(&events, &alice.token, image).await.expect(201);
        Self {
            alice,
            conversation,
            member,
            event,
            session,
            file,
        }
    }

    fn path(&self, template: &str) -> String {
        template
            .replace("{version}", "v0.3")
            .replace("{conversation_id}", &self.conversation)
            .replace("{member_id}", &self.member)
            .replace("{event_id}", &self.event.to_string())
            .replace("{user_id}", &self.alice.id)
            .replace("{session_id}", self.session["id"].as_str().unwrap())
            .replace("{attachment_id}", &self.file)
    }

    async fn ask(&self, world: &World, method: &str, template: &str, bearer: &str) -> Reply {
        if template == IMAGE {
            return world.upload(bearer, b"GIF89a").await;
        }
        let body = self.body(world, method, template).await;
        let path = self.path(template);
        world.call(method, &path, bearer, body).await
    }

    async fn body(&self, world: &World, method: &str, template: &str) -> Option<Value> {
        Some(match (method, template) {
            ("POST", CONVERSATIONS) => json!({}),
            ("PUT", CONVERSATION) => json!({ "display_name": "x" }),
            ("POST", MEMBERS) => {
                let invited = world.person(&world.unique("guest")).await;
                json!({ "state": "invited", "user": { "id": invited.id } })
            }
            ("PATCH" | "PUT", MEMBER) => json!({ "state": "left" }),
            ("POST", EVENTS) => json!({ "type": "text", "body": { "text": "x" } }),
            ("POST", USERS) => json!({ "name": world.unique("new") }),
            ("PATCH" | "PUT", USER) => json!({ "display_name": "x" }),
            _ => return None,
        })
    }
}

#[tokio::test]
async fn every_route_is_in_the_table() {
    let told: BTreeSet<_> = nexmo::calls()
        .into_iter()
        // Sockets, and what API keys alone may do, have tests of their own; and where
        // the door is, is no secret.
        .filter(|call| {
            let others = ["/v2/", "/rtc", "/discovery/", "/ping"];
            !others.iter().any(|other| call.template.contains(other))
        })
        .map(|call| (call.method.to_string(), call.template))
        .collect();
    let listed: BTreeSet<_> = TABLE
        .iter()
        .map(|(method, template, ..)| ((*method).to_owned(), *template))
        .collect();
    assert_eq!(told, listed);
}

#[tokio::test]
async fn every_actor_may_what_the_table_says() {
    let world = World::new().await;
    let stranger = world.person("stranger").await;
    // An access token of ours is a bearer here, too.
    let login = json!({ "credential": world.token("stranger") });
    let native = world
        .native("POST", "/v1/sessions", &world.admin, Some(login))
        .await;
    let native = text(&native.expect(201)["access_token"]);
    for (method, template, _, expected) in TABLE {
        for (actor, status) in ACTORS.iter().zip(expected) {
            let fixture = Fixture::new(&world).await;
            let backend = world.backend();
            let bearer = match *actor {
                "nobody" => "",
                "native session" => &native,
                "stranger" => &stranger.token,
                "user" => &fixture.alice.token,
                _ => &backend,
            };
            let reply = fixture.ask(&world, method, template, bearer).await;
            assert_eq!(
                reply.status, status,
                "{actor}: {method} {template}: {}",
                reply.body
            );
        }
    }
}

#[tokio::test]
async fn every_route_is_held_to_the_acl() {
    let world = World::new().await;
    for (method, template, pattern, expected) in TABLE {
        let [.., user, backend] = expected;
        for (subject, status) in [(true, user), (false, backend)] {
            if status >= 400 {
                continue;
            }
            let others: Vec<&str> = ["GET", "POST", "PUT", "PATCH", "DELETE"]
                .into_iter()
                .filter(|other| *other != acl_method(method, template, subject))
                .collect();
            let own = acl_method(method, template, subject);
            for (rule, allowed) in [
                (json!({}), true),
                (json!({ "methods": own_methods(own, template) }), true),
                (json!({ "methods": others }), false),
            ] {
                let fixture = Fixture::new(&world).await;
                let name = fixture_name(&world, &fixture).await;
                let acl = json!({ "paths": { pattern: rule } }).to_string();
                let token = world.token_with(subject.then_some(&*name), Some(&acl), LIFE_S);
                let reply = fixture.ask(&world, method, template, &token).await;
                let expected = if allowed { status } else { 403 };
                assert_eq!(
                    reply.status, expected,
                    "{method} {template} {acl} {}",
                    reply.body
                );
            }
        }
    }
}

/// The methods that let a call through. A session's new credential is one that
/// could have opened it.
fn own_methods(own: &'static str, template: &str) -> Vec<&'static str> {
    if template == SESSION {
        vec![own, "POST"]
    } else {
        vec![own]
    }
}

/// The method of the action that a call stands for.
fn acl_method(method: &'static str, template: &str, own: bool) -> &'static str {
    match (method, template) {
        ("PUT", SESSION) => "PUT",
        // The test's change of a member is its going out.
        ("PATCH" | "PUT", MEMBER) if own => "DELETE",
        ("PUT", _) => "PATCH",
        _ => method,
    }
}

async fn fixture_name(world: &World, fixture: &Fixture) -> String {
    let path = format!("/v1/users/{}", fixture.alice.id);
    text(&world.get(&path, &world.backend()).await.expect(200)["name"])
}

#[tokio::test]
async fn filters_hold_for_path_query_and_body() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    let one = world.shared(&[&alice]).await;
    let other = world.shared(&[&alice]).await;
    let acl =
        json!({ "paths": { "/*/conversations/**": { "filters": { "conversation_id": one } } } });
    let token = world.token_with(Some("alice"), Some(&acl.to_string()), LIFE_S);
    world
        .get(&format!("/v0.3/conversations/{one}"), &token)
        .await
        .expect(200);
    let refused = world
        .get(&format!("/v0.3/conversations/{other}"), &token)
        .await;
    refused.refused(403, "system:error:permission");
    let acl = json!({ "paths": { "/*/conversations/**": { "filters": { "type": "text" } } } });
    let token = world.token_with(Some("alice"), Some(&acl.to_string()), LIFE_S);
    let path = format!("/v0.3/conversations/{one}/events");
    let text = json!({ "type": "text", "body": { "text": "x" } });
    world.post(&path, &token, text).await.expect(201);
    let custom = json!({ "type": "custom:x", "body": {} });
    world
        .post(&path, &token, custom)
        .await
        .refused(403, "system:error:permission");
}

#[tokio::test]
async fn a_socket_tells_only_what_the_acl_lets_it() {
    let world = World::new().await;
    let alice = world.person("alice").await;
    world.person("bob").await;
    let bob = world.person("carol").await;
    let conversation = world.shared(&[&alice, &bob]).await;
    for (paths, told) in [
        (
            json!({ "/*/sessions/**": {}, "/*/conversations/**": {} }),
            true,
        ),
        (
            json!({ "/v1/sessions/**": {}, "/v1/conversations/**": {} }),
            true,
        ),
        (json!({ "/*/sessions/**": {} }), false),
        (
            json!({ "/*/sessions/**": {}, "/*/conversations": {} }),
            false,
        ),
        (
            json!({ "/*/sessions/**": {}, "/*/conversations/**": { "methods": ["POST"] } }),
            false,
        ),
    ] {
        let acl = json!({ "paths": paths }).to_string();
        let token = world.token_with(Some("carol"), Some(&acl), LIFE_S);
        let (mut client, _) = world.connect(&token).await;
        let number = world.say(&alice.token, &conversation, "hi").await;
        client.emit("fence", json!({ "tid": "fence" })).await;
        let mut heard = false;
        loop {
            let (name, payload) = client.event().await;
            match name.as_str() {
                "text" => {
                    assert_eq!(payload["id"], number);
                    heard = true;
                    if told {
                        break;
                    }
                }
                _ if !told || heard => break,
                _ => {}
            }
        }
        assert_eq!(heard, told, "{acl}");
    }
}
