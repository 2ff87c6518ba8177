//! Times as credentials write them: seconds since 1970-01-01T00:00:00Z in JSON
//! (RFC 7519 section 2, `NumericDate`).

use thiserror::Error;

use crate::json::{self, Number, Value};
use crate::time::Timestamp;

/// From this many seconds on (the year 5138) a date is far more likely to be
/// in milliseconds.
const SECONDS_PLAUSIBLE_MAX: i64 = 100_000_000_000;

/// Whether a date may also be a number inside a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateStrings {
    /// A number only, as RFC 7519 says.
    Refuse,
    /// Also a string that holds a JSON number and nothing else: samples of the
    /// nexmo documentation sign those.
    Accept,
}

/// Why a value is no date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DateError {
    /// A value of another kind.
    #[error("is not a number but a value of the kind {0}")]
    Kind(&'static str),
    /// A string that holds something other than one JSON number.
    #[error("is a string that holds no number")]
    Text,
    /// A minus before it, `-0` included.
    #[error("is negative")]
    Negative,
    /// Too large for a double, such as `1e400`.
    #[error("is not a finite number")]
    NotFinite,
}

/// Reads a date. Fractions are kept to the millisecond; a date too far away for
/// [`Timestamp`] becomes the farthest that there is.
///
/// # Errors
/// If the value is no number, negative, or not finite.
pub fn read(value: &Value<'_>, strings: DateStrings) -> Result<Timestamp, DateError> {
    match value {
        Value::Number(number) => from_number(*number),
        Value::String(text) if strings == DateStrings::Accept => {
            // The reader skips white space around a value; here there may be none.
            if text.trim().len() != text.len() {
                return Err(DateError::Text);
            }
            match json::read(text.as_bytes()) {
                Ok(Value::Number(number)) => from_number(number),
                Ok(_) | Err(_) => Err(DateError::Text),
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            Err(DateError::Kind(value.kind()))
        }
    }
}

/// Whether a date is so far away that it was probably written in milliseconds.
pub fn looks_like_milliseconds(date: Timestamp) -> bool {
    date.seconds() >= SECONDS_PLAUSIBLE_MAX
}

fn from_number(number: Number<'_>) -> Result<Timestamp, DateError> {
    if number.text().starts_with('-') {
        return Err(DateError::Negative);
    }
    let seconds = number.to_f64().ok_or(DateError::NotFinite)?;
    // The cast saturates, also where the product is infinite.
    Ok(Timestamp::from_milliseconds(
        (seconds * 1_000.0).round() as i64
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, strings: DateStrings, expected: Result<i64, DateError>) {
        let value = json::read(text.as_bytes()).unwrap();
        let date = read(&value, strings).map(Timestamp::milliseconds);
        assert_eq!(date, expected, "{text}");
    }

    #[test]
    fn numbers() {
        for (text, expected) in [
            ("0", Ok(0)),
            ("1800000000", Ok(1_800_000_000_000)),
            ("1799999989.75", Ok(1_799_999_989_750)),
            ("1800000000.001", Ok(1_800_000_000_001)),
            ("1.8e9", Ok(1_800_000_000_000)),
            ("18446744073709551616", Ok(i64::MAX)),
            ("1e308", Ok(i64::MAX)),
            ("1e-400", Ok(0)),
            ("1e400", Err(DateError::NotFinite)),
            ("-1", Err(DateError::Negative)),
            ("-0", Err(DateError::Negative)),
            ("null", Err(DateError::Kind("null"))),
            ("{}", Err(DateError::Kind("object"))),
            ("true", Err(DateError::Kind("boolean"))),
        ] {
            check(text, DateStrings::Refuse, expected);
            check(text, DateStrings::Accept, expected);
        }
    }

    #[test]
    fn numbers_in_strings() {
        check(
            r#""1800000000""#,
            DateStrings::Refuse,
            Err(DateError::Kind("string")),
        );
        for (text, expected) in [
            (r#""1800000000""#, Ok(1_800_000_000_000)),
            (r#""1800000000.5""#, Ok(1_800_000_000_500)),
            (r#"" 1800000000""#, Err(DateError::Text)),
            (r#""1800000000\n""#, Err(DateError::Text)),
            (r#""""#, Err(DateError::Text)),
            (r#""never""#, Err(DateError::Text)),
            (r#""01""#, Err(DateError::Text)),
            (r#""0x7f""#, Err(DateError::Text)),
            (r#""+1""#, Err(DateError::Text)),
            (r#""NaN""#, Err(DateError::Text)),
            (r#""[1]""#, Err(DateError::Text)),
            (r#""-1""#, Err(DateError::Negative)),
        ] {
            check(text, DateStrings::Accept, expected);
        }
    }
}
