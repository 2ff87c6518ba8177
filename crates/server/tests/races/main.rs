//! Races: what two calls do at once to a real store, by real commits.
//!
//! Each test runs many rounds and judges only what both callers were answered.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers fail by panicking, as its tests do"
)]

mod world;
mod logins;
mod refreshes;
mod revocations;
mod visitors;
#[path = "../support/quick_passwords.rs"]
mod quick_passwords;
