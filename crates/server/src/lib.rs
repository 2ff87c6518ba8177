//! The doors of Countersign: requests in, use cases called, answers out.
//!
//! [`Server`](serve::Server) accepts connections for all doors;
//! [`native::router`] is the native API, [`nexmo::operated`] the door of the Nexmo
//! clients, [`sinch::operated`] that of the Sinch clients,
//! [`sinch::messaging::operated`] where they fetch messages, [`kustomer::operated`]
//! that of the Kustomer clients. A door decodes a request, calls
//! one use case of the domain, and encodes its answer; it decides nothing itself.
//!
//! # Invariants
//! - A path is read in one way: [`path::canonical`] runs before any route is looked for.
//! - No token, credential, body or query reaches a log; no cause reaches an answer.
//! - No id, name or token labels a metric: labels are words of the program.
//! - No answer lets a browser send credentials by itself. At the native door no page of another
//!   origin calls an application that does not allow it; at the others any page may, by a bearer,
//!   signature or credential alone.
//! - Every body, wait and connection is bounded, by [`limit`] or the domain's own.
//! - No bare task: each belongs to the server's tracker and ends with it.

pub mod limit;
pub mod path;
pub mod call;
mod door;
pub mod route;
mod body;
mod prepared;
mod front;
mod any_page;
mod file;
mod authorization;
pub mod connection;
pub mod proxies;
pub mod serve;
mod tasks;
pub mod upkeep;
pub mod tls;
mod patient;
mod head_timer;
mod listening;
mod listener;
mod counters;
mod rate;
mod gate;
mod passed;
mod password_tries;
mod request_log;
pub mod remedy;
pub mod realtime;
mod metrics;
pub mod operations;
pub mod native;
pub mod nexmo;
pub mod sinch;
pub mod kustomer;
