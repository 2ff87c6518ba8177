//! Attachments of messages: announced, sent to an address of ours as to a file
//! storage, named by a message, and read by whoever may read that.
//!
//! A client that sends the bytes shows no token with them: the form has the key
//! that it was given when it announced the file.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::Response;
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::AttachmentId;
use countersign_core::limit::{EVENT_FILES_MAX, NAME_BYTES_MAX};
use countersign_core::model::event::Event;
use countersign_core::op;
use countersign_core::op::announced_file::{self, Expected};
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{Answer, resource, time};
use super::asked::{Device, Json};
use super::failure::Refused;
use super::messages;
use super::organization::Named;
use super::routes::UPLOADS;
use crate::connection::Connection;
use crate::file::{self, Key, Unread};
use crate::passed::Passed;
use crate::route::Parameters;

const KEY_PART: &str = "key";
const FILE_PART: &str = "file";
/// The members of a message's body that say where its file is, at every door.
const FILES: [&str; 4] = ["image", "audio", "video", "file"];

/// A file to come, as a client announces it. What it says of the type decides
/// nothing: the file's first bytes do.
#[derive(Debug, Deserialize)]
pub(super) struct NewAttachment {
    name: String,
    #[serde(rename = "contentLength")]
    content_length: u64,
    #[serde(rename = "contentType")]
    content_type: Option<String>,
}

/// Whether the body of this request is a file, by its canonical path, which may
/// stand behind an organization's name.
pub(super) fn is_upload(method: &Method, path: &str) -> bool {
    let behind = path
        .strip_suffix(UPLOADS)
        .map(|before| before.trim_start_matches('/'));
    method == Method::POST && behind.is_some_and(|name| !name.contains('/'))
}

/// `POST /c/v1/chat/attachments`
pub(super) async fn announce(
    State(ctx): State<Arc<Ctx>>,
    Extension(named): Extension<Named>,
    connection: Connection,
    headers: HeaderMap,
    Device(device): Device,
    Json(new): Json<NewAttachment>,
) -> Result<Answer, Refused> {
    check_name(&new.name)?;
    let bytes = new.content_length;
    let announced = announced_file::announce(&ctx, &device.principal, &new.name, bytes)?;
    let attributes = json!({
        "name": new.name,
        "contentType": new.content_type,
        "contentLength": bytes,
        "createdAt": time(ctx.now()),
    });
    let url = format!("{}{}{UPLOADS}", connection.origin(&headers), named.prefix());
    let body = json!({
        "data": resource("attachment", &announced.id, attributes),
        "meta": { "upload": { "url": url, "fields": { KEY_PART: announced.key } } },
    });
    Ok(Answer(StatusCode::CREATED, body))
}

