//! Points in time, as whole milliseconds since 1970-01-01T00:00:00Z.
//!
//! Credentials name times of any size, and a sum of two of them must neither
//! wrap nor panic: all arithmetic saturates. There is no clock here; the time
//! is always an argument.

use std::fmt;

use crate::dialect::sinch::created;

/// 0000-01-01T00:00:00Z, the first moment that RFC 3339 can write.
const WRITABLE_MIN: i64 = -62_167_219_200_000;

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z, leap seconds
/// not counted (as in RFC 7519 section 2).
///
/// Displays as RFC 3339 in UTC with milliseconds. A time that RFC 3339 cannot
/// write displays as the nearest that it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

// === impl Timestamp ===

impl Timestamp {
    /// From milliseconds since 1970-01-01T00:00:00Z.
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// From seconds since 1970-01-01T00:00:00Z, saturating.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// From ISO 8601, in the forms that makers of Sinch tickets write:
    /// `YYYY-MM-DDTHH:MM:SS[.fraction][Z | ±HH:MM | ±HHMM]`; without a zone it
    /// is UTC. Parts of a millisecond are cut off.
    pub fn from_iso_8601(text: &str) -> Option<Self> {
        created::read(text)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn milliseconds(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded towards the past.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// This many seconds later, or earlier where negative; saturating.
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        self.plus_milliseconds(seconds.saturating_mul(1_000))
    }

    /// This many milliseconds later, or earlier where negative; saturating.
    pub const fn plus_milliseconds(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// How many milliseconds this is after `earlier`, negative if it is
    /// before; saturating.
    pub const fn milliseconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timestamp = jiff::Timestamp::from_millisecond(self.0.max(WRITABLE_MIN))
            .unwrap_or(jiff::Timestamp::MAX);
        write!(formatter, "{timestamp:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_as_rfc_3339_with_milliseconds() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (1, "1970-01-01T00:00:00.001Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (1_709_210_096_120, "2024-02-29T12:34:56.120Z"),
            (WRITABLE_MIN, "0000-01-01T00:00:00.000Z"),
            (WRITABLE_MIN - 1, "0000-01-01T00:00:00.000Z"),
            (i64::MIN, "0000-01-01T00:00:00.000Z"),
            (i64::MAX, "9999-12-30T22:00:00.999Z"),
        ];
        for (milliseconds, expected) in cases {
            let timestamp = Timestamp::from_milliseconds(milliseconds);
            assert_eq!(timestamp.to_string(), expected);
        }
    }

    #[test]
    fn arithmetic_saturates_and_seconds_round_down() {
        let largest = Timestamp::from_milliseconds(i64::MAX);
        let smallest = Timestamp::from_milliseconds(i64::MIN);
        assert_eq!(Timestamp::from_seconds(i64::MAX), largest);
        assert_eq!(Timestamp::from_seconds(i64::MIN), smallest);
        assert_eq!(largest.plus_seconds(1), largest);
        assert_eq!(smallest.plus_seconds(-1), smallest);
        assert_eq!(
            Timestamp::from_seconds(5).plus_seconds(i64::MAX),
            largest,
            "the seconds alone overflow"
        );
        assert_eq!(largest.milliseconds_since(smallest), i64::MAX);
        assert_eq!(smallest.milliseconds_since(largest), i64::MIN);
        assert_eq!(Timestamp::from_seconds(7).milliseconds(), 7_000);
        assert_eq!(Timestamp::from_milliseconds(-1).seconds(), -1);
        assert_eq!(Timestamp::from_milliseconds(1_999).seconds(), 1);
        assert_eq!(
            Timestamp::from_seconds(2).milliseconds_since(Timestamp::from_seconds(3)),
            -1_000
        );
    }
}
