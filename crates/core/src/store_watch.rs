//! Whether this node sees the store, and which revocations it has heard of.
//!
//! What a node remembers is only as good as the notices that end it, and a
//! notice can be lost. So the store is looked at every second, for revocations
//! that nobody told of. A node whose look has not succeeded for
//! [`limit::STORE_UNSEEN_S_MAX`] no longer knows what was revoked, and gives
//! nothing away that it only remembers. [`crate::op::store_watch`] is who looks;
//! where nobody does, as in a program that serves nothing, nothing is withheld.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_credential::time::Timestamp;

use crate::error::Error;
use crate::id::ApplicationId;
use crate::limit;
use crate::model::revocation::{Revocation, Target};

/// What stands in for the moment of the last look before the first.
const NOBODY_LOOKS: i64 = i64::MIN;

/// What a node knows of the store's presence.
pub struct StoreWatch {
    /// When the store was seen last, in milliseconds.
    seen_at: AtomicI64,
    gaps: AtomicU64,
    /// What was heard of, and when that row was made.
    heard: Mutex<HashMap<(ApplicationId, Target), Timestamp>>,
}

/// Why a call is refused that could have been answered from memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this node has not seen the store for more than {} s",
    limit::STORE_UNSEEN_S_MAX
)]
pub struct Unseen(());

// === impl StoreWatch ===

impl StoreWatch {
    /// Whether the store was seen lately enough to go by what is remembered.
    pub fn is_seen(&self, now: Timestamp) -> bool {
        let seen_at = self.seen_at.load(Ordering::Acquire);
        let age_ms = now.milliseconds().saturating_sub(seen_at);
        // A clock that was set back by a moment has not lost the store.
        seen_at == NOBODY_LOOKS || age_ms.unsigned_abs() <= limit::STORE_UNSEEN_S_MAX * 1_000
    }

    /// How long ago the store was seen; where nobody looks, no time at all.
    pub fn unseen_for(&self, now: Timestamp) -> Duration {
        let seen_at = self.seen_at.load(Ordering::Acquire);
        if seen_at == NOBODY_LOOKS {
            return Duration::ZERO;
        }
        let age_ms = now.milliseconds().saturating_sub(seen_at);
        Duration::from_millis(u64::try_from(age_ms).unwrap_or(0))
    }

    /// Refuses where the store was not seen lately enough.
    ///
    /// # Errors
    /// `unavailable`.
    pub fn check(&self, now: Timestamp) -> Result<(), Error> {
        if self.is_seen(now) {
            Ok(())
        } else {
            Err(Error::unavailable(Unseen(())))
        }
    }

    /// How often this node may have missed a revocation: whenever it sees the
    /// store again after it had not, and where more was revoked at once than
    /// it reads. Whoever goes by an earlier check of a session, as an open
    /// socket does, is told then to make it again, before the store counts as
    /// seen: [`Listener::doubt_all`](crate::ports::fanout::Listener::doubt_all).
    pub fn gaps(&self) -> u64 {
        self.gaps.load(Ordering::Acquire)
    }

    /// Notes a revocation of which this node was told.
    pub(crate) fn hear(&self, application: ApplicationId, revocation: &Revocation) {
        let mut heard = self.heard();
        let key = (application, revocation.target.clone());
        // What finds no room is heard once more, which costs a read here and there.
        if heard.len() < limit::REVOCATIONS_HEARD_MAX || heard.contains_key(&key) {
            let made_at = heard.entry(key).or_insert(revocation.made_at);
            *made_at = revocation.made_at.max(*made_at);
        }
    }

