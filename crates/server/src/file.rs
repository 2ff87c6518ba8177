//! Files over HTTP, at every door: in, unread until it is known who sends them,
//! and out again as downloads, which no browser shows or runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::response::{IntoResponse as _, Response};
use countersign_core::error::{Code, Error};
use countersign_core::limit;
use countersign_core::model::attachment::Attachment;
use http::{HeaderMap, HeaderValue, header};
use multer::{Constraints, Multipart, SizeLimit};
use tokio::sync::SemaphorePermit;

use crate::body;
use crate::operations::Operations;

/// What stands in a form beside its file, the boundaries included.
const FORM_BYTES_MAX: usize = 64 * 1024;
/// What guards a form.
const KEY_BYTES_MAX: u64 = 4 * 1024;

/// The body of an upload, which is read by its handler, or by nobody.
#[derive(Debug, Clone)]
pub(crate) struct Unread(Arc<Mutex<Option<Body>>>);

/// The part of a form that must stand before its file, and be good: else the file
/// is not read.
pub(crate) struct Key<'a> {
    pub(crate) part: &'a str,
    pub(crate) check: &'a mut (dyn FnMut(&str) -> Result<(), Error> + Send),
}

/// A place for a file that arrives: each is held in memory.
pub(crate) fn arriving(operations: &Operations) -> Result<SemaphorePermit<'_>, Error> {
    operations.arriving.try_acquire().map_err(|_| {
        Error::new(
            Code::Unavailable,
            "too many files are arriving at the moment",
        )
        .hint("try again in a few seconds")
    })
}

/// Reads the one file of a form (RFC 7578), the part of this name. Its other
/// parts are of no matter.
pub(crate) async fn read_form(
    headers: &HeaderMap,
    body: Body,
    part: &str,
) -> Result<Vec<u8>, Error> {
    read_guarded_form(headers, body, part, None).await
}

/// The same, where the form has its own key, if there is one.
pub(crate) async fn read_guarded_form(
    headers: &HeaderMap,
    body: Body,
    part: &str,
    key: Option<Key<'_>>,
) -> Result<Vec<u8>, Error> {
    let boundary = match boundary(headers) {
        Ok(boundary) => boundary,
        Err(error) => {
            body::drop_unread(body).await;
            return Err(error);
        }
    };
    let mut stream = body.into_data_stream();
    let reading = file_of_form(&mut stream, boundary, part, key);
    let seconds = Duration::from_secs(limit::ATTACHMENT_S_MAX);
    let read = tokio::time::timeout(seconds, reading).await;
    let read = read.unwrap_or_else(|_| {
        let late = "the body did not arrive in time";
        Err(Error::new(Code::BadRequest, late))
    });
    if read.is_err() {
        // Who is answered in the middle of sending may never see the answer.
        body::drop_unread(Body::new(stream)).await;
    }
    read
}

/// Whether a text can be a file's name: no path, and nothing that makes it look
/// like another one.
pub(crate) fn is_name(name: &str) -> bool {
    let turns = |c: char| matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !name.contains(['/', '\\']) && !name.contains(turns) && name != "." && name != ".."
}

/// A file as a download.
pub(crate) fn download(attachment: Attachment, content: Vec<u8>) -> Result<Response, Error> {
    let media_type = HeaderValue::try_from(attachment.media_type).map_err(Error::internal)?;
    let name = attachment.file_name.as_deref().unwrap_or("file");
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_DISPOSITION, disposition(name)?),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox"),
        ),
    ];
    Ok((headers, content).into_response())
}

fn boundary(headers: &HeaderMap) -> Result<String, Error> {
    let named = headers.get(header::CONTENT_TYPE);
    let named = named.and_then(|value| value.to_str().ok());
    let boundary = named.and_then(|text| multer::parse_boundary(text).ok());
    boundary.ok_or_else(|| {
        Error::new(Code::UnsupportedMediaType, "the body is no form")
            .hint("send multipart/form-data, with its boundary in Content-Type")
    })
}

async fn file_of_form(
    stream: &mut BodyDataStream,
    boundary: String,
    part: &str,
    mut key: Option<Key<'_>>,
) -> Result<Vec<u8>, Error> {
    let mut limits = SizeLimit::new()
        .whole_stream((limit::ATTACHMENT_BYTES_MAX + FORM_BYTES_MAX) as u64)
        .for_field(part, limit::ATTACHMENT_BYTES_MAX as u64);
    if let Some(key) = &key {
        limits = limits.for_field(key.part, KEY_BYTES_MAX);
    }
    let constraints = Constraints::new().size_limit(limits);
    let mut form = Multipart::with_constraints(stream, boundary, constraints);
    let mut file: Option<Vec<u8>> = None;
    while let Some(mut field) = form.next_field().await.map_err(|error| refused(&error))? {
        if let Some(Key { check, .. }) = key.take_if(|key| field.name() == Some(key.part)) {
            let text = field.text().await.map_err(|error| refused(&error))?;
            check(&text)?;
            continue;
        }
        if field.name() != Some(part) {
            continue;
        }
        if let Some(Key { part: name, .. }) = &key {
            let detail = format!("the form has no part {name} before its part {part}");
            return Err(Error::new(Code::BadRequest, detail));
        }
        if file.is_some() {
            let twice = format!("the form has more than one part {part}");
            return Err(Error::new(Code::BadRequest, twice));
        }
        let mut content = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(|error| refused(&error))? {
            content.extend_from_slice(&chunk);
        }
        file = Some(content);
    }
    file.ok_or_else(|| {
        let none = format!("the form has no part {part}");
        Error::new(Code::BadRequest, none)
    })
}

