//! The machine: its clock, randomness, environment and signals. Everything else
//! takes them as arguments.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand;
use countersign_core::ports::{Clock, Random};
use countersign_credential::time::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use uuid::Uuid;

use crate::exit::Failure;

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

    /// Where a person's programs keep their data, by the XDG base directory
    /// specification.
    ///
    /// # Errors
    /// If the environment names no home.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the command line reads the environment"
    )]
    pub(crate) fn data_home(self) -> Result<PathBuf, Failure> {
        let absolute = |name| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        absolute("XDG_DATA_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local").join("share")))
            .ok_or_else(|| {
                Failure::usage("neither XDG_DATA_HOME nor HOME names a folder")
                    .hint("say where with --data-dir")
            })
    }

    /// Waits until somebody presses Ctrl-C, or a service manager sends SIGTERM.
    pub(crate) async fn told_to_stop(self) {
        let terminate = async {
            match signal(SignalKind::terminate()) {
                Ok(mut signal) => {
                    signal.recv().await;
                }
                // Without the handler the default one ends the process.
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = terminate => {}
        }
    }

    /// A text that nobody has had before.
    pub(crate) fn random_id(self) -> String {
        Uuid::new_v4().to_string()
    }
}

impl Clock for System {
    fn now(&self) -> Timestamp {
        (*self).now()
    }
}

impl Random for System {
    fn fill(&self, bytes: &mut [u8]) {
        rand::fill(bytes).expect("the operating system has randomness to give");
    }
}
