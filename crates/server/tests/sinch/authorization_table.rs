//! Every route, with every actor: nobody, an app that names its application, a
//! backend that signs with its application's secret, a user with a ticket, and
//! an instance.
//!
//! A route that is missing here fails the test, and so does a line for a route
//! that is none.

use std::collections::BTreeSet;

use countersign_server::sinch;

use crate::world::World;

const ACTORS: [&str; 5] = ["nobody", "app", "backend", "ticket", "instance"];

/// A method and path, and the status for each of [`ACTORS`].
type Line = (&'static str, &'static str, [u16; 5]);

const AUTHORIZATION: &str = "/v1/instances/id/{instance_id}/authorization";

const AUTHENTICATION: &str = "/v1/users/{kind}/{name}/authentication";

#[rustfmt::skip]
const TABLE: [Line; 10] = [
    //                                   nobody app backend ticket instance
    ("GET", "/v1/timestamp/",           [200, 200, 200, 200, 200]),
    ("GET", "/v1/timestamp",            [200, 200, 200, 200, 200]),
    ("POST", "/v1/instance",            [401, 403, 403, 200, 200]),
    ("PUT", AUTHORIZATION,              [401, 403, 403, 200, 403]),
    ("GET", "/v1/configuration/user",   [401, 403, 403, 403, 200]),
    ("GET", "/v1/user/profile",         [401, 403, 403, 403, 200]),
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
