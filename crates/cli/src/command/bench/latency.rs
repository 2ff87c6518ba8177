//! How long things took: many times, and what is said of them.

use std::time::Duration;

/// Times of one kind, in nanoseconds.
#[derive(Debug, Clone, Default)]
pub(super) struct Latencies(Vec<u64>);

// === impl Latencies ===

impl Latencies {
    pub(super) fn add(&mut self, took: Duration) {
        self.0
            .push(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(super) fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that this share of them did not exceed, in milliseconds; 1.0 is
    /// the longest. Without any it is 0.
    pub(super) fn quantile_ms(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        // The nearest rank: the smallest time that so many are no longer than.
        let rank = (sorted.len() as f64 * share).ceil() as usize;
        let place = rank.saturating_sub(1);
        sorted
            .get(place)
            .map_or(0.0, |nanoseconds| *nanoseconds as f64 / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_nearest_rank() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile_ms(0.5), 0.0);
        for milliseconds in (1..=100).rev() {
            latencies.add(Duration::from_millis(milliseconds));
        }
        for (share, expected) in [(0.01, 1.0), (0.5, 50.0), (0.99, 99.0), (1.0, 100.0)] {
            assert_eq!(latencies.quantile_ms(share), expected, "{share}");
        }
        let mut one = Latencies::default();
        one.add(Duration::from_millis(7));
        assert_eq!((one.quantile_ms(0.5), one.quantile_ms(1.0)), (7.0, 7.0));
    }
}
