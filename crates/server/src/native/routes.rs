//! Every route of the native API.

use std::sync::Arc;

use axum::routing::{MethodRouter, delete, get, patch, post};
use countersign_core::context::Ctx;
use http::Method;

use super::{
    api_keys, applications, attachments, audit, conversations, devices, events, health, members,
    metrics, revocations, sessions, settings, signing_keys, tokens, users,
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
    let mut all = of_users();
    all.extend(of_conversations());
    all.extend(of_administrators());
    all
}

fn of_users() -> Vec<Route> {
    const SESSION: &str = "/v1/sessions/{session_id}";
    const DEVICE: &str = "/v1/devices/{device_id}";
    const USER: &str = "/v1/users/{user_id}";
    vec![
        route(Method::GET, "/healthz", get(health::alive)),
        route(Method::GET, "/readyz", get(health::ready)),
        route(Method::GET, "/metrics", get(metrics::read)),
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
        route(Method::POST, "/v1/revocations", post(revocations::create)),
        route(Method::POST, "/v1/tokens/explain", post(tokens::explain)),
        route(
            Method::POST,
            "/v1/tokens/introspect",
            post(tokens::introspect),
        ),
    ]
}

fn of_conversations() -> Vec<Route> {
    const CONVERSATION: &str = "/v1/conversations/{conversation_id}";
    const MEMBERS: &str = "/v1/conversations/{conversation_id}/members";
    const MEMBER: &str = "/v1/conversations/{conversation_id}/members/{member_id}";
    const EVENTS: &str = "/v1/conversations/{conversation_id}/events";
    const EVENT: &str = "/v1/conversations/{conversation_id}/events/{event_id}";
    const ATTACHMENTS: &str = "/v1/conversations/{conversation_id}/attachments";
    const MEDIA: &str = "/v1/media/{attachment_id}";
    vec![
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
        route(Method::POST, ATTACHMENTS, post(attachments::upload)),
        route(Method::GET, MEDIA, get(attachments::read)),
    ]
}

fn of_administrators() -> Vec<Route> {
    const APPLICATION: &str = "/v1/applications/{application_id}";
    const KEYS: &str = "/v1/applications/{application_id}/keys";
    const KEY: &str = "/v1/applications/{application_id}/keys/{kid}";
    const API_KEYS: &str = "/v1/applications/{application_id}/api-keys";
    const API_KEY: &str = "/v1/applications/{application_id}/api-keys/{api_key_id}";
    const SETTINGS: &str = "/v1/applications/{application_id}/settings";
    vec![
        route(Method::POST, "/v1/applications", post(applications::create)),
        route(Method::GET, "/v1/applications", get(applications::list)),
        route(Method::GET, APPLICATION, get(applications::read)),
        route(Method::PATCH, APPLICATION, patch(applications::update)),
        route(Method::DELETE, APPLICATION, delete(applications::delete)),
        route(
            Method::GET,
            "/v1/applications/{application_id}/export",
            get(applications::export),
        ),
        route(Method::POST, KEYS, post(signing_keys::create)),
        route(Method::GET, KEYS, get(signing_keys::list)),
        route(Method::GET, KEY, get(signing_keys::read)),
        route(Method::PATCH, KEY, patch(signing_keys::update)),
        route(Method::POST, API_KEYS, post(api_keys::create)),
        route(Method::GET, API_KEYS, get(api_keys::list)),
        route(Method::DELETE, API_KEY, delete(api_keys::revoke)),
        route(Method::GET, SETTINGS, get(settings::read)),
        route(Method::PATCH, SETTINGS, patch(settings::update)),
        route(
            Method::GET,
            "/v1/applications/{application_id}/audit",
            get(audit::list),
        ),
        route(
            Method::POST,
            "/v1/api-keys",
            post(api_keys::create_of_operator),
        ),
        route(
            Method::GET,
            "/v1/api-keys",
            get(api_keys::list_of_operators),
        ),
        route(
            Method::DELETE,
            "/v1/api-keys/{api_key_id}",
            delete(api_keys::revoke_of_operator),
        ),
        route(Method::GET, "/v1/audit", get(audit::list_of_installation)),
    ]
}

fn route(method: Method, template: &'static str, handler: MethodRouter<Arc<Ctx>>) -> Route {
    Route {
        call: Call { method, template },
        handler,
    }
}
