//! Every route of the native API, each with what answers it and what describes it.

use std::sync::Arc;

use axum::handler::Handler as Answers;
use countersign_core::context::Ctx;
use http::Method;

use super::openapi::Description;
use super::{
    api_keys, applications, attachments, audit, connect, conversations, devices, docs, document,
    erasures, errors, events, exports, health, members, metrics, openapi, revocations, sessions,
    settings, signing_keys, sync, tokens, users,
};
use crate::call::Call;
use crate::route::{Answering, Handler, handler};

/// A call, what answers it, and what describes it.
pub(super) struct Route {
    pub(super) call: Call,
    pub(super) handler: Handler,
    pub(super) description: fn() -> Description,
}

/// A route: what answers it, and in [`openapi`] what describes it, have one name.
macro_rules! route {
    ($method:ident, $template:expr, $resource:ident::$name:ident) => {
        route(
            Method::$method,
            $template,
            $resource::$name,
            openapi::$resource::$name,
        )
    };
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
    const ERASURE: &str = "/v1/users/{user_id}/erasure";
    const USER_EXPORT: &str = "/v1/users/{user_id}/export";
    vec![
        route!(GET, "/healthz", health::alive),
        route!(GET, "/readyz", health::ready),
        route!(GET, "/metrics", metrics::read),
        route!(GET, "/openapi.json", document::read),
        route!(GET, "/docs", docs::read),
        route!(GET, "/errors", errors::list),
        route!(GET, "/errors/{code}", errors::read),
        route!(POST, "/v1/sessions", sessions::log_in),
        route!(GET, "/v1/sessions", sessions::list),
        route!(POST, "/v1/sessions/anonymous", sessions::log_in_anonymous),
        route!(POST, "/v1/sessions/refresh", sessions::refresh),
        route!(DELETE, "/v1/sessions/current", sessions::log_out),
        route!(DELETE, "/v1/sessions/others", sessions::end_others),
        route!(DELETE, SESSION, sessions::end),
        route!(GET, "/v1/devices", devices::list),
        route!(GET, DEVICE, devices::read),
        route!(PATCH, DEVICE, devices::name),
        route!(DELETE, DEVICE, devices::end),
        route!(POST, "/v1/users", users::create),
        route!(GET, "/v1/users", users::list),
        route!(GET, USER, users::read),
        route!(PATCH, USER, users::update),
        route!(DELETE, USER, users::delete),
        route!(GET, USER_EXPORT, exports::read),
        route!(POST, ERASURE, erasures::create),
        route!(GET, ERASURE, erasures::read),
        route!(POST, "/v1/revocations", revocations::create),
        route!(POST, "/v1/tokens/explain", tokens::explain),
        route!(POST, "/v1/tokens/introspect", tokens::introspect),
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
        route!(POST, "/v1/conversations", conversations::create),
        route!(GET, "/v1/conversations", conversations::list),
        route!(GET, CONVERSATION, conversations::read),
        route!(PATCH, CONVERSATION, conversations::update),
        route!(DELETE, CONVERSATION, conversations::delete),
        route!(POST, MEMBERS, members::add),
        route!(GET, MEMBERS, members::list),
        route!(GET, MEMBER, members::read),
        route!(PATCH, MEMBER, members::update),
        route!(DELETE, MEMBER, members::remove),
        route!(POST, EVENTS, events::send),
        route!(GET, EVENTS, events::list),
        route!(GET, EVENT, events::read),
        route!(DELETE, EVENT, events::delete),
        route!(POST, ATTACHMENTS, attachments::upload),
        route!(GET, MEDIA, attachments::read),
        route!(GET, "/v1/connect", connect::open),
        route!(POST, "/v1/sync", sync::sync),
    ]
}

fn of_administrators() -> Vec<Route> {
    const APPLICATION: &str = "/v1/applications/{application_id}";
    const EXPORT: &str = "/v1/applications/{application_id}/export";
    const KEYS: &str = "/v1/applications/{application_id}/keys";
    const KEY: &str = "/v1/applications/{application_id}/keys/{kid}";
    const API_KEYS: &str = "/v1/applications/{application_id}/api-keys";
    const API_KEY: &str = "/v1/applications/{application_id}/api-keys/{api_key_id}";
    const SETTINGS: &str = "/v1/applications/{application_id}/settings";
    const AUDIT: &str = "/v1/applications/{application_id}/audit";
    const OPERATOR_KEY: &str = "/v1/api-keys/{api_key_id}";
    vec![
        route!(POST, "/v1/applications", applications::create),
        route!(GET, "/v1/applications", applications::list),
        route!(GET, APPLICATION, applications::read),
        route!(PATCH, APPLICATION, applications::update),
        route!(DELETE, APPLICATION, applications::delete),
        route!(GET, EXPORT, applications::export),
        route!(POST, KEYS, signing_keys::create),
        route!(GET, KEYS, signing_keys::list),
        route!(GET, KEY, signing_keys::read),
        route!(PATCH, KEY, signing_keys::update),
        route!(POST, API_KEYS, api_keys::create),
        route!(GET, API_KEYS, api_keys::list),
        route!(DELETE, API_KEY, api_keys::revoke),
        route!(GET, SETTINGS, settings::read),
        route!(PATCH, SETTINGS, settings::update),
        route!(GET, AUDIT, audit::list),
        route!(POST, "/v1/api-keys", api_keys::create_of_operator),
        route!(GET, "/v1/api-keys", api_keys::list_of_operators),
        route!(DELETE, OPERATOR_KEY, api_keys::revoke_of_operator),
        route!(GET, "/v1/audit", audit::list_of_installation),
    ]
}

fn route<H, T>(
    method: Method,
    template: &'static str,
    answers: H,
    description: fn() -> Description,
) -> Route
where
    H: Answers<T, Arc<Ctx>, Future = Answering>,
    T: 'static,
{
    Route {
        call: Call { method, template },
        handler: handler(answers),
        description,
    }
}
