//! Attachments: files in, and out again as downloads.
//!
//! The body of an upload is the file itself, as a browser sends one by
//! `fetch(url, {body: file})`. The front leaves it unread, so that only who
//! proved to be somebody gets megabytes of memory.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::op;
use countersign_core::op::attachments::Attach;
use countersign_wire::attachment as wire;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::answer::Answer;
use super::bearer::Asker;
use super::named::{Named, checked_name};
use super::problem::Problem;
use super::query::Query;
use crate::body;
use crate::operations::Operations;

/// The body of an upload, which is read by its handler, or by nobody.
#[derive(Debug, Clone)]
pub(super) struct Unread(Arc<Mutex<Option<Body>>>);

/// Whether this is an upload, by its canonical path.
pub(super) fn is_upload(method: &Method, path: &str) -> bool {
    let inside = path.strip_prefix("/v1/conversations/");
    let id = inside.and_then(|inside| inside.strip_suffix("/attachments"));
    method == Method::POST && id.is_some_and(|id| !id.is_empty() && !id.contains('/'))
}

/// `POST /v1/conversations/{id}/attachments`
pub(super) async fn upload(
    State(ctx): State<Arc<Ctx>>,
    Extension(operations): Extension<Arc<Operations>>,
    Extension(unread): Extension<Unread>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
    headers: HeaderMap,
) -> Result<Answer<wire::Attachment>, Problem> {
    query.only(&["name"])?;
    let conversation = named.id("conversation_id", "conversation")?;
    let file_name = query.text("name").map(checked_file_name).transpose()?;
    if headers.contains_key(header::CONTENT_ENCODING) {
        let error = Error::new(
            Code::UnsupportedMediaType,
            "the body has a Content-Encoding",
        );
        return Err(error.hint("send the file as it is").into());
    }
    let _arriving = operations.arriving.try_acquire().map_err(|_| {
        Error::new(
            Code::Unavailable,
            "too many files are arriving at the moment",
        )
        .hint("try again in a few seconds")
    })?;
    let body = unread.take().unwrap_or_default();
    let content = body::read_file(body).await?.to_vec();
    let attach = Attach {
        conversation,
        file_name,
        content,
    };
    let attachment = op::attachments::attach(&ctx, &asker, attach).await?;
    let answer = wire::Attachment {
        id: attachment.id.to_string(),
        url: format!("/v1/media/{}", attachment.id),
    };
    Ok(Answer(StatusCode::CREATED, answer))
}

/// `GET /v1/media/{id}`: as a download, which no browser shows or runs.
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<Response, Problem> {
    query.only(&[])?;
    let id = named.id("attachment_id", "file")?;
    let (attachment, content) = op::attachments::read_attachment(&ctx, &asker, id).await?;
    let media_type = HeaderValue::try_from(attachment.media_type).map_err(Error::internal)?;
    let name = attachment.file_name.as_deref().unwrap_or("file");
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_DISPOSITION, download(name)?),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox"),
        ),
    ];
    Ok((headers, content).into_response())
}

/// A name without what would make it a path, or look like another name.
fn checked_file_name(name: &str) -> Result<String, Error> {
    let name = checked_name("name", name.to_owned())?;
    let turns = |c: char| matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if name.contains(['/', '\\']) || name.contains(turns) || name == "." || name == ".." {
        return Err(Error::new(
            Code::BadRequest,
            "name is a file's name: no path, and no character that turns the text around",
        ));
    }
    Ok(name)
}

/// The header that makes a download of it (RFC 6266 section 4, and for the
/// name RFC 8187 section 3.2).
fn download(name: &str) -> Result<HeaderValue, Error> {
    let mut text = String::from("attachment; filename*=UTF-8''");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    HeaderValue::try_from(text).map_err(Error::internal)
}

// === impl Unread ===

impl Unread {
    pub(super) fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(Some(body))))
    }

    /// The body, for the first who asks.
    pub(super) fn take(&self) -> Option<Body> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        body.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_one_path_and_method() {
        for (method, path, expected) in [
            (Method::POST, "/v1/conversations/CON-1/attachments", true),
            (Method::GET, "/v1/conversations/CON-1/attachments", false),
            (Method::POST, "/v1/conversations/CON-1/attachments/", false),
            (Method::POST, "/v1/conversations//attachments", false),
            (Method::POST, "/v1/conversations/attachments", false),
            (Method::POST, "/v1/conversations/a/b/attachments", false),
            (Method::POST, "/x/v1/conversations/a/attachments", false),
        ] {
            assert_eq!(is_upload(&method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn a_file_has_a_name_and_no_path() {
        for (name, expected) in [
            (
                "holiday.jpg",
                Some("attachment; filename*=UTF-8''holiday.jpg"),
            ),
            (
                "ä \"b\";c.pdf",
                Some("attachment; filename*=UTF-8''%C3%A4%20%22b%22%3Bc.pdf"),
            ),
            ("a%2e", Some("attachment; filename*=UTF-8''a%252e")),
            ("", None),
            ("..", None),
            ("../../etc/passwd", None),
            ("a\\b", None),
            ("a\r\nSet-Cookie: b", None),
            ("annexe\u{202e}fdp.exe", None),
            (&"x".repeat(256), None),
        ] {
            let found = checked_file_name(name)
                .ok()
                .map(|name| download(&name).unwrap());
            let found = found.as_ref().map(|value| value.to_str().unwrap());
            assert_eq!(found, expected, "{name}");
        }
    }
}
