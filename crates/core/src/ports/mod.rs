//! The ports: what the domain asks of the world.
//!
//! Everything that is not a decision comes in through here, so that a test can
//! set the time, fix the randomness, and use a store in a temporary folder.

pub mod change;
pub mod store;
pub mod upkeep;
pub mod fanout;
pub mod passwords;

use std::fmt;

use countersign_credential::time::Timestamp;

/// The wall clock.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time of this moment.
    fn now(&self) -> Timestamp;
}

/// A source of bytes that nobody can guess.
pub trait Random: Send + Sync {
    /// Fills the slice.
    fn fill(&self, bytes: &mut [u8]);
}
