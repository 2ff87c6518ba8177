//! One call: how it is asked for, and what it answers.

use serde_json::Value;

use super::super::page::markup::{escaped, prose, sentence};
use super::{list, members, resolved, schema, text};

/// A call of the document.
#[derive(Debug)]
pub(super) struct Operation<'a> {
    pub(super) tag: &'a str,
    method: &'a str,
    path: &'a str,
    id: &'a str,
    described: &'a Value,
}

/// What people call a bearer.
pub(super) fn spoken(bearer: &str) -> String {
    bearer.replace('_', " ")
}

// === impl Operation ===

impl<'a> Operation<'a> {
    pub(super) fn new(method: &'a str, path: &'a str, described: &'a Value) -> Self {
        Self {
            tag: text(&described["tags"][0]),
            method,
            path,
            id: text(&described["operationId"]),
            described,
        }
    }

    /// Its line in the table of contents.
    pub(super) fn entry(&self) -> String {
        format!(
            "<li data-call=\"{id}\"><a href=\"#{id}\">{summary}</a></li>",
            id = self.id,
            summary = escaped(text(&self.described["summary"]))
        )
    }

    /// All of it. What is found by its fragment stands inside, so that a
    /// browser opens what it stands in.
    pub(super) fn written(&self, document: &Value) -> String {
        let Self {
            method, path, id, ..
        } = self;
        let body = &self.described["requestBody"];
        format!(
            "<details class=\"call\" data-call=\"{id}\" data-find=\"{find}\"><summary>\
             <span class=\"method {method}\">{shouted}</span> <code class=\"path\">{path}</code> \
             <span class=\"summary\">{summary}</span></summary>\
             <div class=\"whole\" id=\"{id}\">{about}{bearers}{parameters}{body}{example}{answers}</div></details>",
            find = escaped(&self.findable()),
            shouted = method.to_uppercase(),
            path = marked(path),
            summary = escaped(text(&self.described["summary"])),
            about = prose(text(&self.described["description"])),
            bearers = self.bearers(),
            parameters = self.parameters(document),
            body = request_body(document, body),
            example = self.example(document),
            answers = self.answers(document),
        )
    }

    /// The words by which it is found, in lower case.
    fn findable(&self) -> String {
        let words = [
            self.method,
            self.path,
            self.id,
            self.tag,
            text(&self.described["summary"]),
        ];
        words.join(" ").to_lowercase()
    }

    fn bearers(&self) -> String {
        let names = || {
            let alternatives = list(&self.described["security"]);
            alternatives.flat_map(|one| members(one).map(|(name, _)| name))
        };
        let anybody = list(&self.described["security"])
            .any(|one| one.as_object().is_some_and(serde_json::Map::is_empty));
        let mut chips: Vec<String> = names()
            .map(|name| format!("<li><a href=\"#bearer-{name}\">{}</a></li>", spoken(name)))
            .collect();
        if anybody {
            chips.push("<li>anybody, without a bearer</li>".to_owned());
        }
        format!(
            "<h3>Who may call</h3><ul class=\"chips\">{}</ul>",
            chips.concat()
        )
    }

    fn parameters(&self, document: &Value) -> String {
        let rows: String = list(&self.described["parameters"])
            .map(|parameter| {
                let needed = if parameter["required"] == true {
                    " <span class=\"needed\">required</span>"
                } else {
                    ""
                };
                format!(
                    "<div><dt><code>{}</code> <span class=\"place\">{}</span>{needed}</dt>\
                     <dd>{}<p class=\"kind\">{}</p></dd></div>",
                    escaped(text(&parameter["name"])),
                    escaped(text(&parameter["in"])),
                    prose(text(&parameter["description"])),
                    schema::kind(document, &parameter["schema"])
                )
            })
            .collect();
        if rows.is_empty() {
            return rows;
        }
        format!("<h3>Parameters</h3><dl class=\"rows\">{rows}</dl>")
    }

