//! What the listener does in its own way before and behind its routes.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use countersign_core::error::{Code, Error};
use http::{Extensions, HeaderMap, Uri};

use super::Desk;
use super::failure::{self, Failure, Refused};
use super::routes::{PUBLISH_PREFIX, SUBSCRIBE};
use crate::any_page;
use crate::body;
use crate::door::Door;
use crate::file::Unread;
use crate::front::{Asked, Node, Protocol, Rendered};
use crate::path;

/// Slashes of a path that sends, up to the one before the message.
const SLASHES_BEFORE_MESSAGE: usize = 7;

/// The protocol of the listener.
pub(super) struct Messages {
    desk: Arc<Desk>,
}

/// Whether a browser asks whether a page may call.
pub(super) struct Preflight(bool);

/// The message that a path ends with, decoded.
#[derive(Debug, Clone)]
pub(super) struct InPath(pub(super) Arc<str>);

// === impl Messages ===

impl Messages {
    pub(super) fn new(desk: Arc<Desk>) -> Self {
        Self { desk }
    }
}

impl Protocol for Messages {
    type Head = Preflight;

    const DOOR: Door = Door::SinchMessaging;

    async fn head(&self, _: &Node, request: &mut Request) -> Preflight {
        Preflight(any_page::is_preflight(request.method(), request.headers()))
    }

    fn is_preflight(&self, Preflight(is_preflight): &Preflight) -> bool {
        *is_preflight
    }

    /// The message is no part of the path that routes are found by.
    async fn prepared(&self, request: Request) -> Result<(Request, Option<Unread>), Error> {
        let (mut parts, body) = request.into_parts();
        body::read(body).await?;
        if let Some((before, message)) = split(parts.uri.path()) {
            let message = decoded(message)?;
            parts.uri = Uri::try_from(before).map_err(|_| bad_path())?;
            parts.extensions.insert(InPath(message.into()));
        }
        parts.uri = path::canonical_uri(parts.uri)?;
        Ok((Request::from_parts(parts, Body::empty()), None))
    }

    fn is_long_poll(&self, template: &str) -> bool {
        template == SUBSCRIBE
    }

    fn carry(&self, extensions: &mut Extensions) {
        extensions.insert(Arc::clone(&self.desk));
    }

    fn refused(&self, error: Error) -> Response {
        Refused::from(error).into_response()
    }

    fn rendered(&self, mut response: Response, _: Asked<'_, Preflight>) -> Rendered {
        let Some(failure) = response.extensions_mut().remove::<Failure>() else {
            return (response, None);
        };
        (failure::rendered(response, &failure), Some(failure.0))
    }

    fn tell(&self, Preflight(preflight): Preflight, headers: &mut HeaderMap) {
        any_page::allow(headers, preflight);
    }
}

/// What stands before the message of a path that sends, and the message.
fn split(path: &str) -> Option<(&str, &str)> {
    if !path.starts_with(PUBLISH_PREFIX) {
        return None;
    }
    let mut slashes = path.match_indices('/');
    let (last, _) = slashes.nth(SLASHES_BEFORE_MESSAGE - 1)?;
    Some((&path[..last], &path[last + 1..]))
}

/// The message, its percent-encodings read once. Anything may be in it, and
/// nothing is found by it.
fn decoded(message: &str) -> Result<String, Error> {
    let mut bytes = Vec::with_capacity(message.len());
    let mut rest = message.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_first_chunk::<2>().ok_or_else(bad_path)?;
        rest = after;
        bytes.push(path::from_hex(*digits).ok_or_else(bad_path)?);
    }
    String::from_utf8(bytes).map_err(|_| bad_path())
}

fn bad_path() -> Error {
    let detail = "the path ends with no message in percent-encoded UTF-8";
    Error::new(Code::BadPath, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_what_follows_the_seventh_slash() {
        for (path, expected) in [
            ("/publish/p/s/0/c/0/m", Some(("/publish/p/s/0/c/0", "m"))),
            ("/publish/p/s/0/c/0/", Some(("/publish/p/s/0/c/0", ""))),
            (
                "/publish/p/s/0/c/0/a/../b",
                Some(("/publish/p/s/0/c/0", "a/../b")),
            ),
            ("/publish/p/s/0/c/0", None),
            ("/publish", None),
            ("/subscribe/s/c/0/0/0/0/0", None),
            ("/time/0", None),
        ] {
            assert_eq!(split(path), expected, "{path}");
        }
    }

    #[test]
    fn a_message_is_decoded_once() {
        for (message, expected) in [
            ("%22a%20b%22", Some("\"a b\"")),
            ("%252F", Some("%2F")),
            ("a/..;%2e%00", Some("a/..;.\0")),
            ("%C3%A4+", Some("\u{e4}+")),
            ("%", None),
            ("%4", None),
            ("%zz", None),
            ("%ff", None),
        ] {
            assert_eq!(decoded(message).ok().as_deref(), expected, "{message}");
        }
    }
}
