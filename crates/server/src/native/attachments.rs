//! Attachments: files in, and out again as downloads.
//!
//! The body of an upload is the file itself, as a browser sends one by
//! `fetch(url, {body: file})`. The front leaves it unread, so that only who
//! proved to be somebody gets megabytes of memory.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::Response;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::op;
use countersign_core::op::attachments::Attach;
use countersign_wire::attachment as wire;
use http::{HeaderMap, Method, StatusCode, header};

use super::answer::Answer;
use super::bearer::Asker;
use super::named::{Named, checked_name};
use super::problem::Problem;
use super::query::Query;
use crate::body;
use crate::file::{self, Unread};
use crate::passed::Passed;

/// Whether this is an upload, by its canonical path.
pub(super) fn is_upload(method: &Method, path: &str) -> bool {
    let inside = path.strip_prefix("/v1/conversations/");
    let id = inside.and_then(|inside| inside.strip_suffix("/attachments"));
    method == Method::POST && id.is_some_and(|id| !id.is_empty() && !id.contains('/'))
}

/// `POST /v1/conversations/{id}/attachments`
pub(super) async fn upload(
    State(ctx): State<Arc<Ctx>>,
    Passed { operations, .. }: Passed,
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
    let _arriving = file::arriving(&operations)?;
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
    Ok(file::download(attachment, content)?)
}

/// A name without what would make it a path, or look like another name.
fn checked_file_name(name: &str) -> Result<String, Error> {
    let name = checked_name("name", name.to_owned())?;
    if !file::is_name(&name) {
        return Err(Error::new(
            Code::BadRequest,
            "name is a file's name: no path, and no character that turns the text around",
        ));
    }
    Ok(name)
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
        for (name, is_one) in [
            ("holiday.jpg", true),
            ("ä \"b\";c.pdf", true),
            ("a%2e", true),
            ("", false),
            ("..", false),
            ("../../etc/passwd", false),
            ("a\\b", false),
            ("a\r\nSet-Cookie: b", false),
            ("annexe\u{202e}fdp.exe", false),
            (&"x".repeat(256), false),
        ] {
            assert_eq!(checked_file_name(name).is_ok(), is_one, "{name}");
        }
    }
}
