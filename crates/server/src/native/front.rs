//! What every request passes first, and every answer last.
//!
//! The path is made canonical before the router sees it. The body is read
//! before anything is decided: an answer to a request whose body is still on
//! the way may never arrive, since the connection is reset under it. The
//! answer gets the headers that every answer has, those that let a web page read
//! it, and a refusal its body and its one line in the log.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use http::{HeaderValue, Method, StatusCode, header};

use super::attachments;
use super::cors::Cors;
use super::problem::{self, Failure, Problem};
use crate::body;
use crate::connection::Connection;
use crate::gate::Gate;
use crate::operations::Operations;
use crate::prepared::prepared;
use crate::request_log::{REQUEST_ID, RequestId, log};
use crate::route::{Found, Handler, Routes, Service};

/// What stands before a door's routes.
struct Front {
    ctx: Arc<Ctx>,
    operations: Arc<Operations>,
    routes: Routes<Handler>,
}

/// An answer, and the template of the route that gave it.
type Answered = (Option<&'static str>, Response);

/// Puts the front before routes.
pub(super) fn before(ctx: Arc<Ctx>, operations: Operations, routes: Routes<Handler>) -> Service {
    let front = Arc::new(Front {
        ctx,
        operations: Arc::new(operations),
        routes,
    });
    Service::new(tower::service_fn(move |request| {
        let front = Arc::clone(&front);
        async move { Ok::<_, Infallible>(front.pass(request).await) }
    }))
}

// === impl Front ===

impl Front {
    async fn pass(&self, mut request: Request) -> Response {
        let Self {
            ctx, operations, ..
        } = self;
        let id = RequestId::new(&*ctx.random);
        let method = request.method().clone();
        let connection = Connection::of(request.extensions());
        let cors = Cors::of(ctx, operations, &method, request.headers(), connection).await;
        let gate = Gate::new(Arc::clone(&operations.limiter));
        if let Some(page) = cors.page() {
            request.extensions_mut().insert(page.clone());
        }
        let (route, mut response) = if cors.is_preflight() {
            body::drop_unread(request.into_body()).await;
            (None, StatusCode::NO_CONTENT.into_response())
        } else {
            self.answered(request, &gate).await
        };
        if let Some(failure) = response.extensions_mut().remove::<Failure>() {
            let code = failure.error().code;
            operations.requests.refused(code);
            log(
                failure.error(),
                problem::status_of(code),
                id,
                &method,
                route,
            );
            response = problem::rendered(response, &failure, ctx.now());
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
        cors.tell(headers);
        response
    }

    async fn answered(&self, request: Request, gate: &Gate) -> Answered {
        match prepared(request, attachments::is_upload).await {
            Ok((request, unread)) => {
                let answered = self.routed(request, gate).await;
                if let Some(body) = unread.and_then(|unread| unread.take()) {
                    body::drop_unread(body).await;
                }
                answered
            }
            Err(error) => (None, Problem(error).into_response()),
        }
    }

    /// An entrance is counted by its address before anything else is done.
    async fn routed(&self, mut request: Request, gate: &Gate) -> Answered {
        match self.routes.find(request.method(), request.uri().path()) {
            Found::Route {
                template,
                value: handler,
                parameters,
            } => {
                if is_entrance(request.method(), template) {
                    let connection = Connection::of(request.extensions());
                    if let Err(error) = gate.enter(connection, self.ctx.now()) {
                        return (Some(template), Problem(error).into_response());
                    }
                }
                let extensions = request.extensions_mut();
                extensions.insert(parameters);
                extensions.insert(gate.clone());
                extensions.insert(Arc::clone(&self.operations));
                (
                    Some(template),
                    handler(request, Arc::clone(&self.ctx)).await,
                )
            }
            Found::OtherMethods { template, allow } => {
                let mut response = Problem(method_not_allowed()).into_response();
                response.headers_mut().insert(header::ALLOW, allow);
                (Some(template), response)
            }
            Found::Nothing => {
                let error = Error::not_found("path");
                (None, Problem(error).into_response())
            }
        }
    }
}

/// Whether a call opens or renews a session: who asks is known by the address
/// alone then.
fn is_entrance(method: &Method, template: &str) -> bool {
    const ENTRANCES: [&str; 3] = [
        "/v1/sessions",
        "/v1/sessions/anonymous",
        "/v1/sessions/refresh",
    ];
    method == Method::POST && ENTRANCES.contains(&template)
}

fn method_not_allowed() -> Error {
    Error::new(
        Code::MethodNotAllowed,
        "this path has other methods than the one that was asked for",
    )
    .hint("the Allow header names them")
}
