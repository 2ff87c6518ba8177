//! The kustomer door over HTTP by hand, on a real store.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers fail by panicking, as its tests do"
)]

mod world;
mod authorization_table;
mod organization;
mod secret;
mod api_keys;
mod tracking;
mod identity;
mod hand_out;
mod vectors;
mod customer;
mod customers;
mod chats;
mod socket_client;
mod sockets;
mod socket_limits;
mod absence;
mod attachments;
mod support;
mod model;
mod errors;
mod log;
#[path = "../support/node.rs"]
mod node;
#[path = "../support/switched.rs"]
mod switched;
#[path = "../support/quick_passwords.rs"]
mod quick_passwords;
#[path = "../support/lines.rs"]
mod lines;
