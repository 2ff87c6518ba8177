//! The kustomer door: what the chat clients of Kustomer, and the backends that
//! sign for them, call over HTTP.
//!
//! [`routes`] is the page with every route, [`protocol`] what the door does in its
//! own way before and behind them. An application is an *organization* here, and
//! the address of a call names it ([`organization`]); [`asked`] tells who asks. An
//! API key is a *token* of this protocol, a session a *tracking id*, a user a
//! *customer*, and a conversation a *chat session*. What is new is told over a
//! [`socket`] of the Pusher protocol, whose [`channel`]s a device asks to be let
//! into ([`channel_pass`]).
//!
//! # Invariants
//! - Every answer can be read by any page, refusals and preflights included.
//! - Every refusal has the members of both shapes that the protocol documents.
//! - What is of another organization than the address names is not here.

mod routes;
mod protocol;
mod organization;
mod failure;
mod asked;
mod answer;
mod page;
mod secret;
mod tokens;
mod tracking;
mod identity;
mod customer;
mod customers;
mod chat_settings;
mod chats;
mod messages;
mod channel;
mod channel_pass;
mod socket;
mod attachments;
mod users;
mod support;

use std::sync::Arc;

use countersign_core::context::Ctx;

use self::protocol::Kustomer;
use crate::call::Call;
use crate::front;
use crate::operations::Operations;
use crate::route::{Routes, Service};

/// The door, under the rates and for the metrics of its node.
pub fn operated(ctx: Arc<Ctx>, operations: Operations) -> Service {
    let all = routes::all().into_iter();
    let routes = Routes::new(all.map(|route| (route.call, route.handler)));
    front::before(ctx, operations, Kustomer, routes)
}

/// Every route of the door, for what must know them all.
#[must_use]
pub fn calls() -> Vec<Call> {
    routes::all().into_iter().map(|route| route.call).collect()
}