    /// The call on a command line; a socket is opened by other means.
    fn example(&self, document: &Value) -> String {
        if self.described["responses"].get("101").is_some() {
            return String::new();
        }
        let mut lines = vec![format!(
            "curl -X {} \"$COUNTERSIGN_URL{}\"",
            self.method.to_uppercase(),
            self.path.replace('{', "$").replace('}', "")
        )];
        let needs_bearer = list(&self.described["security"])
            .any(|one| one.as_object().is_some_and(|it| !it.is_empty()));
        if needs_bearer {
            lines.push("  -H \"Authorization: Bearer $TOKEN\"".to_owned());
        }
        let content = &self.described["requestBody"]["content"];
        if let Some(body) = content.get("application/json") {
            let sample = schema::sample(document, &body["schema"]);
            lines.push("  -H 'Content-Type: application/json'".to_owned());
            lines.push(format!("  -d '{sample}'"));
        } else if content.get("*/*").is_some() {
            lines.push("  -H 'Content-Type: image/png'".to_owned());
            lines.push("  --data-binary @picture.png".to_owned());
        }
        format!(
            "<h3>For example</h3><pre tabindex=\"0\"><code>{}</code></pre>",
            escaped(&lines.join(" \\\n"))
        )
    }

    fn answers(&self, document: &Value) -> String {
        let (mut good, mut refused) = (String::new(), String::new());
        for (status, response) in members(&self.described["responses"]) {
            let response = resolved(document, response);
            if status < "400" {
                let shapes: String = members(&response["content"])
                    .map(|(media_type, content)| shape(document, media_type, content))
                    .collect();
                good.push_str(&format!(
                    "<div><dt>{status}</dt><dd><p>{}</p>{shapes}</dd></div>",
                    sentence(text(&response["description"]))
                ));
            } else {
                refused.push_str(&format!(
                    "<div><dt>{status}</dt><dd><ul class=\"chips\">{}</ul></dd></div>",
                    codes(response)
                ));
            }
        }
        format!(
            "<h3>Answers</h3><dl class=\"rows statuses\">{good}</dl>\
             <h3>Refusals</h3><dl class=\"rows statuses\">{refused}</dl>"
        )
    }
}

fn request_body(document: &Value, body: &Value) -> String {
    if body.is_null() {
        return String::new();
    }
    let may_be_left_out = if body["required"] == true {
        ""
    } else {
        "<p>It may be left out.</p>"
    };
    let shapes: String = members(&body["content"])
        .map(|(media_type, content)| shape(document, media_type, content))
        .collect();
    // Every media type of a body has the same shape.
    let described = members(&body["content"])
        .map(|(_, content)| &content["schema"])
        .next();
    let whole = described
        .filter(|it| !it.is_null())
        .map(|it| schema::whole(document, resolved(document, it)));
    format!(
        "<h3>Body</h3>{}{may_be_left_out}{shapes}{}",
        prose(text(&body["description"])),
        whole.unwrap_or_default()
    )
}

fn shape(document: &Value, media_type: &str, content: &Value) -> String {
    let described = &content["schema"];
    let what = if described.is_null() {
        "any bytes".to_owned()
    } else {
        schema::kind(document, described)
    };
    let media_type = if media_type == "*/*" {
        "any type"
    } else {
        media_type
    };
    format!(
        "<p class=\"kind\">{what} <span class=\"place\">{}</span></p>",
        escaped(media_type)
    )
}

/// The codes of a refusal, each with where it is explained.
fn codes(response: &Value) -> String {
    let problem = &response["content"]["application/problem+json"]["schema"];
    list(&problem["allOf"][1]["properties"]["code"]["enum"])
        .map(|code| {
            let code = escaped(text(code));
            format!("<li><a href=\"/errors/{code}\"><code>{code}</code></a></li>")
        })
        .collect()
}

/// A path whose parameters stand out, and that can be broken after each slash.
fn marked(path: &str) -> String {
    escaped(path)
        .replace('{', "<var>{")
        .replace('}', "}</var>")
        .replace('/', "/<wbr>")
        .replace("</<wbr>var>", "</var>")
}
