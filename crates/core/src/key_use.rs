//! Which keys were used, until it is written down.
//!
//! A use is noted in memory, for the sake of whoever asks later whether a key
//! can go: no call waits for a write because of it. The notes of all keys are
//! written together, at most once in [`limit::KEY_USES_WRITTEN_S`], by
//! [`crate::op::key_uses`]. A node that is killed loses what it noted since.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_credential::key::Kid;
use countersign_credential::time::Timestamp;

use crate::id::{ApiKeyId, ApplicationId};
use crate::limit;

/// A key, of whichever kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum UsedKey {
    /// An API key that was accepted as a bearer.
    Api(ApiKeyId),
    /// An application's signing key that has verified a credential.
    Signing(ApplicationId, Kid),
}

/// A key, and when it was used last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// Which.
    pub key: UsedKey,
    /// When.
    pub at: Timestamp,
}

/// What a node has noted and not yet written.
#[derive(Default)]
pub struct KeyUses(Mutex<Notes>);

#[derive(Default)]
struct Notes {
    /// When notes were last taken to be written.
    taken_at: Option<Timestamp>,
    uses: HashMap<UsedKey, Timestamp>,
}

// === impl KeyUses ===

impl KeyUses {
    /// Notes a use. One that is older than what is noted changes nothing. Past
    /// [`limit::KEY_USES_MAX`] keys, a further key waits for its next use.
    pub fn note(&self, key: UsedKey, at: Timestamp) {
        self.notes().note(key, at);
    }

    /// Takes what is to be written now: nothing, while the last time is less
    /// than [`limit::KEY_USES_WRITTEN_S`] ago.
    pub fn take_due(&self, now: Timestamp) -> Vec<KeyUse> {
        let mut notes = self.notes();
        if notes.uses.is_empty() || !notes.is_due(now) {
            return Vec::new();
        }
        notes.take(now)
    }

    /// Takes all that is noted, due or not.
    pub fn take_all(&self, now: Timestamp) -> Vec<KeyUse> {
        self.notes().take(now)
    }

    /// Takes back what could not be written.
    pub fn put_back(&self, uses: Vec<KeyUse>) {
        let mut notes = self.notes();
        for KeyUse { key, at } in uses {
            notes.note(key, at);
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for KeyUses {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyUses")
    }
}

// === impl Notes ===

impl Notes {
    fn note(&mut self, key: UsedKey, at: Timestamp) {
        let full = self.uses.len() >= limit::KEY_USES_MAX;
        if let Some(noted) = self.uses.get_mut(&key) {
            *noted = at.max(*noted);
        } else if !full {
            self.uses.insert(key, at);
        }
    }

    /// A clock that was set back keeps nothing waiting.
    fn is_due(&self, now: Timestamp) -> bool {
        self.taken_at.is_none_or(|taken_at| {
            let waited_ms = now.milliseconds_since(taken_at);
            !(0..limit::KEY_USES_WRITTEN_S.saturating_mul(1_000)).contains(&waited_ms)
        })
    }

    fn take(&mut self, now: Timestamp) -> Vec<KeyUse> {
        self.taken_at = Some(now);
        let uses = self.uses.drain();
        uses.map(|(key, at)| KeyUse { key, at }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: i64 = 60_000;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(1_800_000_000_000 + milliseconds)
    }

    fn key(number: u16) -> UsedKey {
        let kid = Kid::parse(&format!("key-{number}")).unwrap();
        UsedKey::Signing(ApplicationId::INSTALLATION, kid)
    }

    fn used(number: u16, milliseconds: i64) -> KeyUse {
        KeyUse {
            key: key(number),
            at: at(milliseconds),
        }
    }

    #[test]
    fn uses_are_taken_once_a_minute_and_the_latest_counts() {
        enum Step {
            Note(i64),
            Due(i64, Option<i64>),
            All(i64, Option<i64>),
        }
        use Step::{All, Due, Note};
        let uses = KeyUses::default();
        let check = |taken: Vec<KeyUse>, expected: Option<i64>, step: usize| {
            let expected: Vec<KeyUse> = expected.map(|at| used(1, at)).into_iter().collect();
            assert_eq!(taken, expected, "step {step}");
        };
        for (step, what) in [
            // To be asked for nothing does not begin a minute.
            Due(0, None),
            Note(1),
            Due(2, Some(1)),
            Due(3, None),
            // The second use of one minute is the one that is told, also where they come disordered.
            Note(5),
            Note(9),
            Note(7),
            Due(2 + MINUTE_MS - 1, None),
            Due(2 + MINUTE_MS, Some(9)),
            Due(2 + 2 * MINUTE_MS, None),
            // The end of the node waits for nothing.
            Note(MINUTE_MS),
            Due(3 + MINUTE_MS, None),
            All(4 + MINUTE_MS, Some(MINUTE_MS)),
            All(4 + MINUTE_MS, None),
            // A clock that was set back by an hour does not cost an hour.
            Note(10),
            Due(-60 * MINUTE_MS, Some(10)),
        ]
        .into_iter()
        .enumerate()
        {
            match what {
                Note(when) => uses.note(key(1), at(when)),
                Due(now, expected) => check(uses.take_due(at(now)), expected, step),
                All(now, expected) => check(uses.take_all(at(now)), expected, step),
            }
        }
    }

    #[test]
    fn what_was_put_back_is_taken_again_unless_it_is_known_better() {
        let uses = KeyUses::default();
        for number in [1, 2] {
            uses.note(key(number), at(1));
        }
        let taken = uses.take_due(at(1));
        uses.note(key(2), at(5));
        uses.put_back(taken);
        let mut again = uses.take_all(at(6));
        again.sort_by_key(|used| used.at);
        assert_eq!(again, [used(1, 1), used(2, 5)]);
    }

    #[test]
    fn no_more_keys_are_noted_than_one_batch_writes() {
        let uses = KeyUses::default();
        let max = u16::try_from(limit::KEY_USES_MAX).unwrap();
        for number in 0..=max {
            uses.note(key(number), at(1));
        }
        uses.note(key(0), at(2));
        let taken = uses.take_all(at(3));
        assert_eq!(taken.len(), limit::KEY_USES_MAX);
        assert!(taken.contains(&used(0, 2)));
        assert!(!taken.iter().any(|used| used.key == key(max)));
    }
}
