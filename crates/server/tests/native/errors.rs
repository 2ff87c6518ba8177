//! docs/errors.md: every code, with cause and remedy, and how each door tells it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use countersign_core::error::Code;
use countersign_server::remedy::{Door, remedy};
use countersign_server::{native, nexmo, sinch};
use serde_json::Value;

use crate::contract::{DOCUMENT, resolved};

/// Where the document is committed.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");

const REFRESH: &str = "COUNTERSIGN_BLESS=1 cargo test -p countersign-server --test native errors";

/// A code that more calls than these can be refused with is no call's own.
const CALLS_MAX: usize = 6;

const ABOUT: &str = "\
# Error codes

<!-- Generated from crates/server/src/remedy.rs; a test says how to refresh it. -->

Every refusal has one of these codes, at every door and in every log line. A code never changes its
meaning; more may come. A running server shows the same under `/errors`, where the `type` of a problem
leads.

How it is told:

- **native**: a problem document (RFC 9457), `application/problem+json`, with `code`, a sentence in
  `detail`, often what to do in `hint`, and the server's time where it is about time. A socket closes
  with 4401 for what is 401 here, 4410 for `session_ended`, 4429 for `rate_limited`, 4503 for 500 and
  503, 4403 for 403, 404 and 409, and 4400 for the rest; a refused command is answered with the code.
- **nexmo**: the vendor's codes, as the table has them; what is missing, taken or joined already has
  its own (`conversation:error:not-found`, `user:error:duplicate-name` and so on). Statuses are the
  same, but for a member that is joined or invited already: 400.
- **kustomer**: a list `errors` of one, whose `code` is the one here, with the status of the table.
- **sinch**: `errorCode`, a number whose first three digits are the status. A signed request whose time
  is off is told 40101.

";

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test has no configuration but its environment"
)]
fn the_committed_page_of_errors_is_fresh() {
    let file = Path::new(FILE);
    let document = written();
    if std::env::var_os("COUNTERSIGN_BLESS").is_some() {
        std::fs::write(file, &document).expect("the document can be written");
    }
    let committed = std::fs::read_to_string(file).unwrap_or_default();
    let stale = committed != document;
    assert!(
        !stale,
        "docs/errors.md is not fresh; to refresh it: {REFRESH}"
    );
}

/// A path without such a method has no call that could say so.
#[test]
fn a_code_is_met_at_the_native_door_where_a_call_tells_of_it() {
    for code in Code::ALL {
        let told = !calls(*code).is_empty() || *code == Code::MethodNotAllowed;
        let met = remedy(*code).doors.contains(&Door::Native);
        assert_eq!(told, met, "{}", code.as_str());
    }
}

#[test]
fn every_code_has_a_cause_and_a_remedy_of_its_own() {
    let mut texts = BTreeSet::new();
    for code in Code::ALL {
        let remedy = remedy(*code);
        for text in [remedy.cause, remedy.remedy] {
            assert!(text.ends_with('.'), "{text}");
            assert!(!text.contains("  "), "{text}");
            assert_eq!(text.matches('`').count() % 2, 0, "{text}");
            assert!(texts.insert(text), "it stands twice: {text}");
        }
        assert!(!remedy.doors.is_empty(), "{}", code.as_str());
    }
}

fn written() -> String {
    let mut text = ABOUT.to_owned();
    text.push_str("| code | status | nexmo | sinch |\n|---|---|---|---|\n");
    for code in Code::ALL {
        let (status, _) = native::spelled(*code);
        let (name, nexmo, sinch) = (code.as_str(), nexmo::spelled(*code), sinch::spelled(*code));
        let status = status.as_u16();
        put(
            &mut text,
            &format!("| [`{name}`](#{name}) | {status} | `{nexmo}` | {sinch} |"),
        );
    }
    let mut status = None;
    for code in Code::ALL {
        let (told, title) = native::spelled(*code);
        if status.replace(told) != Some(told) {
            let reason = told.canonical_reason().unwrap_or_default();
            put(&mut text, &format!("\n## {} {reason}", told.as_u16()));
        }
        let remedy = remedy(*code);
        put(
            &mut text,
            &format!(
                "\n### {}\n\n{title}. {}\n\n*What to do:* {}\n\n*Doors:* {}.{}",
                code.as_str(),
                remedy.cause,
                remedy.remedy,
                doors(remedy.doors),
                own_calls(*code)
            ),
        );
    }
    text
}

fn put(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a text takes every text");
}

fn doors(doors: &[Door]) -> String {
    if doors == Door::ALL {
        return "all".to_owned();
    }
    let names: Vec<&str> = doors.iter().map(|door| door.name()).collect();
    names.join(", ")
}

fn own_calls(code: Code) -> String {
    let calls = calls(code);
    if calls.is_empty() || calls.len() > CALLS_MAX {
        return String::new();
    }
    let calls: Vec<String> = calls.iter().map(|call| format!("`{call}`")).collect();
    format!(" *Native calls:* {}.", calls.join(", "))
}

/// The native calls that can be refused with this code.
fn calls(code: Code) -> Vec<String> {
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    let mut calls = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("operations") {
            let responses = operation["responses"].as_object().expect("responses");
            let told = responses.values().any(|response| {
                let content = &resolved(response)["content"]["application/problem+json"];
                let codes = &content["schema"]["allOf"][1]["properties"]["code"]["enum"];
                let codes = codes.as_array().into_iter().flatten();
                codes
                    .filter_map(Value::as_str)
                    .any(|it| it == code.as_str())
            });
            if told {
                calls.push(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    calls
}
