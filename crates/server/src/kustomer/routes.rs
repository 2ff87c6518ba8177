//! Every route of the door, each with what answers it. A path of it may stand
//! behind its organization's name.

use std::sync::Arc;

use axum::handler::Handler as Answers;
use countersign_core::context::Ctx;
use http::Method;

use super::{
    attachments, channel_pass, chat_settings, chats, customer, customers, identity, messages,
    secret, socket, support, tokens, tracking, users,
};
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

const SETTINGS: &str = "/p/v1/chat/settings";
const OLD_SETTINGS: &str = "/c/v1/chat/settings";
const SCHEDULE: &str = "/p/v1/schedules/{schedule_id}";
const CHATS: &str = "/c/v1/chat/sessions";
const CHAT: &str = "/c/v1/chat/sessions/{session_id}";
const MESSAGES: &str = "/c/v1/chat/sessions/{session_id}/messages";
const MESSAGE: &str = "/c/v1/chat/sessions/{session_id}/messages/{message_id}";

/// A socket, by the key that the settings name.
const SOCKET: &str = "/app/{key}";

const ATTACHMENTS: &str = "/c/v1/chat/attachments";
/// Where the bytes of a file come, with a key in their form.
pub(super) const UPLOADS: &str = "/c/v1/chat/attachments/uploads";
const ATTACHMENT: &str = "/c/v1/chat/messages/{message_id}/attachments/{attachment_id}";

const SUPPORT_MESSAGES: &str = "/v2.1/chat/sessions/{session_id}/messages";

/// Whether anybody may call, and is known by the address alone.
pub(super) fn is_entrance(template: &str) -> bool {
    let of_identity = [CURRENT, TOKENS, IDENTITY];
    let of_chat = [SETTINGS, OLD_SETTINGS, SCHEDULE, SOCKET, UPLOADS];
    of_identity.contains(&template) || of_chat.contains(&template)
}

pub(super) fn all() -> Vec<Route> {
    use Method as M;
    vec![
        route(M::GET, "/v1/auth/customer/settings", secret::read),
        route(M::GET, "/v1/auth/tokens", tokens::list),
        route(M::DELETE, "/v1/auth/tokens/current", tokens::revoke_own),
        route(M::DELETE, "/v1/auth/tokens/{token_id}", tokens::revoke),
        route(M::POST, "/v1/customers", customers::create),
        route(M::GET, "/v1/customers", customers::list),
        route(M::GET, "/v1/customers/{customer_id}", customers::read),
        route(M::GET, CURRENT, tracking::current),
        route(M::POST, TOKENS, tracking::reset),
        route(M::POST, IDENTITY, identity::log_in),
        route(M::PATCH, "/c/v1/customers/current", customer::describe),
        route(M::GET, SETTINGS, chat_settings::read),
        route(M::GET, OLD_SETTINGS, chat_settings::read),
        route(M::GET, SCHEDULE, chat_settings::schedule),
        route(M::GET, "/c/v1/chat/customers/stats", chats::stats),
        route(M::GET, CHATS, chats::list),
        route(M::POST, CHATS, chats::create),
        route(M::PUT, CHAT, chats::change),
        route(
            M::PATCH,
            "/c/v1/conversations/{session_id}",
            chats::describe,
        ),
        route(M::POST, "/c/v1/chat/messages", messages::send),
        route(M::GET, MESSAGES, messages::list),
        route(M::GET, MESSAGE, messages::read),
        route(M::POST, "/c/v1/pusher/auth", channel_pass::give),
        route(M::GET, SOCKET, socket::connect::open),
        route(M::POST, ATTACHMENTS, attachments::announce),
        route(M::POST, UPLOADS, attachments::upload),
        route(M::GET, ATTACHMENT, attachments::read),
        route(M::GET, "/c/v1/users/{user_id}", users::read),
        route(M::GET, "/v2.1/chat/sessions", support::list),
        route(M::GET, SUPPORT_MESSAGES, support::messages),
        route(M::POST, "/v2.1/chat/messages", support::send_for),
        route(M::POST, "/v2.1/chat/outbound/messages", support::answer),
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
