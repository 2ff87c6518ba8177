//! The nexmo door: what the Nexmo client SDKs and the Vonage server SDKs call.
//!
//! [`routes`] is the page with every route; [`front`] is what every request
//! passes first, and every answer last; [`version`] is what differs by the
//! version in a path. [`connect`] and [`socket`] are Socket.IO: the packets are
//! our own ([`packet`]), so that the line's gate stands where it stands for the
//! native socket, between the connection and its WebSocket, with no buffer behind it.
//!
//! # Invariants
//! - A token in a query is read once, and reaches no log and no answer.
//! - Nothing is emitted before the first event says how the login went.
//! - Events of a conversation go out in the order of their numbers.

mod routes;
mod front;
mod version;
mod failure;
mod asked;
mod page;
mod shapes;
mod shown_event;
mod conversations;
mod members;
mod events;
mod media;
mod users;
mod sessions;
mod applications;
mod discovery;
mod packet;
mod frames;
mod connect;
mod socket;
mod resume;

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{self, Next};
use axum::response::Response;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};

use crate::call::Call;
use crate::operations::Operations;
use failure::Refused;
use resume::Resumes;

/// The door, under the rates and for the metrics of its node. Its sockets hear
/// what the native door of the same node lets the node's connections hear.
pub fn operated(ctx: Arc<Ctx>, operations: Operations) -> Router {
    let mut inner = Router::new();
    for route in routes::all() {
        inner = inner.route(route.call.template, route.handler);
    }
    let resumes = Arc::new(Resumes::default());
    let inner = inner
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .route_layer(middleware::from_fn(by_route))
        .layer(axum::Extension(resumes))
        .with_state(Arc::clone(&ctx));
    front::before(ctx, operations, inner)
}

/// Every route of the door, for what must know them all.
#[must_use]
pub fn calls() -> Vec<Call> {
    routes::all().into_iter().map(|route| route.call).collect()
}

async fn not_found() -> Refused {
    Refused(Error::not_found("path"))
}

async fn method_not_allowed() -> Refused {
    Refused(Error::new(
        Code::MethodNotAllowed,
        "this path has other methods than the one that was asked for",
    ))
}

/// The route's template goes out with the answer: the front logs and counts it,
/// where a path would show ids.
async fn by_route(route: MatchedPath, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.extensions_mut().insert(route);
    response
}
