//! What the engine has done, and what it has before it: for whoever watches it.

use countersign_core::durations::{Distribution, Durations};
use std::sync::atomic::{AtomicU64, Ordering};

/// What the engine has done since it was opened, and what waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Batches that were committed.
    pub batches: u64,
    /// Commits: each is one sync, however many batches it covers.
    pub commits: u64,
    /// Groups of batches that failed as a whole, and were not acknowledged: the disk is full, or
    /// does not do what it is told.
    pub failures: u64,
    /// Connections of the writer: more than one means that one has failed.
    pub connections: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Checkpoints that failed; the log is kept, and grows.
    pub checkpoint_failures: u64,
    /// Pages from which something was wiped that no row held any more.
    pub wiped: u64,
    /// Batches that wait for the writer.
    pub batches_waiting: u64,
    /// Queries that wait for a reader.
    pub queries_waiting: u64,
    /// How long commits took, from the first statement of a group to its end.
    pub commit_durations: Distribution,
    /// How long the last step of commits took, which is the sync.
    pub sync_durations: Distribution,
    /// How much of the write-ahead log was in use at the last commit, in bytes.
    pub log_bytes: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) batches: AtomicU64,
    pub(super) commits: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) connections: AtomicU64,
    pub(super) checkpoints: AtomicU64,
    pub(super) checkpoint_failures: AtomicU64,
    pub(super) wiped: AtomicU64,
    pub(super) commit_durations: Durations,
    pub(super) sync_durations: Durations,
    pub(super) log_bytes: AtomicU64,
}

// === impl Counters ===

impl Counters {
    /// What they say, beside what waits in the queues.
    pub(super) fn read(&self, batches_waiting: usize, queries_waiting: usize) -> Activity {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Activity {
            batches: read(&self.batches),
            commits: read(&self.commits),
            failures: read(&self.failures),
            connections: read(&self.connections),
            checkpoints: read(&self.checkpoints),
            checkpoint_failures: read(&self.checkpoint_failures),
            wiped: read(&self.wiped),
            batches_waiting: batches_waiting as u64,
            queries_waiting: queries_waiting as u64,
            commit_durations: self.commit_durations.read(),
            sync_durations: self.sync_durations.read(),
            log_bytes: read(&self.log_bytes),
        }
    }
}

/// Counts one more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
