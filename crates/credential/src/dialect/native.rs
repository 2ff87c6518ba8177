//! native: Countersign's own dialect. `aud` is the application's id, `sub` the
//! user's id in the backend's own words, and every time is stated.
//!
//! Absent on purpose: `email`. A native credential may carry one, but an
//! address never links a user, so it is not even read.

use crate::claims::Subject;
use crate::dialect::claim::bad;
use crate::dialect::lifetime::{LifetimeRules, Limit, WithoutExp};
use crate::json::Object;
use crate::numeric_date::DateStrings;
use crate::refusal::Refusal;
use crate::subject::ExternalId;

/// `iat` and `exp` are required, and `exp` may not say more than 24 hours.
pub(crate) const LIFETIME: LifetimeRules = LifetimeRules {
    strings: DateStrings::Refuse,
    without_exp: WithoutExp::Refused,
    limit: Limit::Refuse,
};

/// The user.
pub(crate) fn subject(payload: &Object<'_>) -> Result<Subject, Refusal> {
    let subject = payload.get("sub").ok_or_else(|| {
        bad("`sub` is missing").hint("add `sub`, the user's id in your own system")
    })?;
    ExternalId::from_json(subject)
        .map(Subject::ExternalId)
        .map_err(|error| bad(format!("`sub`: {error}")))
}

/// That a credential which may be used once has the id by which it counts.
pub(crate) fn one_time_id(jti: Option<String>, required: bool) -> Result<Option<String>, Refusal> {
    if jti.is_none() && required {
        return Err(
            bad("`jti` is missing, and every native credential may be used only once").hint(
                "add `jti`, a new random text for each credential, or switch `one_time.native` off",
            ),
        );
    }
    Ok(jti)
}
