//! What every request passes first, and every answer last.
//!
//! Any web page may read an answer: who asks is told by a signature or a
//! credential, and no answer ever allows what a browser would send by itself.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::Messaging;
use super::asked::AsItCame;
use super::failure::{self, Failure, Refused};
use crate::body::{self, ReadBody};
use crate::gate::Gate;
use crate::operations::Operations;
use crate::path;
use crate::request_log::{REQUEST_ID, RequestId, log};
use crate::route::{Found, Handler, Routes, Service};

/// The methods of the routes.
const METHODS: &str = "GET, POST, PUT, PATCH, DELETE";
/// What a page may send. A star does not stand for `Authorization`.
const HEADERS: &str = "Authorization, Content-Type, X-Timestamp, *";
/// What a page may read beside what it may read anyway.
const EXPOSED: &str = "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, \
                       X-Request-Id";
/// How long a browser need not ask again, in seconds.
const MAX_AGE_S: u64 = 600;

/// What stands before the door's routes.
struct Front {
    ctx: Arc<Ctx>,
    operations: Arc<Operations>,
    messaging: Arc<Option<Messaging>>,
    routes: Routes<Handler>,
}

/// An answer, and the template of the route that gave it.
type Answered = (Option<&'static str>, Response);

/// Puts the front before routes.
pub(super) fn before(
    ctx: Arc<Ctx>,
    operations: Operations,
    messaging: Option<Messaging>,
    routes: Routes<Handler>,
) -> Service {
    let front = Arc::new(Front {
        ctx,
        operations: Arc::new(operations),
        messaging: Arc::new(messaging),
        routes,
    });
    Service::new(tower::service_fn(move |request| {
        let front = Arc::clone(&front);
        async move { Ok::<_, Infallible>(front.pass(request).await) }
    }))
}

// === impl Front ===

impl Front {
    async fn pass(&self, request: Request) -> Response {
        let Self {
            ctx, operations, ..
        } = self;
        let id = RequestId::new(&*ctx.random);
        let method = request.method().clone();
        let preflight = is_preflight(&method, request.headers());
        let gate = Gate::new(Arc::clone(&operations.limiter));
        let (route, mut response) = if preflight {
            body::drop_unread(request.into_body()).await;
            (None, StatusCode::NO_CONTENT.into_response())
        } else {
            match prepared(request).await {
                Ok(request) => self.routed(request, &gate).await,
                Err(error) => (None, Refused::from(error).into_response()),
            }
        };
        if let Some(failure) = response.extensions_mut().remove::<Failure>() {
            let Failure { error, told } = &failure;
            operations.requests.refused(error.code);
            log(error, told.status(), id, &method, route);
            response = failure::rendered(response, &failure, &id.to_string());
        }
        let status = response.status();
        operations.requests.answered(route, &method, status);
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

    async fn routed(&self, mut request: Request, gate: &Gate) -> Answered {
        match self.routes.find(request.method(), request.uri().path()) {
            Found::Route {
                template,
                value: handler,
                parameters,
            } => {
                let extensions = request.extensions_mut();
                extensions.insert(parameters);
                extensions.insert(gate.clone());
                extensions.insert(Arc::clone(&self.messaging));
                (
                    Some(template),
                    handler(request, Arc::clone(&self.ctx)).await,
                )
            }
            Found::OtherMethods { template, allow } => {
                let error = Error::new(
                    Code::MethodNotAllowed,
                    "this path has other methods than the one that was asked for",
                );
                let mut response = Refused::from(error).into_response();
                response.headers_mut().insert(header::ALLOW, allow);
                (Some(template), response)
            }
            Found::Nothing => {
                let error = Error::not_found("path");
                (None, Refused::from(error).into_response())
            }
        }
    }
}

/// The request with its path in one spelling, and in the one that is signed
/// beside it, and its body read.
async fn prepared(request: Request) -> Result<Request, Error> {
    let (mut parts, body) = request.into_parts();
    // The body first: a refusal of the path is to arrive, too.
    let body = body::read(body).await?;
    parts.extensions.insert(AsItCame(parts.uri.clone()));
    parts.uri = path::canonical_uri(parts.uri)?;
    parts.extensions.insert(ReadBody(body));
    Ok(Request::from_parts(parts, Body::empty()))
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
