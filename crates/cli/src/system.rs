//! The machine: its clock and its randomness. Everything else takes both as
//! arguments.

use std::time::{SystemTime, UNIX_EPOCH};

use countersign_credential::time::Timestamp;
use uuid::Uuid;

/// The machine that the command runs on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct System;

// === impl System ===

impl System {
    /// The time of the machine's clock.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the command line reads the clock"
    )]
    pub(crate) fn now(self) -> Timestamp {
        // A clock before 1970 is wrong; as 1970 it is wrong in a way that every
        // message shows.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_milliseconds(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// A text that nobody has had before.
    pub(crate) fn random_id(self) -> String {
        Uuid::new_v4().to_string()
    }
}
