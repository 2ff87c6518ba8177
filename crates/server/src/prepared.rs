//! A request before its route is looked for.

use axum::body::Body;
use axum::extract::Request;
use countersign_core::error::{Code, Error};
use http::{HeaderMap, Method, header};

use crate::body::{self, ReadBody};
use crate::file::Unread;
use crate::path;

/// The request with its path in one spelling, and its body read; that of an
/// upload stays unread until it is known who asks.
///
/// # Errors
/// `bad_path`; `bad_request` for several hosts; those of reading a body.
pub(crate) async fn prepared(
    request: Request,
    is_upload: fn(&Method, &str) -> bool,
) -> Result<(Request, Option<Unread>), Error> {
    let (mut parts, body) = request.into_parts();
    let host = check_host(&parts.headers);
    let canonical = path::canonical_uri(parts.uri);
    if let Ok(uri) = &canonical
        && is_upload(&parts.method, uri.path())
    {
        let unread = Unread::new(body);
        host?;
        parts.uri = canonical?;
        parts.extensions.insert(unread.clone());
        let request = Request::from_parts(parts, Body::empty());
        return Ok((request, Some(unread)));
    }
    // The body first: a refusal of the path is to arrive, too.
    let body = body::read(body).await?;
    host?;
    parts.uri = canonical?;
    if body.is_empty() {
        return Ok((Request::from_parts(parts, Body::empty()), None));
    }
    // Who asks may bear an ACL whose filters look at the body.
    parts.extensions.insert(ReadBody(body.clone()));
    Ok((Request::from_parts(parts, Body::from(body)), None))
}

/// A proxy may have gone by another of them than we would (RFC 9112 section 3.2).
fn check_host(headers: &HeaderMap) -> Result<(), Error> {
    let hosts = headers.get_all(header::HOST).iter().count();
    if hosts <= 1 {
        return Ok(());
    }
    Err(Error::new(
        Code::BadRequest,
        "the request has several Host headers",
    ))
}
