//! The native API as it is spelled on the wire: requests, answers, problems, frames.
//!
//! The server encodes with these types and the Rust client decodes with them,
//! so that the two cannot drift apart. A request's types refuse members that
//! they do not know; an answer's types skip them, so that a newer server can
//! say more. A member that the API marks with `?` is left out where it is
//! absent; every other absent value is `null`. The types tell the API's
//! description what they look like, so that it cannot drift either.
//!
//! # Invariants
//! - Shapes alone: nothing here decides, checks a limit, or knows the domain.
//! - A token or credential is a [`secret::Secret`], which no `Debug` shows.

pub mod time;
pub mod patch;
pub mod secret;
pub mod digest;
pub mod schema;
mod tagged;
mod object;
pub mod code;
pub mod problem;
pub mod session;
pub mod device;
pub mod user;
pub mod erasure;
pub mod export;
pub mod conversation;
pub mod member;
pub mod event;
pub mod frame;
pub mod attachment;
pub mod revocation;
pub mod token;
pub mod application;
pub mod signing_key;
pub mod api_key;
pub mod settings;
pub mod audit;
