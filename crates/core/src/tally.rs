//! What was done, in numbers: for whoever watches the node.
//!
//! A number is told apart by words of the program alone. That a label is
//! `&'static str` is what keeps ids, names and tokens out of the metrics.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use countersign_credential::dialect::Dialect;
use countersign_credential::time::Timestamp;

use crate::error::Error;
use crate::ports::change::Committed;
use crate::ports::upkeep::Remains;

/// The numbers of one node since it was started.
#[derive(Debug, Default)]
pub struct Tally {
    logins: Counts<(&'static str, &'static str)>,
    sessions_ended: Counts<&'static str>,
    removed: Counts<&'static str>,
    /// In milliseconds; 0 before the first.
    cleaned_at: AtomicI64,
}

/// How somebody came to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// With a credential of this dialect.
    Credential(Dialect),
    /// With a text of no dialect.
    Unreadable,
    /// As a visitor.
    Anonymous,
}

/// Numbers by a few labels. Such events are rare beside a lock.
#[derive(Debug, Default)]
struct Counts<K>(Mutex<BTreeMap<K, u64>>);

// === impl Tally ===

impl Tally {
    /// Notes a login, by its outcome in a word or its refusal.
    pub fn login(&self, way: Way, outcome: Result<&'static str, &Error>) {
        let outcome = outcome.unwrap_or_else(|error| error.code.as_str());
        self.logins.add((way.as_str(), outcome), 1);
    }

    /// Notes what a commit has ended and removed.
    pub fn committed(&self, committed: &Committed) {
        for (why, sessions) in &committed.ended {
            self.sessions_ended.add(why.as_str(), *sessions);
        }
        self.removed(&committed.removed);
    }

    /// Notes what was removed for good.
    pub fn removed(&self, removed: &[(Remains, u64)]) {
        for (what, rows) in removed {
            self.removed.add(what.as_str(), *rows);
        }
    }

    /// Notes that the janitor has come through a run.
    pub fn cleaned(&self, at: Timestamp) {
        self.cleaned_at.store(at.milliseconds(), Ordering::Relaxed);
    }

    /// The logins by dialect and outcome.
    pub fn logins(&self) -> BTreeMap<(&'static str, &'static str), u64> {
        self.logins.read()
    }

    /// What the janitor has removed, by kind.
    pub fn all_removed(&self) -> BTreeMap<&'static str, u64> {
        self.removed.read()
    }

    /// When the janitor last came through a run; 1970 before the first.
    pub fn cleaned_at(&self) -> Timestamp {
        Timestamp::from_milliseconds(self.cleaned_at.load(Ordering::Relaxed))
    }

    /// The ended sessions by reason.
    pub fn sessions_ended(&self) -> BTreeMap<&'static str, u64> {
        self.sessions_ended.read()
    }
}

// === impl Way ===

impl Way {
    fn as_str(self) -> &'static str {
        match self {
            Self::Credential(dialect) => dialect.as_str(),
            Self::Unreadable => "unreadable",
            Self::Anonymous => "anonymous",
        }
    }
}

// === impl Counts ===

impl<K: Ord + Clone> Counts<K> {
    fn add(&self, labels: K, more: u64) {
        if more > 0 {
            let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(labels).or_default();
            *count = count.saturating_add(more);
        }
    }

    fn read(&self) -> BTreeMap<K, u64> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.clone()
    }
}