/// What the reader of forms says is of no help to who sends one, and quotes it.
fn refused(error: &multer::Error) -> Error {
    if matches!(
        error,
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. }
    ) {
        return Error::new(Code::TooLarge, "the file is too large");
    }
    Error::new(Code::BadRequest, "the form cannot be read")
}

/// The header that makes a download of it (RFC 6266 section 4, and for the
/// name RFC 8187 section 3.2).
fn disposition(name: &str) -> Result<HeaderValue, Error> {
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
    pub(crate) fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(Some(body))))
    }

    /// The body, for the first who asks.
    pub(crate) fn take(&self) -> Option<Body> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        body.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_so_that_it_is_only_a_name() {
        for (name, expected) in [
            ("holiday.jpg", "holiday.jpg"),
            ("ä \"b\";c.pdf", "%C3%A4%20%22b%22%3Bc.pdf"),
            ("a%2e", "a%252e"),
        ] {
            let expected = format!("attachment; filename*=UTF-8''{expected}");
            assert_eq!(disposition(name).unwrap().to_str().unwrap(), expected);
        }
    }

    async fn read(content_type: &str, body: Vec<u8>) -> Result<Vec<u8>, Code> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        let read = read_form(&headers, Body::from(body), "file").await;
        read.map_err(|error| error.code)
    }

    #[tokio::test]
    async fn a_guarded_form_shows_its_key_before_its_file() {
        let mut headers = HeaderMap::new();
        let form = "multipart/form-data; boundary=b";
        headers.insert(header::CONTENT_TYPE, form.parse().unwrap());
        let part = |name: &str, content: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
        };
        let [key, wrong, file] = [
            part("key", "open"),
            part("key", "shut"),
            part("file", "abc"),
        ];
        let long = part("key", &"x".repeat(5000));
        for (body, expected) in [
            (format!("{key}{file}"), Ok(b"abc".to_vec())),
            (
                format!("{}{key}{file}", part("acl", "x")),
                Ok(b"abc".to_vec()),
            ),
            (format!("{file}{key}"), Err(Code::BadRequest)),
            (file.clone(), Err(Code::BadRequest)),
            (format!("{wrong}{file}"), Err(Code::MalformedToken)),
            (format!("{wrong}{key}{file}"), Err(Code::MalformedToken)),
            (format!("{long}{file}"), Err(Code::TooLarge)),
            (key.clone(), Err(Code::BadRequest)),
        ] {
            let mut check = |text: &str| match text {
                "open" => Ok(()),
                _ => Err(Error::new(Code::MalformedToken, "none of ours")),
            };
            let key = Key {
                part: "key",
                check: &mut check,
            };
            let body = Body::from(format!("{body}--b--\r\n"));
            let found = read_guarded_form(&headers, body, "file", Some(key)).await;
            assert_eq!(found.map_err(|error| error.code), expected);
        }
    }

    #[tokio::test]
    async fn a_form_has_one_file() {
        let form = "multipart/form-data; boundary=b";
        let part = |name: &str, content: &str| {
            format!(
                "--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a\"\r\n\r\n{content}\r\n"
            )
        };
        let end = "--b--\r\n";
        let [file, ratio] = [part("file", "abc"), part("quality_ratio", "100")];
        let bad = Err(Code::BadRequest);
        for (body, expected) in [
            (format!("{file}{ratio}{end}"), Ok(b"abc".to_vec())),
            (format!("{ratio}{file}{end}"), Ok(b"abc".to_vec())),
            (format!("{}{end}", part("file", "")), Ok(Vec::new())),
            (format!("{ratio}{end}"), bad.clone()),
            (format!("{file}{file}{end}"), bad.clone()),
            (end.to_owned(), bad.clone()),
            (file.clone(), bad.clone()),
            ("--b\r\nContent-Disposition: form".to_owned(), bad.clone()),
            ("--c\r\n\r\n\r\n--c--".to_owned(), bad.clone()),
            ("\0\u{ff}".repeat(100), bad.clone()),
            (String::new(), bad.clone()),
        ] {
            assert_eq!(
                read(form, body.clone().into_bytes()).await,
                expected,
                "{body}"
            );
        }
        let max = limit::ATTACHMENT_BYTES_MAX;
        for (size, expected) in [(max, Ok(max)), (max + 1, Err(Code::TooLarge))] {
            let body = format!("{}{end}", part("file", &"x".repeat(size)));
            let found = read(form, body.into_bytes()).await;
            assert_eq!(found.map(|file| file.len()), expected, "{size}");
        }
        let padded = format!(
            "{}{file}{end}",
            part("other", &"x".repeat(max + FORM_BYTES_MAX))
        );
        assert_eq!(read(form, padded.into_bytes()).await, Err(Code::TooLarge));
        for other in [
            "image/png",
            "multipart/form-data",
            "multipart/mixed; boundary=b",
            "x",
        ] {
            let found = read(other, format!("{file}{end}").into_bytes()).await;
            assert_eq!(found, Err(Code::UnsupportedMediaType), "{other}");
        }
    }
}
