//! What a request names: ids in its path, and texts in its body.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::limit;
use http::request::Parts;

use super::problem::Problem;

/// The path's parameters.
#[derive(Debug)]
pub(super) struct Named(Vec<(String, String)>);

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
        let found = self.0.iter().find(|(name, _)| name == parameter);
        let parsed = found.and_then(|(_, text)| text.parse().ok());
        parsed.ok_or_else(|| Error::not_found(noun))
    }

    /// An event's number: digits, in one spelling.
    pub(super) fn event(&self) -> Result<u64, Error> {
        let number: u64 = self.id("event_id", "event")?;
        let plain = self
            .0
            .iter()
            .any(|(name, text)| name == "event_id" && *text == number.to_string());
        if plain {
            Ok(number)
        } else {
            Err(Error::not_found("event"))
        }
    }
}

impl FromRequestParts<Arc<Ctx>> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, ctx: &Arc<Ctx>) -> Result<Self, Problem> {
        let parameters = RawPathParams::from_request_parts(parts, ctx)
            .await
            .map_err(|_| Error::not_found("path"))?;
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Ok(Self(parameters.iter().map(owned).collect()))
    }
}
