//! Shapes: what a value may be, in words, and an example of it.

use serde_json::{Map, Value, json};

use super::super::page::markup::{escaped, prose};
use super::{list, members, resolved, text};

/// How deep an example goes into shapes that hold shapes.
const SAMPLE_DEPTH_MAX: usize = 6;

/// Every shape of the document that has a name.
pub(super) fn all(document: &Value) -> String {
    members(&document["components"]["schemas"])
        .map(|(name, schema)| {
            format!(
                "<details class=\"shape\"><summary><code>{name}</code></summary>\
                 <div class=\"whole\" id=\"schema-{name}\">{}{}</div></details>",
                prose(text(&schema["description"])),
                whole(document, schema)
            )
        })
        .collect()
}

/// What a value may be, in a few words.
pub(super) fn kind(document: &Value, schema: &Value) -> String {
    if let Some(name) = name(schema) {
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    if let Some(words) = schema["enum"].as_array() {
        let words = words
            .iter()
            .map(|word| format!("<code>{}</code>", escaped(text(word))));
        return words.collect::<Vec<_>>().join(", ");
    }
    for alternatives in ["oneOf", "anyOf"] {
        let kinds: Vec<_> = list(&schema[alternatives])
            .map(|it| kind(document, it))
            .collect();
        if !kinds.is_empty() {
            return kinds.join(" or ");
        }
    }
    match &schema["type"] {
        Value::String(one) => of_type(document, one, schema),
        Value::Array(several) => several
            .iter()
            .map(|one| of_type(document, text(one), schema))
            .collect::<Vec<_>>()
            .join(" or "),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            if schema["allOf"].is_array() {
                "object".to_owned()
            } else {
                "anything".to_owned()
            }
        }
    }
}

/// A value of this shape, as JSON on one line: what must be there, and what has
/// an example.
pub(super) fn sample(document: &Value, schema: &Value) -> Value {
    sampled(document, schema, 0)
}

/// The members of an object, or what else the shape is.
pub(super) fn whole(document: &Value, schema: &Value) -> String {
    let parts = if schema["allOf"].is_array() {
        list(&schema["allOf"])
            .map(|part| resolved(document, part))
            .collect()
    } else {
        vec![schema]
    };
    let rows: String = parts
        .iter()
        .flat_map(|part| {
            members(&part["properties"]).map(|(name, it)| row(document, part, name, it))
        })
        .collect();
    if !rows.is_empty() {
        return format!("<dl class=\"rows\">{rows}</dl>");
    }
    let alternatives: String = list(&schema["oneOf"])
        .map(|it| {
            format!(
                "<li>{}{}</li>",
                prose(text(&it["description"])),
                whole(document, it)
            )
        })
        .collect();
    if alternatives.is_empty() {
        format!("<p class=\"kind\">{}</p>", kind(document, schema))
    } else {
        format!("<p>One of these:</p><ul class=\"alternatives\">{alternatives}</ul>")
    }
}

fn row(document: &Value, object: &Value, name: &str, schema: &Value) -> String {
    let is_needed = list(&object["required"]).any(|it| it == name);
    let needed = if is_needed {
        " <span class=\"needed\">required</span>"
    } else {
        ""
    };
    format!(
        "<div><dt><code>{}</code>{needed}</dt><dd>{}<p class=\"kind\">{}</p></dd></div>",
        escaped(name),
        prose(about(schema)),
        kind(document, schema)
    )
}

/// What a member is for; of one that may be null the other alternative says it.
fn about(schema: &Value) -> &str {
    let alternatives = list(&schema["oneOf"]).chain(list(&schema["anyOf"]));
    let mut told = [schema]
        .into_iter()
        .chain(alternatives)
        .map(|it| text(&it["description"]));
    told.find(|about| !about.is_empty()).unwrap_or_default()
}

fn of_type(document: &Value, name: &str, schema: &Value) -> String {
    match name {
        "string" => limited("text", &[("minLength", "maxLength", "characters")], schema),
        "integer" => limited("whole number", &[("minimum", "maximum", "")], schema),
        "number" => limited("number", &[("minimum", "maximum", "")], schema),
        "boolean" => "<code>true</code> or <code>false</code>".to_owned(),
        "null" => "<code>null</code>".to_owned(),
        "array" => {
            let list = format!("list of {}", kind(document, &schema["items"]));
            limited(&list, &[("minItems", "maxItems", "entries")], schema)
        }
        "object" => match schema["additionalProperties"].as_object() {
            Some(_) => format!(
                "object, each member {}",
                kind(document, &schema["additionalProperties"])
            ),
            None if schema["properties"].is_object() => {
                let names = members(&schema["properties"])
                    .map(|(name, _)| format!("<code>{}</code>", escaped(name)));
                format!("object with {}", names.collect::<Vec<_>>().join(", "))
            }
            None => "object".to_owned(),
        },
        other => escaped(other).into_owned(),
    }
}

/// A kind of value with the limits that its schema names.
fn limited(what: &str, limits: &[(&str, &str, &str)], schema: &Value) -> String {
    let mut told = what.to_owned();
    for (least, most, unit) in limits {
        let span = match (schema[*least].as_i64(), schema[*most].as_i64()) {
            (Some(least), Some(most)) => format!("{least} to {most} {unit}"),
            (Some(least), None) => format!("at least {least} {unit}"),
            (None, Some(most)) => format!("at most {most} {unit}"),
            (None, None) => continue,
        };
        told.push_str(", ");
        told.push_str(span.trim_end());
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        told.push_str(&format!(
            ", <code class=\"pattern\">{}</code>",
            escaped(pattern)
        ));
    }
    told
}

fn name(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

fn sampled(document: &Value, schema: &Value, depth: usize) -> Value {
    let schema = resolved(document, schema);
    let given = [
        &schema["examples"][0],
        &schema["default"],
        &schema["enum"][0],
    ];
    if let Some(given) = given.into_iter().find(|it| !it.is_null()) {
        return given.clone();
    }
    if depth > SAMPLE_DEPTH_MAX {
        return Value::Null;
    }
    let alternatives = list(&schema["oneOf"]).chain(list(&schema["anyOf"]));
    if let Some(first) = alternatives.into_iter().find(|it| it["type"] != "null") {
        return sampled(document, first, depth + 1);
    }
    let kind = &schema["type"];
    match text(kind.get(0).unwrap_or(kind)) {
        "string" => json!("…"),
        "integer" => json!(schema["minimum"].as_i64().unwrap_or(1)),
        "boolean" => json!(true),
        "array" => json!([sampled(document, &schema["items"], depth + 1)]),
        "object" => Value::Object(object(document, schema, depth)),
        _ => Value::Null,
    }
}

fn object(document: &Value, schema: &Value, depth: usize) -> Map<String, Value> {
    let is_needed = |name: &str| list(&schema["required"]).any(|it| it == name);
    let all = || members(&schema["properties"]);
    // Of a change nothing is needed, and an example without anything shows nothing.
    let shown = all().filter(|(name, _)| is_needed(name)).count().max(1);
    let mut sorted: Vec<_> = all().collect();
    sorted.sort_by_key(|(name, _)| !is_needed(name));
    sorted
        .into_iter()
        .take(shown)
        .map(|(name, it)| (name.to_owned(), sampled(document, it, depth + 1)))
        .collect()
}
