//! How often something took how long, for whoever watches the node.
//!
//! A number for each of a few bounds: noting one is two additions, and the
//! memory is the same after a year. What is asked for later is a share ("99 of
//! 100 took less"), and that can be told from many nodes together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The bounds, in microseconds, the shortest first. What took longer than the
/// last is counted beside them.
const BOUNDS_US: [u64; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];

/// What was noted so far.
#[derive(Debug, Default)]
pub struct Durations {
    /// How many lasted at most as long as a bound, and longer than the one before.
    within: [AtomicU64; BOUNDS_US.len()],
    longer: AtomicU64,
    sum_us: AtomicU64,
}

/// What was noted until a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// For each bound, how many lasted at most as long.
    pub within: Vec<(Duration, u64)>,
    /// How many there were.
    pub count: u64,
    /// How long they lasted together.
    pub sum: Duration,
}

// === impl Durations ===

impl Durations {
    /// Notes that something took so long.
    pub fn note(&self, took: Duration) {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let place = BOUNDS_US.iter().position(|bound| took_us <= *bound);
        let counted = place.map_or(&self.longer, |place| &self.within[place]);
        counted.fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(took_us, Ordering::Relaxed);
    }

    /// What was noted so far. What is noted meanwhile is in it as a whole or in
    /// part, so that a later one never has less.
    pub fn read(&self) -> Distribution {
        let mut count = 0;
        let bounds = BOUNDS_US.iter().zip(&self.within);
        let within = bounds
            .map(|(bound, counted)| {
                count += counted.load(Ordering::Relaxed);
                (Duration::from_micros(*bound), count)
            })
            .collect();
        Distribution {
            within,
            count: count + self.longer.load(Ordering::Relaxed),
            sum: Duration::from_micros(self.sum_us.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_a_bound_is_within_it() {
        let durations = Durations::default();
        for took_us in [0, 500, 501, 10_000_000, 10_000_001] {
            durations.note(Duration::from_micros(took_us));
        }
        let Distribution { within, count, sum } = durations.read();
        let of = |bound_us| {
            let bound = Duration::from_micros(bound_us);
            within.iter().find(|(known, _)| *known == bound).unwrap().1
        };
        assert_eq!(
            [of(500), of(1_000), of(5_000_000), of(10_000_000)],
            [2, 3, 3, 4]
        );
        assert_eq!((count, sum), (5, Duration::from_micros(20_001_002)));
    }

    #[test]
    fn bounds_ascend() {
        assert!(BOUNDS_US.is_sorted_by(|one, next| one < next));
    }
}
