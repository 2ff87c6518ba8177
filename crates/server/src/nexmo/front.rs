//! What every request passes first, and every answer last.
//!
//! Any web page may read an answer: who asks is told by a bearer alone, and no
//! answer ever allows credentials that a browser would send by itself.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use countersign_core::context::Ctx;
use countersign_core::error::Error;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tower::Layer as _;

use super::failure::{self, Failure, Refused};
use super::version::Version;
use super::{media, routes};
use crate::body::{self, ReadBody};
use crate::file::Unread;
use crate::gate::Gate;
use crate::operations::Operations;
use crate::path;
use crate::request_log::{REQUEST_ID, RequestId, log};

/// The methods of the routes.
const METHODS: &str = "GET, POST, PUT, PATCH, DELETE";
/// What a page may send. A star does not stand for `Authorization`.
const HEADERS: &str = "Authorization, Content-Type, *";
/// What a page may read beside what it may read anyway.
const EXPOSED: &str = "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, \
                       X-Request-Id";
/// How long a browser need not ask again, in seconds.
const MAX_AGE_S: u64 = 600;

/// Puts the front before a router.
pub(super) fn before(ctx: Arc<Ctx>, operations: Operations, inner: Router) -> Router {
    let front = middleware::from_fn_with_state((ctx, operations), pass);
    Router::new().fallback_service(front.layer(inner))
}

async fn pass(
    State((ctx, operations)): State<(Arc<Ctx>, Operations)>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = RequestId::new(&*ctx.random);
    let method = request.method().clone();
    let version = Version::of_path(request.uri().path());
    let preflight = is_preflight(&method, request.headers());
    let gate = Gate::new(Arc::clone(&operations.limiter));
    request.extensions_mut().insert(gate.clone());
    request.extensions_mut().insert(operations.clone());
    let mut response = if preflight {
        body::drop_unread(request.into_body()).await;
        StatusCode::NO_CONTENT.into_response()
    } else {
        answered(request, next).await
    };
    let failure = response.extensions_mut().remove::<Failure>();
    let route: Option<MatchedPath> = response.extensions().get().cloned();
    if let Some(Failure(error)) = failure {
        operations.requests.refused(error.code);
        let about = routes::about(route.as_ref().map(MatchedPath::as_str));
        let status = failure::described(&error, about).status;
        log(&error, status, id, &method, route.as_ref());
        response = failure::rendered(response, &error, about, version, &id.to_string());
    }
    let template = route.as_ref().map(MatchedPath::as_str);
    operations
        .requests
        .answered(template, &method, response.status());
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(REQUEST_ID, id.header());
    gate.tell(headers);
    allow_any_page(headers, preflight);
    response
}

async fn answered(request: Request, next: Next) -> Response {
    match prepared(request).await {
        Ok((request, unread)) => {
            let response = next.run(request).await;
            if let Some(body) = unread.and_then(|unread| unread.take()) {
                body::drop_unread(body).await;
            }
            response
        }
        Err(error) => Refused(error).into_response(),
    }
}

/// The request with its path in one spelling, and its body read; that of an
/// upload stays unread until it is known who asks.
async fn prepared(request: Request) -> Result<(Request, Option<Unread>), Error> {
    let (mut parts, body) = request.into_parts();
    let canonical = path::canonical_uri(parts.uri);
    if let Ok(uri) = &canonical
        && media::is_upload(&parts.method, uri.path())
    {
        let unread = Unread::new(body);
        parts.uri = canonical?;
        parts.extensions.insert(unread.clone());
        let request = Request::from_parts(parts, Body::empty());
        return Ok((request, Some(unread)));
    }
    // The body first: a refusal of the path is to arrive, too.
    let body = body::read(body).await?;
    parts.uri = canonical?;
    parts.extensions.insert(ReadBody(body));
    Ok((Request::from_parts(parts, Body::empty()), None))
}

fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS && headers.contains_key(header::ORIGIN)
}

fn allow_any_page(headers: &mut HeaderMap, preflight: bool) {
    let any = HeaderValue::from_static("*");
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
    if preflight {
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(MAX_AGE_S));
    } else {
        let exposed = HeaderValue::from_static(EXPOSED);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}
