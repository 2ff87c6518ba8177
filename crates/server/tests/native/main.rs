//! The native door over real sockets, with a real store.

mod world;
mod http;
mod contract;
mod openapi;
mod pages;
mod errors;
mod story;
mod identity_rules;
mod timeouts;
mod authorization_table;
mod conversations;
mod instant;
mod acl;
mod application_bearer;
mod bad_input;
mod smuggling;
mod origins;
mod serve;
mod tls;
#[path = "../support/tls.rs"]
mod certificate;
mod paths;
mod log;
#[path = "../support/lines.rs"]
mod lines;
mod codes;
#[path = "../support/quick_passwords.rs"]
mod quick_passwords;
