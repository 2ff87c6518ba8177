//! Every route of the listener, each with what answers it. The zeros are for who
//! calls a function of a page instead of reading an answer; none of our clients
//! does.

use std::sync::Arc;

use axum::handler::Handler as Answers;
use countersign_core::context::Ctx;
use http::Method;

use super::{leave, publish, subscribe, time_token};
use crate::call::Call;
use crate::route::{Answering, Handler, handler};

/// A call, and what answers it.
pub(super) struct Route {
    pub(super) call: Call,
    pub(super) handler: Handler,
}

/// What [`PUBLISH`] begins with.
pub(super) const PUBLISH_PREFIX: &str = "/publish/";
/// The message, which follows, is split off before.
const PUBLISH: &str = "/publish/{publish_key}/{subscribe_key}/0/{channel}/0";
/// Waits for messages.
pub(super) const SUBSCRIBE: &str = "/subscribe/{subscribe_key}/{channels}/0/{time_token}";
const LEAVE: &str = "/v2/presence/sub_key/{subscribe_key}/channel/{channels}/leave";

pub(super) fn all() -> Vec<Route> {
    vec![
        route("/time/0", time_token::read),
        route(SUBSCRIBE, subscribe::poll),
        route(PUBLISH, publish::send),
        route(LEAVE, leave::leave),
    ]
}

fn route<H, T>(template: &'static str, answers: H) -> Route
where
    H: Answers<T, Arc<Ctx>, Future = Answering>,
    T: 'static,
{
    Route {
        call: Call {
            method: Method::GET,
            template,
        },
        handler: handler(answers),
    }
}
