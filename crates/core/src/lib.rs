//! The domain of Countersign: what it knows, what it can do, and who may.
//!
//! [`model`] has the nouns, [`op`] the use cases, one a file; [`access`] decides
//! who may do what, [`link`] what a login means for who the device is; [`ports`]
//! is what the domain asks of the world. A door decodes a request, calls one
//! use case, and encodes its answer.
//!
//! # Invariants
//! - No SQL, no HTTP, no serialisation: no type here knows a wire or a table.
//! - No ambient clock, randomness, environment or task: they come in by [`context::Ctx`].
//! - Nothing is written without a [`access::Permit`], and every write is one batch.
//! - No secret and no token in an error, a log line or a `Debug` output.

pub mod id;
pub mod model;
pub mod error;
pub mod limit;
pub mod ports;
pub mod token;
pub mod signer;
mod replays;
mod secret_reads;
pub mod secret_text;
pub mod generate;
pub mod access;
pub mod tally;
pub mod durations;
pub mod key_use;
pub mod audit_chain;
mod difference;
mod memory;
pub mod store_watch;
pub mod context;
pub mod link;
pub mod op;
