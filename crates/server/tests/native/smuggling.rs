//! Requests whose end a proxy and the server could see in two places: none of
//! them lets a second request through that nobody has looked at.

use crate::http::exchange;
use crate::world::World;

/// What would be smuggled: it is answered with 200 by who takes it for a request.
const SECOND: &str = "GET /healthz HTTP/1.1\r\nHost: countersign\r\n\r\n";

#[tokio::test]
async fn a_request_with_two_ends_is_the_last_on_its_connection() {
    let world = World::new().await;
    for (head, body) in [
        (
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "0\r\n\r\n",
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
            "0\r\n\r\n",
        ),
        ("Content-Length: 0\r\nContent-Length: 5", ""),
        ("Content-Length: 0, 5", ""),
        ("Content-Length: +0", ""),
        ("Content-Length: 0x0", ""),
        ("Transfer-Encoding: xchunked", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked, identity", "0\r\n\r\n"),
        ("Transfer-Encoding : chunked", "0\r\n\r\n"),
        ("Transfer-Encoding:\u{b}chunked", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "0\n\n"),
        ("Transfer-Encoding: chunked", "+0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "fffffffffffffffff\r\n\r\n"),
        ("Content-Length: 0\r\nX-Folded: a\r\n b", ""),
    ] {
        for version in ["1.1", "1.0"] {
            let first = format!(
                "POST /v1/tokens/explain HTTP/{version}\r\nHost: countersign\r\n{head}\r\n\r\n{body}"
            );
            let answered = exchange(world.address, format!("{first}{SECOND}").as_bytes()).await;
            let answered = String::from_utf8_lossy(&answered);
            assert!(
                !answered.contains(" 200 OK"),
                "{head:?} {body:?}: {answered}"
            );
        }
    }
}

#[tokio::test]
async fn a_request_has_one_host() {
    let world = World::new().await;
    let call = world.get("/healthz").header("host", "elsewhere");
    call.send().await.problem(400, "bad_request");
}

#[tokio::test]
async fn the_method_is_that_of_the_request_line() {
    let world = World::new().await;
    let user = world.user("user").await;
    for name in [
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
    ] {
        let call = world.get("/v1/sessions/current").bearer(&user.access);
        let reply = call.header(name, "DELETE").send().await;
        reply.problem(405, "method_not_allowed");
    }
    let call = world
        .get("/v1/sessions?_method=DELETE")
        .bearer(&user.access);
    call.send().await.problem(400, "bad_request");
    world
        .get("/v1/sessions")
        .bearer(&user.access)
        .send()
        .await
        .expect(200);
}
