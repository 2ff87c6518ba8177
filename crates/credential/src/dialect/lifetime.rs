//! From when to when a credential counts, with every measured value in the
//! sentence: the age, the skew, the limit and the server's time.
//!
//! `exp` is exclusive and has no leeway: a backend that wants more time can
//! say so. `iat` and `nbf` have one, because clocks differ and a backend that
//! has just signed cannot wait.

use crate::dialect::claim::{self, bad};
use crate::explain::{Seen, Trail, name};
use crate::json::Object;
use crate::numeric_date::{self, DateStrings};
use crate::refusal::{Code, Refusal};
use crate::time::Timestamp;

/// How long a nexmo credential without `exp` lives, and how far a kustomer
/// credential's `iat` may be from now.
pub(crate) const SHORT_LIFE_S: i64 = 900;

/// What no credential outlives, counted from its `iat`.
pub(crate) const LIFE_MAX_S: i64 = 24 * 60 * 60;

/// The server's time, and how far ahead of it another clock may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: Timestamp,
    pub(crate) leeway_s: i64,
}

/// When an accepted credential was made, and from when on it is refused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetime {
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) capped: bool,
}

/// What a dialect says about the times in a JWT.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LifetimeRules {
    pub(crate) strings: DateStrings,
    pub(crate) without_exp: WithoutExp,
    pub(crate) limit: Limit,
}

/// What a credential without `exp` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WithoutExp {
    /// Refused.
    Refused,
    /// Good for [`SHORT_LIFE_S`] after its `iat`.
    Short,
    /// Good as long as its `iat` is in the window.
    Window,
}

/// What happens to a life that is longer than the dialect allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// It ends after [`LIFE_MAX_S`], whatever `exp` says.
    Shorten,
    /// It is refused: `exp` may not say more than [`LIFE_MAX_S`].
    Refuse,
    /// `iat` must be within [`SHORT_LIFE_S`] of now, both ways, in place of the
    /// leeway.
    Window,
}

/// Checks the times of a JWT.
pub(crate) fn check(
    payload: &Object<'_>,
    rules: LifetimeRules,
    moment: Moment,
    trail: &mut Trail,
) -> Result<Option<Lifetime>, Refusal> {
    let issued_at = trail.check(
        name::ISSUED,
        claim::required_date(payload, "iat", rules.strings),
        |iat| format!("`iat` is {iat}, {}", moment.distance(*iat)),
    )?;
    if let Some(iat) = issued_at {
        let clock = match rules.limit {
            Limit::Window => moment.within("iat", iat, SHORT_LIFE_S),
            Limit::Shorten | Limit::Refuse => moment.not_ahead("iat", iat, moment.leeway_s),
        };
        trail.check(name::CLOCK, clock, |()| moment.skew(iat))?;
    }
    if payload.get("nbf").is_some() {
        let not_before = claim::required_date(payload, "nbf", rules.strings)
            .and_then(|nbf| moment.not_ahead("nbf", nbf, moment.leeway_s).map(|()| nbf));
        trail.check(name::NOT_BEFORE, not_before, |nbf| {
            format!("`nbf` is {nbf}, {}", moment.distance(*nbf))
        })?;
    }
    let stated = claim::date(payload, "exp", rules.strings);
    let Some(iat) = issued_at else {
        // Without `iat` the end is not known, but one that has passed has passed.
        let passed = stated.and_then(|exp| match exp {
            Some(exp) => moment.before("`exp`", exp),
            None => Ok(()),
        });
        trail.check(
            name::EXPIRY,
            passed,
            |()| "not known, because it counts from `iat`",
        )?;
        return Ok(None);
    };
    let lifetime = stated.and_then(|exp| match (exp, rules.without_exp) {
        (Some(exp), _) => moment.life("`exp`", iat, exp, rules.limit),
        (None, WithoutExp::Short) => {
            let end = iat.plus_seconds(SHORT_LIFE_S);
            moment.life(
                "`iat` + 900 s, which is the end where there is no `exp`,",
                iat,
                end,
                rules.limit,
            )
        }
        (None, WithoutExp::Window) => Ok(Lifetime {
            issued_at: iat,
            expires_at: iat.plus_seconds(SHORT_LIFE_S),
            capped: false,
        }),
        (None, WithoutExp::Refused) => Err(bad("`exp` is missing")
            .hint("add `exp`, a number of seconds since 1970, at most 24 hours after `iat`")),
    });
    trail.check(name::EXPIRY, lifetime, |lifetime| moment.end(*lifetime))
}

// === impl Moment ===

impl Moment {
    /// That a date is not ahead by more than is allowed.
    pub(crate) fn not_ahead(
        self,
        claim: &str,
        date: Timestamp,
        allowed_s: i64,
    ) -> Result<(), Refusal> {
        let ahead = date.milliseconds_since(self.now);
        if ahead <= allowed_s.saturating_mul(1_000) {
            return Ok(());
        }
        let refusal = Refusal::new(
            Code::NotYetValid,
            format!(
                "`{claim}` is {} ahead of the server's time, {}; {allowed_s} s are allowed",
                span(ahead),
                self.now
            ),
        )
        .measured(ahead.saturating_neg(), allowed_s);
        Err(
            refusal.hint(if numeric_date::looks_like_milliseconds(date) {
                format!("`{claim}` looks like milliseconds: divide by 1000")
            } else {
                "compare the signing machine's clock with the server's time".to_owned()
            }),
        )
    }

