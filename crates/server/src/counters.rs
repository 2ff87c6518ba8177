//! Counts what may be done only so often, for many at once.
//!
//! For each of them one moment is remembered: when what was done so far is worn
//! off. Doing it moves the moment ahead by one interval, and is refused where
//! that would be further ahead than a burst (the generic cell rate algorithm of
//! ITU-T I.371). So nothing runs in the background, and whose moment has passed
//! can be forgotten without a difference.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_core::limit::{self, Rate, Tries};
use countersign_credential::time::Timestamp;

/// Parts that are locked apart from each other.
const SHARDS: usize = 16;
/// How often a full part is searched for those that can be forgotten.
const SWEEP_US: i64 = 1_000_000;
const SECOND_US: i64 = 1_000_000;

/// How much may be done at once, and how fast that comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    burst: u32,
    interval_us: i64,
}

/// What is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// What may be done at once.
    pub(crate) limit: u32,
    /// What is left of that.
    pub(crate) remaining: u32,
    /// Seconds until all is there again.
    pub(crate) reset_s: u64,
    /// Seconds until the next time, where this one is refused.
    pub(crate) retry_s: Option<u64>,
}

/// Those who are counted on a node.
#[derive(Debug)]
pub(crate) struct Counters<K> {
    /// Stands for everybody for whom there is no room.
    crowd: K,
    hasher: RandomState,
    shards: [Mutex<Shard<K>>; SHARDS],
}

#[derive(Debug)]
struct Shard<K> {
    /// When what somebody did is worn off, in microseconds.
    worn_off: HashMap<K, i64>,
    swept_at: i64,
}

// === impl Pace ===

impl Pace {
    fn burst_us(self) -> i64 {
        self.interval_us * i64::from(self.burst)
    }
}

impl From<Rate> for Pace {
    fn from(rate: Rate) -> Self {
        let interval_us = SECOND_US / i64::from(rate.per_second.get());
        Self {
            burst: rate.burst.get(),
            interval_us: interval_us.max(1),
        }
    }
}

impl From<Tries> for Pace {
    fn from(tries: Tries) -> Self {
        Self {
            burst: tries.burst.get(),
            interval_us: SECOND_US * i64::from(tries.each_s.get()),
        }
    }
}

// === impl Counters ===

impl<K: Copy + Eq + Hash> Counters<K> {
    pub(crate) fn new(crowd: K) -> Self {
        let empty = || {
            Mutex::new(Shard {
                worn_off: HashMap::new(),
                swept_at: 0,
            })
        };
        Self {
            crowd,
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| empty()),
        }
    }

    /// A number for a text, which nobody can aim at another's.
    pub(crate) fn number_of(&self, text: impl Hash) -> u64 {
        self.hasher.hash_one(text)
    }

    /// Counts once, unless that is once too often. `pace` is told who is counted: it
    /// may be the crowd.
    pub(crate) fn take(&self, who: K, pace: impl Fn(K) -> Pace, now: Timestamp) -> Allowance {
        let now = microseconds(now);
        let mut shard = self.shard(who);
        let who = shard.admitted(who, self.crowd, now);
        let worn_off = shard.worn_off.entry(who).or_insert(now);
        let (next, allowance) = judged(*worn_off, now, pace(who));
        *worn_off = next;
        allowance
    }

    /// Makes it as if there had been once less.
    pub(crate) fn give_back(&self, who: K, pace: Pace) {
        let mut shard = self.shard(who);
        if let Some(worn_off) = shard.worn_off.get_mut(&who) {
            *worn_off = worn_off.saturating_sub(pace.interval_us);
        }
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let count = |shard: &Mutex<Shard<K>>| shard.lock().unwrap().worn_off.len();
        self.shards.iter().map(count).sum()
    }

    fn shard(&self, who: K) -> MutexGuard<'_, Shard<K>> {
        let place = self.hasher.hash_one(who) % SHARDS as u64;
        let shard = &self.shards[place as usize];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Shard ===

impl<K: Copy + Eq + Hash> Shard<K> {
    /// Who is counted: the crowd, where there is no room for another.
    fn admitted(&mut self, who: K, crowd: K, now: i64) -> K {
        const ROOM: usize = limit::RATED_MAX / SHARDS;
        if self.worn_off.len() < ROOM || self.worn_off.contains_key(&who) {
            return who;
        }
        if now.abs_diff(self.swept_at) >= SWEEP_US.unsigned_abs() {
            self.swept_at = now;
            self.worn_off.retain(|_, worn_off| *worn_off > now);
        }
        if self.worn_off.len() < ROOM {
            who
        } else {
            crowd
        }
    }
}

fn microseconds(now: Timestamp) -> i64 {
    now.milliseconds().saturating_mul(1_000)
}

/// When it is worn off with this once more, and what that leaves.
fn judged(worn_off: i64, now: i64, pace: Pace) -> (i64, Allowance) {
    let burst = pace.burst_us();
    // A clock that was set back keeps nobody out for longer than a burst.
    let before = worn_off.clamp(now, now.saturating_add(burst));
    let after = before.saturating_add(pace.interval_us);
    let ahead = after - now;
    let (next, retry_s) = if ahead <= burst {
        (after, None)
    } else {
        (before, Some(seconds(ahead - burst)))
    };
    let used = next - now;
    let allowance = Allowance {
        limit: pace.burst,
        remaining: u32::try_from((burst - used) / pace.interval_us).unwrap_or(0),
        reset_s: seconds(used),
        retry_s,
    };
    (next, allowance)
}

/// Microseconds as seconds, rounded up: who comes back then is not early.
fn seconds(microseconds: i64) -> u64 {
    microseconds.unsigned_abs().div_ceil(1_000_000)
}
