//! What every request passes first, and every answer last.
//!
//! The path is made canonical before the router sees it. The body is read
//! before anything is decided: an answer to a request whose body is still on
//! the way may never arrive, since the connection is reset under it. The
//! answer gets the headers that every answer has, those that let a web page read
//! it, and a refusal its body and its one line in the log.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::ports::Random;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use tower::Layer as _;

use super::attachments::{self, Unread};
use super::body::{self, ReadBody};
use super::cors::Cors;
use super::gate::Gate;
use super::problem::{self, Failure, Problem};
use crate::connection::Connection;
use crate::operations::Operations;
use crate::path;

/// Tells one request from all others, in the log and for who reports a fault.
#[derive(Clone, Copy)]
struct RequestId([u8; 16]);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The methods that the log names: those of RFC 9110 section 9, and PATCH.
static METHODS: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::CONNECT,
    Method::TRACE,
];

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
        log(&failure, id, &method, response.extensions().get());
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
    let canonical = canonical(parts.uri);
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

fn canonical(uri: Uri) -> Result<Uri, Error> {
    let bad_path = |bad: path::BadPath| {
        Error::new(Code::BadPath, bad.to_string())
            .hint("write the path plainly, as it is documented")
    };
    let written = match path::canonical(uri.path()).map_err(bad_path)? {
        std::borrow::Cow::Borrowed(_) => return Ok(uri),
        std::borrow::Cow::Owned(written) => written,
    };
    let path_and_query = match uri.query() {
        Some(query) => format!("{written}?{query}"),
        None => written,
    };
    let mut parts = uri.into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path_and_query).map_err(Error::internal)?);
    Uri::from_parts(parts).map_err(Error::internal)
}

/// One line for each failed request: no path, since paths hold ids; no query,
/// no body, no token, and no method that a stranger made up.
fn log(failure: &Failure, id: RequestId, method: &Method, route: Option<&MatchedPath>) {
    let error = failure.error();
    let code = error.code.as_str();
    let status = problem::status_of(error.code).as_u16();
    let route = route.map_or("none", MatchedPath::as_str);
    let known = METHODS.iter().find(|known| *known == method);
    let method = known.map_or("other", Method::as_str);
    if status >= 500 {
        let cause = Chain(error);
        tracing::error!(request.id = %id, %method, route, status, code, %cause, "a request failed");
    } else {
        tracing::info!(request.id = %id, %method, route, status, code, "a request was refused");
    }
}

/// An error's causes, the outermost first.
struct Chain<'a>(&'a Error);

// === impl RequestId ===

impl RequestId {
    fn new(random: &dyn Random) -> Self {
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        Self(bytes)
    }

    fn header(self) -> HeaderValue {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 32];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        HeaderValue::from_bytes(&text).expect("hexadecimal digits are a header's value")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", u128::from_be_bytes(self.0))
    }
}

// === impl Chain ===

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cause = std::error::Error::source(self.0);
        let mut separator = "";
        while let Some(error) = cause {
            write!(formatter, "{separator}{error}")?;
            separator = ": ";
            cause = error.source();
        }
        Ok(())
    }
}
