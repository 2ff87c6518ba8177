//! What an ACL reads, permits and says, as lists.

use super::call::{Call, Method, Parameter};
use super::{Acl, PATTERNS_MAX};
use crate::json;

fn read(text: &str) -> Result<Acl, String> {
    let value = json::read(text.as_bytes()).unwrap();
    Acl::from_json(&value).map_err(|error| error.to_string())
}

fn one_pattern(pattern: &str) -> Acl {
    read(&format!(r#"{{"paths":{{"{pattern}":{{}}}}}}"#)).unwrap()
}

fn get(path: &str) -> Call<'_> {
    Call {
        method: Method::Get,
        path,
        parameters: &[],
    }
}

#[test]
fn refuses_what_is_not_exactly_an_acl() {
    let cases = [
        (r"null", "acl must be an object, found null"),
        (r#""*""#, "acl must be an object, found string"),
        (r"[]", "acl must be an object, found array"),
        (r"{}", r#"acl has no member "paths""#),
        (
            r#"{"paths":null}"#,
            "acl.paths must be an object, found null",
        ),
        (
            r#"{"paths":["/**"]}"#,
            "acl.paths must be an object, found array",
        ),
        (
            r#"{"paths":{},"path":{}}"#,
            r#"acl has the unknown member "path"; only "paths" is known"#,
        ),
        (
            r#"{"Paths":{}}"#,
            r#"acl has the unknown member "Paths"; only "paths" is known"#,
        ),
        // One CLI of the field nests the claim in itself.
        (
            r#"{"acl":{"paths":{}}}"#,
            r#"acl has the unknown member "acl"; only "paths" is known"#,
        ),
        (
            r#"{"paths":{"/a":true}}"#,
            r#"the acl rule of "/a" must be an object, found boolean"#,
        ),
        (
            r#"{"paths":{"/a":null}}"#,
            r#"the acl rule of "/a" must be an object, found null"#,
        ),
        (
            r#"{"paths":{"/a":{"method":["GET"]}}}"#,
            r#"the acl rule of "/a" has the unknown member "method"; only "methods" and "filters" are known"#,
        ),
        (
            r#"{"paths":{"/a":{"methods":"GET"}}}"#,
            r#"the acl rule of "/a" has "methods" that must be an array, found string"#,
        ),
        (
            r#"{"paths":{"/a":{"methods":null}}}"#,
            r#"the acl rule of "/a" has "methods" that must be an array, found null"#,
        ),
        (
            r#"{"paths":{"/a":{"methods":["GET",7]}}}"#,
            r#"the acl rule of "/a" has a method that must be a string, found number"#,
        ),
        (
            r#"{"paths":{"/a":{"methods":["FROB"]}}}"#,
            r#"the acl rule of "/a" has the unknown method "FROB"; the methods are GET, POST, PUT, PATCH and DELETE"#,
        ),
        (
            r#"{"paths":{"/a":{"methods":["get"]}}}"#,
            r#"the acl rule of "/a" has the unknown method "get"; the methods are GET, POST, PUT, PATCH and DELETE"#,
        ),
        (
            r#"{"paths":{"/a":{"methods":["*"]}}}"#,
            r#"the acl rule of "/a" has the unknown method "*"; the methods are GET, POST, PUT, PATCH and DELETE"#,
        ),
        (
            r#"{"paths":{"/a":{"filters":[]}}}"#,
            r#"the acl rule of "/a" has "filters" that must be an object, found array"#,
        ),
        (
            r#"{"paths":{"/a":{"filters":{"event_id":7}}}}"#,
            r#"the acl rule of "/a" has the filter "event_id" whose value must be a string, found number"#,
        ),
        // What does not print is escaped, what is long is cut.
        (
            r#"{"paths":{"/\u001b[31m\u202e*":{}}}"#,
            r#"the acl pattern "/\u{1b}[31m\u{202e}*" has "*" inside a segment; "*" stands for one whole segment, "**" for the rest"#,
        ),
        (
            r#"{"paths":{"0123456789012345678901234567890123456789012345678901234567890":{}}}"#,
            r#"the acl pattern "012345678901234567890123456789012345678901234567890123456789…" does not begin with "/""#,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text), Err(expected.to_owned()), "{text}");
    }
}

#[test]
fn refuses_what_is_no_pattern() {
    let relative = r#"does not begin with "/""#;
    let percent = r#"contains "%"; write the path decoded"#;
    let empty = r#"has an empty segment; check for "//" and a "/" at its end"#;
    let dots = r#"has a segment "." or "..""#;
    let star = r#"has "*" inside a segment; "*" stands for one whole segment, "**" for the rest"#;
    let not_last = r#"has "**" before its end; it can only be last"#;
    let cases = [
        ("", relative),
        ("*", relative),
        ("**", relative),
        ("v1/users", relative),
        (" /v1/users", relative),
        ("/", empty),
        ("//", empty),
        ("//users", empty),
        ("/v1//users", empty),
        ("/v1/users/", empty),
        ("/.", dots),
        ("/v1/./users", dots),
        ("/../admin/**", dots),
        ("/v1/..", dots),
        ("/%2e%2e/**", percent),
        ("/v1/100%", percent),
        ("/v1/CON-*", star),
        ("/v1/*-1", star),
        ("/v1/***", star),
        ("/v*/users", star),
        ("/v1/a**", star),
        ("/v1/**/users", not_last),
        ("/**/**", not_last),
        ("/**/", not_last),
    ];
    for (pattern, problem) in cases {
        assert_eq!(
            read(&format!(r#"{{"paths":{{"{pattern}":{{}}}}}}"#)),
            Err(format!("the acl pattern \"{pattern}\" {problem}")),
        );
    }
}

#[test]
fn has_at_most_a_hundred_patterns() {
    let with_patterns = |count: usize| {
        let paths: Vec<String> = (0..count)
            .map(|n| format!(r#""/v1/p{n}/**":{{}}"#))
            .collect();
        read(&format!(r#"{{"paths":{{{}}}}}"#, paths.join(",")))
    };
    assert!(
        with_patterns(PATTERNS_MAX)
            .unwrap()
            .permits(&get("/v1/p99"))
    );
    assert_eq!(
        with_patterns(PATTERNS_MAX + 1),
        Err("acl.paths has 101 patterns; at most 100 are allowed".to_owned())
    );
}

#[test]
fn a_pattern_covers_whole_segments() {
    let cases = [
        ("/*/users/**", "/v1/users", true),
        ("/*/users/**", "/v1/users/USR-1", true),
        ("/*/users/**", "/v1/users/USR-1/conversations", true),
        ("/*/users/**", "/v1/usersX", false),
        ("/*/users/**", "/v1/user", false),
        ("/*/users/**", "/v1", false),
        ("/*/users/**", "/v1/x/users", false),
        ("/*/users/**", "/users", false),
        ("/v1/users/*", "/v1/users/USR-1", true),
        ("/v1/users/*", "/v1/users", false),
        ("/v1/users/*", "/v1/users/USR-1/sessions", false),
        ("/v1/users", "/v1/users", true),
        ("/v1/users", "/v1/users/USR-1", false),
        ("/v1/users", "/v1/Users", false),
        ("/v1/*/events", "/v1/a/events", true),
        ("/v1/*/events", "/v1/events", false),
        ("/v1/*/events", "/v1/a/b/events", false),
        ("/*/*/*", "/v1/a/b", true),
        ("/*/*/*", "/v1/a", false),
        ("/*/*/**", "/v1/a", true),
        ("/*/*/**", "/v1", false),
        ("/*/**", "/v1", true),
        ("/**", "/v1", true),
        ("/**", "/health/live", true),
        // A version is no right.
        ("/v1/users", "/v2/users", true),
        ("/v0.3/users", "/v1/users", true),
        ("/beta/users", "/v1/users", true),
        ("/beta2/users", "/v0.2/users", true),
        ("/v12.34/users", "/beta/users", true),
        ("/v1/users", "/x/users", false),
        ("/*/users", "/x/users", true),
        ("/v1x/users", "/v1/users", false),
        ("/v1.2.3/users", "/v1/users", false),
        ("/V1/users", "/v1/users", false),
        ("/v/users", "/v1/users", false),
        ("/betax/users", "/beta/users", false),
        ("/v1/v1", "/v2/v1", true),
        ("/v1/v1", "/v1/v2", false),
        // A first segment that is none of these is literal.
        ("/users/**", "/v1/users", false),
        ("/users/**", "/users/USR-1", true),
        ("/v1x/users", "/v1x/users", true),
        // A path that is not canonical is covered by nothing.
        ("/**", "", false),
        ("/**", "/", false),
        ("/**", "v1/users", false),
        ("/**", "/v1/users/", false),
        ("/**", "/v1//users", false),
        ("/**", "//v1/users", false),
        ("/**", "/v1/./users", false),
        ("/**", "/v1/users/../applications", false),
        ("/**", "/v1/users/..", false),
        ("/**", "/v1/%2e%2e/users", false),
        ("/v1/*", "/v1/...", true),
        ("/v1/*", "/v1/.well-known", true),
        ("/v1/*", "/v1/a.b", true),
    ];
    for (pattern, path, expected) in cases {
        let permitted = one_pattern(pattern).permits(&get(path));
        assert_eq!(permitted, expected, "{pattern} on {path}");
    }
}

#[test]
fn rules_are_a_union() {
    let acl = read(
        r#"{"paths":{
            "/v1/users/**":{"methods":["GET"]},
            "/beta/users/*":{"methods":["PATCH","DELETE","PATCH"]},
            "/*/media":{"methods":[]},
            "/*/image":{"filters":{}}
        }}"#,
    )
    .unwrap();
    let cases = [
        (Method::Get, "/v1/users", true),
        (Method::Get, "/v1/users/USR-1", true),
        (Method::Patch, "/v1/users/USR-1", true),
        (Method::Delete, "/v1/users/USR-1", true),
        (Method::Patch, "/v1/users", false),
        (Method::Put, "/v1/users/USR-1", false),
        (Method::Post, "/v1/users/USR-1", false),
        (Method::Get, "/v1/media", false),
        (Method::Post, "/v1/media", false),
        (Method::Post, "/v1/image", true),
        (Method::Get, "/v1/conversations", false),
    ];
    for (method, path, expected) in cases {
        let call = Call {
            method,
            ..get(path)
        };
        assert_eq!(acl.permits(&call), expected, "{method:?} {path}");
    }
    let nothing = read(r#"{"paths":{}}"#).unwrap();
    assert!(!nothing.permits(&get("/v1/users")));
}

#[test]
fn filters_judge_every_occurrence() {
    let acl =
        read(r#"{"paths":{"/**":{"filters":{"user_id":"USR-1","state":"joined"}}}}"#).unwrap();
    let body = json::read(br#"{"state":["joined"],"user_id":"USR-1","from":7}"#).unwrap();
    let member = |name| {
        let value = body.as_object().unwrap().get(name).unwrap();
        Parameter::from_json(name, value)
    };
    let user = Parameter::from_text("user_id", "USR-1");
    let other_user = Parameter::from_text("user_id", "USR-2");
    let state = Parameter::from_text("state", "joined");
    let allowed = "permitted by \"/**\"";
    let differs =
        |name| format!("\"/**\" covers the path, but its filter \"{name}\" has another value");
    let absent = |name| {
        format!("\"/**\" covers the path, but its filter \"{name}\" finds no such parameter")
    };
    let cases = [
        (vec![user, state], allowed.to_owned()),
        (
            vec![state, user, state, member("user_id"), member("from")],
            allowed.to_owned(),
        ),
        (vec![], absent("state")),
        (vec![state], absent("user_id")),
        (
            vec![state, Parameter::from_text("USER_ID", "USR-1")],
            absent("user_id"),
        ),
        (vec![state, other_user], differs("user_id")),
        (vec![state, user, other_user], differs("user_id")),
        (vec![state, other_user, user], differs("user_id")),
        (
            vec![state, Parameter::from_text("user_id", "usr-1")],
            differs("user_id"),
        ),
        (
            vec![state, Parameter::from_text("user_id", "")],
            differs("user_id"),
        ),
        (vec![user, state, member("state")], differs("state")),
    ];
    for (parameters, expected) in cases {
        let call = Call {
            parameters: &parameters,
            ..get("/v1/users")
        };
        let explanation = acl.explain(&call);
        assert_eq!(explanation.to_string(), expected, "{parameters:?}");
        assert_eq!(
            acl.permits(&call),
            explanation.is_permitted(),
            "{parameters:?}"
        );
    }
    assert!(acl.has_filters());
    assert!(!one_pattern("/**").has_filters());
    assert!(
        !read(r#"{"paths":{"/**":{"filters":{}}}}"#)
            .unwrap()
            .has_filters()
    );
}

#[test]
fn explains_every_pattern_that_came_near() {
    let acl = read(
        r#"{"paths":{
            "/v1/users/**":{"methods":["POST"]},
            "/*/users":{"filters":{"name\u001b":"x"}},
            "/v1/image":{}
        }}"#,
    )
    .unwrap();
    let cases = [
        (
            "/v1/users",
            "\"/*/users\" covers the path, but its filter \"name\\u{1b}\" finds no such parameter; \
             \"/v1/users/**\" covers the path, but its rule does not list the method",
        ),
        ("/v1/image", "permitted by \"/v1/image\""),
        ("/v1/media", "no pattern covers the path"),
        ("/v1/../image", "the path is not canonical"),
    ];
    for (path, expected) in cases {
        assert_eq!(acl.explain(&get(path)).to_string(), expected, "{path}");
    }
}

#[test]
fn equal_acls_have_one_text() {
    let cases = [
        (r#"{"paths":{}}"#, r#"{"paths":{}}"#),
        (
            r#" { "paths" : { "/b" : { } , "/*/a/**" : { "filters" : { } } } } "#,
            r#"{"paths":{"/*/a/**":{},"/b":{}}}"#,
        ),
        (
            r#"{"paths":{"/a":{"filters":{"y":"2","x":"1"},"methods":["DELETE","GET","GET"]}}}"#,
            r#"{"paths":{"/a":{"methods":["GET","DELETE"],"filters":{"x":"1","y":"2"}}}}"#,
        ),
        // All of today's methods are not every method.
        (
            r#"{"paths":{"/a":{"methods":["GET","POST","PUT","PATCH","DELETE"]},"/b":{"methods":[]}}}"#,
            r#"{"paths":{"/a":{"methods":["GET","POST","PUT","PATCH","DELETE"]},"/b":{"methods":[]}}}"#,
        ),
        (
            r#"{"paths":{"/\u0000\n\"\\é\u2028":{"filters":{"\t":"\u007f\u001F\/"}}}}"#,
            "{\"paths\":{\"/\\u0000\\u000a\\\"\\\\é\u{2028}\":{\"filters\":{\"\\u0009\":\"\u{7f}\\u001f/\"}}}}",
        ),
    ];
    for (written, canonical) in cases {
        let acl = read(written).unwrap();
        assert_eq!(acl.to_json_text(), canonical, "{written}");
        assert_eq!(read(canonical), Ok(acl), "{canonical}");
    }
}

#[test]
fn the_full_client_set_is_every_client_path() {
    let acl = Acl::full_client_set();
    assert_eq!(
        acl.to_json_text(),
        concat!(
            r#"{"paths":{"/*/applications/**":{},"/*/conversations/**":{},"/*/devices/**":{},"#,
            r#""/*/image/**":{},"/*/knocking/**":{},"/*/legs/**":{},"/*/media/**":{},"#,
            r#""/*/push/**":{},"/*/sessions/**":{},"/*/users/**":{}}}"#
        )
    );
    assert_eq!(read(&acl.to_json_text()), Ok(acl.clone()));
    assert!(acl.permits(&get("/v1/conversations/CON-1/events/7")));
    assert!(!acl.permits(&get("/v1/audit")));
}

#[test]
fn acls_of_real_applications_let_their_clients_in() {
    let acls = [
        r#"{"paths":{"/*/users/**":{},"/*/conversations/**":{},"/*/sessions/**":{}}}"#,
        r#"{"paths":{"/v1/users/**":{},"/v1/conversations/**":{},"/v1/sessions/**":{}}}"#,
        r#"{"paths":{"/beta/users/**":{},"/beta2/conversations/**":{},"/v0.2/sessions/**":{}}}"#,
        r#"{"paths":{"/**":{}}}"#,
        r#"{"paths":{"/v1/users/*":{"methods":["GET"]},"/**":{"methods":["GET","POST","PUT"]}}}"#,
    ];
    let calls = [
        (Method::Post, "/v1/sessions"),
        (Method::Put, "/v1/sessions/SES-1"),
        (Method::Get, "/v1/conversations"),
        (Method::Post, "/v1/conversations/CON-1/events"),
        (Method::Get, "/v1/conversations/CON-1/members/MEM-1"),
        (Method::Get, "/v1/users/USR-1"),
    ];
    for text in acls {
        let acl = read(text).unwrap();
        for (method, path) in calls {
            let call = Call {
                method,
                ..get(path)
            };
            assert!(acl.permits(&call), "{method:?} {path} by {text}");
        }
    }
}
