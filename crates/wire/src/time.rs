//! Times on the wire: RFC 3339 in UTC with milliseconds.

use std::fmt;
use std::str::FromStr;

use jiff::tz::Offset;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::schema;

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z.
///
/// Written as `2026-01-31T12:34:56.789Z` (RFC 3339 section 5.6). Any offset
/// and any number of decimals is read; what is finer than a millisecond is
/// dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub milliseconds: i64,
}

/// A text that is not an RFC 3339 time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time such as 2026-01-31T12:34:56.789Z")]
pub struct TimeError;

/// A time's text, where its year has four digits.
type Text = [u8; 24];

// === impl Time ===

impl Time {
    /// Writes the time behind a text: what `Display` writes, without the way there.
    pub fn append_to(self, text: &mut String) {
        match self.text() {
            Ok(own) => text.push_str(as_str(&own)),
            Err(time) => text.push_str(&format!("{time:.3}")),
        }
    }

    /// By hand: times are written more often than anything else that needs work. A
    /// year before year 0 is for the library.
    fn text(self) -> Result<Text, jiff::Timestamp> {
        let nearest = if self.milliseconds < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        };
        let time = jiff::Timestamp::from_millisecond(self.milliseconds).unwrap_or(nearest);
        let civil = Offset::UTC.to_datetime(time);
        let year = u16::try_from(civil.year()).map_err(|_| time)?;
        let mut text = *b"0000-00-00T00:00:00.000Z";
        put(&mut text[..4], year);
        let two = [
            (5, civil.month()),
            (8, civil.day()),
            (11, civil.hour()),
            (14, civil.minute()),
            (17, civil.second()),
        ];
        for (place, number) in two {
            put(&mut text[place..place + 2], number.unsigned_abs().into());
        }
        put(&mut text[20..23], civil.millisecond().unsigned_abs());
        Ok(text)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            Ok(own) => formatter.write_str(as_str(&own)),
            Err(time) => write!(formatter, "{time:.3}"),
        }
    }
}

impl FromStr for Time {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let time: jiff::Timestamp = text.parse().map_err(|_| TimeError)?;
        Ok(Self {
            milliseconds: time.as_millisecond(),
        })
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.text() {
            Ok(own) => serializer.serialize_str(as_str(&own)),
            Err(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

fn as_str(text: &Text) -> &str {
    str::from_utf8(text).expect("digits and separators are UTF-8")
}

/// A number in as many digits as there are places.
fn put(places: &mut [u8], mut number: u16) {
    for place in places.iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        schema::time().into()
    }
}

impl ToSchema for Time {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_with_milliseconds_and_read_back() {
        for (milliseconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_800_000_000_000, "2027-01-15T08:00:00.000Z"),
            (1_800_000_000_007, "2027-01-15T08:00:00.007Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (-62_198_755_200_000, "-000001-01-01T00:00:00.000Z"),
        ] {
            let time = Time { milliseconds };
            assert_eq!(time.to_string(), text);
            let mut behind = "at ".to_owned();
            time.append_to(&mut behind);
            assert_eq!(behind, format!("at {text}"));
            assert_eq!(text.parse(), Ok(time));
            assert_eq!(serde_json::to_string(&time).unwrap(), format!("{text:?}"));
            assert_eq!(
                serde_json::from_str::<Time>(&format!("{text:?}")).unwrap(),
                time
            );
        }
        for milliseconds in (-62_135_596_800_000..253_402_207_200_000).step_by(98_765_432_109) {
            let time = Time { milliseconds };
            let expected = jiff::Timestamp::from_millisecond(milliseconds).unwrap();
            assert_eq!(time.to_string(), format!("{expected:.3}"));
        }
        for text in ["", "now", "1800000000", "2027-01-15", "2027-01-15T08:00:00"] {
            assert_eq!(text.parse::<Time>(), Err(TimeError), "{text}");
        }
        let extreme = Time {
            milliseconds: i64::MAX,
        };
        assert_eq!(extreme.to_string(), "9999-12-30T22:00:00.999Z");
    }
}
