//! Error codes for people: the page that a problem's `type` names.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::response::{IntoResponse as _, Response};
use countersign_core::error::{Code, Error};

use super::page::Page;
use super::page::markup::{escaped, sentence};
use super::problem::{Problem, status_of, title_of};
use crate::remedy::{Door, remedy};
use crate::route::Parameters;

/// Written once: they are the same for every request.
static LIST: LazyLock<Page> = LazyLock::new(written_list);
static PAGES: LazyLock<BTreeMap<&str, Page>> = LazyLock::new(|| {
    let pages = Code::ALL.iter().map(|code| (code.as_str(), written(*code)));
    pages.collect()
});

/// `GET /errors`
pub(super) async fn list() -> Response {
    LIST.answer()
}

/// `GET /errors/{code}`
pub(super) async fn read(parameters: Parameters) -> Response {
    let page = parameters.get("code").and_then(|code| PAGES.get(code));
    match page {
        Some(page) => page.answer(),
        None => Problem(Error::not_found("code").hint("GET /errors lists all")).into_response(),
    }
}

fn written_list() -> Page {
    let rows: String = Code::ALL
        .iter()
        .map(|code| {
            format!(
                "<div data-find=\"{name} {status}\"><dt><a href=\"/errors/{name}\"><code>{name}</code></a> \
                 <span class=\"place\">{status}</span></dt><dd><p>{title}.</p></dd></div>",
                name = code.as_str(),
                status = status_of(*code).as_u16(),
                title = escaped(title_of(*code))
            )
        })
        .collect();
    framed(
        "Error codes",
        &format!(
            "<p>Every refusal has one of these codes. A code never changes its meaning; more may \
             come.</p><dl class=\"rows\">{rows}</dl>"
        ),
    )
}

fn written(code: Code) -> Page {
    let remedy = remedy(code);
    let doors: Vec<&str> = remedy.doors.iter().map(|door| door.name()).collect();
    let doors = if remedy.doors == Door::ALL {
        "all".to_owned()
    } else {
        doors.join(", ")
    };
    framed(
        code.as_str(),
        &format!(
            "<p class=\"lead\">{}.</p><p class=\"facts\">Status {} · doors: {doors}</p>\
             <h2>What it means</h2><p>{}</p><h2>What to do</h2><p>{}</p>",
            escaped(title_of(code)),
            status_of(code).as_u16(),
            sentence(remedy.cause),
            sentence(remedy.remedy)
        ),
    )
}

fn framed(title: &str, body: &str) -> Page {
    let heading = if title.contains('_') || title.starts_with(char::is_lowercase) {
        format!("<code>{}</code>", escaped(title))
    } else {
        escaped(title).into_owned()
    };
    let whole = format!(
        "<header class=\"top\"><p class=\"name\"><a href=\"/docs\">Countersign</a></p></header>\
         <main id=\"content\" class=\"narrow\" tabindex=\"-1\"><nav aria-label=\"Where you are\" class=\"where\">\
         <a href=\"/docs\">API</a> / <a href=\"/errors\">Error codes</a></nav><h1>{heading}</h1>{body}</main>"
    );
    Page::new(&format!("{title} · Countersign"), &whole)
}
