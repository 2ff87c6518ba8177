//! The calls about sessions.

use countersign_core::error::Code;
use countersign_wire::schema;
use countersign_wire::session::{
    AnonymousRequest, LoginAnswer, LoginRequest, RefreshRequest, Sessions,
};
use http::StatusCode;

use super::Description;
use super::bearer::{Bearer, EVERYBODY};
use super::tag::Tag;

/// A client that has no session yet, and a backend that logs its user in.
const WHO_LOGS_IN: &[Bearer] = &[
    Bearer::PublishableKey,
    Bearer::ApplicationToken,
    Bearer::UserKey,
    Bearer::AdminKey,
    Bearer::OperatorKey,
];

pub(in crate::native) fn log_in() -> Description {
    Description::by(
        WHO_LOGS_IN,
        Tag::Sessions,
        "logIn",
        "Log in with a credential",
    )
    .or_nobody()
    .about(
        "The credential is what the user's backend has signed, in one of the dialects nexmo, \
             kustomer, sinch and native. With `current_token`, the device's own access token, a \
             visitor's conversations move to the user, and a session of the same user goes on. A \
             login that is refused changes nothing. The same credential with the same `nonce` is \
             answered as the first time, so that a retry is harmless.",
    )
    .takes::<LoginRequest>()
    .gives::<LoginAnswer>(StatusCode::CREATED, "A session was opened.")
    .gives::<LoginAnswer>(StatusCode::OK, "The device's own session goes on.")
    .refuses(&[
        Code::CurrentTokenInvalid,
        Code::NoSubject,
        Code::CredentialUsed,
        Code::UnknownUser,
        Code::UserBlocked,
        Code::CurrentTokenExpired,
        Code::NotFound,
        Code::AlreadyIdentified,
        Code::IdentityConflict,
        Code::Conflict,
    ])
}

pub(in crate::native) fn log_in_anonymous() -> Description {
    const CLIENTS: &[Bearer] = &[Bearer::PublishableKey];
    Description::by(
        CLIENTS,
        Tag::Sessions,
        "logInAnonymously",
        "Become a visitor",
    )
    .about(
        "A visitor may chat at once, and keeps its conversations when it logs in later. Nothing \
         is recorded before it writes something.",
    )
    .takes_perhaps::<AnonymousRequest>()
    .gives::<LoginAnswer>(StatusCode::CREATED, "A session was opened.")
    .refuses(&[Code::NotFound])
}

pub(in crate::native) fn refresh() -> Description {
    Description::open(
        Tag::Sessions,
        "refresh",
        "Exchange a refresh token for the next pair",
    )
    .about(
        "The token says who asks; no bearer is looked at. A client makes a `nonce` when it \
             stores a token, and all its tabs and retries send that one: they get the same \
             answer. Whoever uses an exchanged token without that nonce ends the session.",
    )
    .query::<schema::ApplicationId>("application_id", "Not looked at: the token tells.")
    .takes::<RefreshRequest>()
    .gives::<LoginAnswer>(StatusCode::OK, "The session goes on.")
    .refuses(&[
        Code::MalformedToken,
        Code::UserBlocked,
        Code::SessionEnded,
        Code::RefreshReused,
        Code::NotPermitted,
        Code::Conflict,
        Code::RateLimited,
        Code::Unavailable,
    ])
}

pub(in crate::native) fn list() -> Description {
    Description::by(
        EVERYBODY,
        Tag::Sessions,
        "listSessions",
        "List a user's open sessions",
    )
    .about(
        "A backend that names no user gets those of all users, the oldest first. A page has \
         fewer of them than asked for then, or none, and more may follow all the same: `next` \
         says so.",
    )
    .names_a_user()
    .pages()
    .gives::<Sessions>(StatusCode::OK, "The sessions, the newest first.")
}

pub(in crate::native) fn log_out() -> Description {
    const SESSIONS: &[Bearer] = &[Bearer::AccessToken];
    Description::by(SESSIONS, Tag::Sessions, "logOut", "Log out")
        .about("The session ends on the server; the conversations stay.")
        .gives_nothing("The session is over.")
}

pub(in crate::native) fn end_others() -> Description {
    Description::by(
        EVERYBODY,
        Tag::Sessions,
        "endOtherSessions",
        "End all sessions of a user but the one that asks",
    )
    .about("Where a backend asks, all of them end.")
    .names_a_user()
    .gives_nothing("They are over.")
}

pub(in crate::native) fn end() -> Description {
    Description::by(EVERYBODY, Tag::Sessions, "endSession", "End a session")
        .about("One's own on whatever device; for a backend, any of its application.")
        .gives_nothing("The session is over.")
}
