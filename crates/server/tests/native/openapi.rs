//! The document that describes the API: sound, fresh, and of every route.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use countersign_core::error::Code;
use countersign_core::limit;
use countersign_core::model::api_key::Role;
use countersign_core::model::event::Assurance;
use countersign_credential::acl::PATTERNS_MAX;
use countersign_credential::dialect::Dialect;
use countersign_credential::key::{KeyAlgorithm, KeyState};
use countersign_credential::subject::EMAIL_BYTES_MAX;
use countersign_server::native;
use serde_json::Value;

use crate::contract::{DOCUMENT, faults, resolved};
use crate::world::World;

/// Where the document is committed.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

const REFRESH: &str = "COUNTERSIGN_BLESS=1 cargo test -p countersign-server --test native openapi";

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test has no configuration but its environment"
)]
fn the_committed_document_is_fresh() {
    let file = Path::new(FILE);
    let document = native::description();
    if std::env::var_os("COUNTERSIGN_BLESS").is_some() {
        std::fs::write(file, &document).expect("the document can be written");
    }
    let committed = std::fs::read_to_string(file).unwrap_or_default();
    let stale = committed != document;
    assert!(
        !stale,
        "docs/openapi.json is not fresh; to refresh it: {REFRESH}"
    );
}

#[tokio::test]
async fn the_document_is_served_to_everybody() {
    let world = World::new().await;
    let reply = world.get("/openapi.json").send().await;
    reply.expect(200);
    reply.has_the_headers_of_every_answer();
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.text(), native::description());
}

#[test]
fn every_route_is_described_and_nothing_else_is() {
    let routes: BTreeSet<(String, String)> = native::calls()
        .into_iter()
        .map(|call| {
            (
                call.method.as_str().to_lowercase(),
                call.template.to_owned(),
            )
        })
        .collect();
    let described: BTreeSet<(String, String)> = operations()
        .map(|(method, path, _)| (method.to_owned(), path.to_owned()))
        .collect();
    assert_eq!(described, routes);
}

#[test]
fn every_operation_is_told_apart_and_told_whole() {
    let mut ids = BTreeMap::new();
    for (method, path, operation) in operations() {
        let id = operation["operationId"].as_str().expect("an id");
        let other = ids.insert(id, (method, path));
        assert!(other.is_none(), "{id}: {method} {path} and {other:?}");
        assert!(operation["summary"].is_string(), "{method} {path}");
        let responses = operation["responses"].as_object().expect("responses");
        // 101: the connection becomes a WebSocket.
        let good = responses
            .keys()
            .filter(|status| status.starts_with('2') || *status == "101");
        assert!(good.count() > 0, "{method} {path} never succeeds");
        let told: BTreeSet<&str> = parameters(operation, "path").collect();
        let placed: BTreeSet<&str> = path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        assert_eq!(told, placed, "{method} {path}");
        let query: Vec<&str> = parameters(operation, "query").collect();
        let distinct: BTreeSet<&str> = query.iter().copied().collect();
        assert_eq!(query.len(), distinct.len(), "{method} {path}: {query:?}");
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    let mut references = BTreeSet::new();
    collect(&DOCUMENT, &mut references);
    for reference in &references {
        let pointer = reference.strip_prefix('#').expect("references stay here");
        assert!(DOCUMENT.pointer(pointer).is_some(), "{reference}");
    }
    for kind in ["schemas", "responses"] {
        let components = DOCUMENT["components"][kind].as_object().expect(kind);
        for name in components.keys() {
            let reference = format!("#/components/{kind}/{name}");
            assert!(references.contains(&reference), "nothing uses {reference}");
        }
    }
}

#[test]
fn every_refusal_names_its_codes() {
    for (method, path, operation) in operations() {
        let responses = operation["responses"].as_object().expect("responses");
        for (status, response) in responses
            .iter()
            .filter(|(status, _)| status.as_str() >= "400")
        {
            let content = &resolved(response)["content"]["application/problem+json"];
            let code = content["schema"]["allOf"][1]["properties"]["code"]["enum"].as_array();
            let codes = code.map(Vec::len).unwrap_or_default();
            assert!(codes > 0, "{method} {path} {status}");
        }
    }
}

/// A path without such a method has no call that could say so, and passwords are
/// another door's.
#[test]
fn every_code_is_some_calls() {
    let mut told = BTreeSet::new();
    for (_, _, operation) in operations() {
        let responses = operation["responses"].as_object().expect("responses");
        for response in responses.values() {
            let content = &resolved(response)["content"]["application/problem+json"];
            let codes = &content["schema"]["allOf"][1]["properties"]["code"]["enum"];
            told.extend(
                codes
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str),
            );
        }
    }
    let all: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let untold: Vec<&&str> = all.difference(&told).collect();
    assert_eq!(untold, [&"method_not_allowed", &"wrong_password"]);
}

