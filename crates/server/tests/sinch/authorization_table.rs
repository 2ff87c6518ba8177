//! Every route, with every actor: nobody, an app that names its application, a
//! backend that signs with its application's secret, a user with a ticket, and
//! an instance.
//!
//! A route that is missing here fails the test, and so does a line for a route
//! that is none.

use std::collections::BTreeSet;

use countersign_server::sinch;

use crate::phone::{Phone, encoded, message, refused};
use crate::world::World;

const ACTORS: [&str; 5] = ["nobody", "app", "backend", "ticket", "instance"];

/// A method and path, and the status for each of [`ACTORS`].
type Line = (&'static str, &'static str, [u16; 5]);

const AUTHORIZATION: &str = "/v1/instances/id/{instance_id}/authorization";

const AUTHENTICATION: &str = "/v1/users/{kind}/{name}/authentication";

#[rustfmt::skip]
const TABLE: [Line; 12] = [
    //                                   nobody app backend ticket instance
    ("GET", "/v1/timestamp/",           [200, 200, 200, 200, 200]),
    ("GET", "/v1/timestamp",            [200, 200, 200, 200, 200]),
    ("POST", "/v1/instance",            [401, 403, 403, 200, 200]),
    ("PUT", AUTHORIZATION,              [401, 403, 403, 200, 403]),
    ("GET", "/v1/configuration/user",   [401, 403, 403, 403, 200]),
    ("GET", "/v1/user/profile",         [401, 403, 403, 403, 200]),
    // A good signature, and a request that names nobody.
    ("POST", "/v1/transport",           [401, 403, 403, 403, 400]),
    ("GET", "/v1/transport",            [401, 403, 403, 403, 400]),
    ("POST", "/v1/report/im",           [401, 200, 200, 403, 200]),
    // What needs a body says so to those who may.
    ("POST", "/v1/users",               [401, 400, 403, 403, 403]),
    ("POST", AUTHENTICATION,            [401, 400, 403, 403, 403]),
    ("PUT", "/v1/user/password",        [401, 403, 403, 403, 400]),
];

#[tokio::test]
async fn every_route_answers_every_actor_as_the_table_says() {
    let world = World::new().await;
    let instance = world.instance("alice").await;
    for (method, template, expected) in TABLE {
        let path = template.replace("{instance_id}", &instance.id);
        let path = path.replace("{kind}/{name}", "username/alice");
        for (actor, expected) in ACTORS.into_iter().zip(expected) {
            let call = world.call(method, &path, "");
            let key = world.application;
            let authorization = match actor {
                "app" => format!("application {key}"),
                "backend" => format!("application {key}:{}", call.signature(&world.secret)),
                "ticket" => format!("user {}", world.ticket("alice")),
                "instance" => instance.sign(&call),
                _ => String::new(),
            };
            let reply = if actor == "nobody" {
                world.raw(method, &path, &[], String::new()).await
            } else {
                world.send(&call, &authorization).await
            };
            assert_eq!(
                reply.status, expected,
                "{actor}: {method} {template}: {}",
                reply.body
            );
            assert_eq!(reply.header("content-type"), "application/json");
            if expected == 403 {
                assert_eq!(reply.body["errorCode"], 40_301, "{actor}: {template}");
            }
            // The next request is another one.
            world.clock.advance_s(1);
        }
    }
}

const SUBSCRIBE: &str = "/subscribe/{subscribe_key}/{channels}/0/{time_token}";
const PUBLISH: &str = "/publish/{publish_key}/{subscribe_key}/0/{channel}/0";
const LEAVE: &str = "/v2/presence/sub_key/{subscribe_key}/channel/{channels}/leave";

/// The routes of the listener for messages, and the status for who has no keys,
/// for who has another's of the same application, who learns of no conversation of
/// others, and for who has their own.
#[rustfmt::skip]
const MESSAGES: [(&str, [u16; 3]); 4] = [
    ("/time/0", [200, 200, 200]),
    (SUBSCRIBE, [403, 403, 200]),
    (PUBLISH,   [403, 404, 200]),
    (LEAVE,     [403, 403, 200]),
];

#[tokio::test]
async fn every_route_of_messages_answers_who_has_its_own_keys() {
    let world = World::new().await;
    let alice = Phone::of(&world, "alice").await;
    let bob = Phone::of(&world, "bob").await;
    let nobody = "A".repeat(alice.publish_key.len());
    let to_self = alice.transport(&[]).await;
    let frame = alice.frames(&to_self, "m", message("x", None)).remove(0);
    for (template, expected) in MESSAGES {
        let keys = [
            (&nobody, &nobody),
            (&bob.publish_key, &bob.subscribe_key),
            (&alice.publish_key, &alice.subscribe_key),
        ];
        for ((publishes, subscribes), expected) in keys.into_iter().zip(expected) {
            let mut path = template
                .replace("{publish_key}", publishes)
                .replace("{subscribe_key}", subscribes)
                .replace("{channel}", &alice.channel)
                .replace("{channels}", &alice.channel)
                .replace("{time_token}", "0");
            if template == PUBLISH {
                let text = serde_json::Value::from(frame.as_str()).to_string();
                path = format!("{path}/{}", encoded(&text));
            }
            let reply = alice.get(&path).await;
            if expected == 200 {
                reply.expect(200);
            } else {
                refused(&reply, expected);
            }
        }
    }
    let routes: BTreeSet<_> = sinch::messaging::calls()
        .into_iter()
        .map(|call| (call.method.to_string(), call.template))
        .collect();
    let table = MESSAGES.map(|(template, _)| ("GET".to_owned(), template));
    assert_eq!(routes, BTreeSet::from(table));
}

#[test]
fn every_route_is_in_the_table() {
    let routes: BTreeSet<_> = sinch::calls()
        .into_iter()
        .map(|call| (call.method.to_string(), call.template))
        .collect();
    let table: BTreeSet<_> = TABLE
        .iter()
        .map(|(method, template, _)| ((*method).to_owned(), *template))
        .collect();
    assert_eq!(routes, table);
}
