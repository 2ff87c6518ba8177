//! Every route, with every actor. A route that is missing here fails the test,
//! and so does a line for a route that is none.

use std::collections::BTreeSet;

use countersign_server::kustomer;
use serde_json::json;

use crate::world::{Call, Door, World, text, token};

const ACTORS: [&str; 10] = [
    "nobody",
    "page",
    "user",
    "admin",
    "both",
    "operator",
    "stranger",
    "visitor",
    "customer",
    "foreigner",
];

/// A method and path, and the status for each of [`ACTORS`].
type Line = (&'static str, &'static str, [u16; 10]);

const CHAT: &str = "/c/v1/chat/sessions/{session_id}";
const SUPPORT_MESSAGES: &str = "/v2.1/chat/sessions/{session_id}/messages";
const ANSWERS: &str = "/v2.1/chat/outbound/messages";
const UPLOADS: &str = "/c/v1/chat/attachments/uploads";
const CONVERSATION: &str = "/c/v1/conversations/{session_id}";
const MESSAGES: &str = "/c/v1/chat/sessions/{session_id}/messages";
const ATTACHMENT: &str = "/c/v1/chat/messages/{message_id}/attachments/{attachment_id}";
const MESSAGE: &str = "/c/v1/chat/sessions/{session_id}/messages/{message_id}";

#[rustfmt::skip]
const TABLE: [Line; 32] = [
    // A stranger has another organization's key, and a foreigner a device there.
    //                                        nobody page user admin both operator stranger visitor customer foreigner
    ("GET", "/v1/auth/customer/settings",    [401, 403, 403, 403, 200, 403, 404, 401, 401, 401]),
    ("GET", "/v1/auth/tokens",               [401, 403, 403, 200, 200, 200, 404, 401, 401, 401]),
    ("DELETE", "/v1/auth/tokens/{token_id}", [401, 403, 403, 204, 204, 204, 404, 401, 401, 401]),
    ("DELETE", "/v1/auth/tokens/current",    [401, 403, 204, 204, 204, 409, 404, 401, 401, 401]),
    ("POST", "/v1/customers",                [401, 403, 201, 201, 201, 201, 404, 401, 401, 401]),
    ("GET", "/v1/customers",                 [401, 403, 200, 200, 200, 200, 404, 401, 401, 401]),
    ("GET", "/v1/customers/{customer_id}",   [401, 403, 200, 200, 200, 200, 404, 401, 401, 401]),
    // An API key is nothing here: the address tells the organization.
    ("GET", "/c/v1/tracking/tokens/current", [200, 200, 200, 200, 200, 200, 200, 200, 200, 404]),
    ("POST", "/c/v1/tracking/tokens",        [200, 200, 200, 200, 200, 200, 200, 200, 200, 404]),
    ("POST", "/c/v1/identity",               [200, 200, 200, 200, 200, 200, 200, 200, 200, 404]),
    ("PATCH", "/c/v1/customers/current",     [401, 401, 401, 401, 401, 401, 401, 200, 200, 404]),
    ("GET", "/p/v1/chat/settings",           [200, 200, 200, 200, 200, 200, 200, 200, 200, 200]),
    ("GET", "/c/v1/chat/settings",           [200, 200, 200, 200, 200, 200, 200, 200, 200, 200]),
    ("GET", "/p/v1/schedules/{schedule_id}", [404, 404, 404, 404, 404, 404, 404, 404, 404, 404]),
    ("GET", "/c/v1/chat/customers/stats",    [401, 401, 401, 401, 401, 401, 401, 200, 200, 404]),
    ("GET", "/c/v1/chat/sessions",           [401, 401, 401, 401, 401, 401, 401, 200, 200, 404]),
    ("POST", "/c/v1/chat/sessions",          [401, 401, 401, 401, 401, 401, 401, 201, 201, 404]),
    ("PUT", CHAT,                            [401, 401, 401, 401, 401, 401, 401, 200, 200, 404]),
    ("PATCH", CONVERSATION,                  [401, 401, 401, 401, 401, 401, 401, 200, 200, 404]),
    ("POST", "/c/v1/chat/messages",          [401, 401, 401, 401, 401, 401, 401, 201, 201, 404]),
    ("GET", MESSAGES,                        [401, 401, 401, 401, 401, 401, 401, 200, 200, 404]),
    ("POST", "/c/v1/pusher/auth",            [401, 401, 401, 401, 401, 401, 401, 200, 200, 404]),
    // It is a call of nobody, and answers a WebSocket alone.
    ("GET", "/app/{key}",                    [400, 400, 400, 400, 400, 400, 400, 400, 400, 400]),
    ("GET", MESSAGE,                         [401, 401, 401, 401, 401, 401, 401, 200, 200, 404]),
    ("GET", "/v2.1/chat/sessions",           [401, 403, 200, 200, 200, 200, 404, 401, 401, 401]),
    ("GET", SUPPORT_MESSAGES,                [401, 403, 200, 200, 200, 200, 404, 401, 401, 401]),
    ("POST", "/v2.1/chat/messages",          [401, 403, 201, 201, 201, 201, 404, 401, 401, 401]),
    ("POST", ANSWERS,                        [401, 403, 201, 201, 201, 201, 404, 401, 401, 401]),
    ("POST", "/c/v1/chat/attachments",       [401, 401, 401, 401, 401, 401, 401, 201, 201, 404]),
    // Its form tells who sends it, and this body is none.
    ("POST", UPLOADS,                        [415, 415, 415, 415, 415, 415, 415, 415, 415, 415]),
    // There is a message, and it has no file.
    ("GET", ATTACHMENT,                      [401, 401, 401, 401, 401, 401, 401, 404, 404, 404]),
    // A visitor knows nobody by name, and a customer itself and its mates.
    ("GET", "/c/v1/users/{user_id}",         [401, 401, 401, 401, 401, 401, 401, 403, 200, 404]),
];

