//! Every route, with every actor: nobody, a publishable key, a visitor, the
//! user whose things they are, a backend's key, an admin key and an operator.
//!
//! A route that is missing here fails the test, and so does a line for a route
//! that is none.

use std::collections::BTreeSet;

use crate::contract::DOCUMENT;
use crate::world::{Device, World, text};
use countersign_server::native;
use serde_json::{Value, json};

const ACTORS: [&str; 7] = [
    "nobody",
    "publishable key",
    "visitor",
    "user",
    "key",
    "admin",
    "operator",
];

/// A method and path, and the status for each of [`ACTORS`].
type Line = (&'static str, &'static str, [u16; 7]);

const SESSION: &str = "/v1/sessions/{session_id}";
const DEVICE: &str = "/v1/devices/{device_id}";
const USER: &str = "/v1/users/{user_id}";
const ERASURE: &str = "/v1/users/{user_id}/erasure";
const USER_EXPORT: &str = "/v1/users/{user_id}/export";
const CONVERSATION: &str = "/v1/conversations/{conversation_id}";
const MEMBERS: &str = "/v1/conversations/{conversation_id}/members";
const MEMBER: &str = "/v1/conversations/{conversation_id}/members/{member_id}";
const EVENTS: &str = "/v1/conversations/{conversation_id}/events";
const EVENT: &str = "/v1/conversations/{conversation_id}/events/{event_id}";
const ATTACHMENTS: &str = "/v1/conversations/{conversation_id}/attachments";
const MEDIA: &str = "/v1/media/{attachment_id}";
const CONNECT: &str = "/v1/connect";
const APPLICATION: &str = "/v1/applications/{application_id}";
const EXPORT: &str = "/v1/applications/{application_id}/export";
const KEYS: &str = "/v1/applications/{application_id}/keys";
const KEY: &str = "/v1/applications/{application_id}/keys/{kid}";
const API_KEYS: &str = "/v1/applications/{application_id}/api-keys";
const API_KEY: &str = "/v1/applications/{application_id}/api-keys/{api_key_id}";
const SETTINGS: &str = "/v1/applications/{application_id}/settings";
const AUDIT: &str = "/v1/applications/{application_id}/audit";
const OPERATOR_KEY: &str = "/v1/api-keys/{api_key_id}";

