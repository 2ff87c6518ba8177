//! What every request passes first, and every answer last.
//!
//! Any web page may read an answer: who asks is told by a bearer alone, and no
//! answer ever allows credentials that a browser would send by itself.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::failure::{self, Failure, Refused};
use super::resume::Resumes;
use super::version::Version;
use super::{media, routes};
use crate::body;
use crate::gate::Gate;
use crate::operations::Operations;
use crate::prepared::prepared;
use crate::request_log::{REQUEST_ID, RequestId, log};
use crate::route::{Found, Handler, Routes, Service};

/// The methods of the routes.
const METHODS: &str = "GET, POST, PUT, PATCH, DELETE";
/// What a page may send. A star does not stand for `Authorization`.
const HEADERS: &str = "Authorization, Content-Type, *";
/// What a page may read beside what it may read anyway.
const EXPOSED: &str = "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, \
                       X-Request-Id";
/// How long a browser need not ask again, in seconds.
const MAX_AGE_S: u64 = 600;

/// What stands before the door's routes.
struct Front {
    ctx: Arc<Ctx>,
    operations: Arc<Operations>,
    resumes: Arc<Resumes>,
    routes: Routes<Handler>,
}

/// An answer, and the template of the route that gave it.
type Answered = (Option<&'static str>, Response);

/// Puts the front before routes.
pub(super) fn before(ctx: Arc<Ctx>, operations: Operations, routes: Routes<Handler>) -> Service {
    let front = Arc::new(Front {
        ctx,
        operations: Arc::new(operations),
        resumes: Arc::default(),
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
        let version = Version::of_path(request.uri().path());
        let preflight = is_preflight(&method, request.headers());
        let gate = Gate::new(Arc::clone(&operations.limiter));
        let (route, mut response) = if preflight {
            body::drop_unread(request.into_body()).await;
            (None, StatusCode::NO_CONTENT.into_response())
        } else {
            self.answered(request, &gate).await
        };
        if let Some(Failure(error)) = response.extensions_mut().remove::<Failure>() {
            operations.requests.refused(error.code);
            let about = routes::about(route);
            let status = failure::described(&error, about).status;
            log(&error, status, id, &method, route);
            response = failure::rendered(response, &error, about, version, &id.to_string());
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

    async fn answered(&self, request: Request, gate: &Gate) -> Answered {
        match prepared(request, media::is_upload).await {
            Ok((request, unread)) => {
                let answered = self.routed(request, gate).await;
                if let Some(body) = unread.and_then(|unread| unread.take()) {
                    body::drop_unread(body).await;
                }
                answered
            }
            Err(error) => (None, Refused(error).into_response()),
        }
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
                extensions.insert(Arc::clone(&self.operations));
                extensions.insert(Arc::clone(&self.resumes));
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
                let mut response = Refused(error).into_response();
                response.headers_mut().insert(header::ALLOW, allow);
                (Some(template), response)
            }
            Found::Nothing => {
                let error = Error::not_found("path");
                (None, Refused(error).into_response())
            }
        }
    }
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
