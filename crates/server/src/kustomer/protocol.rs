//! What the door does in its own way before and behind its routes.

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use countersign_core::error::Error;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::attachments;
use super::failure::{self, Failure, Refused};
use super::organization::Named;
use super::routes;
use crate::any_page;
use crate::door::Door;
use crate::file::Unread;
use crate::front::{Asked, Node, Protocol, Rendered};
use crate::prepared::prepared;

/// What a page may send: what its chat client does. A star stands for further
/// ones, where the browser is not too old to know it, and never for
/// `Authorization`.
const SENT: &str = "Authorization, Content-Type, Accept-Language, X-Kustomer, X-Kustomer-Client, \
                    X-Kustomer-Version, X-Kustomer-Tracking-Token, *";
/// What a page may read beside what it may read anyway.
const EXPOSED: &str = "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, \
                       X-Request-Id";
/// What the protocol calls the headers that every door has.
const RENAMED: [(&str, &str); 3] = [
    ("ratelimit-limit", "x-ratelimit-limit"),
    ("ratelimit-remaining", "x-ratelimit-remaining"),
    ("ratelimit-reset", "x-ratelimit-reset"),
];

/// The protocol of the chat clients and backends.
pub(super) struct Kustomer;

/// Whether a browser asks whether a page may call.
pub(super) struct Preflight(bool);

impl Protocol for Kustomer {
    type Head = Preflight;

    const DOOR: Door = Door::Kustomer;

    async fn head(&self, _: &Node, request: &mut Request) -> Preflight {
        Preflight(any_page::is_preflight(request.method(), request.headers()))
    }

    fn is_preflight(&self, Preflight(is_preflight): &Preflight) -> bool {
        *is_preflight
    }

    async fn prepared(&self, request: Request) -> Result<(Request, Option<Unread>), Error> {
        let (request, unread) = prepared(request, attachments::is_upload).await?;
        let (mut parts, body) = request.into_parts();
        let (named, uri) = Named::of(parts.uri, &parts.headers)?;
        parts.uri = uri;
        parts.extensions.insert(named);
        Ok((Request::from_parts(parts, body), unread))
    }

    fn is_entrance(&self, _: &Method, template: &str) -> bool {
        routes::is_entrance(template)
    }

    fn refused(&self, error: Error) -> Response {
        Refused(error).into_response()
    }

    fn rendered(&self, mut response: Response, to: Asked<'_, Preflight>) -> Rendered {
        let Some(Failure(error)) = response.extensions_mut().remove() else {
            return (response, None);
        };
        let now = to.node.ctx.now();
        let rendered = failure::rendered(response, &error, now, &to.id.to_string());
        (rendered, Some(error))
    }

    fn tell(&self, Preflight(preflight): Preflight, headers: &mut HeaderMap) {
        for (ours, theirs) in RENAMED {
            if let Some(value) = headers.remove(ours) {
                headers.insert(HeaderName::from_static(theirs), value);
            }
        }
        any_page::allow(headers, preflight);
        let (name, value) = if preflight {
            (header::ACCESS_CONTROL_ALLOW_HEADERS, SENT)
        } else {
            (header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED)
        };
        headers.insert(name, HeaderValue::from_static(value));
    }
}
