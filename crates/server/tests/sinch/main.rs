//! The sinch door over HTTP by hand, on a real store.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers fail by panicking, as its tests do"
)]

#[path = "../support/numbers.rs"]
mod numbers;
mod world;
mod authorization_table;
mod sessions;
mod transports;
mod ends;
mod passwords;
mod sign_up;
mod sign_in;
mod password_change;
mod managed_users;
mod signed;
mod errors;
mod log;
mod phone;
mod polls;
mod messages;
mod messages_refused;
mod listener;
#[path = "../support/switched.rs"]
mod switched;
#[path = "../support/tls.rs"]
mod certificate;
#[path = "../support/lines.rs"]
mod lines;
#[path = "../support/node.rs"]
mod node;
#[path = "../support/quick_passwords.rs"]
mod quick_passwords;
