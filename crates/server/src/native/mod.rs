//! The native door: the HTTP API under `/v1`.
//!
//! [`routes`] is the page with every route; [`protocol`] is what it does in its own
//! way before and behind them; one file holds each resource.

mod routes;
mod openapi;
mod protocol;
mod cors;
mod problem;
mod answer;
mod written;
mod bearer;
mod body;
mod form;
mod query;
mod named;
mod document;
mod page;
mod docs;
mod errors;
mod health;
mod sessions;
mod devices;
mod users;
mod exports;
mod erasures;
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

use countersign_core::context::Ctx;
use countersign_core::error::Code;
use countersign_core::ports::fanout::Listener;
use http::StatusCode;

use self::protocol::Native;
use crate::call::Call;
use crate::front;
use crate::operations::Operations;
use crate::route::{Routes, Service};
pub use tokens::explained;

/// The native API, under the default rates, with nobody who watches.
pub fn router(ctx: Arc<Ctx>) -> Service {
    operated(ctx, Operations::default())
}

/// The native API, under the rates and for the metrics of a node.
pub fn operated(ctx: Arc<Ctx>, operations: Operations) -> Service {
    let listener: Arc<dyn Listener> = operations.realtime.clone();
    ctx.listen(Arc::downgrade(&listener));
    let all = routes::all().into_iter();
    let routes = Routes::new(all.map(|route| (route.call, route.handler)));
    front::before(ctx, operations, Native, routes)
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

/// The status that a code has at this door, and what it means in few words.
#[must_use]
pub fn spelled(code: Code) -> (StatusCode, &'static str) {
    (problem::status_of(code), problem::title_of(code))
}
