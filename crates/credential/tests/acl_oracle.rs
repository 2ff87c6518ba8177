//! Holds the ACL matcher against an oracle that is written another way: recursive, over strings,
//! with a list of versions instead of a grammar, and blind to everything that the crate parsed.

use std::cell::Cell;
use std::collections::BTreeMap;

use countersign_credential::acl::Acl;
use countersign_credential::acl::call::{Call, Method, Parameter};
use countersign_credential::json;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::{Just, Strategy, prop_assert_eq, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde::Serialize;

/// How many ACLs are made, and how many calls each is asked about unless it is refused.
const ACLS: u32 = 23_000;
const CALLS: usize = 10;
/// The fewest calls that must have been compared in the end.
const COMPARED_MIN: usize = 200_000;

/// What segments are made of: versions, near versions, words, beginnings of words.
const FIRST_SEGMENTS: [&str; 16] = [
    "v1", "v1", "v2", "v10", "v0.3", "beta", "beta2", "v", "v1.", "v.1", "v1.2.3", "V1", "betax",
    "v1x", "users", "1",
];
const VERSIONS: [&str; 6] = ["v1", "v2", "v10", "v0.3", "beta", "beta2"];
const SEGMENTS: [&str; 9] = [
    "users", "users", "user", "userss", "events", "CON-1", "v1", "v2", "...",
];
const ILLEGAL_SEGMENTS: [&str; 9] = ["", ".", "..", "%2e", "a%", "a*", "*a", "***", "*.*"];
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const ILLEGAL_METHODS: [&str; 4] = ["get", "FROB", "", "HEAD"];
const NAMES: [&str; 3] = ["user_id", "event_id", "state"];
const VALUES: [&str; 3] = ["1", "2", ""];

type Filters = BTreeMap<&'static str, &'static str>;

#[derive(Debug, Clone, Serialize)]
struct Rule {
    #[serde(skip_serializing_if = "Option::is_none")]
    methods: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filters: Option<Filters>,
}

type Paths = BTreeMap<String, Rule>;

#[derive(Debug, Clone)]
struct AskedCall {
    method: &'static str,
    path: String,
    parameters: Vec<(&'static str, Option<&'static str>)>,
}

// The oracle: whether an ACL is to be read at all, and whether it permits a call.

fn is_acl(paths: &Paths) -> bool {
    paths.iter().all(|(pattern, rule)| {
        let segments: Vec<&str> = pattern.split('/').collect();
        segments[0].is_empty() && is_legal(&segments[1..]) && has_legal_methods(rule)
    })
}

fn permits(paths: &Paths, call: &AskedCall) -> bool {
    let path: Vec<&str> = call.path.split('/').collect();
    path[0].is_empty()
        && path.len() > 1
        && path[1..].iter().all(|segment| is_canonical(segment))
        && paths.iter().any(|(pattern, rule)| {
            let pattern: Vec<&str> = pattern.split('/').collect();
            matches(&pattern[1..], &path[1..], true) && allows(rule, call)
        })
}

fn is_legal(segments: &[&str]) -> bool {
    match segments {
        [] => false,
        ["**"] => true,
        [only] => is_legal_segment(only),
        [segment, rest @ ..] => is_legal_segment(segment) && is_legal(rest),
    }
}

fn is_legal_segment(segment: &str) -> bool {
    is_canonical(segment) && (segment == "*" || segment.matches('*').count() == 0)
}

fn is_canonical(segment: &str) -> bool {
    !["", ".", ".."].contains(&segment) && segment.matches('%').count() == 0
}

fn has_legal_methods(rule: &Rule) -> bool {
    rule.methods
        .iter()
        .flatten()
        .all(|method| METHODS.contains(method))
}

fn matches(pattern: &[&str], path: &[&str], at_version: bool) -> bool {
    match (pattern, path) {
        (["**"], _) | ([], []) => true,
        ([], _) | (_, []) => false,
        ([wanted, pattern @ ..], [segment, path @ ..]) => {
            let both_versions =
                at_version && VERSIONS.contains(wanted) && VERSIONS.contains(segment);
            let one = *wanted == "*" || wanted == segment || both_versions;
            one && matches(pattern, path, false)
        }
    }
}

fn allows(rule: &Rule, call: &AskedCall) -> bool {
    let method_allowed = match &rule.methods {
        None => true,
        Some(methods) => methods.contains(&call.method),
    };
    method_allowed
        && rule.filters.iter().flatten().all(|(name, value)| {
            let of_name = || {
                call.parameters
                    .iter()
                    .filter(|parameter| parameter.0 == *name)
            };
            of_name().count() > 0 && of_name().all(|parameter| parameter.1 == Some(*value))
        })
}

// The cases: mostly legal and mostly near to each other, so that neither answer is rare.

fn calls() -> impl Strategy<Value = Vec<AskedCall>> {
    let call = (select(&METHODS[..]), path(), parameters());
    vec(
        call.prop_map(|(method, path, parameters)| AskedCall {
            method,
            path,
            parameters,
        }),
        CALLS,
    )
}

fn pattern() -> impl Strategy<Value = String> {
    let first = prop_oneof![3 => Just("*"), 6 => select(&FIRST_SEGMENTS[..])];
    let segment = prop_oneof![
        40 => Just("*"),
        80 => select(&SEGMENTS[..]),
        1 => Just("**"),
        1 => select(&ILLEGAL_SEGMENTS[..]),
    ];
    let end = prop_oneof![3 => Just("/**"), 3 => Just("")];
    prop_oneof![
        60 => (first, vec(segment, 0..4), end)
            .prop_map(|(first, rest, end)| format!("{}{end}", joined(first, &rest))),
        3 => Just("/**".to_owned()),
        1 => select(vec!["", "/", "//", "v1/users", "**", "/v1/", "/v1/**/", "*"])
            .prop_map(str::to_owned),
    ]
}

fn path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![60 => select(&SEGMENTS[..]), 1 => select(&ILLEGAL_SEGMENTS[..])];
    prop_oneof![
        40 => (select(&FIRST_SEGMENTS[..]), vec(segment, 0..4))
            .prop_map(|(first, rest)| joined(first, &rest)),
        1 => select(vec!["", "/", "//", "v1/users", "/v1/", "/.", "/..", "/*", "/**"])
            .prop_map(str::to_owned),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let method = prop_oneof![200 => select(&METHODS[..]), 1 => select(&ILLEGAL_METHODS[..])];
    let filters = btree_map(select(&NAMES[..]), select(&VALUES[..]), 0..3);
    (
        option::weighted(0.4, vec(method, 0..5)),
        option::weighted(0.3, filters),
    )
        .prop_map(|(methods, filters)| Rule { methods, filters })
}

fn parameters() -> impl Strategy<Value = Vec<(&'static str, Option<&'static str>)>> {
    vec(
        (
            select(&NAMES[..]),
            option::weighted(0.95, select(&VALUES[..])),
        ),
        0..5,
    )
}

fn joined(first: &str, rest: &[&str]) -> String {
    rest.iter().fold(format!("/{first}"), |path, segment| {
        format!("{path}/{segment}")
    })
}

// The property.

fn read(text: &str) -> Option<Acl> {
    let value = json::read(text.as_bytes()).expect("the text of an ACL is JSON");
    Acl::from_json(&value).ok()
}

#[test]
fn agrees_with_the_oracle() {
    let (refused, denied, permitted) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(Config {
        cases: ACLS,
        failure_persistence: None,
        ..Config::default()
    });
    let cases = (btree_map(pattern(), rule(), 0..5), calls());
    let result = runner.run(&cases, |(paths, calls)| {
        let text = serde_json::json!({ "paths": paths }).to_string();
        let acl = read(&text);
        prop_assert_eq!(acl.is_some(), is_acl(&paths), "the ACL is read");
        let Some(acl) = acl else {
            refused.set(refused.get() + 1);
            return Ok(());
        };
        let again = read(&acl.to_json_text());
        prop_assert_eq!(again.as_ref(), Some(&acl), "the text reads back");
        for asked in &calls {
            let parameters: Vec<Parameter<'_>> = asked
                .parameters
                .iter()
                .map(|&(name, text)| Parameter { name, text })
                .collect();
            let call = Call {
                method: Method::from_name(asked.method).expect("the method is a known one"),
                path: &asked.path,
                parameters: &parameters,
            };
            let expected = permits(&paths, asked);
            prop_assert_eq!(acl.permits(&call), expected, "permits {:?}", asked);
            prop_assert_eq!(
                acl.explain(&call).is_permitted(),
                expected,
                "explain {:?}",
                asked
            );
            let count = if expected { &permitted } else { &denied };
            count.set(count.get() + 1);
        }
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));

    // A generator that drifted to one answer would prove little about the others.
    let (refused, denied, permitted) = (refused.get(), denied.get(), permitted.get());
    assert!(refused >= 500, "only {refused} ACLs are refused");
    assert!(permitted >= 20_000, "only {permitted} calls are permitted");
    assert!(
        denied + permitted >= COMPARED_MIN,
        "only {denied} calls are denied"
    );
}
