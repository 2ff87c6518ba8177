//! Every route of the door, each with what answers it and what it is about.

use std::sync::Arc;

use axum::handler::Handler as Answers;
use countersign_core::context::Ctx;
use http::Method;

use super::failure::About;
use super::{
    applications, connect, conversations, discovery, events, media, members, sessions, users,
};
use crate::call::Call;
use crate::route::{Answering, Handler, handler};

/// A call, and what answers it.
pub(super) struct Route {
    pub(super) call: Call,
    pub(super) handler: Handler,
}

const CONVERSATIONS: &str = "/{version}/conversations";
const CONVERSATION: &str = "/{version}/conversations/{conversation_id}";
const MEMBERS: &str = "/{version}/conversations/{conversation_id}/members";
const MEMBER: &str = "/{version}/conversations/{conversation_id}/members/{member_id}";
const EVENTS: &str = "/{version}/conversations/{conversation_id}/events";
const EVENT: &str = "/{version}/conversations/{conversation_id}/events/{event_id}";
const USERS: &str = "/{version}/users";
const USER: &str = "/{version}/users/{user_id}";
const USER_CONVERSATIONS: &str = "/{version}/users/{user_id}/conversations";
const USER_SESSIONS: &str = "/{version}/users/{user_id}/sessions";
const SESSION: &str = "/{version}/sessions/{session_id}";
const IMAGE: &str = "/{version}/image";
const MEDIA: &str = "/{version}/media/{attachment_id}";

const PLACES: &str = "/{version}/discovery/api";
const MEDIA_SERVERS: &str = "/{version}/discovery/media/{place}";
const PING: &str = "/ping";

const APPLICATIONS: &str = "/v2/applications";
const APPLICATION: &str = "/v2/applications/{application_id}";

/// Every path at which a socket is opened: clients write a slash at the end.
const SOCKETS: [&str; 4] = ["/v2/rtc/", "/v2/rtc", "/rtc/", "/rtc"];
/// Every path at which a client tells how long it took to come back.
const SOCKET_METRICS: [&str; 2] = ["/v2/rtc/metrics", "/rtc/metrics"];

pub(super) fn all() -> Vec<Route> {
    use Method as M;
    let mut all = vec![
        route(M::POST, CONVERSATIONS, conversations::create),
        route(M::GET, CONVERSATIONS, conversations::list),
        route(M::GET, CONVERSATION, conversations::read),
        route(M::PUT, CONVERSATION, conversations::replace),
        route(M::DELETE, CONVERSATION, conversations::delete),
        route(M::POST, MEMBERS, members::add),
        route(M::GET, MEMBERS, members::list),
        route(M::GET, MEMBER, members::read),
        route(M::PATCH, MEMBER, members::update),
        route(M::PUT, MEMBER, members::update),
        route(M::DELETE, MEMBER, members::remove),
        route(M::POST, EVENTS, events::send),
        route(M::GET, EVENTS, events::list),
        route(M::GET, EVENT, events::read),
        route(M::DELETE, EVENT, events::delete),
        route(M::POST, USERS, users::create),
        route(M::GET, USERS, users::list),
        route(M::GET, USER, users::read),
        route(M::PATCH, USER, users::update),
        route(M::PUT, USER, users::update),
        route(M::DELETE, USER, users::delete),
        route(M::GET, USER_CONVERSATIONS, conversations::list_of_user),
        route(M::GET, USER_SESSIONS, sessions::list_of_user),
        route(M::PUT, SESSION, sessions::renew),
        route(M::POST, IMAGE, media::upload),
        route(M::GET, MEDIA, media::read),
        route(M::DELETE, MEDIA, media::delete),
        route(M::GET, PLACES, discovery::places),
        route(M::GET, MEDIA_SERVERS, discovery::media_servers),
        route(M::GET, PING, discovery::ping),
        route(M::POST, APPLICATIONS, applications::create),
        route(M::GET, APPLICATIONS, applications::list),
        route(M::GET, APPLICATION, applications::read),
        route(M::PUT, APPLICATION, applications::replace),
        route(M::DELETE, APPLICATION, applications::delete),
    ];
    all.extend(SOCKETS.map(|path| route(M::GET, path, connect::open)));
    all.extend(SOCKET_METRICS.map(|path| route(M::POST, path, connect::told_metrics)));
    all
}

/// What the calls of a route are about.
pub(super) fn about(template: Option<&str>) -> About {
    match template {
        Some(CONVERSATIONS | CONVERSATION | USER_CONVERSATIONS) => About::Conversations,
        Some(MEMBERS | MEMBER) => About::Members,
        Some(EVENTS | EVENT) => About::Events,
        Some(USERS | USER | USER_SESSIONS) => About::Users,
        Some(_) | None => About::Other,
    }
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
