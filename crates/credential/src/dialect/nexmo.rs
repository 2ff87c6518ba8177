//! nexmo: the JWT of a Vonage (Nexmo) Conversation API application. RS256,
//! `application_id`, and for a user `sub` (a user's name) and often `acl`.

use crate::acl::call::{Call, Method};
use crate::acl::{Acl, AclError};
use crate::claims::Subject;
use crate::dialect::claim::{self, IdNumbers};
use crate::dialect::lifetime::{LifetimeRules, Limit, WithoutExp};
use crate::explain::Seen;
use crate::json::{Object, Value};
use crate::numeric_date::DateStrings;
use crate::refusal::{Code, Refusal, quoted};

/// `iat` is required, `exp` is not, and both may be numbers in strings.
pub(crate) const LIFETIME: LifetimeRules = LifetimeRules {
    strings: DateStrings::Accept,
    without_exp: WithoutExp::Short,
    limit: Limit::Shorten,
};

/// The `jti` of the wild is sometimes a number.
pub(crate) const ID_NUMBERS: IdNumbers = IdNumbers::Accept;

/// The call that logging in stands for.
const LOGIN: Call<'static> = Call {
    method: Method::Post,
    path: "/v1/sessions",
    parameters: &[],
};

/// The most patterns that a sentence lists.
const PATTERNS_SHOWN_MAX: usize = 12;

/// The application that it names.
pub(crate) fn application<'o>(payload: &'o Object<'_>) -> Result<&'o str, Refusal> {
    claim::text(payload, "application_id")
}

/// The user, or `None` for a backend's bearer, which logs nobody in.
pub(crate) fn subject(payload: &Object<'_>, login: bool) -> Result<Option<Subject>, Refusal> {
    match payload.get("sub") {
        None if login => Err(Refusal::new(
            Code::NoSubject,
            "`sub` is missing: this is a backend's bearer, which logs nobody in",
        )
        .hint("to log a user in, add `sub` with the user's name")),
        None => Ok(None),
        Some(_) => claim::user_name(claim::text(payload, "sub")?, "sub").map(Some),
    }
}

/// The ACL, if there is one.
pub(crate) fn acl(payload: &Object<'_>) -> Result<Option<Acl>, Refusal> {
    let Some(value) = payload.get("acl") else {
        return Ok(None);
    };
    Acl::from_json(value)
        .map(Some)
        .map_err(|error| acl_refusal(value, &error))
}

/// What an ACL allows, in words.
pub(crate) fn describe_acl(acl: Option<&Acl>, payload: &Object<'_>) -> Seen {
    let Some(acl) = acl else {
        return Seen::from(
            "no `acl`: a user has the application's default ACL, a backend's bearer all of its application",
        );
    };
    let patterns: Vec<String> = payload
        .get("acl")
        .and_then(Value::as_object)
        .and_then(|acl| acl.get("paths"))
        .and_then(Value::as_object)
        .map(|paths| paths.iter().map(|(pattern, _)| quoted(pattern)).collect())
        .unwrap_or_default();
    let shown = &patterns[..patterns.len().min(PATTERNS_SHOWN_MAX)];
    let more = patterns.len() - shown.len();
    let mut detail = match patterns.len() {
        0 => "no patterns: it allows nothing".to_owned(),
        1 => format!("1 pattern: {}", shown[0]),
        count => format!("{count} patterns: {}", shown.join(", ")),
    };
    if more > 0 {
        detail.push_str(&format!(" and {more} more"));
    }
    if acl.permits(&LOGIN) {
        Seen::from(format!("{detail}; it allows logging in"))
    } else {
        Seen::from(format!(
            "{detail}; it does not allow logging in (POST /v1/sessions)"
        ))
        .hint("to let the user log in, add the pattern \"/*/sessions/**\"")
    }
}

fn acl_refusal(value: &Value<'_>, error: &AclError) -> Refusal {
    let nested = value
        .as_object()
        .is_some_and(|acl| acl.get("acl").is_some());
    let refusal = Refusal::new(Code::BadAcl, format!("`acl` is not understood: {error}"));
    if nested {
        refusal.hint("there is an `acl` inside `acl`: leave one of them out")
    } else {
        refusal.hint("an ACL is {\"paths\":{\"/*/conversations/**\":{}}}; what is not understood to the last member is refused")
    }
}
