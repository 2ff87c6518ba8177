//! An address names the organization, by its host or by its path; what it names
//! must be here, be one, and be the asker's.

use crate::world::{Call, Door, World};

const SETTINGS: &str = "/v1/auth/customer/settings";

#[tokio::test]
async fn an_address_names_one_organization() {
    let world = World::new().await;
    let (demo, other) = (&world.backend, &world.other_backend);
    for (host, prefix, bearer, status) in [
        ("127.0.0.1:7082", "/demo", demo, 200),
        ("localhost:7082", "/demo", demo, 200),
        ("demo.api.example.com", "", demo, 200),
        ("Demo.API.Example.com:8443", "", demo, 200),
        ("demo.chat.example.com", "", demo, 200),
        ("demo.api.example.com", "/demo", demo, 200),
        ("chat.example.com", "/demo", demo, 200),
        ("other.api.example.com", "", other, 200),
        // None is named, or none that is here.
        ("127.0.0.1:7082", "", demo, 404),
        ("localhost", "", demo, 404),
        ("chat.example.com", "", demo, 404),
        ("nobody.api.example.com", "", demo, 404),
        ("127.0.0.1", "/nobody", demo, 404),
        ("demo.api.example.com", "/nobody", demo, 404),
        // Two are named.
        ("demo.api.example.com", "/other", demo, 404),
        ("nobody.api.example.com", "/demo", demo, 404),
        // The asker's is another.
        ("other.api.example.com", "", demo, 404),
        ("127.0.0.1", "/demo", other, 404),
    ] {
        let authorization = format!("Bearer {bearer}");
        let headers = [("authorization", &*authorization)];
        let path = format!("{prefix}{SETTINGS}");
        let call = Call {
            host,
            headers: &headers,
            ..Call::of("GET", &path)
        };
        let reply = world.send(Door::Kustomer, call).await;
        assert_eq!(reply.status, status, "{host} {path}: {}", reply.body);
        if status == 404 {
            reply.refused(404, "not_found");
        }
    }
}
