//! What every request passes first, and every answer last.
//!
//! The path is made canonical before the router sees it. The body is read
//! before anything is decided: an answer to a request whose body is still on
//! the way may never arrive, since the connection is reset under it. The
//! answer gets the headers that every answer has, those that let a web page read
//! it, and a refusal its body and its one line in the log.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use countersign_core::context::Ctx;
use countersign_core::error::Error;
use http::{HeaderValue, StatusCode, header};
use tower::Layer as _;

use super::attachments;
use super::cors::Cors;
use super::problem::{self, Failure, Problem};
use crate::body::{self, ReadBody};
use crate::connection::Connection;
use crate::file::Unread;
use crate::gate::Gate;
use crate::operations::Operations;
use crate::path;
use crate::request_log::{REQUEST_ID, RequestId, log};

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
    let connection = Connection::of(request.extensions());
    let cors = Cors::of(&ctx, &operations, &method, request.headers(), connection).await;
    let gate = Gate::new(Arc::clone(&operations.limiter));
    request.extensions_mut().insert(gate.clone());
    request.extensions_mut().insert(operations.clone());
    if let Some(page) = cors.page() {
        request.extensions_mut().insert(page.clone());
    }
    let mut response = if cors.is_preflight() {
        body::drop_unread(request.into_body()).await;
        StatusCode::NO_CONTENT.into_response()
    } else {
        answered(request, next).await
    };
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        operations.requests.refused(failure.error().code);
        let status = problem::status_of(failure.error().code);
        log(
            failure.error(),
            status,
            id,
            &method,
            response.extensions().get(),
        );
        response = problem::rendered(response, &failure, ctx.now());
    }
    let route = response.extensions().get().map(MatchedPath::as_str);
    operations
        .requests
        .answered(route, &method, response.status());
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(REQUEST_ID, id.header());
    gate.tell(headers);
    cors.tell(headers);
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
        Err(error) => Problem(error).into_response(),
    }
}

/// The request with its path in one spelling, and its body read; that of an
/// upload stays unread until it is known who asks.
async fn prepared(request: Request) -> Result<(Request, Option<Unread>), Error> {
    let (mut parts, body) = request.into_parts();
    let canonical = path::canonical_uri(parts.uri);
    if let Ok(uri) = &canonical
        && attachments::is_upload(&parts.method, uri.path())
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
    // Who asks may bear an ACL whose filters look at the body.
    parts.extensions.insert(ReadBody(body.clone()));
    Ok((Request::from_parts(parts, Body::from(body)), None))
}
