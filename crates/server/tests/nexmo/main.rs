//! The nexmo door: HTTP by hand, and Engine.IO over real sockets, on a real store.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers fail by panicking, as its tests do"
)]

#[path = "../support/switched.rs"]
mod switched;
#[path = "../support/numbers.rs"]
mod numbers;
mod world;
mod socket_client;
mod rest;
mod media;
mod errors;
mod acl;
mod applications;
mod login;
mod log;
#[path = "../support/lines.rs"]
mod lines;
mod live;
mod instant;
mod revocation;
mod bad_packets;
mod limits;
mod absence;
#[path = "../support/node.rs"]
mod node;
#[path = "../support/quick_passwords.rs"]
mod quick_passwords;
