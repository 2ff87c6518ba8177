//! The query: each parameter known, and there once.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Query as Pairs};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::{ApplicationId, UserId};
use countersign_core::limit;
use countersign_core::model::page::Window;
use http::Uri;
use http::request::Parts;

use super::problem::Problem;

/// The parameter that names the application; every call knows it.
const APPLICATION: &str = "application_id";

/// The query's parameters.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

// === impl Query ===

impl Query {
    /// Reads the query of a request.
    pub(super) fn of(uri: &Uri) -> Result<Self, Error> {
        if uri.query().is_none() {
            return Ok(Self(Vec::new()));
        }
        let Pairs(pairs) = Pairs::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|_| Error::new(Code::BadRequest, "the query cannot be read"))?;
        let repeated = pairs
            .iter()
            .enumerate()
            .any(|(place, (name, _))| pairs[..place].iter().any(|(earlier, _)| earlier == name));
        if repeated || pairs.len() > limit::PAGE_MAX {
            return Err(Error::new(
                Code::BadRequest,
                "the query has a parameter twice, or too many",
            ));
        }
        Ok(Self(pairs))
    }

    /// The parameters, as an ACL's filters compare them.
    pub(super) fn pairs(&self) -> Vec<(String, Option<String>)> {
        self.0
            .iter()
            .map(|(name, value)| (name.clone(), Some(value.clone())))
            .collect()
    }

    /// Checks that there is no query at all: where none is read, it could only
    /// be a token that does not belong there.
    pub(super) fn none(&self) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Error::new(Code::BadRequest, "this path takes no query")
            .hint("the first frame says who it is; a URL is written to logs"))
    }

    /// Checks that the query has no other parameters than these.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Error> {
        let all_known = self
            .0
            .iter()
            .all(|(name, _)| name == APPLICATION || known.contains(&name.as_str()));
        if all_known {
            return Ok(());
        }
        let mut known = known.to_vec();
        known.push(APPLICATION);
        // The unknown one is not repeated: it could be a token.
        Err(Error::new(
            Code::BadRequest,
            "the query has a parameter that this call does not know",
        )
        .hint(format!("it knows {}", known.join(", "))))
    }

    /// A parameter's text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(candidate, _)| candidate == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A parameter's value.
    pub(super) fn parsed<T: FromStr>(&self, name: &str) -> Result<Option<T>, Error> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let wrong = |_| {
            Error::new(
                Code::BadRequest,
                format!("{name} has a value that it cannot have"),
            )
        };
        text.parse().map(Some).map_err(wrong)
    }

    /// The application that the request names.
    pub(super) fn application(&self) -> Result<Option<ApplicationId>, Error> {
        self.parsed(APPLICATION)
    }

    /// The user that a backend names.
    pub(super) fn user(&self) -> Result<Option<UserId>, Error> {
        self.parsed("user_id")
    }

    /// The page that is asked for.
    pub(super) fn window(&self) -> Result<Window, Error> {
        let after = self
            .text("cursor")
            .map(|cursor| URL_SAFE_NO_PAD.decode(cursor))
            .transpose()
            .ok()
            .filter(|position| position.as_ref().is_none_or(|it| !it.is_empty()))
            .ok_or_else(|| Error::new(Code::BadRequest, "the cursor is none of ours"))?;
        Ok(Window {
            after,
            limit: self.limit()?,
        })
    }

    /// How many entries are asked for.
    pub(super) fn limit(&self) -> Result<usize, Error> {
        let wrong = || {
            Error::new(
                Code::BadRequest,
                format!("limit is a number from 1 to {}", limit::PAGE_MAX),
            )
        };
        match self.text("limit") {
            None => Ok(limit::PAGE_MAX),
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                let number = text.parse().map_err(|_| wrong())?;
                if (1..=limit::PAGE_MAX).contains(&number) {
                    Ok(number)
                } else {
                    Err(wrong())
                }
            }
            Some(_) => Err(wrong()),
        }
    }
}

impl FromRequestParts<Arc<Ctx>> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Ctx>) -> Result<Self, Problem> {
        Ok(Self::of(&parts.uri)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Result<Query, Error> {
        Query::of(&format!("/?{text}").parse().unwrap())
    }

    #[test]
    fn a_limit_is_1_to_100() {
        for (text, expected) in [
            ("", Some(100)),
            ("limit=1", Some(1)),
            ("limit=100", Some(100)),
            ("limit=0", None),
            ("limit=101", None),
            ("limit=-1", None),
            ("limit=%2B1", None),
            ("limit=", None),
            ("limit=1.0", None),
            ("limit=99999999999999999999999", None),
        ] {
            assert_eq!(query(text).unwrap().limit().ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_parameter_is_known_and_there_once() {
        assert!(query("limit=1&limit=1").is_err());
        assert!(query("limit=1&lim%69t=1").is_err());
        let known = query("limit=1&application_id=x").unwrap();
        assert!(known.only(&["limit"]).is_ok());
        assert!(known.application().is_err());
        let token = query("access_token=cs_at_secret").unwrap().only(&[]);
        let error = token.unwrap_err();
        assert!(!format!("{error:?}").contains("cs_at"), "{error:?}");
        for cursor in ["cursor=%00", "cursor="] {
            let window = query(cursor).unwrap().window();
            assert_eq!(window.unwrap_err().code, Code::BadRequest, "{cursor}");
        }
    }
}