#[test]
fn every_body_has_an_example_that_is_one() {
    for (method, path, operation) in operations() {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        if schema.is_null() {
            continue;
        }
        let examples = resolved(schema)["examples"].as_array();
        let examples = examples.map(Vec::as_slice).unwrap_or_default();
        assert!(!examples.is_empty(), "{method} {path} has no example");
        for example in examples {
            let faults = faults(schema, example);
            assert!(faults.is_empty(), "{method} {path}: {faults:#?}");
        }
    }
}

#[test]
fn the_words_are_those_of_the_domain() {
    let algorithms = [
        KeyAlgorithm::Rs256,
        KeyAlgorithm::Es256,
        KeyAlgorithm::EdDsa,
        KeyAlgorithm::Hs256,
        KeyAlgorithm::SinchHmacSha256,
    ];
    let states = [
        KeyState::Current,
        KeyState::Previous,
        KeyState::Standby,
        KeyState::Revoked,
    ];
    let assurances = [
        Assurance::Anonymous,
        Assurance::Described,
        Assurance::Verified,
    ];
    for (schema, words) in [
        ("Dialect", Dialect::ALL.map(Dialect::as_str).to_vec()),
        (
            "KeyAlgorithm",
            algorithms.map(KeyAlgorithm::as_str).to_vec(),
        ),
        ("KeyState", states.map(KeyState::as_str).to_vec()),
        ("Role", Role::ALL.map(Role::as_str).to_vec()),
        ("Assurance", assurances.map(Assurance::as_str).to_vec()),
    ] {
        let told = &DOCUMENT["components"]["schemas"][schema]["enum"];
        assert_eq!(*told, Value::from(words), "{schema}");
    }
}

#[test]
fn the_limits_are_those_that_hold() {
    for (schema, place, limit) in [
        ("Name", "/maxLength", limit::NAME_BYTES_MAX),
        ("ClientId", "/maxLength", limit::CLIENT_ID_BYTES_MAX),
        ("Slug", "/maxLength", limit::SLUG_BYTES_MAX),
        ("Email", "/maxLength", EMAIL_BYTES_MAX),
        ("Acl", "/properties/paths/maxProperties", PATTERNS_MAX),
        ("Origin", "/maxLength", limit::ORIGIN_BYTES_MAX),
        (
            "SettingsPatch",
            "/properties/allowed_origins/maxItems",
            limit::ALLOWED_ORIGINS_MAX,
        ),
    ] {
        let told = &DOCUMENT["components"]["schemas"][schema].pointer(place);
        assert_eq!(*told, Some(&Value::from(limit)), "{schema}{place}");
    }
    let days = (1, limit::SETTING_DAYS_MAX);
    let access = (limit::SETTING_ACCESS_S_MIN, limit::SETTING_ACCESS_S_MAX);
    for (schema, member, (least, most)) in [
        (
            "SettingsPatch",
            "leeway_s",
            (0, limit::SETTING_LEEWAY_S_MAX),
        ),
        ("SettingsPatch", "access_s", access),
        ("SettingsPatch", "idle_days", days),
        ("SettingsPatch", "absolute_days", days),
        ("SettingsPatch", "anonymous_days", days),
        (
            "SettingsPatch",
            "sessions_max",
            (1, limit::SETTING_SESSIONS_MAX),
        ),
        ("Settings", "leeway_s", (0, limit::SETTING_LEEWAY_S_MAX)),
        ("Settings", "access_s", access),
        ("Settings", "idle_days", days),
        ("Settings", "absolute_days", days),
        ("Settings", "anonymous_days", days),
        ("Settings", "sessions_max", (1, limit::SETTING_SESSIONS_MAX)),
        ("NewApiKey", "expires_in_days", days),
    ] {
        let told = &DOCUMENT["components"]["schemas"][schema]["properties"][member];
        assert_eq!(told["minimum"], least, "{schema} {member}");
        assert_eq!(told["maximum"], most, "{schema} {member}");
    }
}

/// Every operation, with its method and path.
fn operations() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("operations");
        methods
            .iter()
            .map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
    })
}

fn parameters<'a>(operation: &'a Value, place: &'a str) -> impl Iterator<Item = &'a str> {
    let all = operation["parameters"].as_array().into_iter().flatten();
    all.filter(move |parameter| parameter["in"] == place)
        .filter_map(|parameter| parameter["name"].as_str())
}

fn collect(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            let reference = members.get("$ref").and_then(Value::as_str);
            references.extend(reference.map(str::to_owned));
            members
                .values()
                .for_each(|value| collect(value, references));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, references)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
