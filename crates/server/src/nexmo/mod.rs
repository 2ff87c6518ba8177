//! The nexmo door: what the Nexmo client SDKs and the Vonage server SDKs call.
//!
//! [`routes`] is the page with every route; [`protocol`] is what it does in its own
//! way before and behind them; [`version`] is what differs by the
//! version in a path. [`connect`] and [`socket`] are Socket.IO: the packets are
//! our own ([`packet`]), so that the line's gate stands where it stands for the
//! native socket, between the connection and its WebSocket, with no buffer behind it.
//!
//! # Invariants
//! - A token in a query is read once, and reaches no log and no answer.
//! - Nothing is emitted before the first event says how the login went.
//! - Events of a conversation go out in the order of their numbers.

mod routes;
mod protocol;
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

use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};

use self::failure::About;
use self::protocol::Nexmo;
use crate::call::Call;
use crate::front;
use crate::operations::Operations;
use crate::route::{Routes, Service};

/// The door, under the rates and for the metrics of its node. Its sockets hear
/// what the native door of the same node lets the node's connections hear.
pub fn operated(ctx: Arc<Ctx>, operations: Operations) -> Service {
    let all = routes::all().into_iter();
    let routes = Routes::new(all.map(|route| (route.call, route.handler)));
    front::before(ctx, operations, Nexmo::default(), routes)
}

/// Every route of the door, for what must know them all.
#[must_use]
pub fn calls() -> Vec<Call> {
    routes::all().into_iter().map(|route| route.call).collect()
}

/// How the protocol tells a code, where it is about nothing that has a code of its own.
#[must_use]
pub fn spelled(code: Code) -> &'static str {
    failure::described(&Error::new(code, ""), About::Other).code
}
