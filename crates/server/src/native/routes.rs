//! Every route of the native API.

use std::sync::Arc;

use axum::routing::{MethodRouter, delete, get, patch, post};
use countersign_core::context::Ctx;
use http::Method;

use super::{
    conversations, devices, events, health, members, revocations, sessions, tokens, users,
};

/// A method on a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The path, with its parameters in braces.
    pub template: &'static str,
}

/// A call and what answers it.
pub(super) struct Route {
    pub(super) call: Call,
    pub(super) handler: MethodRouter<Arc<Ctx>>,
}

pub(super) fn all() -> Vec<Route> {
    const SESSION: &str = "/v1/sessions/{session_id}";
    const DEVICE: &str = "/v1/devices/{device_id}";
    const USER: &str = "/v1/users/{user_id}";
    const CONVERSATION: &str = "/v1/conversations/{conversation_id}";
    const MEMBERS: &str = "/v1/conversations/{conversation_id}/members";
    const MEMBER: &str = "/v1/conversations/{conversation_id}/members/{member_id}";
    const EVENTS: &str = "/v1/conversations/{conversation_id}/events";
    const EVENT: &str = "/v1/conversations/{conversation_id}/events/{event_id}";
    vec![
        route(Method::GET, "/healthz", get(health::alive)),
        route(Method::GET, "/readyz", get(health::ready)),
        route(Method::POST, "/v1/sessions", post(sessions::log_in)),
        route(Method::GET, "/v1/sessions", get(sessions::list)),
        route(
            Method::POST,
            "/v1/sessions/anonymous",
            post(sessions::log_in_anonymous),
        ),
        route(
            Method::POST,
            "/v1/sessions/refresh",
            post(sessions::refresh),
        ),
        route(
            Method::DELETE,
            "/v1/sessions/current",
            delete(sessions::log_out),
        ),
        route(
            Method::DELETE,
            "/v1/sessions/others",
            delete(sessions::end_others),
        ),
        route(Method::DELETE, SESSION, delete(sessions::end)),
        route(Method::GET, "/v1/devices", get(devices::list)),
        route(Method::GET, DEVICE, get(devices::read)),
        route(Method::PATCH, DEVICE, patch(devices::name)),
        route(Method::DELETE, DEVICE, delete(devices::end)),
        route(Method::POST, "/v1/users", post(users::create)),
        route(Method::GET, "/v1/users", get(users::list)),
        route(Method::GET, USER, get(users::read)),
        route(Method::PATCH, USER, patch(users::update)),
        route(Method::DELETE, USER, delete(users::delete)),
        route(
            Method::POST,
            "/v1/conversations",
            post(conversations::create),
        ),
        route(Method::GET, "/v1/conversations", get(conversations::list)),
        route(Method::GET, CONVERSATION, get(conversations::read)),
        route(Method::PATCH, CONVERSATION, patch(conversations::update)),
        route(Method::DELETE, CONVERSATION, delete(conversations::delete)),
        route(Method::POST, MEMBERS, post(members::add)),
        route(Method::GET, MEMBERS, get(members::list)),
        route(Method::GET, MEMBER, get(members::read)),
        route(Method::PATCH, MEMBER, patch(members::update)),
        route(Method::DELETE, MEMBER, delete(members::remove)),
        route(Method::POST, EVENTS, post(events::send)),
        route(Method::GET, EVENTS, get(events::list)),
        route(Method::GET, EVENT, get(events::read)),
        route(Method::DELETE, EVENT, delete(events::delete)),
        route(Method::POST, "/v1/revocations", post(revocations::create)),
        route(Method::POST, "/v1/tokens/explain", post(tokens::explain)),
        route(
            Method::POST,
            "/v1/tokens/introspect",
            post(tokens::introspect),
        ),
    ]
}

fn route(method: Method, template: &'static str, handler: MethodRouter<Arc<Ctx>>) -> Route {
    Route {
        call: Call { method, template },
        handler,
    }
}
