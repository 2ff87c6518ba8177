//! The fields of a Sinch authentication ticket:
//! `{"applicationKey","identity":{"type","endpoint"},"created","expiresIn"}`.
//!
//! Its form, `base64(json):base64(mac)`, is read in [`crate::unverified`].

use crate::claims::Subject;
use crate::dialect::claim::{self, bad};
use crate::dialect::lifetime::{Lifetime, Limit, Moment};
use crate::dialect::sinch::created;
use crate::explain::{Trail, name};
use crate::json::{Object, Value};
use crate::refusal::{Refusal, quoted};
use crate::time::Timestamp;

/// How long a ticket lives that does not say.
pub(crate) const EXPIRES_IN_DEFAULT_S: i64 = 3_600;

/// How far ahead of the server's time a ticket may have been made.
pub(crate) const AHEAD_MAX_S: i64 = 300;

/// The application that it names.
pub(crate) fn application<'o>(fields: &'o Object<'_>) -> Result<&'o str, Refusal> {
    claim::text(fields, "applicationKey")
}

/// Checks the times of a ticket.
pub(crate) fn lifetime(
    fields: &Object<'_>,
    moment: Moment,
    trail: &mut Trail,
) -> Result<Option<Lifetime>, Refusal> {
    let created = trail.check(name::ISSUED, created_at(fields), |created| {
        format!("`created` is {created}, {}", moment.distance(*created))
    })?;
    if let Some(created) = created {
        let clock = moment.not_ahead("created", created, AHEAD_MAX_S);
        trail.check(name::CLOCK, clock, |()| moment.skew(created))?;
    }
    let expires_in = expires_in_milliseconds(fields);
    let Some(created) = created else {
        trail.check(
            name::EXPIRY,
            expires_in,
            |_| "not known, because it counts from `created`",
        )?;
        return Ok(None);
    };
    let lifetime = expires_in.and_then(|milliseconds| {
        let end = created.plus_milliseconds(milliseconds);
        moment.life("`created` + `expiresIn`", created, end, Limit::Shorten)
    });
    trail.check(name::EXPIRY, lifetime, |lifetime| moment.end(*lifetime))
}

/// The user. Other kinds of identity say nothing that anybody here could know
/// to be true.
pub(crate) fn subject(fields: &Object<'_>) -> Result<Subject, Refusal> {
    let identity = claim::required(fields, "identity")?;
    let identity = identity.as_object().ok_or_else(|| {
        bad(format!(
            "`identity` is not an object but {}",
            identity.kind()
        ))
    })?;
    let kind = claim::text(identity, "type")?;
    if kind != "username" {
        return Err(bad(format!(
            "the identity is of the type {}, and only \"username\" is taken",
            quoted(kind)
        )));
    }
    claim::user_name(claim::text(identity, "endpoint")?, "endpoint")
}

fn created_at(fields: &Object<'_>) -> Result<Timestamp, Refusal> {
    created::read(claim::text(fields, "created")?).ok_or_else(|| {
        bad("`created` is not a time such as 2026-01-02T03:04:05.678Z")
            .hint("write `created` in ISO 8601, in UTC")
    })
}

fn expires_in_milliseconds(fields: &Object<'_>) -> Result<i64, Refusal> {
    let Some(value) = fields.get("expiresIn") else {
        return Ok(EXPIRES_IN_DEFAULT_S * 1_000);
    };
    let Value::Number(number) = value else {
        return Err(bad(format!(
            "`expiresIn` is not a number but {}",
            value.kind()
        )));
    };
    let seconds = number
        .to_f64()
        .filter(|seconds| *seconds > 0.0)
        .ok_or_else(|| bad("`expiresIn` is not a finite number above 0"))?;
    // The cast saturates; less than a millisecond still is some time.
    Ok(((seconds * 1_000.0).round() as i64).max(1))
}
