//! What a node's operator sets and sees, and files: the router with a real
//! store, callers from chosen addresses, and a clock that the test moves.

mod node;
#[path = "../support/switched.rs"]
mod switched;
mod rates;
mod metrics;
mod attachments;
mod key_uses;
mod store_watch;
mod janitor;