#[rustfmt::skip]
const TABLE: [Line; 67] = [
    //                                      nobody  pk   visit user  key  admin oper
    ("GET", "/healthz",                     [200, 200, 200, 200, 200, 200, 200]),
    ("GET", "/readyz",                      [200, 200, 200, 200, 200, 200, 200]),
    ("GET", "/openapi.json",                [200, 200, 200, 200, 200, 200, 200]),
    ("GET", "/docs",                        [200, 200, 200, 200, 200, 200, 200]),
    ("GET", "/errors",                      [200, 200, 200, 200, 200, 200, 200]),
    ("GET", "/errors/{code}",               [200, 200, 200, 200, 200, 200, 200]),
    ("POST", "/v1/sessions",                [201, 201, 403, 403, 201, 201, 201]),
    ("GET", "/v1/sessions",                 [401, 403, 200, 200, 200, 200, 200]),
    ("POST", "/v1/sessions/anonymous",      [401, 201, 403, 403, 403, 403, 403]),
    ("POST", "/v1/sessions/refresh",        [200, 200, 200, 200, 200, 200, 200]),
    ("DELETE", "/v1/sessions/current",      [401, 400, 204, 204, 400, 400, 400]),
    ("DELETE", "/v1/sessions/others",       [401, 403, 204, 204, 204, 204, 204]),
    ("DELETE", SESSION,                     [401, 403, 404, 204, 204, 204, 204]),
    ("GET", "/v1/devices",                  [401, 403, 200, 200, 200, 200, 200]),
    ("GET", DEVICE,                         [401, 403, 404, 200, 200, 200, 200]),
    ("PATCH", DEVICE,                       [401, 403, 404, 200, 403, 403, 403]),
    ("DELETE", DEVICE,                      [401, 403, 404, 204, 204, 204, 204]),
    ("POST", "/v1/users",                   [401, 403, 403, 403, 201, 201, 201]),
    ("GET", "/v1/users",                    [401, 403, 403, 403, 200, 200, 200]),
    ("GET", USER,                           [401, 403, 403, 200, 200, 200, 200]),
    ("PATCH", USER,                         [401, 403, 403, 200, 200, 200, 200]),
    ("DELETE", USER,                        [401, 403, 403, 403, 204, 204, 204]),
    ("GET", USER_EXPORT,                    [401, 403, 403, 403, 200, 200, 200]),
    ("POST", ERASURE,                       [401, 403, 403, 403, 202, 202, 202]),
    // Whose erasure has begun has no session any more.
    ("GET", ERASURE,                        [401, 403, 403, 401, 200, 200, 200]),
    ("POST", "/v1/conversations",           [401, 403, 201, 201, 201, 201, 201]),
    ("GET", "/v1/conversations",            [401, 403, 200, 200, 200, 200, 200]),
    ("GET", CONVERSATION,                   [401, 403, 404, 200, 200, 200, 200]),
    ("PATCH", CONVERSATION,                 [401, 403, 404, 200, 200, 200, 200]),
    ("DELETE", CONVERSATION,                [401, 403, 404, 204, 204, 204, 204]),
    ("POST", MEMBERS,                       [401, 403, 403, 201, 201, 201, 201]),
    ("GET", MEMBERS,                        [401, 403, 403, 200, 200, 200, 200]),
    ("GET", MEMBER,                         [401, 403, 403, 200, 200, 200, 200]),
    ("PATCH", MEMBER,                       [401, 403, 403, 200, 200, 200, 200]),
    ("DELETE", MEMBER,                      [401, 403, 403, 204, 204, 204, 204]),
    ("POST", EVENTS,                        [401, 403, 404, 201, 201, 201, 201]),
    ("GET", EVENTS,                         [401, 403, 404, 200, 200, 200, 200]),
    ("GET", EVENT,                          [401, 403, 404, 200, 200, 200, 200]),
    ("DELETE", EVENT,                       [401, 403, 404, 204, 204, 204, 204]),
    ("POST", "/v1/revocations",             [401, 403, 403, 403, 201, 201, 201]),
    ("POST", "/v1/tokens/explain",          [401, 403, 403, 403, 200, 200, 200]),
    ("POST", "/v1/tokens/introspect",       [401, 403, 403, 403, 200, 200, 200]),
    ("POST", ATTACHMENTS,                   [401, 403, 404, 201, 201, 201, 201]),
    ("GET", MEDIA,                          [401, 403, 404, 200, 200, 200, 200]),
    // No WebSocket is asked for; its first frame says who it is.
    ("GET", CONNECT,                        [400, 400, 400, 400, 400, 400, 400]),
    ("POST", "/v1/sync",                    [401, 403, 200, 200, 403, 403, 403]),
    ("GET", "/metrics",                     [401, 403, 403, 403, 403, 403, 200]),
    ("POST", "/v1/applications",            [401, 403, 403, 403, 403, 403, 201]),
    ("GET", "/v1/applications",             [401, 403, 403, 403, 200, 200, 200]),
    ("GET", APPLICATION,                    [401, 403, 403, 403, 200, 200, 200]),
    ("PATCH", APPLICATION,                  [401, 403, 403, 403, 403, 403, 200]),
    // Another application than the asker's own: only an operator knows of it.
    ("DELETE", APPLICATION,                 [401, 404, 404, 404, 404, 404, 204]),
    ("GET", EXPORT,                         [401, 403, 403, 403, 403, 200, 200]),
    ("POST", KEYS,                          [401, 403, 403, 403, 403, 201, 201]),
    ("GET", KEYS,                           [401, 403, 403, 403, 403, 200, 200]),
    ("GET", KEY,                            [401, 403, 403, 403, 403, 200, 200]),
    ("PATCH", KEY,                          [401, 403, 403, 403, 403, 200, 200]),
    ("POST", API_KEYS,                      [401, 403, 403, 403, 403, 201, 201]),
    ("GET", API_KEYS,                       [401, 403, 403, 403, 403, 200, 200]),
    ("DELETE", API_KEY,                     [401, 403, 403, 403, 403, 204, 204]),
    ("GET", SETTINGS,                       [401, 403, 403, 403, 403, 200, 200]),
    ("PATCH", SETTINGS,                     [401, 403, 403, 403, 403, 200, 200]),
    ("GET", AUDIT,                          [401, 403, 403, 403, 403, 200, 200]),
    ("POST", "/v1/api-keys",                [401, 403, 403, 403, 403, 403, 201]),
    ("GET", "/v1/api-keys",                 [401, 403, 403, 403, 403, 403, 200]),
    ("DELETE", OPERATOR_KEY,                [401, 403, 403, 403, 403, 403, 204]),
    ("GET", "/v1/audit",                    [401, 403, 403, 403, 403, 403, 200]),
];

