//! By which of its identifiers a user has logged in.
//!
//! The device reads that in the credential that it has just shown: it asks
//! nobody, and judges nothing. `is_logged_in` is true for this one alone.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a credential calls its user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identifier {
    /// The name: nexmo and sinch.
    Name(String),
    /// The application's own id: native, and kustomer without an e-mail address.
    ExternalId(String),
    /// The e-mail address: kustomer. Compared in lower case.
    Email(String),
}

// === impl Identifier ===

impl Identifier {
    /// Reads it in a credential that the server has accepted.
    pub(crate) fn of_credential(credential: &str) -> Option<Self> {
        if let Some((header, _)) = credential.split_once(':') {
            let ticket = json(&STANDARD.decode(header).ok()?)?;
            return text(&ticket["identity"], "endpoint").map(Self::Name);
        }
        let payload = credential.split('.').nth(1)?;
        let claims = json(&URL_SAFE_NO_PAD.decode(payload).ok()?)?;
        let of_sinch = text(&claims, "iss").is_some_and(|iss| iss.starts_with("//rtc.sinch.com/"));
        if of_sinch {
            return sinch_name(&claims).map(Self::Name);
        }
        if claims.get("application_id").is_some() {
            return text(&claims, "sub").map(Self::Name);
        }
        if claims.get("aud").is_some() {
            return text(&claims, "sub").map(Self::ExternalId);
        }
        let email = text(&claims, "email").map(|email| Self::Email(email.to_lowercase()));
        email.or_else(|| external_id(&claims).map(Self::ExternalId))
    }

    /// Whether the two name the same user, as far as a device can tell.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Email(one), Self::Email(other)) => one.to_lowercase() == other.to_lowercase(),
            (Self::Name(_) | Self::ExternalId(_) | Self::Email(_), _) => self == other,
        }
    }
}

/// The user of a sinch JWT, whose subject is the name of a resource.
fn sinch_name(claims: &Value) -> Option<String> {
    let subject = text(claims, "sub")?;
    let (_, name) = subject.split_once("/users/")?;
    Some(name.to_owned())
}

/// kustomer takes an integer for its decimal text.
fn external_id(claims: &Value) -> Option<String> {
    let id = claims.get("externalId")?;
    id.as_str()
        .map(str::to_owned)
        .or_else(|| id.as_i64().map(|number| number.to_string()))
}

fn json(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok()
}

fn text(value: &Value, member: &str) -> Option<String> {
    value.get(member)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn the_identifier_is_the_one_that_the_dialect_verifies() {
        let name = |text: &str| Some(Identifier::Name(text.to_owned()));
        let external = |text: &str| Some(Identifier::ExternalId(text.to_owned()));
        let email = |text: &str| Some(Identifier::Email(text.to_owned()));
        for (claims, expected) in [
            (r#"{"aud":"a","sub":"42"}"#, external("42")),
            (r#"{"application_id":"a","sub":"alice"}"#, name("alice")),
            (r#"{"application_id":"a"}"#, None),
            (
                r#"{"externalId":"7","email":"A@B.example"}"#,
                email("a@b.example"),
            ),
            (r#"{"externalId":7}"#, external("7")),
            (
                r#"{"iss":"//rtc.sinch.com/applications/k","sub":"//rtc.sinch.com/applications/k/users/bob"}"#,
                name("bob"),
            ),
            ("[]", None),
            ("{", None),
        ] {
            assert_eq!(
                Identifier::of_credential(&jwt(claims)),
                expected,
                "{claims}"
            );
        }
        let ticket = STANDARD.encode(r#"{"identity":{"type":"username","endpoint":"carol"}}"#);
        let ticket = format!("{ticket}:c2ln");
        assert_eq!(Identifier::of_credential(&ticket), name("carol"));
        assert_eq!(Identifier::of_credential(""), None);
    }

    #[test]
    fn an_address_is_the_same_in_any_case_and_a_name_is_not() {
        let email = |text: &str| Identifier::Email(text.to_owned());
        let name = |text: &str| Identifier::Name(text.to_owned());
        assert!(email("a@b.example").is(&email("A@B.EXAMPLE")));
        assert!(!name("alice").is(&name("Alice")));
        assert!(!name("a@b.example").is(&email("a@b.example")));
    }
}
