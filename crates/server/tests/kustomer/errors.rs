//! Every refusal has both shapes that are documented, and any page may read it.

use std::net::IpAddr;
use std::num::NonZeroU32;

use countersign_core::limit::Rate;
use countersign_server::operations::Rates;

use crate::world::{Call, Door, World};

#[tokio::test]
async fn each_refusal_is_readable_to_every_client() {
    let world = World::new().await;
    let good = format!("Bearer {}", world.backend);
    let settings = "/demo/v1/auth/customer/settings";
    let tokens = "/demo/v1/auth/tokens";
    let large = "x".repeat(70_000);
    for (method, path, authorization, body, status, code) in [
        ("GET", settings, "", "", 401, "no_credential"),
        ("GET", settings, "Basic YTpi", "", 401, "no_credential"),
        ("GET", settings, "Bearer a b", "", 401, "malformed_token"),
        ("GET", settings, "Bearer cs_sk_AAAA", "", 401, "unknown_key"),
        (
            "GET",
            settings,
            "Bearer a.b.Y3Nfc2tf",
            "",
            401,
            "unknown_key",
        ),
        (
            "GET",
            settings,
            "Bearer eyJ.eyJ.AAAA",
            "",
            401,
            "malformed_token",
        ),
        ("GET", "/demo/v1/nothing", &good, "", 404, "not_found"),
        ("GET", "/demo", &good, "", 404, "not_found"),
        ("GET", "/", &good, "", 404, "not_found"),
        ("GET", "/demo//v1/auth/tokens", &good, "", 400, "bad_path"),
        ("GET", "/demo/%2e%2e/v1", &good, "", 400, "bad_path"),
        (
            "GET",
            "/demo/v1/auth/tokens?page[size]=0",
            &good,
            "",
            400,
            "bad_request",
        ),
        ("POST", settings, &good, "", 405, "method_not_allowed"),
        ("OPTIONS", settings, "", "", 405, "method_not_allowed"),
        ("BREW", tokens, &good, "", 405, "method_not_allowed"),
        ("GET", settings, &good, &large, 413, "too_large"),
    ] {
        let headers = [("authorization", authorization)];
        let call = Call {
            headers: if authorization.is_empty() {
                &[]
            } else {
                &headers
            },
            body: body.to_owned(),
            ..Call::of(method, path)
        };
        let reply = world.send(Door::Kustomer, call).await;
        assert_eq!(reply.header("cache-control"), "no-store");
        assert!(!reply.header("www-authenticate").contains("Basic"));
        let id = reply.header("x-request-id").to_owned();
        let error = reply.refused(status, code);
        assert_eq!(error["meta"]["requestId"], id, "{method} {path}");
    }
}

#[tokio::test]
async fn what_a_caller_has_left_is_told_as_the_protocol_spells_it() {
    let world = World::new().await;
    let path = "/v1/auth/tokens";
    let reply = world.backend("GET", path, &world.backend).await;
    for name in ["limit", "remaining", "reset"] {
        let told = reply.header(&format!("x-ratelimit-{name}"));
        assert!(told.parse::<u64>().is_ok(), "{name}: {told}");
        assert_eq!(reply.header(&format!("ratelimit-{name}")), "");
    }
    let exposed = reply.header("access-control-expose-headers");
    assert!(exposed.contains("X-RateLimit-Remaining"), "{exposed}");
}

#[tokio::test]
async fn any_page_may_ask() {
    let world = World::new().await;
    for (path, method) in [
        ("/demo/v1/auth/tokens", "GET"),
        ("/demo/c/v1/identity", "POST"),
        ("/c/v1/customers/current", "PATCH"),
        ("/nobody/nothing", "PUT"),
    ] {
        let asked = "x-kustomer,x-kustomer-client,x-kustomer-version,x-kustomer-tracking-token";
        let headers = [
            ("origin", "https://shop.example"),
            ("access-control-request-method", method),
            ("access-control-request-headers", asked),
        ];
        let call = Call {
            headers: &headers,
            ..Call::of("OPTIONS", path)
        };
        let reply = world.send(Door::Kustomer, call).await;
        assert_eq!(reply.status, 204);
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        assert_eq!(reply.header("access-control-allow-credentials"), "");
        let methods = reply.header("access-control-allow-methods");
        assert!(methods.contains(method), "{methods}");
        let allowed = reply
            .header("access-control-allow-headers")
            .to_ascii_lowercase();
        for name in asked.split(',').chain(["authorization", "content-type"]) {
            let told = allowed.split(", ").any(|it| it == name);
            assert!(told, "{name}: {allowed}");
        }
    }
}

#[tokio::test]
async fn a_device_shows_one_token() {
    let world = World::new().await;
    let token = world.visitor().await;
    let name = "x-kustomer-tracking-token";
    for (headers, status, code) in [
        (&[(name, &*token), (name, &*token)][..], 400, "bad_request"),
        (&[(name, "\u{e4}")], 401, "malformed_token"),
        (&[(name, "")], 401, "malformed_token"),
        (&[("authorization", &*token)], 401, "no_credential"),
    ] {
        let call = Call {
            headers,
            ..Call::of("GET", "/demo/c/v1/chat/sessions")
        };
        let reply = world.send(Door::Kustomer, call).await;
        reply.refused(status, code);
    }
}

#[tokio::test]
async fn who_calls_too_often_is_told_so_wherever_it_reads() {
    let few = |burst| Rate {
        burst: NonZeroU32::new(burst).unwrap(),
        per_second: NonZeroU32::MIN,
    };
    let world = World::with(Rates {
        entrance: few(3),
        session: few(2),
        ..Rates::for_development()
    })
    .await;
    let peer: IpAddr = "203.0.113.7".parse().unwrap();
    // Everybody may ask for a token, so an address is counted.
    for left in [Some("2"), Some("1"), Some("0"), None] {
        let call = Call {
            peer,
            ..Call::of("GET", "/demo/c/v1/tracking/tokens/current")
        };
        let reply = world.send(Door::Kustomer, call).await;
        assert_eq!(reply.header("x-ratelimit-limit"), "3");
        if let Some(left) = left {
            assert_eq!(reply.header("x-ratelimit-remaining"), left);
            reply.expect(200);
        } else {
            assert_eq!(reply.header("retry-after"), "1");
            reply.refused(429, "rate_limited");
        }
    }
    // A device is counted by itself.
    let token = world.visitor().await;
    for left in [Some("1"), Some("0"), None] {
        let path = "/c/v1/chat/sessions";
        let reply = world.device("GET", path, Some(&token), None).await;
        if let Some(left) = left {
            assert_eq!(reply.header("x-ratelimit-remaining"), left);
            reply.expect(200);
        } else {
            reply.refused(429, "rate_limited");
        }
    }
}