/// `POST /c/v1/chat/attachments/uploads`: a form, its key first and its file last.
pub(super) async fn upload(
    State(ctx): State<Arc<Ctx>>,
    Passed { operations, .. }: Passed,
    Extension(unread): Extension<Unread>,
    Extension(named): Extension<Named>,
    headers: HeaderMap,
) -> Result<StatusCode, Refused> {
    let _arriving = file::arriving(&operations)?;
    let body = unread.take().unwrap_or_default();
    let mut expected: Option<Expected> = None;
    let mut check = |text: &str| {
        expected = Some(announced_file::expected(&ctx, text)?);
        Ok(())
    };
    let key = Key {
        part: KEY_PART,
        check: &mut check,
    };
    let content = file::read_guarded_form(&headers, body, FILE_PART, Some(key)).await?;
    let expected = expected.ok_or_else(|| Error::internal("a form went by without its key"))?;
    let judge = named.resolved(&ctx).await?;
    if judge.application.id != expected.application() {
        let error = Error::not_found("file");
        return Err(error.hint("the key is of another organization").into());
    }
    announced_file::store_announced(&ctx, expected, content).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /c/v1/chat/messages/{id}/attachments/{id}`: the file itself, whether or not
/// a client would follow a redirection to it.
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    Device(device): Device,
    parameters: Parameters,
) -> Result<Response, Refused> {
    let missing = || Error::not_found("attachment");
    let named = |name| parameters.get(name).unwrap_or_default();
    let id: AttachmentId = named("attachment_id").parse().map_err(|_| missing())?;
    let principal = &device.principal;
    let event = messages::named(&ctx, principal, None, named("message_id")).await?;
    if !of(&event).contains(&id) {
        return Err(missing().into());
    }
    let (attachment, content) = op::attachments::read_attachment(&ctx, principal, id).await?;
    Ok(file::download(attachment, content)?)
}

/// The ids that a message names.
pub(super) fn named(texts: &[String]) -> Result<Vec<AttachmentId>, Error> {
    if texts.len() > EVENT_FILES_MAX {
        let detail = format!("attachments: a message has at most {EVENT_FILES_MAX}");
        return Err(Error::new(Code::BadRequest, detail));
    }
    let mut ids = Vec::with_capacity(texts.len());
    for text in texts {
        let id = text.parse().map_err(|_| Error::not_found("attachment"))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// The body of a message with files. Clients of other doors know a message with
/// one, and an address for it; so the first stands there, too.
pub(super) async fn body(
    ctx: &Ctx,
    principal: &Principal,
    text: Option<String>,
    files: &[AttachmentId],
) -> Result<Value, Error> {
    let mut all = Vec::with_capacity(files.len());
    for id in files {
        let file = op::attachments::describe_attachment(ctx, principal, *id).await?;
        all.push(json!({
            "id": id.to_string(),
            "url": format!("/v1/media/{id}"),
            "name": file.file_name,
            "media_type": file.media_type,
            "bytes": file.bytes,
        }));
    }
    let first = all.first().cloned().unwrap_or_default();
    let media_type = first["media_type"].as_str().unwrap_or_default();
    let kind = match media_type.split('/').next() {
        Some("image") => "image",
        Some(_) | None => "file",
    };
    let mut body = json!({ "message_type": kind, "attachments": all });
    body[kind] = first;
    if let Some(text) = text {
        body["text"] = text.into();
    }
    Ok(body)
}

/// The files of ours that a message names, by whichever door it came.
pub(super) fn of(event: &Event) -> Vec<AttachmentId> {
    let body: Map<String, Value> = serde_json::from_str(&event.body).unwrap_or_default();
    let list = body.get("attachments").and_then(Value::as_array);
    let parts = FILES.iter().filter_map(|name| body.get(*name));
    let urls = list
        .into_iter()
        .flatten()
        .chain(parts)
        .filter_map(|part| part.get("url"));
    let mut files = Vec::new();
    for url in urls.chain(body.get("url")).filter_map(Value::as_str) {
        let id = url
            .rsplit_once('/')
            .filter(|(folder, _)| folder.ends_with("/media"))
            .and_then(|(_, id)| id.parse().ok());
        files.extend(id.filter(|id| !files.contains(id)));
    }
    files
}

fn check_name(name: &str) -> Result<(), Error> {
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len());
    if fits && !name.contains(char::is_control) && file::is_name(name) {
        return Ok(());
    }
    let detail = format!("name is a file's name of 1 to {NAME_BYTES_MAX} bytes, and no path");
    Err(Error::new(Code::BadRequest, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_one_path_of_every_organization() {
        for (method, path, expected) in [
            (Method::POST, "/c/v1/chat/attachments/uploads", true),
            (Method::POST, "/demo/c/v1/chat/attachments/uploads", true),
            (Method::GET, "/demo/c/v1/chat/attachments/uploads", false),
            (Method::POST, "/c/v1/chat/attachments", false),
            (Method::POST, "/c/v1/chat/attachments/uploads/", false),
            (Method::POST, "/a/b/c/v1/chat/attachments/uploads", false),
        ] {
            assert_eq!(is_upload(&method, path), expected, "{method} {path}");
        }
    }
}
