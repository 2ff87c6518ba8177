//! Sockets and long polls, over a real listener with a client of another make.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers fail by panicking, as its tests do"
)]

#[path = "../support/switched.rs"]
mod switched;
#[path = "../support/numbers.rs"]
mod numbers;
mod world;
mod client;
mod raw;
mod entrance;
mod login;
mod live;
mod resume;
mod membership;
mod order;
mod together;
mod revocation;
mod managed;
mod absence;
mod rfc6455;
mod half_open;
mod limits;
mod session;
mod poll;
mod network;
mod sdk;
#[path = "../support/node.rs"]
mod node;
#[path = "../support/quick_passwords.rs"]
mod quick_passwords;
