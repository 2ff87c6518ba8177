//! Every route of the door, each with what answers it. A path of it may stand
//! behind its organization's name.

use std::sync::Arc;

use axum::handler::Handler as Answers;
use countersign_core::context::Ctx;
use http::Method;

use super::{customer, identity, secret, tokens, tracking};
use crate::call::Call;
use crate::route::{Answering, Handler, handler};

/// A call, and what answers it.
pub(super) struct Route {
    pub(super) call: Call,
    pub(super) handler: Handler,
}

const CURRENT: &str = "/c/v1/tracking/tokens/current";
const TOKENS: &str = "/c/v1/tracking/tokens";
const IDENTITY: &str = "/c/v1/identity";

/// Whether a call opens or renews a session.
pub(super) fn is_entrance(template: &str) -> bool {
    [CURRENT, TOKENS, IDENTITY].contains(&template)
}

pub(super) fn all() -> Vec<Route> {
    use Method as M;
    vec![
        route(M::GET, "/v1/auth/customer/settings", secret::read),
        route(M::GET, "/v1/auth/tokens", tokens::list),
        route(M::DELETE, "/v1/auth/tokens/current", tokens::revoke_own),
        route(M::DELETE, "/v1/auth/tokens/{token_id}", tokens::revoke),
        route(M::GET, CURRENT, tracking::current),
        route(M::POST, TOKENS, tracking::reset),
        route(M::POST, IDENTITY, identity::log_in),
        route(M::PATCH, "/c/v1/customers/current", customer::describe),
    ]
}

fn route<H, T>(method: Method, template: &'static str, answers: H) -> Route
where
    H: Answers<T, Arc<Ctx>, Future = Answering>,
    T: 'static,
{
    Route {
        call: Call { method, template },
        handler: handler(answers),
    }
}
