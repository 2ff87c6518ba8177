//! Every route, with every actor. A route that is missing here fails the test,
//! and so does a line for a route that is none.

use std::collections::BTreeSet;

use countersign_server::kustomer;
use serde_json::json;

use crate::world::{Call, Door, World, text};

const ACTORS: [&str; 7] = [
    "nobody", "page", "user", "admin", "both", "operator", "stranger",
];

/// A method and path, and the status for each of [`ACTORS`].
type Line = (&'static str, &'static str, [u16; 7]);

#[rustfmt::skip]
const TABLE: [Line; 4] = [
    //                                        nobody page user admin both operator stranger
    ("GET", "/v1/auth/customer/settings",    [401, 403, 403, 403, 200, 403, 404]),
    ("GET", "/v1/auth/tokens",               [401, 403, 403, 200, 200, 200, 404]),
    ("DELETE", "/v1/auth/tokens/{token_id}", [401, 403, 403, 204, 204, 204, 404]),
    ("DELETE", "/v1/auth/tokens/current",    [401, 403, 204, 204, 204, 409, 404]),
];

#[tokio::test]
async fn every_route_answers_every_actor_as_the_table_says() {
    let world = World::new().await;
    for (method, template, expected) in TABLE {
        for (actor, expected) in ACTORS.into_iter().zip(expected) {
            let made = async |roles: &[&str]| text(&world.api_key(roles, json!({})).await["key"]);
            let bearer = match actor {
                "page" => made(&["tracking"]).await,
                "user" => made(&["user"]).await,
                "admin" => made(&["admin"]).await,
                "both" => made(&["admin", "user"]).await,
                "operator" => world.operator.clone(),
                "stranger" => world.other_backend.clone(),
                _ => String::new(),
            };
            let victim = world.api_key(&["user"], json!({})).await;
            let path = template.replace("{token_id}", &text(&victim["id"]));
            let path = format!("/demo{path}");
            let authorization = format!("Bearer {bearer}");
            let headers = [("authorization", &*authorization)];
            let call = Call {
                headers: if bearer.is_empty() { &[] } else { &headers },
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
