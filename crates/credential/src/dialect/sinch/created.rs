//! The ISO 8601 times of Sinch tickets, in the forms that their generators
//! write: any fraction to nine digits, `Z`, an offset, or no zone at all,
//! which Python's sample leaves out and means as UTC.
//!
//! Absent on purpose: the rest of ISO 8601 (weeks, ordinal days, the basic
//! form, leap seconds). Whoever signs should not have to guess what we read.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use crate::time::Timestamp;

/// Reads `YYYY-MM-DDTHH:MM:SS[.fraction][Z | ±HH:MM | ±HHMM]`; parts of a
/// millisecond are cut off.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    let (civil, rest) = text.split_at_checked(19)?;
    let (rest, nanoseconds) = fraction(rest)?;
    let offset = offset(rest)?;
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    let bytes = civil.as_bytes();
    if separators.iter().any(|&(at, byte)| bytes[at] != byte) {
        return None;
    }
    let field = |from: usize, to: usize| digits(civil.get(from..to)?);
    let date_time = DateTime::new(
        field(0, 4)?,
        i8::try_from(field(5, 7)?).ok()?,
        i8::try_from(field(8, 10)?).ok()?,
        i8::try_from(field(11, 13)?).ok()?,
        i8::try_from(field(14, 16)?).ok()?,
        i8::try_from(field(17, 19)?).ok()?,
        nanoseconds,
    )
    .ok()?;
    let timestamp = TimeZone::fixed(offset).to_timestamp(date_time).ok()?;
    Some(Timestamp::from_milliseconds(timestamp.as_millisecond()))
}

/// A fraction of a second in nanoseconds, and what follows it.
fn fraction(text: &str) -> Option<(&str, i32)> {
    let Some(text) = text.strip_prefix('.') else {
        return Some((text, 0));
    };
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=9).contains(&length) {
        return None;
    }
    let (fraction, rest) = text.split_at(length);
    Some((rest, format!("{fraction:0<9}").parse().ok()?))
}

fn offset(text: &str) -> Option<Offset> {
    if matches!(text, "" | "Z") {
        return Some(Offset::UTC);
    }
    let (sign, clock) = match text.split_at_checked(1)? {
        ("+", clock) => (1, clock),
        ("-", clock) => (-1, clock),
        _ => return None,
    };
    let (hours, minutes) = match clock.len() {
        5 if clock.as_bytes()[2] == b':' => (clock.get(..2)?, clock.get(3..)?),
        4 => (clock.get(..2)?, clock.get(2..)?),
        _ => return None,
    };
    let (hours, minutes) = (i32::from(digits(hours)?), i32::from(digits(minutes)?));
    if hours > 23 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()
}

fn digits(text: &str) -> Option<i16> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_the_generators_are_read() {
        for (text, expected) in [
            ("2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05.678Z"),
            ("2026-01-02T03:04:05.678901", "2026-01-02T03:04:05.678Z"),
            ("2026-01-02T03:04:05", "2026-01-02T03:04:05.000Z"),
            ("2026-01-02T03:04:05+00:00", "2026-01-02T03:04:05.000Z"),
            ("2026-01-02T03:04:05+0130", "2026-01-02T01:34:05.000Z"),
            ("2026-01-02T03:04:05.5-02:00", "2026-01-02T05:04:05.500Z"),
            ("2026-01-02T03:04:05.1234567Z", "2026-01-02T03:04:05.123Z"),
            ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59.000Z"),
        ] {
            assert_eq!(read(text).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "2026-01-02",
            "2026-01-02T03:04Z",
            "2026-01-02 03:04:05Z",
            "2026-01-02t03:04:05z",
            "20260102T030405Z",
            "2026-02-29T03:04:05Z",
            "2026-13-02T03:04:05Z",
            "2026-01-02T24:00:00Z",
            "2026-01-02T03:04:60Z",
            "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05.1234567890Z",
            "2026-01-02T03:04:05+1",
            "2026-01-02T03:04:05+24:00",
            "2026-01-02T03:04:05+00:60",
            "2026-01-02T03:04:05Z ",
            "2026-01-02T03:04:05Z[UTC]",
            "+026-01-02T03:04:05Z",
            "2026-01-02T03:04:05+é1",
            "éééééééééé",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
