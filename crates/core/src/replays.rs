//! Signed requests that this node has had: each is made once.
//!
//! A request says when it was made, and is believed for a bounded time around
//! that; so long it is remembered. Should there be more than there is room for,
//! who has signed the most pays: the oldest of theirs are forgotten, and whatever
//! they say is as old is refused from then on. Under pressure the time shrinks in
//! which they are believed, nobody else notices, and no request is ever taken
//! twice. A node that begins anew knows of none.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use countersign_credential::time::Timestamp;

use crate::id::{ApplicationId, SessionId};
use crate::limit::{SIGNED_REMEMBERED_MAX, SIGNED_S_MAX};

/// As much of a MAC as tells it from all others.
const MARK_BYTES: usize = 16;

/// The requests of a node.
#[derive(Debug, Default)]
pub(crate) struct Replays(Mutex<Known>);

/// Whose secret a request is signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum SignedBy {
    /// One session's.
    Session(SessionId),
    /// An application's own.
    Application(ApplicationId),
}

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
    signers: HashMap<SignedBy, Requests>,
    /// When each signer is to be looked at again, since something of it is over.
    due: BTreeSet<(i64, SignedBy)>,
    /// How much each signer has, the most last.
    sizes: BTreeSet<(usize, SignedBy)>,
    count: usize,
}

/// The requests of one signer.
#[derive(Debug, Default)]
struct Requests {
    marks: BTreeSet<(i64, [u8; MARK_BYTES])>,
    /// What was made at this moment, or earlier, may have been forgotten.
    forgotten: Option<i64>,
}

// === impl Replays ===

impl Replays {
    /// Remembers a request whose MAC is good.
    pub(crate) fn note(
        &self,
        by: SignedBy,
        made_at: Timestamp,
        mac: &[u8; 32],
        now: Timestamp,
    ) -> Verdict {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.note((by, made_at, mac), now, SIGNED_REMEMBERED_MAX)
    }

    /// How many are remembered.
    pub(crate) fn len(&self) -> usize {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.count
    }
}

// === impl Known ===

impl Known {
    fn note(
        &mut self,
        (by, made_at, mac): (SignedBy, Timestamp, &[u8; 32]),
        now: Timestamp,
        room: usize,
    ) -> Verdict {
        let believed_since = now.plus_seconds(-SIGNED_S_MAX).milliseconds();
        while let Some((at, signer)) = self.due.first().copied()
            && at < believed_since
        {
            self.change(signer, |requests| requests.end(believed_since));
        }
        let mut mark = [0; MARK_BYTES];
        mark.copy_from_slice(&mac[..MARK_BYTES]);
        let made_at = made_at.milliseconds();
        let verdict = self.change(by, |requests| requests.note(made_at, mark));
        while self.count > room
            && let Some((_, most)) = self.sizes.last().copied()
        {
            self.change(most, Requests::forget_oldest);
        }
        verdict
    }

    /// Changes what is known of a signer; of whom nothing is left, nothing is kept.
    fn change<T>(&mut self, by: SignedBy, change: impl FnOnce(&mut Requests) -> T) -> T {
        let mut requests = self.signers.remove(&by).unwrap_or_default();
        if let Some(due) = requests.due() {
            self.due.remove(&(due, by));
            self.sizes.remove(&(requests.marks.len(), by));
            self.count -= requests.marks.len();
        }
        let changed = change(&mut requests);
        if let Some(due) = requests.due() {
            self.due.insert((due, by));
            self.sizes.insert((requests.marks.len(), by));
            self.count += requests.marks.len();
            self.signers.insert(by, requests);
        }
        changed
    }
}

// === impl Requests ===

impl Requests {
    /// The moment at which the first of it was made; none where there is nothing.
    fn due(&self) -> Option<i64> {
        let oldest = self.marks.first().map(|(at, _)| *at);
        self.forgotten.into_iter().chain(oldest).min()
    }

    fn note(&mut self, made_at: i64, mark: [u8; MARK_BYTES]) -> Verdict {
        if self.forgotten.is_some_and(|forgotten| made_at <= forgotten) {
            Verdict::TooOldToTell
        } else if self.marks.insert((made_at, mark)) {
            Verdict::New
        } else {
            Verdict::Again
        }
    }

    /// Lets go what nobody is believed any more.
    fn end(&mut self, believed_since: i64) {
        self.marks = self.marks.split_off(&(believed_since, [0; MARK_BYTES]));
        self.forgotten = self.forgotten.filter(|at| *at >= believed_since);
    }

    fn forget_oldest(&mut self) {
        if let Some((at, _)) = self.marks.pop_first() {
            self.forgotten = Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: i64 = 1_800_000_000;

    fn signer(number: u8) -> SignedBy {
        SignedBy::Session(SessionId::from_bytes([number; 16]))
    }

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
            let request = (signer(1), at(made_s), &[mac; 32]);
            let found = known.note(request, at(now_s), 10);
            assert_eq!(found, expected, "{made_s} {mac} {now_s}");
        }
        assert_eq!(known.count, 1, "what is over is forgotten");
    }

    #[test]
    fn what_is_too_much_shrinks_the_time_and_lets_nothing_in_twice() {
        let mut known = Known::default();
        let note = |known: &mut Known, made_s: i64| {
            let mac = [u8::try_from(made_s).unwrap(); 32];
            known.note((signer(1), at(made_s), &mac), at(0), 3)
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
        assert_eq!(known.count, 3);
    }

    #[test]
    fn who_signs_the_most_pays_for_it() {
        let mut known = Known::default();
        let mut note = |by: u8, made_s: i64| {
            let mac = [u8::try_from(made_s).unwrap(); 32];
            known.note((signer(by), at(made_s), &mac), at(100), 8)
        };
        for made_s in [5, 6] {
            assert_eq!(note(1, made_s), Verdict::New);
        }
        // The flood says that it is of later, so that all else is older.
        for made_s in 20..90 {
            assert_eq!(note(2, made_s), Verdict::New);
        }
        assert_eq!(note(1, 7), Verdict::New);
        for made_s in [5, 6, 7] {
            assert_eq!(note(1, made_s), Verdict::Again);
        }
        assert_eq!(note(2, 40), Verdict::TooOldToTell);
        assert_eq!(note(2, 89), Verdict::Again);
        // A bystander who has signed nothing yet is believed as ever.
        assert_eq!(note(3, 1), Verdict::New);
        assert_eq!(known.count, 8);
        // Nobody is kept who has nothing.
        let later = at(100 + 2 * SIGNED_S_MAX);
        known.note((signer(4), later, &[0; 32]), later, 8);
        assert_eq!((known.count, known.signers.len()), (1, 1));
        assert_eq!((known.due.len(), known.sizes.len()), (1, 1));
    }
}
