//! kustomer: the login JWT of Kustomer Chat. HS256 with the organization's
//! secret, `iat` within 15 minutes, and `email`, which wins, or `externalId`.

use crate::claims::Subject;
use crate::dialect::claim::bad;
use crate::dialect::lifetime::{LifetimeRules, Limit, WithoutExp};
use crate::json::Object;
use crate::numeric_date::DateStrings;
use crate::refusal::Refusal;
use crate::subject::{Email, ExternalId};

/// `iat` is required and near; `exp` counts where it is there.
pub(crate) const LIFETIME: LifetimeRules = LifetimeRules {
    strings: DateStrings::Refuse,
    without_exp: WithoutExp::Window,
    limit: Limit::Window,
};

/// The user. An `email` that is there decides alone: were a bad one passed
/// over for `externalId`, whoever can spoil the address chooses the user.
pub(crate) fn subject(payload: &Object<'_>) -> Result<Subject, Refusal> {
    if let Some(email) = payload.get("email") {
        let text = email.as_str().ok_or_else(|| {
            bad(format!("`email` is not a string but {}", email.kind()))
                .hint("leave `email` out where the user has none")
        })?;
        let email = Email::parse(text).map_err(|error| {
            bad(format!("`email`: {error}")).hint(
                "leave `email` out where the user has none; `externalId` is not used in its place",
            )
        })?;
        let external_id = payload
            .get("externalId")
            .and_then(|id| ExternalId::from_json(id).ok());
        return Ok(Subject::Email { email, external_id });
    }
    let Some(external_id) = payload.get("externalId") else {
        return Err(
            bad("neither `email` nor `externalId` is there, so it names no user")
                .hint("add `externalId`, the user's id in your own system, or `email`"),
        );
    };
    ExternalId::from_json(external_id)
        .map(Subject::ExternalId)
        .map_err(|error| bad(format!("`externalId`: {error}")))
}
