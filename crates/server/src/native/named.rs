//! What a request names: ids in its path, and texts in its body.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::limit;
use countersign_core::op::authenticate::in_application;
use countersign_credential::key::Kid;
use http::request::Parts;

use super::problem::Problem;
use crate::route::Parameters;

/// The path's parameters.
#[derive(Debug)]
pub(super) struct Named(Parameters);

/// A text that people see or call something by: 1 to 255 bytes, none of them
/// of a control character.
pub(super) fn checked_name(member: &str, text: String) -> Result<String, Error> {
    checked(member, text, limit::NAME_BYTES_MAX)
}

/// A client's own id of what it creates, or its nonce.
pub(super) fn checked_client_id(member: &str, text: String) -> Result<String, Error> {
    checked(member, text, limit::CLIENT_ID_BYTES_MAX)
}

fn checked(member: &str, text: String, bytes_max: usize) -> Result<String, Error> {
    if text.is_empty() || text.len() > bytes_max || text.contains(char::is_control) {
        return Err(Error::new(
            Code::BadRequest,
            format!("{member} has 1 to {bytes_max} bytes and no control character"),
        ));
    }
    Ok(text)
}

// === impl Named ===

impl Named {
    /// The id at this place of the path. A text that is no such id names
    /// nothing that exists.
    pub(super) fn id<T: FromStr>(&self, parameter: &str, noun: &'static str) -> Result<T, Error> {
        let parsed = self.text(parameter).and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| Error::not_found(noun))
    }

    /// The asker, in the application that the path names: by its id, or by
    /// `current`, which is the bearer's own.
    pub(super) fn application(&self, asker: Principal) -> Result<Principal, Error> {
        if self.text("application_id") == Some("current") {
            return Ok(asker);
        }
        in_application(asker, self.id("application_id", "application")?)
    }

    /// A signing key's name. A text that cannot be one names no key.
    pub(super) fn kid(&self) -> Result<Kid, Error> {
        let kid = self.text("kid").and_then(|text| Kid::parse(text).ok());
        kid.ok_or_else(|| Error::not_found("key"))
    }

    fn text(&self, parameter: &str) -> Option<&str> {
        self.0.get(parameter)
    }

    /// An event's number: digits, in one spelling.
    pub(super) fn event(&self) -> Result<u64, Error> {
        let number: u64 = self.id("event_id", "event")?;
        if self.text("event_id") == Some(number.to_string().as_str()) {
            Ok(number)
        } else {
            Err(Error::not_found("event"))
        }
    }
}

impl FromRequestParts<Arc<Ctx>> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, ctx: &Arc<Ctx>) -> Result<Self, Problem> {
        let Ok(parameters) = Parameters::from_request_parts(parts, ctx).await;
        Ok(Self(parameters))
    }
}
