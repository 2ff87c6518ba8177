//! The API's own description as a contract: every answer that a test gets is
//! held to it, and so is every request that was done.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use countersign_server::native;
use jsonschema::Validator;
use serde_json::{Value, json};

/// The document, as the server serves it.
pub(crate) static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(&native::description()).expect("the description is JSON")
});

/// The document's schemas, that no answer may say more than.
static CLOSED: LazyLock<Value> = LazyLock::new(|| {
    let mut components = DOCUMENT["components"].clone();
    let open = components["schemas"].clone();
    let schemas = components["schemas"].as_object_mut().expect("an object");
    for schema in schemas.values_mut() {
        close(schema, &open);
    }
    components
});

/// Validators, by the text of their schema.
type Validators = HashMap<(Openness, String), Arc<Validator>>;

/// Built once each: one serves every answer of its kind.
static VALIDATORS: LazyLock<Mutex<Validators>> = LazyLock::new(Mutex::default);

/// Whether a value may have members that its schema does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Openness {
    /// As the schema says.
    Described,
    /// None at all.
    Closed,
}

/// What was asked and answered.
pub(crate) struct Exchange<'a> {
    pub(crate) method: &'a str,
    /// With its query.
    pub(crate) path: &'a str,
    pub(crate) sent_type: Option<&'a str>,
    pub(crate) sent: &'a [u8],
    pub(crate) status: u16,
    pub(crate) received_type: Option<&'a str>,
    pub(crate) received: &'a [u8],
}

// === impl Exchange ===

impl Exchange<'_> {
    /// Checks that the document knows of all this.
    pub(crate) fn check(&self) {
        let (path, query) = self.path.split_once('?').unwrap_or((self.path, ""));
        let Some(operation) = self.operation(path) else {
            let expected = [400, 404, 405, 413];
            let preflight = self.method == "OPTIONS" && self.status == 204;
            assert!(
                expected.contains(&self.status) || preflight,
                "{}",
                self.told()
            );
            return;
        };
        let status = self.status.to_string();
        let response = resolved(&operation["responses"][&status]);
        assert!(response.is_object(), "not described: {}", self.told());
        self.check_received(response);
        if self.status < 300 {
            self.check_query(operation, query);
            self.check_sent(operation);
        }
    }

    fn operation(&self, path: &str) -> Option<&'static Value> {
        let method = match self.method {
            "HEAD" => "get".to_owned(),
            other => other.to_lowercase(),
        };
        let paths = DOCUMENT["paths"].as_object().expect("an object");
        // A fixed segment goes before a parameter.
        let mut fitting: Vec<&String> = paths.keys().filter(|it| fits(it, path)).collect();
        fitting.sort_by_key(|template| template.matches('{').count());
        fitting
            .into_iter()
            .map(|template| &DOCUMENT["paths"][template][&method])
            .find(|operation| operation.is_object())
    }

    fn check_received(&self, response: &Value) {
        let Some(content) = response["content"].as_object() else {
            assert!(self.received.is_empty(), "a body: {}", self.told());
            return;
        };
        if self.method == "HEAD" {
            return;
        }
        let media_type = self.received_type.map(essence).unwrap_or_default();
        let described = content.get(media_type).or_else(|| content.get("*/*"));
        let described = described.unwrap_or_else(|| panic!("of another type: {}", self.told()));
        if let Some(schema) = described.get("schema") {
            let body: Value = serde_json::from_slice(self.received).expect("the body is JSON");
            let mut schema = schema.clone();
            close(&mut schema, &DOCUMENT["components"]["schemas"]);
            self.check_value(&schema, Openness::Closed, &body);
        }
    }

    fn check_query(&self, operation: &Value, query: &str) {
        let parameters = operation["parameters"].as_array();
        let names: Vec<&str> = parameters
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let name = pair.split('=').next().unwrap_or_default();
            assert!(
                names.contains(&name),
                "{name} is not described: {}",
                self.told()
            );
        }
    }

    fn check_sent(&self, operation: &Value) {
        let body = &operation["requestBody"];
        if self.sent.is_empty() {
            assert_ne!(body["required"], true, "without a body: {}", self.told());
            return;
        }
        let Some(content) = body["content"].as_object() else {
            return;
        };
        let media_type = self.sent_type.map(essence).unwrap_or_default();
        let described = content.get(&media_type.to_lowercase());
        let described = described.or_else(|| content.get("*/*"));
        let described =
            described.unwrap_or_else(|| panic!("a body of another type: {}", self.told()));
        if media_type.ends_with("json")
            && let Some(schema) = described.get("schema")
        {
            let body: Value = serde_json::from_slice(self.sent).expect("it was taken as JSON");
            self.check_value(schema, Openness::Described, &body);
        }
    }

    fn check_value(&self, schema: &Value, openness: Openness, value: &Value) {
        let problems = problems(schema, openness, value);
        assert!(
            problems.is_empty(),
            "{problems:#?} in {value:#}: {}",
            self.told()
        );
    }

    fn told(&self) -> String {
        let received = String::from_utf8_lossy(self.received);
        format!("{} {}: {} {received}", self.method, self.path, self.status)
    }
}

// === helpers ===

/// Why a value is not as a schema of the document says.
pub(crate) fn faults(schema: &Value, value: &Value) -> Vec<String> {
    problems(schema, Openness::Described, value)
}

fn problems(schema: &Value, openness: Openness, value: &Value) -> Vec<String> {
    let validator = validator(schema, openness);
    let problems = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()));
    problems.collect()
}

/// What a reference means, or the value itself.
pub(crate) fn resolved(value: &Value) -> &Value {
    let Some(reference) = value["$ref"].as_str() else {
        return value;
    };
    let pointer = reference.strip_prefix('#').expect("references stay here");
    DOCUMENT.pointer(pointer).unwrap_or(&Value::Null)
}

fn fits(template: &str, path: &str) -> bool {
    let segments = || template.split('/').zip(path.split('/'));
    template.split('/').count() == path.split('/').count()
        && segments().all(|(one, other)| one.starts_with('{') && !other.is_empty() || one == other)
}

fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

fn validator(schema: &Value, openness: Openness) -> Arc<Validator> {
    let components = match openness {
        Openness::Described => &DOCUMENT["components"],
        Openness::Closed => &*CLOSED,
    };
    let key = (openness, schema.to_string());
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let made = validators.entry(key).or_insert_with(|| {
        let whole = json!({"allOf": [schema], "components": components});
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        Arc::new(options.build(&whole).expect("the schema is one"))
    });
    Arc::clone(made)
}

/// Refuses members that the schema does not name, as its readers need not: a
/// server may say more than a client knows, and ours says what it describes.
fn close(schema: &mut Value, open: &Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Array(parts)) = members.get_mut("allOf") {
                for part in parts {
                    inline(part, open);
                    close_properties(part, open);
                }
                members.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
                return;
            }
            if members.contains_key("properties") {
                members.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
            }
            members.values_mut().for_each(|value| close(value, open));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| close(value, open)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A part of a whole may not refuse what the other parts name.
fn inline(part: &mut Value, open: &Value) {
    let name = part["$ref"].as_str().and_then(|it| it.rsplit('/').next());
    if let Some(name) = name {
        *part = open[name].clone();
    }
}

fn close_properties(part: &mut Value, open: &Value) {
    if let Some(properties) = part.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(|value| close(value, open));
    }
}
