//! A user, as a person names one on the command line.

use std::fmt;
use std::str::FromStr;

use countersign_client::http::{Call, with_query};

use crate::exit::Failure;
use crate::remote::{InApplication, Session};

/// A user's id, or an identifier with its kind before it: `name:alice`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UserReference {
    Id(String),
    Name(String),
    ExternalId(String),
    Email(String),
}

// === impl UserReference ===

impl UserReference {
    /// The id of the user.
    ///
    /// # Errors
    /// If there is no such user; the server's refusal; or that it was not reached.
    pub(crate) async fn resolve(
        &self,
        session: &Session,
        place: &InApplication,
    ) -> Result<String, Failure> {
        let pair = match self {
            Self::Id(id) => return Ok(id.clone()),
            Self::Name(name) => ("name", name.as_str()),
            Self::ExternalId(id) => ("external_id", id.as_str()),
            Self::Email(email) => ("email", email.as_str()),
        };
        let mut pairs: Vec<(&str, &str)> = place.query().into_iter().collect();
        pairs.push(pair);
        let found = session
            .call(Call::get(&with_query("/v1/users", &pairs)?))
            .await?;
        let id = found["users"][0]["id"].as_str().map(str::to_owned);
        id.ok_or_else(|| Failure::refused(format!("there is no user {self} here")))
    }
}

impl FromStr for UserReference {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str =
            "a user is named by id (USR-…), or as name:NAME, external_id:ID or email:ADDRESS";
        if text.starts_with("USR-") {
            return Ok(Self::Id(text.to_owned()));
        }
        match text.split_once(':') {
            Some((_, "")) => Err(WANTED),
            Some(("name", name)) => Ok(Self::Name(name.to_owned())),
            Some(("external_id", id)) => Ok(Self::ExternalId(id.to_owned())),
            Some(("email", address)) => Ok(Self::Email(address.to_owned())),
            Some(_) | None => Err(WANTED),
        }
    }
}

impl fmt::Display for UserReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => formatter.write_str(id),
            Self::Name(name) => write!(formatter, "name:{name}"),
            Self::ExternalId(id) => write!(formatter, "external_id:{id}"),
            Self::Email(email) => write!(formatter, "email:{email}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_stands_before_what_is_no_id() {
        for (text, expected) in [
            ("USR-1", Some(UserReference::Id("USR-1".to_owned()))),
            ("name:a:b", Some(UserReference::Name("a:b".to_owned()))),
            (
                "external_id:42",
                Some(UserReference::ExternalId("42".to_owned())),
            ),
            (
                "email:a@b.example",
                Some(UserReference::Email("a@b.example".to_owned())),
            ),
            ("alice", None),
            ("name:", None),
            ("id:USR-1", None),
            ("", None),
        ] {
            let read = text.parse::<UserReference>().ok();
            assert_eq!(read, expected, "{text}");
            if let Some(read) = read {
                assert_eq!(read.to_string(), text);
            }
        }
    }
}
