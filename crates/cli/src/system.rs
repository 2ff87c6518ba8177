//! The machine: its clock, randomness, environment and signals. Everything else
//! takes them as arguments.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand;
use countersign_core::ports::{Clock, Random};
use countersign_credential::time::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};
use uuid::Uuid;
use zeroize::Zeroize as _;

use crate::exit::Failure;

/// The machine that the command runs on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct System;

/// The signals that ask the process to stop.
#[derive(Debug)]
pub(crate) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

/// The signal by which a service manager asks that files be read again.
#[derive(Debug)]
pub(crate) struct Hangups(Signal);

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

    /// The variables of the environment whose names are text.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the command line reads the environment"
    )]
    pub(crate) fn variables(self) -> BTreeMap<String, OsString> {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect()
    }

    /// Listens for Ctrl-C, and for the SIGTERM that a service manager sends. From
    /// now on neither ends the process by itself.
    ///
    /// # Errors
    /// If the signals cannot be listened for.
    pub(crate) fn stop_signals(self) -> Result<StopSignals, Failure> {
        Ok(StopSignals {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Listens for SIGHUP, which ends the process no more.
    ///
    /// # Errors
    /// If the signal cannot be listened for.
    pub(crate) fn hangups(self) -> Result<Hangups, Failure> {
        listen(SignalKind::hangup()).map(Hangups)
    }

    /// A text that nobody has had before.
    pub(crate) fn random_id(self) -> String {
        Uuid::new_v4().to_string()
    }
}

fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::usage(format!("cannot listen for signals: {error}")))
}

// === impl StopSignals ===

impl StopSignals {
    /// Waits for one of them.
    pub(crate) async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

// === impl Hangups ===

impl Hangups {
    /// Waits for the next one.
    pub(crate) async fn received(&mut self) {
        self.0.recv().await;
    }
}

impl Clock for System {
    fn now(&self) -> Timestamp {
        (*self).now()
    }
}

impl Random for System {
    fn fill(&self, bytes: &mut [u8]) {
        POOL.with_borrow_mut(|pool| pool.fill(bytes));
    }
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool::EMPTY) };
}

/// Randomness that was drawn ahead, for one thread. What is wanted are a few
/// bytes here and there, and drawing some costs as much as drawing many. Bytes
/// that were given away are gone.
struct Pool {
    bytes: [u8; Self::BYTES],
    used: usize,
}

// === impl Pool ===

impl Pool {
    const BYTES: usize = 512;
    const EMPTY: Self = Self {
        bytes: [0; Self::BYTES],
        used: Self::BYTES,
    };

    fn fill(&mut self, wanted: &mut [u8]) {
        if wanted.len() > Self::BYTES - self.used {
            self.used = 0;
            draw(&mut self.bytes);
        }
        let Some(drawn) = self.bytes[self.used..].get_mut(..wanted.len()) else {
            self.used = Self::BYTES;
            draw(wanted);
            return;
        };
        wanted.copy_from_slice(drawn);
        drawn.zeroize();
        self.used += wanted.len();
    }
}

fn draw(bytes: &mut [u8]) {
    rand::fill(bytes).expect("the operating system has randomness to give");
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_byte_is_given_away_twice() {
        let mut seen = HashSet::new();
        for length in [16, 16, 32, 500, 8, 512, 513, 1_000, 16, 511, 16].repeat(20) {
            let mut bytes = vec![0; length];
            System.fill(&mut bytes);
            for part in bytes.chunks_exact(8) {
                assert!(seen.insert(part.to_vec()), "{length}");
            }
        }
        System.fill(&mut []);
    }
}
