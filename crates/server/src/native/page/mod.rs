//! Pages: what a person sees who opens a path of the API in a browser.
//!
//! A page brings all that it needs along, asks nobody for anything, and may do
//! nothing else: its policy allows the one style and the one script that stand
//! in it, by their digests, and puts it into a sandbox, where it has no origin
//! whose cookies or storage a mistake in it could reach.

pub(super) mod markup;

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};

use markup::escaped;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// A drawing for the browser's tab: two strokes, the second under the first.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16' \
                    fill='none' stroke='%23087f6f' stroke-width='2.4' stroke-linecap='round'%3E%3Cpath \
                    d='M2 6.5l3.5 3.5L13 2.5M3 14h10'/%3E%3C/svg%3E";

/// A page, written once and the same for everybody.
#[derive(Debug)]
pub(super) struct Page(Bytes);

static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; sandbox allow-scripts",
        source(STYLE),
        source(SCRIPT)
    );
    HeaderValue::try_from(policy).expect("a policy is visible characters")
});

// === impl Page ===

impl Page {
    /// A page with this title, of this markup.
    pub(super) fn new(title: &str, body: &str) -> Self {
        let title = escaped(title);
        let whole = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title}</title>\n<link rel=\"icon\" href=\"{ICON}\">\n\
             <style>{STYLE}</style>\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#content\">Skip to the content</a>\n{body}\n\
             <script>{SCRIPT}</script>\n</body>\n</html>\n"
        );
        Self(Bytes::from(whole))
    }

    /// The page as an answer.
    pub(super) fn answer(&self) -> Response {
        const REFERRER_POLICY: HeaderName = header::REFERRER_POLICY;
        let fixed = HeaderValue::from_static;
        let headers = [
            (header::CONTENT_TYPE, fixed("text/html; charset=utf-8")),
            (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
            (header::X_FRAME_OPTIONS, fixed("DENY")),
            (REFERRER_POLICY, fixed("no-referrer")),
        ];
        (headers, self.0.clone()).into_response()
    }
}

/// By what a policy knows an inline style or script.
fn source(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    format!("sha256-{}", STANDARD.encode(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_page_cannot_end_its_style_or_script() {
        assert!(!STYLE.contains("</"));
        assert!(!SCRIPT.contains("</"));
        let page = Page::new("a <b>", "<main id=\"content\"></main>");
        let text = std::str::from_utf8(&page.0).unwrap();
        assert!(text.contains("<title>a &lt;b&gt;</title>"), "{text}");
    }

    #[test]
    fn a_page_asks_nobody() {
        let page = Page::new("t", "");
        let text = std::str::from_utf8(&page.0).unwrap();
        let named = text.replace("http://www.w3.org/2000/svg", "");
        assert!(!named.contains("http"), "{named}");
    }
}
