//! The native door: the HTTP API under `/v1`.
//!
//! [`routes`] is the page with every route; [`front`] is what every request
//! passes first, and every answer last; one file holds each resource.

mod routes;
mod openapi;
mod front;
mod cors;
mod problem;
mod answer;
mod bearer;
mod body;
mod form;
mod query;
mod named;
mod document;
mod health;
mod sessions;
mod devices;
mod users;
mod conversations;
mod members;
mod events;
mod revocations;
mod tokens;
mod applications;
mod signing_keys;
mod api_keys;
mod settings;
mod audit;
mod attachments;
mod metrics;
mod connect;
mod command;
mod socket;
mod close;
mod frames;
mod sync;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, MatchedPath, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::ports::fanout::Listener;
use http::{Method, Request};

use crate::call::Call;
use crate::connection::Connection;
use crate::gate::Gate;
use crate::operations::Operations;
use problem::Problem;
pub use tokens::explained;

/// The native API, under the default rates, with nobody who watches.
pub fn router(ctx: Arc<Ctx>) -> Router {
    operated(ctx, Operations::default())
}

/// The native API, under the rates and for the metrics of a node.
pub fn operated(ctx: Arc<Ctx>, operations: Operations) -> Router {
    let listener: Arc<dyn Listener> = operations.realtime.clone();
    ctx.listen(Arc::downgrade(&listener));
    let mut inner = Router::new();
    for route in routes::all() {
        inner = inner.route(route.call.template, route.handler);
    }
    let inner = inner
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .route_layer(middleware::from_fn_with_state(Arc::clone(&ctx), by_route))
        .with_state(Arc::clone(&ctx));
    front::before(ctx, operations, inner)
}

/// Every route of the native API, for what must know them all.
#[must_use]
pub fn calls() -> Vec<Call> {
    routes::all().into_iter().map(|route| route.call).collect()
}

/// The native API's description: an OpenAPI document, as JSON.
#[must_use]
pub fn description() -> String {
    openapi::text()
}

/// A door that is not built yet: every path is answered with 404 `not_found`.
pub fn unbuilt(ctx: Arc<Ctx>) -> Router {
    let inner = Router::new().fallback(not_found);
    front::before(ctx, Operations::default(), inner)
}

async fn not_found() -> Problem {
    Problem(Error::not_found("path"))
}

async fn method_not_allowed() -> Problem {
    Problem(
        Error::new(
            Code::MethodNotAllowed,
            "this path has other methods than the one that was asked for",
        )
        .hint("the Allow header names them"),
    )
}

/// What hangs on the route: an entrance is counted by its address before
/// anything else is done. The route's template goes out with the answer: the
/// front logs and counts it, where a path would show ids.
async fn by_route(
    State(ctx): State<Arc<Ctx>>,
    Extension(gate): Extension<Gate>,
    route: MatchedPath,
    request: Request<axum::body::Body>,
    next: Next,
) -> Response {
    let counted = if is_entrance(request.method(), route.as_str()) {
        gate.enter(Connection::of(request.extensions()), ctx.now())
    } else {
        Ok(())
    };
    let mut response = match counted {
        Ok(()) => next.run(request).await.into_response(),
        Err(error) => Problem(error).into_response(),
    };
    response.extensions_mut().insert(route);
    response
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