    /// That a date is within this many seconds of now, both ways.
    fn within(self, claim: &str, date: Timestamp, allowed_s: i64) -> Result<(), Refusal> {
        self.not_ahead(claim, date, allowed_s)?;
        let age = self.now.milliseconds_since(date);
        if age <= allowed_s.saturating_mul(1_000) {
            return Ok(());
        }
        Err(Refusal::new(
            Code::TooOld,
            format!(
                "`{claim}` is {} before the server's time, {}; {allowed_s} s are allowed",
                span(age),
                self.now
            ),
        )
        .measured(age, allowed_s)
        .hint("sign a new credential for each login, just before it"))
    }

    /// That an end has not passed.
    fn before(self, claim: &str, end: Timestamp) -> Result<(), Refusal> {
        if self.now < end {
            return Ok(());
        }
        Err(Refusal::new(
            Code::Expired,
            format!(
                "{claim} was {}, {} before the server's time, {}",
                end,
                span(self.now.milliseconds_since(end)),
                self.now
            ),
        )
        .hint("sign a new credential"))
    }

    /// The life of a credential by its own words and its dialect's limit.
    pub(crate) fn life(
        self,
        claim: &str,
        issued_at: Timestamp,
        stated: Timestamp,
        limit: Limit,
    ) -> Result<Lifetime, Refusal> {
        let limit_s = match limit {
            Limit::Window => SHORT_LIFE_S,
            Limit::Shorten | Limit::Refuse => LIFE_MAX_S,
        };
        let latest = issued_at.plus_seconds(limit_s);
        // The end that counts names the reason: its own, or the dialect's.
        // A window was checked on `iat` itself, where its edge belongs to it.
        if limit == Limit::Shorten && stated > latest && self.now >= latest {
            return Err(Refusal::new(
                Code::TooOld,
                format!(
                    "it was made {} before the server's time, {}; nothing lives longer than 24 hours, whatever {claim} says",
                    span(self.now.milliseconds_since(issued_at)),
                    self.now
                ),
            )
            .hint("sign a new credential"));
        }
        self.before(claim, stated)?;
        if stated <= issued_at {
            return Err(bad(format!(
                "the end, {stated}, is not after the beginning, {issued_at}"
            )));
        }
        if limit == Limit::Refuse && stated > latest {
            let refusal = bad(format!(
                "{claim} is {} after `iat`, and at most 24 hours are allowed",
                span(stated.milliseconds_since(issued_at))
            ));
            return Err(
                refusal.hint(if numeric_date::looks_like_milliseconds(stated) {
                    format!("{claim} looks like milliseconds: divide by 1000")
                } else {
                    format!("set {claim} to at most `iat` + 86400")
                }),
            );
        }
        Ok(Lifetime {
            issued_at,
            expires_at: stated.min(latest),
            capped: stated > latest,
        })
    }

    /// How long an accepted credential still lives, in words.
    pub(crate) fn end(self, lifetime: Lifetime) -> Seen {
        let left = span(lifetime.expires_at.milliseconds_since(self.now));
        let seen = Seen::from(format!("ends at {}, in {left}", lifetime.expires_at));
        if lifetime.capped {
            seen.hint(format!(
                "it states a later end, which does not count: it ends {} after it was made",
                span(lifetime.expires_at.milliseconds_since(lifetime.issued_at))
            ))
        } else {
            seen
        }
    }

    /// How a date compares with now, in words.
    pub(crate) fn distance(self, date: Timestamp) -> String {
        let ago = self.now.milliseconds_since(date);
        match ago {
            0 => "now".to_owned(),
            1.. => format!("{} ago", span(ago)),
            _ => format!("{} ahead", span(ago.saturating_neg())),
        }
    }

    /// How the signer's clock compares with the server's, in words.
    pub(crate) fn skew(self, date: Timestamp) -> String {
        format!("{} by the server's time, {}", self.distance(date), self.now)
    }
}

/// A length of time, given in milliseconds, for people: exact to the
/// millisecond below a thousand seconds, and in rounded units beside it above.
pub(crate) fn span(milliseconds: i64) -> String {
    let seconds = milliseconds / 1_000;
    let rest = milliseconds % 1_000;
    let exact = if rest == 0 {
        format!("{seconds} s")
    } else {
        let decimals = format!("{rest:03}");
        format!("{seconds}.{} s", decimals.trim_end_matches('0'))
    };
    let (minute, hour, day) = (60, 3_600, 86_400);
    match seconds {
        ..1_000 => exact,
        1_000..7_200 => format!("{exact} (about {} minutes)", (seconds + 30) / minute),
        7_200..172_800 => format!("{exact} (about {} hours)", (seconds + 1_800) / hour),
        _ => format!("{exact} (about {} days)", seconds / day),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_well() {
        for (milliseconds, expected) in [
            (0, "0 s"),
            (1, "0.001 s"),
            (60_001, "60.001 s"),
            (75_500, "75.5 s"),
            (999_999, "999.999 s"),
            (1_000_000, "1000 s (about 17 minutes)"),
            (86_400_000, "86400 s (about 24 hours)"),
            (31_536_000_000, "31536000 s (about 365 days)"),
        ] {
            assert_eq!(span(milliseconds), expected);
        }
    }
}
