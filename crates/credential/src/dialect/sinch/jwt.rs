//! The Sinch JWT: HS256 under a key of one day. `kid` is that day,
//! `hkdfv1-YYYYMMDD`, and `iss` and `sub` are resource names of the
//! application and the user.

use jiff::civil::Date;

use crate::claims::Subject;
use crate::dialect::claim::{self, IdNumbers, bad};
use crate::dialect::lifetime::{LifetimeRules, Limit, WithoutExp};
use crate::dialect::sinch::RESOURCE_PREFIX;
use crate::json::Object;
use crate::numeric_date::DateStrings;
use crate::refusal::{Code, Refusal, quoted};
use crate::time::Timestamp;

/// `iat` and `exp` are required; a later `exp` counts as 24 hours.
pub(crate) const LIFETIME: LifetimeRules = LifetimeRules {
    strings: DateStrings::Refuse,
    without_exp: WithoutExp::Refused,
    limit: Limit::Shorten,
};

/// How a `kid` begins; the rest is the date.
pub(crate) const KID_PREFIX: &str = "hkdfv1-";

/// The claim that bounds how long a client's registration lasts.
pub(crate) const INSTANCE_EXPIRY: &str = "sinch:rtc:instance:exp";

/// The least that a bounded registration lasts, counted from `iat`.
const INSTANCE_LIFE_MIN_S: i64 = 48 * 60 * 60;

/// How many days a `kid` may be away from today (UTC): a generator in the wild
/// formats the date in its local time zone.
const KID_DAYS_MAX: i32 = 1;

/// The day of a key, with the text that it is derived from.
#[derive(Debug, Clone)]
pub(crate) struct KeyDay {
    pub(crate) text: String,
    pub(crate) date: Date,
}

/// The application key in `iss`, if it has the form.
pub(crate) fn issuer_key<'o>(payload: &'o Object<'_>) -> Option<&'o str> {
    payload
        .get("iss")?
        .as_str()?
        .strip_prefix(RESOURCE_PREFIX)?
        .strip_prefix("applications/")
        .filter(|key| !key.is_empty() && !key.contains('/'))
}

/// The application that it names.
pub(crate) fn application<'o>(payload: &'o Object<'_>) -> Result<&'o str, Refusal> {
    claim::text(payload, "iss")?;
    issuer_key(payload).ok_or_else(|| {
        bad("`iss` is not //rtc.sinch.com/applications/{application key}")
            .hint("write `iss` with the application key alone after \"applications/\"")
    })
}

/// The day that `kid` names.
pub(crate) fn key_day(kid: Option<&str>) -> Result<KeyDay, Refusal> {
    let unknown = |detail: String| {
        Refusal::new(Code::UnknownKey, detail).hint(
            "write `kid` into the header: hkdfv1-YYYYMMDD, the UTC date that the signing key was derived with",
        )
    };
    let kid = kid.ok_or_else(|| {
        unknown("the header has no `kid`, which names the day of the key".to_owned())
    })?;
    let date = kid.strip_prefix(KID_PREFIX).and_then(|text| {
        let date = calendar_date(text)?;
        Some(KeyDay {
            text: text.to_owned(),
            date,
        })
    });
    date.ok_or_else(|| {
        unknown(format!(
            "`kid` is {} and not hkdfv1- with a date",
            quoted(kid)
        ))
    })
}

/// That the key's day is today or a day beside it.
pub(crate) fn near(day: &KeyDay, now: Timestamp) -> Result<(), Refusal> {
    let today = utc_date(now);
    let days = today.map(|today| (day.date - today).get_days());
    if days.is_some_and(|days| days.abs() <= KID_DAYS_MAX) {
        return Ok(());
    }
    Err(Refusal::new(
        Code::UnknownKey,
        format!(
            "`kid` names the key of {}, and a key counts on its day and the days beside it; the server's time is {now}",
            day.date
        ),
    )
    .hint("derive the signing key for today's UTC date, and name that date in `kid`"))
}

/// The user: everything that follows `/users/`, which may hold a `/` itself.
pub(crate) fn subject(payload: &Object<'_>) -> Result<Subject, Refusal> {
    let subject = claim::text(payload, "sub")?;
    let malformed =
        || bad("`sub` is not //rtc.sinch.com/applications/{application key}/users/{user id}");
    let (key, user) = subject
        .strip_prefix(RESOURCE_PREFIX)
        .and_then(|rest| rest.strip_prefix("applications/"))
        .and_then(|rest| rest.split_once("/users/"))
        .ok_or_else(malformed)?;
    if issuer_key(payload).is_some_and(|issuer| issuer != key) {
        return Err(bad(format!(
            "`iss` and `sub` name different applications; `sub` names {}",
            quoted(key)
        )));
    }
    claim::user_name(user, "sub")
}

/// The nonce, by which it counts as used.
pub(crate) fn nonce(payload: &Object<'_>) -> Result<String, Refusal> {
    claim::id(payload, "nonce", IdNumbers::Refuse)?.ok_or_else(|| {
        bad("`nonce` is missing").hint("add `nonce`, a new random text for each credential")
    })
}

/// The end of a bounded registration. Only its form is checked: sessions here
/// have ends of their own.
pub(crate) fn instance_expiry(
    payload: &Object<'_>,
    issued_at: Timestamp,
) -> Result<Timestamp, Refusal> {
    let end = claim::required_date(payload, INSTANCE_EXPIRY, DateStrings::Refuse)?;
    if end < issued_at.plus_seconds(INSTANCE_LIFE_MIN_S) {
        return Err(bad(format!(
            "`{INSTANCE_EXPIRY}` is {end}, less than 48 hours after `iat`"
        ))
        .hint("leave it out for an unlimited registration, or set it to at least `iat` + 172800"));
    }
    Ok(end)
}

/// The name of the day of a time, as `kid` writes it.
pub(crate) fn day_name(time: Timestamp) -> Option<String> {
    utc_date(time).map(|date| format!("{:04}{:02}{:02}", date.year(), date.month(), date.day()))
}

/// The days beside one, for a doctor who looks for what really signed.
pub(crate) fn neighbours(day: &KeyDay) -> impl Iterator<Item = String> {
    [day.date.yesterday(), day.date.tomorrow()]
        .into_iter()
        .filter_map(Result::ok)
        .map(|date| format!("{:04}{:02}{:02}", date.year(), date.month(), date.day()))
}

fn utc_date(time: Timestamp) -> Option<Date> {
    let timestamp = jiff::Timestamp::from_millisecond(time.milliseconds()).ok()?;
    Some(jiff::tz::Offset::UTC.to_datetime(timestamp).date())
}

fn calendar_date(text: &str) -> Option<Date> {
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Date::new(
        text[..4].parse().ok()?,
        text[4..6].parse().ok()?,
        text[6..].parse().ok()?,
    )
    .ok()
}
