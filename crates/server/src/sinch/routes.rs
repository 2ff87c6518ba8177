//! Every route of the door, each with what answers it.
//!
//! The SDK has a base address for each kind of call; here all of them are one.

use std::sync::Arc;

use axum::handler::Handler as Answers;
use countersign_core::context::Ctx;
use http::Method;

use super::{clock, configuration, instances, profile, reports, transports, users};
use crate::call::Call;
use crate::route::{Answering, Handler, handler};

/// A call, and what answers it.
pub(super) struct Route {
    pub(super) call: Call,
    pub(super) handler: Handler,
}

const AUTHORIZATION: &str = "/v1/instances/id/{instance_id}/authorization";

const AUTHENTICATION: &str = "/v1/users/{kind}/{name}/authentication";

pub(super) fn all() -> Vec<Route> {
    use Method as M;
    vec![
        // The SDK writes a slash at the end; who reads its guide does not.
        route(M::GET, "/v1/timestamp/", clock::read),
        route(M::GET, "/v1/timestamp", clock::read),
        route(M::POST, "/v1/instance", instances::open),
        route(M::PUT, AUTHORIZATION, instances::open_again),
        route(M::GET, "/v1/configuration/user", configuration::read),
        route(M::GET, "/v1/user/profile", profile::read),
        route(M::POST, "/v1/transport", transports::open),
        route(M::GET, "/v1/transport", transports::read),
        route(M::POST, "/v1/report/im", reports::told),
        route(M::POST, "/v1/users", users::sign_up),
        route(M::POST, AUTHENTICATION, users::sign_in),
        route(M::PUT, "/v1/user/password", users::change_password),
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