/// What the user of one line owns, fresh for every call.
struct Fixture {
    user: Device,
    visitor: Device,
    friend: Device,
    conversation: String,
    member: String,
    event: u64,
}

#[tokio::test]
async fn every_route_answers_every_actor_as_the_table_says() {
    let world = World::new().await;
    let mut failures = Vec::new();
    for (method, template, expected) in TABLE {
        for (actor, expected) in ACTORS.into_iter().zip(expected) {
            let fixture = Fixture::new(&world).await;
            let found = ask(&world, &fixture, actor, method, template).await;
            if found != expected {
                failures.push(format!(
                    "{method} {template} as {actor}: {found}, not {expected}"
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn the_table_has_every_route() {
    let routes: BTreeSet<(String, &str)> = native::calls()
        .into_iter()
        .map(|call| (call.method.to_string(), call.template))
        .collect();
    let table: BTreeSet<(String, &str)> = TABLE
        .iter()
        .map(|(method, template, _)| ((*method).to_owned(), *template))
        .collect();
    assert_eq!(table, routes);
    assert_eq!(table.len(), TABLE.len(), "a line stands twice");
}

/// The bearers that a description names are those of whom the table says that
/// the call does what they want.
#[test]
fn who_may_call_is_described_as_the_table_says() {
    const BEARERS: [(&[usize], &str); 5] = [
        (&[1], "publishable_key"),
        (&[2, 3], "access_token"),
        (&[4], "user_key"),
        (&[5], "admin_key"),
        (&[6], "operator_key"),
    ];
    for (method, template, statuses) in TABLE {
        if template == CONNECT {
            continue;
        }
        let operation = &DOCUMENT["paths"][template][method.to_lowercase()];
        let security = operation["security"].as_array().expect("a list");
        let described = |name: &str| security.iter().any(|it| it.get(name).is_some());
        let done = |actor: &usize| statuses[*actor] < 300;
        let nobody = security.iter().any(|it| *it == json!({}));
        assert_eq!(nobody, done(&0), "{method} {template} by nobody");
        // A call that looks at no bearer names none.
        if nobody && security.len() == 1 {
            continue;
        }
        for (actors, bearer) in BEARERS {
            let expected = actors.iter().any(done);
            assert_eq!(
                described(bearer),
                expected,
                "{method} {template} by {bearer}"
            );
        }
    }
}

async fn ask(world: &World, fixture: &Fixture, actor: &str, method: &str, template: &str) -> u16 {
    let belongings = Belongings::of(world, fixture, method, template).await;
    let mut path = template
        .replace("{application_id}", &belongings.application)
        .replace("{attachment_id}", &belongings.attachment)
        .replace("{api_key_id}", &belongings.api_key)
        .replace("{code}", "not_found")
        .replace("{kid}", &belongings.kid)
        .replace("{session_id}", &fixture.user.session)
        .replace("{device_id}", &fixture.user.device)
        .replace("{user_id}", &fixture.user.user)
        .replace("{conversation_id}", &fixture.conversation)
        .replace("{member_id}", &fixture.member)
        .replace("{event_id}", &fixture.event.to_string());
    let backend = ["key", "admin", "operator"].contains(&actor);
    let mut query = Vec::new();
    let of_a_user = template.starts_with("/v1/devices")
        || template == "/v1/sessions/others"
        || (method, template) == ("GET", "/v1/sessions");
    if backend && of_a_user && method != "PATCH" {
        query.push(format!("user_id={}", fixture.user.user));
    }
    let of_all = template.starts_with("/v1/applications")
        || template.starts_with("/v1/api-keys")
        || template == "/v1/audit";
    if actor == "operator" && template.starts_with("/v1") && !of_all {
        query.push(format!("application_id={}", world.home.id));
    }
    if !query.is_empty() {
        path = format!("{path}?{}", query.join("&"));
    }
    let mut call = world.call(method, &path);
    if let Some(bearer) = bearer(world, fixture, actor) {
        call = call.bearer(bearer);
    }
    if (method, template) == ("POST", ATTACHMENTS) {
        call = call.header("content-type", "text/plain").body(b"hello");
    } else if let Some(body) = body(world, fixture, method, template) {
        call = call.json(&body);
    }
    call.send().await.status
}

fn bearer<'a>(world: &'a World, fixture: &'a Fixture, actor: &str) -> Option<&'a str> {
    match actor {
        "nobody" => None,
        "publishable key" => Some(&world.home.publishable),
        "visitor" => Some(&fixture.visitor.access),
        "user" => Some(&fixture.user.access),
        "key" => Some(&world.home.key),
        "admin" => Some(&world.home.admin),
        "operator" => Some(&world.operator),
        other => panic!("{other} is no actor"),
    }
}

fn body(world: &World, fixture: &Fixture, method: &str, template: &str) -> Option<Value> {
    let body = match (method, template) {
        ("POST", "/v1/sessions") => {
            json!({"credential": world.credential(&world.unique("subject"))})
        }
        ("POST", "/v1/sessions/refresh") => json!({"refresh_token": fixture.user.refresh}),
        ("POST", "/v1/users") => json!({"name": world.unique("name")}),
        ("POST", MEMBERS) => json!({"user": {"id": fixture.friend.user}, "state": "invited"}),
        ("POST", EVENTS) => json!({"type": "text", "body": {"text": "hello"}}),
        ("POST", "/v1/revocations") => json!({"session_id": fixture.user.session}),
        ("POST", "/v1/tokens/explain" | "/v1/tokens/introspect") => json!({"token": "x.y.z"}),
        ("POST", "/v1/applications") => json!({"name": "Another"}),
        ("POST", KEYS) => json!({"algorithm": "HS256"}),
        ("POST", API_KEYS) => json!({"name": "new", "roles": ["user"]}),
        ("POST", "/v1/api-keys") => json!({"name": "new", "roles": ["operator"]}),
        ("PATCH", APPLICATION) => json!({"name": "Renamed"}),
        ("PATCH", KEY) => json!({"state": "previous"}),
        ("PATCH", SETTINGS) => json!({"leeway_s": 61}),
        ("POST", _) => json!({}),
        ("PATCH", DEVICE) => json!({"name": "Phone"}),
        ("PATCH", MEMBER) => json!({"state": "left"}),
        ("PATCH", _) => json!({"display_name": "New"}),
        _ => return None,
    };
    Some(body)
}

// === impl Fixture ===

impl Fixture {
    async fn new(world: &World) -> Self {
        let user = world.user(&world.unique("user")).await;
        let friend = world.user(&world.unique("friend")).await;
        let visitor = world.visitor().await;
        let conversation = world.conversation(&user).await;
        let sent = world.say(&user, &conversation, "hello").await.expect(201);
        Self {
            member: text(&sent["from"]["member_id"]),
            event: sent["id"].as_u64().expect("an event has a number"),
            user,
            visitor,
            friend,
            conversation,
        }
    }
}

/// Things beside the user's own, made where a line needs them.
struct Belongings {
    application: String,
    attachment: String,
    api_key: String,
    kid: String,
}

// === impl Belongings ===

impl Belongings {
    async fn of(world: &World, fixture: &Fixture, method: &str, template: &str) -> Self {
        let none = String::new;
        let mut belongings = Self {
            application: world.home.id.to_string(),
            attachment: none(),
            api_key: none(),
            kid: none(),
        };
        let keys = format!("/v1/applications/{}", world.home.id);
        match template {
            MEDIA => {
                let path = ATTACHMENTS.replace("{conversation_id}", &fixture.conversation);
                let call = world.post(&path).bearer(&fixture.user.access);
                let call = call.header("content-type", "text/plain").body(b"hello");
                belongings.attachment = text(&call.send().await.expect(201)["id"]);
            }
            ERASURE if method == "GET" => {
                let path = ERASURE.replace("{user_id}", &fixture.user.user);
                let call = world.post(&path).bearer(&world.home.key);
                call.send().await.expect(202);
            }
            KEY => {
                let call = world
                    .post(&format!("{keys}/keys"))
                    .bearer(&world.home.admin);
                let made = call
                    .json(&json!({"algorithm": "HS256"}))
                    .send()
                    .await
                    .expect(201);
                belongings.kid = text(&made["kid"]);
            }
            API_KEY | OPERATOR_KEY => {
                let (path, bearer, role) = if template == API_KEY {
                    (format!("{keys}/api-keys"), &world.home.admin, "user")
                } else {
                    ("/v1/api-keys".to_owned(), &world.operator, "operator")
                };
                let body = json!({"name": "doomed", "roles": [role]});
                let made = world
                    .post(&path)
                    .bearer(bearer)
                    .json(&body)
                    .send()
                    .await
                    .expect(201);
                belongings.api_key = text(&made["id"]);
            }
            APPLICATION if method == "DELETE" => {
                let call = world.post("/v1/applications").bearer(&world.operator);
                let made = call
                    .json(&json!({"name": "Doomed"}))
                    .send()
                    .await
                    .expect(201);
                belongings.application = text(&made["id"]);
            }
            _ => {}
        }
        belongings
    }
}
