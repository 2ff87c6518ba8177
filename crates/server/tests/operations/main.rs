//! What a node's operator sets and sees, and files: the router with a real
//! store, callers from chosen addresses, and a clock that the test moves. And
//! what the domain does for doors that ask for more than the native one.

mod node;
#[path = "../support/switched.rs"]
mod switched;
mod rates;
mod metrics;
mod attachments;
mod key_uses;
mod audit;
mod store_watch;
mod readiness;
mod janitor;
mod other_doors;
#[path = "../support/quick_passwords.rs"]
mod quick_passwords;