    /// Begins to count from this moment, if nobody has looked before, and
    /// answers when the store was seen last.
    pub(crate) fn begin(&self, now: Timestamp) -> Timestamp {
        let begun = self.seen_at.compare_exchange(
            NOBODY_LOOKS,
            now.milliseconds(),
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        begun.err().map_or(now, Timestamp::from_milliseconds)
    }

    /// Keeps those of which nobody told, and forgets what was heard of rows
    /// that are too old to be read again.
    pub(crate) fn keep_unheard(
        &self,
        since: Timestamp,
        found: &mut Vec<(ApplicationId, Revocation)>,
    ) {
        let mut heard = self.heard();
        heard.retain(|_, made_at| *made_at >= since);
        found.retain(|(application, revocation)| {
            let known = heard.get(&(*application, revocation.target.clone()));
            known.is_none_or(|made_at| *made_at < revocation.made_at)
        });
    }

    /// Notes that something may have been missed.
    pub(crate) fn note_gap(&self) {
        self.gaps.fetch_add(1, Ordering::AcqRel);
    }

    /// Notes that the store was seen at a moment.
    pub(crate) fn note_seen(&self, at: Timestamp) {
        self.seen_at.store(at.milliseconds(), Ordering::Release);
    }

    fn heard(&self) -> MutexGuard<'_, HashMap<(ApplicationId, Target), Timestamp>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for StoreWatch {
    fn default() -> Self {
        Self {
            seen_at: AtomicI64::new(NOBODY_LOOKS),
            gaps: AtomicU64::new(0),
            heard: Mutex::default(),
        }
    }
}

impl fmt::Debug for StoreWatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StoreWatch")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(1_800_000_000_000 + milliseconds)
    }

    fn revoked(number: u8, made_at: i64) -> (ApplicationId, Revocation) {
        let revocation = Revocation {
            target: Target::Digest([number; 32]),
            before: at(made_at),
            made_at: at(made_at),
            forget_at: at(made_at + 1),
        };
        (ApplicationId::from_bytes([number % 2; 16]), revocation)
    }

    #[test]
    fn the_store_is_out_of_sight_after_five_seconds() {
        let watch = StoreWatch::default();
        assert!(watch.is_seen(at(0)), "nobody looks");
        assert_eq!(watch.unseen_for(at(0)), Duration::ZERO);
        assert_eq!(watch.begin(at(0)), at(0));
        for (now, expected) in [
            (0, true),
            (5_000, true),
            (5_001, false),
            (-5_000, true),
            (-5_001, false),
        ] {
            assert_eq!(watch.is_seen(at(now)), expected, "{now}");
            assert_eq!(watch.check(at(now)).is_ok(), expected, "{now}");
        }
        assert_eq!(watch.begin(at(9_000)), at(0), "it has begun already");
        assert!(!watch.is_seen(at(9_000)));
        assert_eq!(watch.unseen_for(at(9_000)), Duration::from_secs(9));
        assert_eq!(watch.unseen_for(at(-1)), Duration::ZERO, "a clock set back");
        watch.note_seen(at(9_000));
        assert!(watch.is_seen(at(14_000)) && !watch.is_seen(at(14_001)));
    }

    #[test]
    fn what_was_heard_is_kept_back_until_it_moves_ahead() {
        let watch = StoreWatch::default();
        let unheard = |rows: &[(ApplicationId, Revocation)], since| {
            let mut rows = rows.to_vec();
            watch.keep_unheard(at(since), &mut rows);
            rows
        };
        let rows = [revoked(1, 10), revoked(2, 11), revoked(3, 12)];
        assert_eq!(unheard(&rows, 0), rows);
        let (application, revocation) = &rows[1];
        watch.hear(*application, revocation);
        assert_eq!(unheard(&rows, 0), [rows[0].clone(), rows[2].clone()]);
        // The same digest of another application is another one.
        let foreign = (ApplicationId::from_bytes([7; 16]), revocation.clone());
        let foreign = [foreign];
        assert_eq!(unheard(&foreign, 0), foreign);
        let moved = [revoked(2, 13)];
        assert_eq!(unheard(&moved, 0), moved);
        let [moved] = moved;
        watch.hear(moved.0, &moved.1);
        watch.hear(*application, revocation);
        assert_eq!(unheard(&[moved, rows[1].clone()], 0), []);
        // What is too old to be read again is not remembered.
        assert_eq!(unheard(&[], 14), []);
        assert_eq!(watch.heard().len(), 0);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let watch = StoreWatch::default();
        let application = ApplicationId::from_bytes([1; 16]);
        for number in 0..=limit::REVOCATIONS_HEARD_MAX {
            let revocation = Revocation {
                target: Target::jti(application, &number.to_string()),
                ..revoked(1, 10).1
            };
            watch.hear(application, &revocation);
        }
        assert_eq!(watch.heard().len(), limit::REVOCATIONS_HEARD_MAX);
    }
}
