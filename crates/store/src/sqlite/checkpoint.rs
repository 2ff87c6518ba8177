//! Moves the write-ahead log into the database, on a thread of its own.
//!
//! A checkpoint inside a commit would hold up everyone who waits for the writer. This thread is
//! told how long the log is, and copies past a first mark what can be copied without stopping
//! anyone. Under steady writing that never lets the log start anew, so past a second mark it stops
//! the writer for the little that is left, and cuts the log.

use super::connection::{PAGE_BYTES, open_checkpointer};
use crate::limit;
use rusqlite::Connection;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What the checkpoint thread shall do next.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    wanted: Option<Mode>,
    /// Length of the log when a checkpoint was last wanted, in bytes.
    log_bytes_last: u64,
    stopping: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Passive,
    Truncate,
}

// === impl Checkpoints ===

impl Checkpoints {
    /// The writer has committed, and its log is now so many pages long.
    pub(super) fn log_has(&self, pages: u64) {
        let log_bytes = pages * PAGE_BYTES;
        let mut state = self.lock();
        if log_bytes < state.log_bytes_last {
            // The log has started anew.
            state.log_bytes_last = 0;
        }
        if log_bytes - state.log_bytes_last < limit::LOG_PASSIVE_BYTES {
            return;
        }
        state.log_bytes_last = log_bytes;
        state.wanted = Some(if log_bytes < limit::LOG_TRUNCATE_BYTES {
            Mode::Passive
        } else {
            Mode::Truncate
        });
        drop(state);
        self.changed.notify_one();
    }

    /// The disk is full: the log may be what fills it.
    pub(super) fn make_room(&self) {
        self.lock().wanted = Some(Mode::Truncate);
        self.changed.notify_one();
    }

    /// Ends the thread, after a last checkpoint.
    pub(super) fn stop(&self) {
        self.lock().stopping = true;
        self.changed.notify_one();
    }

    /// The thread. `done` is called after each checkpoint.
    pub(super) fn run(&self, database: &Path, done: impl Fn()) {
        let mut connection = None;
        let mut stopping = false;
        while !stopping {
            let mode;
            (mode, stopping) = self.next();
            // A failed checkpoint loses nothing: the log is kept, and the next one tries again.
            match checkpoint(database, &mut connection, mode) {
                Ok(()) => done(),
                Err(_) => connection = None,
            }
        }
    }

    /// Waits for something to do. The last thing is to truncate, and to stop.
    fn next(&self) -> (Mode, bool) {
        let mut state = self.lock();
        loop {
            if state.stopping {
                return (Mode::Truncate, true);
            }
            if let Some(mode) = state.wanted.take() {
                return (mode, false);
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn checkpoint(
    database: &Path,
    connection: &mut Option<Connection>,
    mode: Mode,
) -> rusqlite::Result<()> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(open_checkpointer(database)?),
    };
    // Always first, so that the mode that stops the writer finds little left to copy.
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    if mode == Mode::Truncate {
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_the_log() {
        const PASSIVE: u64 = limit::LOG_PASSIVE_BYTES / PAGE_BYTES;
        const TRUNCATE: u64 = limit::LOG_TRUNCATE_BYTES / PAGE_BYTES;
        let checkpoints = Checkpoints::default();
        let check = |pages: u64, expected: Option<Mode>| {
            checkpoints.log_has(pages);
            assert_eq!(checkpoints.lock().wanted.take(), expected, "{pages} pages");
        };
        check(PASSIVE - 1, None);
        check(PASSIVE, Some(Mode::Passive));
        check(PASSIVE + 1, None);
        check(2 * PASSIVE, Some(Mode::Passive));
        check(3, None);
        check(PASSIVE + 3, Some(Mode::Passive));
        check(TRUNCATE, Some(Mode::Truncate));
        check(TRUNCATE + 1, None);
        check(TRUNCATE + PASSIVE, Some(Mode::Truncate));
    }
}
