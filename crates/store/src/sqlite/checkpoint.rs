//! Moves the write-ahead log into the database, on a thread of its own.
//!
//! A checkpoint inside a commit would hold up everyone who waits for the writer. This thread is
//! told how long the log is, and copies past a first mark what can be copied without stopping
//! anyone. Under steady writing that never lets the log start anew, so past a second mark it stops
//! the writer for the little that is left, and has the log begin anew.
//!
//! Where somebody reads for long, nothing beyond what they see can be copied, and the log grows until
//! they are done.
//!
//! The log's file is written over then, and not cut: a file system takes up to a fifth of a second
//! for 64 MiB, during which no sync ends, and every block that is asked for again makes a sync dearer.
//!
//! A system that could not write pages back says so to one sync, and may forget the pages: the next
//! sync succeeds, and must not be believed. SQLite notes how much of the log was copied before it
//! has synced that, wherever a checkpoint does not reach the end of the log. So after a failure all
//! connections are closed at once, which drops that note, and the whole log is copied again.

use super::Shared;
use super::activity::count;
use super::connection::{PAGE_BYTES, close_last, open_checkpointer};
use crate::limit;
use rusqlite::{Connection, ErrorCode};
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
    /// Whether the last checkpoint that was to cut the log did, once it has been tried.
    cut: Option<bool>,
    stopping: bool,
}

/// What a checkpoint does; each does what those before it do, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mode {
    /// Copies what can be copied without stopping anyone.
    Passive,
    /// Has the log begin anew, too.
    Restart,
    /// Gives the log's file back.
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
        let wanted = if log_bytes < limit::LOG_RESTART_BYTES {
            Mode::Passive
        } else {
            Mode::Restart
        };
        // Whoever found the disk full is not forgotten for it.
        state.wanted = state.wanted.max(Some(wanted));
        drop(state);
        self.changed.notify_all();
    }

    /// The disk is full: the log may be what fills it.
    pub(super) fn make_room(&self) {
        self.lock().wanted = Some(Mode::Truncate);
        self.changed.notify_all();
    }

    /// Has the log moved and cut, and says whether it was: whoever reads or writes may have kept it
    /// from that. One at a time may ask.
    pub(super) fn cut_log(&self) -> bool {
        let mut state = self.lock();
        state.cut = None;
        state.wanted = Some(Mode::Truncate);
        self.changed.notify_all();
        while state.cut.is_none() && !state.stopping {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.cut == Some(true)
    }

    /// Whether the thread is to end.
    pub(super) fn is_stopping(&self) -> bool {
        self.lock().stopping
    }

    /// Ends the thread, after a last checkpoint.
    pub(super) fn stop(&self) {
        self.lock().stopping = true;
        self.changed.notify_all();
    }

    /// The thread.
    pub(super) fn run(&self, shared: &Shared) {
        let mut connection = None;
        let mut stopping = false;
        while !stopping {
            let mode;
            (mode, stopping) = self.next();
            match checkpoint(&shared.database, &mut connection, mode) {
                Ok(complete) => {
                    count(&shared.counters.checkpoints);
                    self.tried(mode, complete);
                }
                // A failed checkpoint loses nothing: the log is kept, and the next one tries again.
                Err(error) => {
                    count(&shared.counters.checkpoint_failures);
                    connection = None;
                    self.tried(mode, false);
                    if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) {
                        shared.reopen_all();
                    }
                }
            }
        }
        let _alone = shared.connections.wait_until_closed();
        if let Some(connection) = connection {
            // Where it fails the log stays, and whoever opens the database next finds it.
            drop(close_last(connection));
        }
    }

    fn tried(&self, mode: Mode, complete: bool) {
        if mode == Mode::Truncate {
            self.lock().cut = Some(complete);
            self.changed.notify_all();
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

/// Does a checkpoint, and says whether all of it was done: who reads, or writes, may be in the way.
fn checkpoint(
    database: &Path,
    connection: &mut Option<Connection>,
    mode: Mode,
) -> rusqlite::Result<bool> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(open_checkpointer(database)?),
    };
    // Always first, so that the modes that stop the writer find little left to copy.
    let passive = "PRAGMA wal_checkpoint(PASSIVE)";
    let steps: &[&str] = match mode {
        Mode::Passive => &[passive],
        Mode::Restart => &[passive, "PRAGMA wal_checkpoint(RESTART)"],
        Mode::Truncate => &[passive, "PRAGMA wal_checkpoint(TRUNCATE)"],
    };
    let mut busy: i64 = 0;
    for step in steps {
        let left_bytes = connection.query_row(step, [], |row| {
            busy = row.get(0)?;
            let pages: i64 = row.get::<_, i64>(1)? - row.get::<_, i64>(2)?;
            Ok(u64::try_from(pages).unwrap_or(0) * PAGE_BYTES)
        })?;
        // Somebody reads for long, such as a backup: the log cannot begin anew before they are done,
        // and the writer would be stopped only to wait for them in vain.
        if mode == Mode::Restart && left_bytes >= limit::LOG_PASSIVE_BYTES {
            break;
        }
    }
    Ok(busy == 0)
}

