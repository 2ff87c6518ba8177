//! The sinch door: what the Sinch client SDKs call over REST; [`messaging`] is what
//! they fetch messages by, on a listener of its own.
//!
//! [`routes`] is the page with every route; [`protocol`] is what it does in its own
//! way before and behind them; [`signature`] is what a request says of
//! who made it, as pure text, and [`asked`] turns that into who asks. An
//! *instance* of this protocol is a session here; its client signs each request.
//! A *transport* is a conversation: [`transports`] tells where its messages go,
//! [`names`] by which names and keys, [`frame`] and [`sealed`] what they are.
//!
//! # Invariants
//! - Every answer is JSON: a client waits for ever for what it cannot read.
//! - A credential and a secret are in the body of the one answer that gives them
//!   out, and in no other, in no log and in no error.
//! - What is signed is checked over the bytes that came.

mod routes;
mod protocol;
mod failure;
mod signature;
mod asked;
mod answer;
mod clock;
mod instances;
mod names;
mod configuration;
mod profile;
mod transports;
mod reports;
mod users;
pub mod messaging;
pub mod frame;
pub mod sealed;

use std::sync::Arc;

use countersign_core::context::Ctx;
use countersign_core::error::Code;

use self::protocol::Sinch;
use crate::call::Call;
use crate::front;
use crate::operations::Operations;
use crate::route::{Routes, Service};

/// Where a node's messages of this protocol are sent and fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Messaging {
    /// Its name or address, as clients are told it, with a port where it is not
    /// 443: they put `https://` before it and nothing else.
    pub host: String,
}

/// The door, under the rates and for the metrics of its node. Without a listener
/// for messages users log in, and are told that there is none.
pub fn operated(ctx: Arc<Ctx>, operations: Operations, messaging: Option<Messaging>) -> Service {
    let all = routes::all().into_iter();
    let routes = Routes::new(all.map(|route| (route.call, route.handler)));
    front::before(ctx, operations, Sinch::new(messaging), routes)
}

/// Every route of the door, for what must know them all.
#[must_use]
pub fn calls() -> Vec<Call> {
    routes::all().into_iter().map(|route| route.call).collect()
}

/// How the protocol tells a code, where it is not told more exactly.
#[must_use]
pub fn spelled(code: Code) -> u32 {
    failure::described(code).number()
}
