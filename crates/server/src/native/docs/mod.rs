//! The API's description for people: the OpenAPI document as one page.
//!
//! It is written from the document itself, so that it says no more and no less
//! than tools are told.

mod operation;
mod schema;

use std::sync::LazyLock;

use axum::response::Response;
use serde_json::Value;

use super::openapi;
use super::page::Page;
use super::page::markup::{escaped, prose, sentence};
use operation::Operation;

/// Written once: it is the same for every request.
static PAGE: LazyLock<Page> = LazyLock::new(|| {
    let text = openapi::text();
    let document = serde_json::from_str(&text).expect("the document is JSON");
    written(&document)
});

/// `GET /docs`
pub(super) async fn read() -> Response {
    PAGE.answer()
}

fn written(document: &Value) -> Page {
    let operations = operations(document);
    let (mut contents, mut chapters) = (String::new(), String::new());
    for tag in list(&document["tags"]) {
        let name = text(&tag["name"]);
        let of_tag = || operations.iter().filter(|it| it.tag == name);
        let place = format!("chapter-{}", name.to_lowercase());
        contents.push_str(&format!(
            "<li data-group><a href=\"#{place}\">{}</a><ul>{}</ul></li>",
            escaped(name),
            of_tag().map(Operation::entry).collect::<String>()
        ));
        chapters.push_str(&format!(
            "<section data-group aria-labelledby=\"{place}\"><h2 id=\"{place}\">{}</h2>{}{}</section>",
            escaped(name),
            prose(text(&tag["description"])),
            of_tag()
                .map(|operation| operation.written(document))
                .collect::<String>()
        ));
    }
    let info = &document["info"];
    let title = text(&info["title"]);
    let body = format!(
        "<header class=\"top\"><p class=\"name\"><a href=\"/docs\">Countersign</a></p>\
         <p class=\"search\" hidden><label for=\"search\">Find a call</label>\
         <input id=\"search\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\" \
         aria-describedby=\"found\" placeholder=\"path, word or code\">\
         <span id=\"found\" role=\"status\"></span></p></header>\
         <div class=\"columns\"><nav aria-label=\"Calls\"><details class=\"contents\" open>\
         <summary>Contents</summary><ul>{contents}\
         <li><a href=\"#schemas\">Shapes</a></li></ul></details></nav>\
         <main id=\"content\" tabindex=\"-1\"><h1>{}</h1>\
         <p class=\"facts\">Version {} · <a href=\"/openapi.json\">OpenAPI document</a> · \
         <a href=\"/errors\">Error codes</a></p>{}{}{chapters}\
         <section aria-labelledby=\"schemas\"><h2 id=\"schemas\">Shapes</h2>\
         <p>What bodies and answers are made of.</p>{}</section></main></div>",
        escaped(title),
        escaped(text(&info["version"])),
        prose(text(&info["description"])),
        bearers(document),
        schema::all(document)
    );
    Page::new(title, &body)
}

/// Who may call.
fn bearers(document: &Value) -> String {
    let rows: String = members(&document["components"]["securitySchemes"])
        .map(|(name, scheme)| {
            format!(
                "<div><dt id=\"bearer-{name}\">{}</dt><dd>{}</dd></div>",
                operation::spoken(name),
                sentence(text(&scheme["description"]))
            )
        })
        .collect();
    format!(
        "<section aria-labelledby=\"bearers\"><h2 id=\"bearers\">Bearers</h2>\
         <p>What <code>Authorization: Bearer …</code> may carry.</p><dl class=\"rows\">{rows}</dl></section>"
    )
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    members(&document["paths"])
        .flat_map(|(path, item)| {
            members(item).map(|(method, described)| Operation::new(method, path, described))
        })
        .collect()
}

// === helpers ===

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members = value.as_object().into_iter().flatten();
    members.map(|(name, value)| (name.as_str(), value))
}

/// What a reference of the document means, or the value itself.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|it| it.strip_prefix('#'));
    let found = pointer.and_then(|pointer| document.pointer(pointer));
    found.unwrap_or(value)
}