#[tokio::test]
async fn every_route_answers_every_actor_as_the_table_says() {
    let world = World::new().await;
    let alice = world.log_in(None, "alice").await.customer;
    for (place, (method, template, expected)) in TABLE.into_iter().enumerate() {
        for (actor, expected) in ACTORS.into_iter().zip(expected) {
            let bearer = bearer_of(&world, actor).await;
            let token = match actor {
                "visitor" => world.visitor().await,
                "customer" => world.log_in(None, "alice").await.token,
                "foreigner" => {
                    let path = "/other/c/v1/tracking/tokens/current";
                    let reply = world.send(Door::Kustomer, Call::of("GET", path)).await;
                    token(&reply.expect(200))
                }
                _ => String::new(),
            };
            let victim = world.api_key(&["user"], json!({})).await;
            // A chat of one's own, or somebody's.
            let chats = ["visitor", "customer"].contains(&actor);
            let own = if chats {
                token.clone()
            } else {
                world.visitor().await
            };
            let chat = world.chat(&own).await;
            let message = world.say(&own, &chat, "hello").await;
            let ids = [
                ("{token_id}", text(&victim["id"])),
                ("{customer_id}", alice.clone()),
                ("{user_id}", alice.clone()),
                ("{schedule_id}", "default".to_owned()),
                ("{session_id}", chat.clone()),
                ("{key}", world.application.to_string()),
                ("{message_id}", message.clone()),
                ("{attachment_id}", message),
            ];
            let path = path_of(template, &alice, &ids);
            let authorization = format!("Bearer {bearer}");
            let mut headers = Vec::new();
            if !bearer.is_empty() {
                headers.push(("authorization", &*authorization));
            }
            if !token.is_empty() {
                headers.push(("x-kustomer-tracking-token", &*token));
            }
            let body = json!({
                "externalToken": world.credential("alice"),
                "session": chat,
                "socket_id": "1.2", "channel_name": world.activity(&chat),
                "customerId": whose(&world, &chat).await,
                "body": "hello",
                "custom": {},
                "name": "a.txt",
                "contentLength": 1,
                "externalId": format!("{place}-{actor}"),
            });
            let call = Call {
                headers: &headers,
                body: body.to_string(),
                ..Call::of(method, &path)
            };
            let reply = world.send(Door::Kustomer, call).await;
            assert_eq!(
                reply.status, expected,
                "{actor}: {method} {template}: {}",
                reply.body
            );
        }
    }
}

/// Where a template is called, with its ids and the query that it needs.
fn path_of(template: &str, customer: &str, ids: &[(&str, String)]) -> String {
    let query = match template {
        "/v2.1/chat/sessions" => format!("?customerId={customer}"),
        _ => String::new(),
    };
    let named = ids.iter().fold(template.to_owned(), |path, (name, id)| {
        path.replace(name, id)
    });
    format!("/demo{named}{query}")
}

/// Whose chat it is: its first member's.
async fn whose(world: &World, chat: &str) -> String {
    let path = format!("/v1/conversations/{chat}/members");
    text(&world.done("GET", &path, None).await["members"][0]["user_id"])
}

/// The API key of an actor, if it has one.
async fn bearer_of(world: &World, actor: &str) -> String {
    let made = async |roles: &[&str]| text(&world.api_key(roles, json!({})).await["key"]);
    match actor {
        "page" => made(&["tracking"]).await,
        "user" => made(&["user"]).await,
        "admin" => made(&["admin"]).await,
        "both" => made(&["admin", "user"]).await,
        "operator" => world.operator.clone(),
        "stranger" => world.other_backend.clone(),
        _ => String::new(),
    }
}

#[test]
fn every_route_is_in_the_table() {
    let routes: BTreeSet<_> = kustomer::calls()
        .into_iter()
        .map(|call| (call.method.to_string(), call.template))
        .collect();
    let table: BTreeSet<_> = TABLE
        .iter()
        .map(|(method, template, _)| ((*method).to_owned(), *template))
        .collect();
    assert_eq!(routes, table);
}
