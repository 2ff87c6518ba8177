//! How long to wait before the next attempt to connect.

use std::time::Duration;

use tokio::time::Instant;

use crate::random::{self, Random};

/// The longest wait after the first failure; it doubles with each.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait of all.
const LONGEST: Duration = Duration::from_secs(30);
/// A connection that held for so long was a good one.
const GOOD: Duration = Duration::from_secs(10);

/// Counts failures in a row.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    online_since: Option<Instant>,
}

// === impl Backoff ===

impl Backoff {
    /// A connection stands.
    pub(super) fn online(&mut self) {
        self.online_since = Some(Instant::now());
    }

    /// It ended, or did not come about: how long to wait. A part of the longest
    /// wait by chance, so that not all devices come back at once.
    pub(super) fn failed(&mut self, random: &dyn Random) -> Duration {
        let online_since = self.online_since.take();
        if online_since.is_some_and(|since| since.elapsed() >= GOOD) {
            self.failures = 0;
        }
        let doublings = self.failures.min(16);
        self.failures = self.failures.saturating_add(1);
        let longest = FIRST.saturating_mul(1 << doublings).min(LONGEST);
        let part = f64::from(random::fraction(random)) / f64::from(u16::MAX);
        longest.mul_f64(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest wait, or the shortest.
    struct Always(u8);

    impl Random for Always {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waits_grow_up_to_a_bound_and_begin_anew_after_a_good_connection() {
        let mut backoff = Backoff::default();
        let mut waits: Vec<u128> = Vec::new();
        for _ in 0..9 {
            waits.push(backoff.failed(&Always(0xff)).as_millis());
        }
        let expected = [
            500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000,
        ];
        assert_eq!(waits, expected);
        assert_eq!(backoff.failed(&Always(0)), Duration::ZERO);
        backoff.online();
        tokio::time::advance(GOOD - Duration::from_millis(1)).await;
        assert_eq!(
            backoff.failed(&Always(0xff)),
            LONGEST,
            "it held too shortly"
        );
        backoff.online();
        tokio::time::advance(GOOD).await;
        assert_eq!(backoff.failed(&Always(0xff)), FIRST);
    }
}
