//! Epochs: the histories that an installation has told, one after the other.
//!
//! A history that is restored from a backup is another one than was told since
//! that backup was made: the numbers that clients have seen are void, and so is
//! what is known of who logged out, was revoked, or used a credential up.

use countersign_credential::time::Timestamp;

/// One history, from its beginning until another is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch {
    /// What tells it from all others of the installation. Clients and tokens
    /// carry it.
    pub number: u64,
    /// When it began.
    pub began_at: Timestamp,
}

/// The present epoch, and how far back logins count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epochs {
    /// The present one.
    pub present: Epoch,
    /// Logins of earlier ones are void: tokens of users, and credentials that
    /// were issued before it. It is the present one, unless a restore kept
    /// sessions.
    pub logins_since: Epoch,
}

// === impl Epoch ===

impl Epoch {
    /// The one of a new installation.
    pub const FIRST: Self = Self {
        number: 1,
        began_at: Timestamp::from_milliseconds(0),
    };
}

// === impl Epochs ===

impl Epochs {
    /// Those of a new installation.
    pub const FIRST: Self = Self {
        present: Epoch::FIRST,
        logins_since: Epoch::FIRST,
    };

    /// Those that follow when a history is restored which had these. The number
    /// is the time in milliseconds, so that one backup which is restored twice begins
    /// two epochs, and neither is one of those that came between.
    #[must_use]
    pub fn restored(self, now: Timestamp, keep_sessions: bool) -> Self {
        let next = self.present.number.saturating_add(1);
        let present = Epoch {
            number: next.max(u64::try_from(now.milliseconds()).unwrap_or(next)),
            began_at: now,
        };
        Self {
            present,
            logins_since: if keep_sessions {
                self.logins_since
            } else {
                present
            },
        }
    }

    /// Whether a user's token of this epoch is void. A visitor's never is.
    #[must_use]
    pub fn is_void(&self, number: u64) -> bool {
        !(self.logins_since.number..=self.present.number).contains(&number)
    }

    /// Whether a credential that was issued at this moment is void: it may have
    /// been revoked, or used up, in a history that is not known any more.
    #[must_use]
    pub fn is_void_credential(&self, issued_at: Timestamp) -> bool {
        self.logins_since != Epoch::FIRST && issued_at <= self.logins_since.began_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: i64 = 1_790_000_000;

    #[test]
    fn a_backup_that_is_restored_twice_begins_two_epochs() {
        let at = Timestamp::from_seconds;
        let once = Epochs::FIRST.restored(at(T), false);
        assert_eq!(once.present.number, 1_790_000_000_000);
        assert_eq!(once.logins_since, once.present);
        let twice = Epochs::FIRST.restored(at(T + 1), false);
        assert!(twice.is_void(once.present.number) && !twice.is_void(twice.present.number));
        // Neither a clock that stands still nor one that went back repeats a number.
        for now in [T, T - 3_600, -5] {
            let next = once.restored(at(now), false);
            assert_eq!(next.present.number, once.present.number + 1, "{now}");
        }
    }

    #[test]
    fn sessions_that_are_kept_stay_as_they_were() {
        let at = Timestamp::from_seconds;
        let kept = Epochs::FIRST.restored(at(T), true);
        assert!(!kept.is_void(1) && !kept.is_void_credential(at(T - 1)));
        assert_ne!(kept.present, Epoch::FIRST, "what clients have seen is void");
        let ended = kept.restored(at(T + 10), false);
        assert!(ended.is_void(1) && ended.is_void(kept.present.number));
        for (issued_at, void) in [(T, true), (T + 10, true), (T + 11, false)] {
            assert_eq!(ended.is_void_credential(at(issued_at)), void, "{issued_at}");
        }
        assert!(!Epochs::FIRST.is_void(1) && !Epochs::FIRST.is_void_credential(at(-1)));
    }
}