#[cfg(test)]
mod tests {
    use super::super::connection::{open_reader, open_writer};
    use super::super::{Options, Sqlite};
    use super::*;
    use crate::engine::{Engine as _, Statement};
    use std::fs;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn marks_of_the_log() {
        const PASSIVE: u64 = limit::LOG_PASSIVE_BYTES / PAGE_BYTES;
        const RESTART: u64 = limit::LOG_RESTART_BYTES / PAGE_BYTES;
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
        check(RESTART, Some(Mode::Restart));
        check(RESTART + 1, None);
        check(RESTART + PASSIVE, Some(Mode::Restart));

        // A full disk wants the file back, whatever is committed meanwhile.
        checkpoints.make_room();
        check(RESTART + 2 * PASSIVE, Some(Mode::Truncate));
    }

    static WAITED: AtomicU32 = AtomicU32::new(0);

    fn waits(_: i32) -> bool {
        WAITED.fetch_add(1, Ordering::Relaxed);
        false
    }

    #[test]
    fn the_writer_is_not_stopped_for_one_who_reads_for_long() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("database");
        fs::write(&database, "").unwrap();
        let writer = open_writer(&database, None).unwrap();
        writer.execute_batch("CREATE TABLE t (a BLOB)").unwrap();
        let reading = open_reader(&database).unwrap();
        reading
            .execute_batch("BEGIN; SELECT count(*) FROM t")
            .unwrap();
        let checkpoint_waits = |bytes: u64| {
            let bytes = i64::try_from(bytes).unwrap();
            writer
                .execute("INSERT INTO t VALUES (zeroblob(?1))", [bytes])
                .unwrap();
            let mut connection = open_checkpointer(&database).unwrap();
            connection.busy_handler(Some(waits)).unwrap();
            WAITED.store(0, Ordering::Relaxed);
            checkpoint(&database, &mut Some(connection), Mode::Restart).unwrap();
            WAITED.load(Ordering::Relaxed) > 0
        };
        assert!(checkpoint_waits(1), "they may be done at once");
        assert!(!checkpoint_waits(limit::LOG_PASSIVE_BYTES), "a backup");
    }

    #[tokio::test]
    async fn what_was_copied_before_a_failed_sync_is_copied_again() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Sqlite::open(folder.path(), Options::default(), &[]).await;
        let engine = engine.unwrap();
        let database = &engine.shared.database;
        let made = open_writer(database, None).unwrap();
        made.execute_batch("CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)")
            .unwrap();
        drop(made);
        let synced = fs::read(database).unwrap();

        // One who reads keeps the first checkpoint from the end of the log.
        let reading = open_reader(database).unwrap();
        reading
            .execute_batch("BEGIN; SELECT count(*) FROM t")
            .unwrap();
        let insert = || Statement::new("INSERT INTO t VALUES ($1)", [2.into()]);
        engine.write(insert().into()).await.unwrap();
        let mut connection = None;
        checkpoint(database, &mut connection, Mode::Passive).unwrap();
        assert_ne!(fs::read(database).unwrap(), synced, "nothing was copied");
        drop((connection, reading));

        // The system forgets what was not synced, and has told of it.
        fs::write(database, synced).unwrap();
        let reopened = engine.activity().connections;
        engine.shared.reopen_all();
        checkpoint(database, &mut None, Mode::Truncate).unwrap();
        engine.write(insert().into()).await.unwrap();
        assert_eq!(engine.activity().connections, reopened + 1);
        engine.close().await;

        let found = open_reader(database).unwrap();
        let sum: i64 = found
            .query_row("SELECT sum(a) FROM t", [], |row| row.get(0))
            .unwrap();
        assert_eq!(sum, 5);
        let verdict: String = found
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(verdict, "ok");
    }
}
