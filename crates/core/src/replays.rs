//! Signed requests that this node has had: each is made once.
//!
//! A request says when it was made, and is believed for a bounded time around
//! that; so long it is remembered. Should there be more than there is room for,
//! the oldest are forgotten, and whatever says that it is as old is refused from
//! then on: under pressure the time shrinks in which a request is believed, and
//! none is ever taken twice. A node that begins anew knows of none.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use countersign_credential::time::Timestamp;

use crate::limit::{SIGNED_REMEMBERED_MAX, SIGNED_S_MAX};

/// As much of a MAC as tells it from all others.
const MARK_BYTES: usize = 16;

/// The requests of a node.
#[derive(Debug, Default)]
pub(crate) struct Replays(Mutex<Known>);

/// What is said of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was not there before.
    New,
    /// It was.
    Again,
    /// Whether it was is forgotten.
    TooOldToTell,
}

#[derive(Debug, Default)]
struct Known {
    requests: BTreeSet<(i64, [u8; MARK_BYTES])>,
    /// What was made at this moment, or earlier, may have been forgotten.
    forgotten: Option<i64>,
}

// === impl Replays ===

impl Replays {
    /// Remembers a request whose MAC is good.
    pub(crate) fn note(&self, made_at: Timestamp, mac: &[u8; 32], now: Timestamp) -> Verdict {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.note(made_at, mac, now, SIGNED_REMEMBERED_MAX)
    }

    /// How many are remembered.
    pub(crate) fn len(&self) -> usize {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.requests.len()
    }
}

// === impl Known ===

impl Known {
    fn note(&mut self, made_at: Timestamp, mac: &[u8; 32], now: Timestamp, room: usize) -> Verdict {
        let believed_since = now.plus_seconds(-SIGNED_S_MAX).milliseconds();
        let is_past = |at: i64| at < believed_since;
        while self.requests.first().is_some_and(|(at, _)| is_past(*at)) {
            self.requests.pop_first();
        }
        let made_at = made_at.milliseconds();
        if self.forgotten.is_some_and(|forgotten| made_at <= forgotten) {
            return Verdict::TooOldToTell;
        }
        let mut mark = [0; MARK_BYTES];
        mark.copy_from_slice(&mac[..MARK_BYTES]);
        if !self.requests.insert((made_at, mark)) {
            return Verdict::Again;
        }
        while self.requests.len() > room
            && let Some((at, _)) = self.requests.pop_first()
        {
            self.forgotten = Some(at);
        }
        Verdict::New
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: i64 = 1_800_000_000;

    fn at(after_s: i64) -> Timestamp {
        Timestamp::from_seconds(NOW_S + after_s)
    }

    #[test]
    fn a_request_is_new_once() {
        let mut known = Known::default();
        for (made_s, mac, now_s, expected) in [
            (0, 1, 0, Verdict::New),
            (0, 1, 0, Verdict::Again),
            (0, 2, 0, Verdict::New),
            (1, 1, 0, Verdict::New),
            (0, 1, SIGNED_S_MAX, Verdict::Again),
            (SIGNED_S_MAX, 3, 0, Verdict::New),
            (SIGNED_S_MAX, 3, 2 * SIGNED_S_MAX, Verdict::Again),
        ] {
            let found = known.note(at(made_s), &[mac; 32], at(now_s), 10);
            assert_eq!(found, expected, "{made_s} {mac} {now_s}");
        }
        assert_eq!(known.requests.len(), 1, "what is over is forgotten");
    }

    #[test]
    fn what_is_too_much_shrinks_the_time_and_lets_nothing_in_twice() {
        let mut known = Known::default();
        let note = |known: &mut Known, made_s: i64| {
            let mac = [u8::try_from(made_s).unwrap(); 32];
            known.note(at(made_s), &mac, at(0), 3)
        };
        for made_s in [2, 4, 6, 8, 9] {
            assert_eq!(note(&mut known, made_s), Verdict::New);
        }
        for (made_s, expected) in [
            (2, Verdict::TooOldToTell),
            (3, Verdict::TooOldToTell),
            (4, Verdict::TooOldToTell),
            (5, Verdict::New),
            (6, Verdict::Again),
            (8, Verdict::Again),
        ] {
            assert_eq!(note(&mut known, made_s), expected, "{made_s}");
        }
        assert_eq!(known.requests.len(), 3);
    }
}
