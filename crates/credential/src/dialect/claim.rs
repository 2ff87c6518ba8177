//! Claims that several dialects read alike.

use crate::claims::Subject;
use crate::json::{Object, Value};
use crate::numeric_date::{self, DateStrings};
use crate::refusal::{Code, Refusal, quoted};
use crate::subject::{NameError, UserName};
use crate::time::Timestamp;

/// The longest `jti`, `nonce` or other id that a credential may have.
pub(crate) const ID_BYTES_MAX: usize = 255;

/// Whether an id may also be a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdNumbers {
    Refuse,
    /// As its text, digit for digit: some nexmo backends sign a random number.
    Accept,
}

/// A claim that is missing or wrong, with the claim's name in the sentence.
pub(crate) fn bad(detail: impl Into<String>) -> Refusal {
    Refusal::new(Code::BadClaim, detail)
}

/// A claim that must be there, whatever its kind.
pub(crate) fn required<'o, 'a>(
    object: &'o Object<'a>,
    claim: &str,
) -> Result<&'o Value<'a>, Refusal> {
    object
        .get(claim)
        .ok_or_else(|| bad(format!("`{claim}` is missing")))
}

/// A text that must be there.
pub(crate) fn text<'o>(object: &'o Object<'_>, claim: &str) -> Result<&'o str, Refusal> {
    let value = required(object, claim)?;
    value
        .as_str()
        .ok_or_else(|| bad(format!("`{claim}` is not a string but {}", value.kind())))
}

/// A date, if it is there. Present but `null` is an error, as everywhere.
pub(crate) fn date(
    object: &Object<'_>,
    claim: &str,
    strings: DateStrings,
) -> Result<Option<Timestamp>, Refusal> {
    let Some(value) = object.get(claim) else {
        return Ok(None);
    };
    match numeric_date::read(value, strings) {
        Ok(date) => Ok(Some(date)),
        Err(error) => Err(bad(format!("`{claim}` {error}"))
            .hint(format!("write `{claim}` as a number of seconds since 1970"))),
    }
}

/// A date that must be there.
pub(crate) fn required_date(
    object: &Object<'_>,
    claim: &str,
    strings: DateStrings,
) -> Result<Timestamp, Refusal> {
    date(object, claim, strings)?.ok_or_else(|| {
        bad(format!("`{claim}` is missing"))
            .hint(format!("add `{claim}`, a number of seconds since 1970"))
    })
}

/// An id of 1 to 255 bytes, if it is there.
pub(crate) fn id(
    object: &Object<'_>,
    claim: &str,
    numbers: IdNumbers,
) -> Result<Option<String>, Refusal> {
    let id = match object.get(claim) {
        None => return Ok(None),
        Some(Value::String(text)) => text.as_ref(),
        Some(Value::Number(number)) if numbers == IdNumbers::Accept => number.text(),
        Some(other) => {
            return Err(bad(format!(
                "`{claim}` is not a string but {}",
                other.kind()
            )));
        }
    };
    if (1..=ID_BYTES_MAX).contains(&id.len()) {
        Ok(Some(id.to_owned()))
    } else {
        Err(bad(format!(
            "`{claim}` has {} bytes, and 1 to {ID_BYTES_MAX} are allowed",
            id.len()
        )))
    }
}

/// A user's name, which is what nexmo and sinch call their users by.
pub(crate) fn user_name(text: &str, claim: &str) -> Result<Subject, Refusal> {
    UserName::parse(text).map(Subject::Name).map_err(|error| {
        let refusal = bad(format!("`{claim}`: {error}"));
        if matches!(error, NameError::IdPrefix { .. }) {
            refusal.hint("give the user's name here, and not the user's id")
        } else {
            refusal
        }
    })
}

/// That `aud`, where there is one, contains the application's id.
///
/// An alias never stands for it: `aud` is written by backends that know
/// Countersign, and the alias by ones that do not.
pub(crate) fn audience(object: &Object<'_>, application_id: &str) -> Result<(), Refusal> {
    let contains = match object.get("aud") {
        None => return Ok(()),
        Some(Value::String(audience)) => audience == application_id,
        Some(Value::Array(audiences)) => {
            if let Some(other) = audiences.iter().find(|value| value.as_str().is_none()) {
                return Err(bad(format!(
                    "`aud` has an element that is not a string but {}",
                    other.kind()
                )));
            }
            audiences
                .iter()
                .any(|audience| audience.as_str() == Some(application_id))
        }
        Some(other) => {
            return Err(bad(format!(
                "`aud` is neither a string nor an array but {}",
                other.kind()
            )));
        }
    };
    if contains {
        Ok(())
    } else {
        Err(Refusal::new(
            Code::WrongAudience,
            format!(
                "`aud` does not contain the application's id, {}",
                quoted(application_id)
            ),
        )
        .hint("`aud` is the application's id, exactly as it is shown; an alias does not count"))
    }
}
