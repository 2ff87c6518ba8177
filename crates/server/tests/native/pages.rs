//! The pages for people: the API's description, and what its error codes mean.

use std::collections::BTreeSet;

use countersign_core::error::Code;
use countersign_server::native;

use crate::world::World;

/// What every page's policy says beside the digests of its style and script.
const POLICY: [&str; 6] = [
    "default-src 'none'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "sandbox allow-scripts",
];

#[tokio::test]
async fn every_page_is_closed_to_the_world() {
    let world = World::new().await;
    for path in ["/docs", "/errors", "/errors/bad_acl"] {
        let reply = world.get(path).send().await;
        assert_eq!(reply.status, 200, "{path}");
        reply.has_the_headers_of_every_answer();
        assert_eq!(
            reply.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(reply.header("x-frame-options"), Some("DENY"));
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
        let policy = reply.header("content-security-policy").expect("a policy");
        let parts: BTreeSet<&str> = policy.split("; ").collect();
        for part in POLICY {
            assert!(parts.contains(part), "{path}: {part} in {policy}");
        }
        let digests = policy.matches("-src 'sha256-").count();
        assert_eq!((digests, parts.len()), (2, POLICY.len() + 2), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let text = reply.text();
        for forbidden in [
            " style=",
            " onclick=",
            " onload=",
            "<img",
            "<link rel=\"stylesheet",
        ] {
            assert!(!text.contains(forbidden), "{path} has {forbidden}");
        }
    }
}

#[tokio::test]
async fn the_page_of_the_api_has_every_call_and_no_dead_end() {
    let world = World::new().await;
    let reply = world.get("/docs").send().await;
    let text = reply.text();
    let shown = text.matches("<details class=\"call\"").count();
    assert_eq!(shown, native::calls().len());
    let ids: BTreeSet<&str> = values(text, " id=\"").collect();
    assert_eq!(
        ids.len(),
        text.matches(" id=\"").count(),
        "an id is there twice"
    );
    for link in values(text, " href=\"") {
        match link.split_at_checked(1) {
            Some(("#", id)) => assert!(ids.contains(id), "{link} leads nowhere"),
            Some(("/", _)) => assert_eq!(world.get(link).send().await.status, 200, "{link}"),
            // The drawing for the tab stands in the link itself.
            Some(("d", _)) => {}
            Some(_) | None => panic!("{link} leads elsewhere"),
        }
    }
}

#[tokio::test]
async fn every_code_has_its_page_and_no_other_text_has_one() {
    let world = World::new().await;
    let list = world.get("/errors").send().await;
    for code in Code::ALL {
        let name = code.as_str();
        let page = world.get(&format!("/errors/{name}")).send().await;
        assert_eq!(page.status, 200, "{name}");
        assert!(
            page.text()
                .contains(&format!("<h1><code>{name}</code></h1>"))
        );
        assert!(list.text().contains(&format!("href=\"/errors/{name}\"")));
    }
    for other in ["nothing", "NOT_FOUND", "%3Cscript%3E", "not_found%20"] {
        let reply = world.get(&format!("/errors/{other}")).send().await;
        reply.problem(404, "not_found");
    }
}

/// What stands in an attribute, wherever it does.
fn values<'a>(text: &'a str, attribute: &'a str) -> impl Iterator<Item = &'a str> {
    let rest = text.split(attribute).skip(1);
    rest.filter_map(|rest| rest.split('"').next())
}
