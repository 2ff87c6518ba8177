//! The four dialects in which backends say who a user is, and how a credential
//! is told to be one of them: by its shape, before any key is touched.

pub(crate) mod claim;
pub(crate) mod kustomer;
pub(crate) mod lifetime;
pub(crate) mod native;
pub(crate) mod nexmo;
pub(crate) mod sinch;

use std::fmt;

use crate::json::{Object, Value};
use crate::key::KeyAlgorithm;
use crate::refusal::{Code, Refusal, quoted};

/// A way of saying who a user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// The Vonage (Nexmo) Conversation API: RS256, `application_id`, `sub`, `acl`.
    Nexmo,
    /// Kustomer Chat: HS256, `email` or `externalId`.
    Kustomer,
    /// Sinch: a ticket, or a JWT under a key of the day.
    Sinch,
    /// Countersign's own: `aud`, and `sub` in the backend's own words.
    Native,
}

/// The dialect of a JWT by its claims. Each mark decides alone and in this
/// order, so that no claim can be added to move a credential to a dialect with
/// weaker rules while its key still fits.
pub(crate) fn recognise(payload: &Object<'_>) -> Dialect {
    let issuer = payload.get("iss").and_then(Value::as_str);
    if issuer.is_some_and(|issuer| issuer.starts_with(sinch::RESOURCE_PREFIX)) {
        Dialect::Sinch
    } else if payload.get("application_id").is_some() {
        Dialect::Nexmo
    } else if payload.get("aud").is_some() {
        Dialect::Native
    } else {
        Dialect::Kustomer
    }
}

// === impl Dialect ===

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Nexmo, Self::Kustomer, Self::Sinch, Self::Native];

    /// The name that the API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nexmo => "nexmo",
            Self::Kustomer => "kustomer",
            Self::Sinch => "sinch",
            Self::Native => "native",
        }
    }

    /// The dialect of this exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.as_str() == name)
    }

    /// By what it is recognised, in words.
    pub(crate) fn shape(self) -> &'static str {
        match self {
            Self::Nexmo => "the claim `application_id`",
            Self::Kustomer => "neither `application_id` nor `aud`",
            Self::Sinch => "an `iss` of //rtc.sinch.com/…, or the form of a ticket",
            Self::Native => "the claim `aud`, and no `application_id`",
        }
    }

    /// The applications that a JWT says it is for, unverified.
    pub(crate) fn application_hints(self, payload: &Object<'_>) -> Vec<String> {
        let text = |value: &Value<'_>| value.as_str().map(str::to_owned);
        match self {
            Self::Kustomer => Vec::new(),
            Self::Nexmo => payload
                .get("application_id")
                .and_then(text)
                .into_iter()
                .collect(),
            Self::Sinch => sinch::jwt::issuer_key(payload)
                .map(str::to_owned)
                .into_iter()
                .collect(),
            Self::Native => match payload.get("aud") {
                Some(Value::Array(audiences)) => audiences.iter().filter_map(text).collect(),
                Some(audience) => text(audience).into_iter().collect(),
                None => Vec::new(),
            },
        }
    }

    /// The kind of key that a JWT of this dialect needs, by the algorithm that
    /// its header names.
    pub(crate) fn key_algorithm(self, name: &str) -> Result<KeyAlgorithm, Refusal> {
        let algorithm = match (self, name) {
            (Self::Nexmo | Self::Native, "RS256") => KeyAlgorithm::Rs256,
            (Self::Native, "ES256") => KeyAlgorithm::Es256,
            (Self::Native, "EdDSA") => KeyAlgorithm::EdDsa,
            (Self::Kustomer | Self::Native, "HS256") => KeyAlgorithm::Hs256,
            (Self::Sinch, "HS256") => KeyAlgorithm::SinchHmacSha256,
            _ => return Err(self.algorithm_refusal(name)),
        };
        Ok(algorithm)
    }

    fn algorithm_refusal(self, name: &str) -> Refusal {
        let allowed = match self {
            Self::Nexmo => "RS256",
            Self::Kustomer | Self::Sinch => "HS256",
            Self::Native => "RS256, ES256, EdDSA or HS256",
        };
        let refusal = Refusal::new(
            Code::UnsupportedAlgorithm,
            format!(
                "a {self} credential is signed with {allowed}, and this header says {}",
                quoted(name)
            ),
        );
        let hint = match (self, name) {
            _ if name.eq_ignore_ascii_case("none") => "sign it: an unsigned token proves nothing",
            (Self::Nexmo, "HS256") => "sign with the application's private key, not with a secret",
            (Self::Kustomer, "RS256" | "ES256" | "EdDSA") => {
                "it was taken for kustomer's because it has neither `application_id` (nexmo) nor `aud` (native): add the one that is missing"
            }
            _ => return refusal.hint(format!("sign with {allowed}")),
        };
        refusal.hint(hint)
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
