//! Pictures: uploaded before there is an event for them, read, deleted.
//!
//! A client uploads a picture, is told of three representations of it, and then
//! sends an event that names them. We decode no picture, so the three are one:
//! the picture as it came, whatever ratios were asked for. Until an event names
//! it, it is its uploader's alone; from then on it is for whoever may read the
//! event, and goes with it.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use countersign_core::context::Ctx;
use countersign_core::id::AttachmentId;
use countersign_core::model::event::{Event, EventKind};
use countersign_core::op;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Map, Value, json};

use super::asked::Asked;
use super::failure::Refused;
use super::page::Answer;
use super::users::done;
use super::version::Version;
use crate::file::{self, Unread};
use crate::passed::Passed;

/// The part of the form that is the picture.
const PART: &str = "file";
/// What stands before a file's id in its address. A client takes every address
/// with `image` in it for an upload.
const FOLDER: &str = "/media";
/// What every address of a file of ours has in it.
const OURS: &str = "/media/ATT-";
/// The members of a message's body that say where its file is.
const MESSAGE_FILES: [&str; 4] = ["image", "audio", "video", "file"];

/// Whether this is an upload, by its canonical path.
pub(super) fn is_upload(method: &Method, path: &str) -> bool {
    let segment = path.strip_prefix('/');
    let version = segment.and_then(|path| path.strip_suffix("/image"));
    method == Method::POST && version.is_some_and(|text| Version::from_segment(text).is_some())
}

/// `POST /{version}/image`: clients take 200 for an answer, and nothing else.
pub(super) async fn upload(
    State(ctx): State<Arc<Ctx>>,
    Passed { operations, .. }: Passed,
    Extension(unread): Extension<Unread>,
    asked: Asked,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let _arriving = file::arriving(&operations)?;
    let body = unread.take().unwrap_or_default();
    let content = file::read_form(&headers, body, PART).await?;
    let uploading = op::attachments::upload_image_ahead(&ctx, &asked.principal, content);
    let image = uploading.await?;
    let id = image.id.to_string();
    let url = asked.href(&format!("media/{id}"));
    let of = |kind: &str| json!({ "id": id, "url": url, "type": kind, "size": image.bytes });
    let answer = json!({
        "original": of("ORIGINAL"),
        "medium": of("MEDIUM"),
        "thumbnail": of("THUMBNAIL"),
    });
    Ok(Answer(StatusCode::OK, answer).into_response())
}

/// `GET /{version}/media/{id}`: as a download, which no browser shows or runs.
pub(super) async fn read(State(ctx): State<Arc<Ctx>>, asked: Asked) -> Result<Response, Refused> {
    let id = asked.id("attachment_id", "file")?;
    let reading = op::attachments::read_attachment(&ctx, &asked.principal, id);
    let (attachment, content) = reading.await?;
    Ok(file::download(attachment, content)?)
}

/// `DELETE /{version}/media/{id}`: all representations, since they are one.
pub(super) async fn delete(State(ctx): State<Arc<Ctx>>, asked: Asked) -> Result<Response, Refused> {
    let id = asked.id("attachment_id", "file")?;
    op::attachments::delete_attachment(&ctx, &asked.principal, id).await?;
    Ok(done(&asked))
}

/// The files of ours that an event's body names where its protocol has files,
/// each once. Through which host its sender has reached us is of no matter.
pub(super) fn files_of(body: &Map<String, Value>) -> Vec<AttachmentId> {
    let sizes = body.get("representations").and_then(Value::as_object);
    let sizes = sizes.into_iter().flat_map(Map::values);
    let parts = MESSAGE_FILES.iter().filter_map(|part| body.get(*part));
    let urls = sizes.chain(parts).filter_map(|part| part.get("url"));
    let urls = urls.chain(body.get("url")).filter_map(Value::as_str);
    let mut files = Vec::new();
    for file in urls.filter_map(file_at) {
        if !files.contains(&file) {
            files.push(file);
        }
    }
    files
}

/// Whether an event may name a file of ours where its protocol has files.
pub(super) fn names_file(event: &Event) -> bool {
    match event.kind {
        EventKind::Image | EventKind::Message => event.body.contains(OURS),
        EventKind::Text
        | EventKind::Custom(_)
        | EventKind::MemberInvited
        | EventKind::MemberJoined
        | EventKind::MemberLeft
        | EventKind::MemberAdopted
        | EventKind::Edit
        | EventKind::Delete => false,
    }
}

/// A body whose files of ours are where its reader has reached the door. Its
/// sender may have done so at another place, or by another door.
pub(super) fn found_from(mut body: Map<String, Value>, origin: &str) -> Map<String, Value> {
    if origin.is_empty() {
        return body;
    }
    move_url(&mut body, origin);
    let sizes = body.get_mut("representations").into_iter();
    for size in sizes
        .filter_map(Value::as_object_mut)
        .flat_map(Map::values_mut)
    {
        size.as_object_mut()
            .into_iter()
            .for_each(|size| move_url(size, origin));
    }
    for part in MESSAGE_FILES {
        let part = body.get_mut(part).and_then(Value::as_object_mut);
        part.into_iter().for_each(|part| move_url(part, origin));
    }
    body
}

fn move_url(members: &mut Map<String, Value>, origin: &str) {
    let file = members.get("url").and_then(Value::as_str).and_then(file_at);
    if let Some(file) = file {
        let url = format!("{origin}/v1/media/{file}");
        members.insert("url".to_owned(), Value::from(url));
    }
}

/// The file of ours that has this address.
pub(super) fn file_at(url: &str) -> Option<AttachmentId> {
    let (folder, id) = url.rsplit_once('/')?;
    if folder.ends_with(FOLDER) {
        id.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "ATT-01234567-89ab-7def-8123-456789abcdef";

    #[test]
    fn an_upload_is_one_path_of_every_version() {
        for (method, path, expected) in [
            (Method::POST, "/v1/image", true),
            (Method::POST, "/beta/image", true),
            (Method::POST, "/v0.3/image", true),
            (Method::GET, "/v1/image", false),
            (Method::POST, "/v9/image", false),
            (Method::POST, "/image", false),
            (Method::POST, "/v1/image/", false),
            (Method::POST, "/v1/users/image", false),
            (Method::POST, "//image", false),
        ] {
            assert_eq!(is_upload(&method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn an_event_names_files_of_ours_where_its_protocol_has_files() {
        let ours = format!("https://chat.example/v1/media/{ID}");
        let short = format!("/v0.3/media/{ID}");
        for (body, expected) in [
            (json!({ "url": ours }), 1),
            (json!({ "url": short }), 1),
            (
                json!({ "representations": { "original": { "url": ours }, "medium": { "url": ours } } }),
                1,
            ),
            (
                json!({ "message_type": "image", "image": { "url": ours, "caption": "x" } }),
                1,
            ),
            (
                json!({ "message_type": "video", "video": { "url": short } }),
                1,
            ),
            (json!({ "text": ours }), 0),
            (json!({ "custom": { "url": ours } }), 0),
            (json!({ "url": format!("{ours}/x") }), 0),
            (
                json!({ "url": format!("https://chat.example/other/{ID}") }),
                0,
            ),
            (json!({ "url": "https://cdn.example/v1/media/1234" }), 0),
            (json!({ "url": 7, "representations": [], "image": "x" }), 0),
        ] {
            let files = files_of(body.as_object().unwrap());
            assert_eq!(files.len(), expected, "{body}");
        }
    }
}
