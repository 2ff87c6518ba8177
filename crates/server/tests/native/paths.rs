//! The router and the ACL's matcher read the same segments, or the path is
//! refused.

use std::path::PathBuf;

use countersign_credential::acl::Acl;
use countersign_credential::acl::call::{Call, Method};
use countersign_credential::json;
use countersign_server::call;
use countersign_server::path::canonical;
use countersign_server::route::{Found, Routes};

/// A path of each length.
const TEMPLATES: [&str; 13] = [
    "/",
    "/{a}",
    "/{a}/{b}",
    "/{a}/{b}/{c}",
    "/{a}/{b}/{c}/{d}",
    "/{a}/{b}/{c}/{d}/{e}",
    "/{a}/{b}/{c}/{d}/{e}/{f}",
    "/{a}/{b}/{c}/{d}/{e}/{f}/{g}",
    "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}",
    "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}",
    "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}",
    "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}/{k}",
    "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}/{k}/{l}",
];

const HOSTILE: [&str; 16] = [
    "/v1/users/USR-1",
    "/v1/users/%55SR-1",
    "/v1/%75sers/USR-1",
    "/v1/users/a%20b",
    "/v1/users/%C3%A4",
    "/v1/users/%25",
    "/v1/users/%252f",
    "/v1/users/*",
    "/v1/users/:id",
    "/v1/users/a+b",
    "/v1/users/a=b&c",
    "/v1/users/...",
    "/v1/users/~a",
    "/v1/users/a,b",
    "/v1/users/%26%3D",
    "/v1/users/",
];

#[test]
fn the_router_and_the_matcher_read_the_same_segments() {
    let routes = Routes::new(TEMPLATES.map(|template| {
        let method = http::Method::GET;
        (call::Call { method, template }, ())
    }));
    let mut read = 0;
    let listed = listed_pathnames();
    for path in HOSTILE.iter().map(|path| (*path).to_owned()).chain(listed) {
        let Ok(canonical) = canonical(&path) else {
            continue;
        };
        let segments: Vec<&str> = canonical[1..].split('/').collect();
        if segments.len() >= TEMPLATES.len() {
            continue;
        }
        let by_router = by_router(&routes, &canonical);
        // A slash at the end is an empty segment, which no route has.
        let expected = match canonical.strip_suffix('/') {
            Some("") => Some(Vec::new()),
            Some(_) => None,
            None => Some(segments.iter().map(|segment| decoded(segment)).collect()),
        };
        assert_eq!(by_router, expected, "{path}");
        check_matcher(&canonical, &segments);
        read += 1;
    }
    assert!(read >= HOSTILE.len(), "{read} paths were read");
}

/// A pattern of as many stars permits the path, one more or less does not; a
/// path that needs an encoding, or ends in a slash, is permitted by none.
fn check_matcher(path: &str, segments: &[&str]) {
    let plain = !path.contains('%') && !path.ends_with('/');
    for stars in 1..=segments.len() + 1 {
        let acl = format!(r#"{{"paths":{{"{}":{{}}}}}}"#, "/*".repeat(stars));
        let acl = json::read(acl.as_bytes()).expect("the ACL is JSON");
        let acl = Acl::from_json(&acl).expect("the ACL is one");
        let call = Call {
            method: Method::Get,
            path,
            parameters: &[],
        };
        let expected = plain && stars == segments.len();
        assert_eq!(acl.permits(&call), expected, "{path} with {stars} stars");
    }
}

fn by_router(routes: &Routes<()>, path: &str) -> Option<Vec<String>> {
    match routes.find(&http::Method::GET, path) {
        Found::Route { parameters, .. } => Some(parameters.texts().map(str::to_owned).collect()),
        Found::OtherMethods { .. } | Found::Nothing => None,
    }
}

/// Decoded by another reader than the one under test: byte by byte.
fn decoded(segment: &str) -> String {
    let mut parts = segment.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).expect("two digits"));
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).expect("the path is UTF-8")
}

/// Every path name of the web platform's URL tests, where they are given.
#[expect(
    clippy::disallowed_methods,
    reason = "a test has no configuration but its environment"
)]
fn listed_pathnames() -> Vec<String> {
    let Some(folder) = std::env::var_os("COUNTERSIGN_VECTORS") else {
        return Vec::new();
    };
    let file = PathBuf::from(folder).join("urltestdata/urltestdata.json");
    let text = std::fs::read_to_string(file).expect("the vectors are there");
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text).expect("the vectors are JSON");
    let names = cases.iter().filter_map(|case| case["pathname"].as_str());
    names.map(str::to_owned).collect()
}
