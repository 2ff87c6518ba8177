//! What is asked for: who asks, in which version, with which path, query and body.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Query as Pairs};
use bytes::Bytes;
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::limit;
use countersign_core::op::authenticate::Bearer;
use countersign_core::op::user_bearer::authenticate_users_too;
use http::Uri;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::failure::Refused;
use super::version::Version;
use crate::authorization::bearer;
use crate::body::{ReadBody, check_strict, decode};
use crate::connection::Connection;
use crate::passed::Passed;
use crate::route::Parameters;

/// A call by somebody who is known.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) principal: Principal,
    pub(super) version: Version,
    pub(super) place: Place,
    pub(super) query: Query,
    parameters: Parameters,
    body: Bytes,
}

/// Where the door was reached, for the addresses that it gives out.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Scheme and host; nothing, where the request named none.
    pub(super) origin: String,
    /// The path that was asked for.
    pub(super) path: String,
}

/// The query's parameters. Unknown ones are of no matter.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

/// The credential itself, for the one call that puts it into a session.
#[derive(Clone)]
pub(super) struct Shown(pub(super) String);

// === impl Asked ===

impl Asked {
    /// The id at this place of the path. A text that is no such id names
    /// nothing that exists.
    pub(super) fn id<T: FromStr>(&self, parameter: &str, noun: &'static str) -> Result<T, Error> {
        let parsed = self.text(parameter).and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| Error::not_found(noun))
    }

    /// What stands at this place of the path.
    pub(super) fn text(&self, parameter: &str) -> Option<&str> {
        self.parameters.get(parameter)
    }

    /// The body, of which only what is known is read. An empty one counts as an
    /// object without members.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        if self.body.is_empty() {
            return decode(b"{}");
        }
        check_strict(&self.body)?;
        decode(&self.body)
    }

    /// The address of something of this version.
    pub(super) fn href(&self, rest: &str) -> String {
        let Place { origin, .. } = &self.place;
        format!("{origin}/{}/{rest}", self.version.segment())
    }
}

impl FromRequestParts<Arc<Ctx>> for Asked {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, ctx: &Arc<Ctx>) -> Result<Self, Refused> {
        let path = parts.uri.path().to_owned();
        let segment = path.split('/').nth(1).unwrap_or_default();
        let version = Version::from_segment(segment).ok_or_else(|| Error::not_found("path"))?;
        let query = Query::of(&parts.uri)?;
        let ReadBody(mut body) = parts.extensions.get().cloned().unwrap_or_default();
        // Clients write it where they have nothing to say.
        if &*body == b"null" {
            body.clear();
        }
        let mut principal = principal(parts, ctx).await?;
        if principal.acl.as_ref().is_some_and(|acl| acl.has_filters()) {
            principal.parameters = query.pairs();
            principal
                .parameters
                .extend(ReadBody(body.clone()).members());
        }
        let Ok(parameters) = Parameters::from_request_parts(parts, ctx).await;
        let connection = Connection::of(&parts.extensions);
        let origin = connection.origin(&parts.headers);
        Ok(Self {
            principal,
            version,
            place: Place { origin, path },
            query,
            parameters,
            body,
        })
    }
}

/// Who asks.
pub(super) async fn principal(parts: &Parts, ctx: &Ctx) -> Result<Principal, Error> {
    let none = || {
        Error::new(Code::NoCredential, "this call needs a bearer")
            .hint("send Authorization: Bearer …, with the JWT")
    };
    let text = bearer(&parts.headers)?.ok_or_else(none)?;
    let connection = Connection::of(&parts.extensions);
    let bearer = Bearer {
        text,
        peer: connection.peer,
        confidential: connection.is_confidential(),
        application: None,
    };
    let principal = authenticate_users_too(ctx, bearer).await?;
    if let Some(gate) = Passed::gate(&parts.extensions) {
        gate.call(&principal, ctx.now())?;
    }
    Ok(principal)
}

// === impl Query ===

impl Query {
    /// Reads the query of a request.
    pub(super) fn of(uri: &Uri) -> Result<Self, Error> {
        let wrong = || Error::new(Code::BadRequest, "the query cannot be read");
        let Pairs(pairs) =
            Pairs::<Vec<(String, String)>>::try_from_uri(uri).map_err(|_| wrong())?;
        if pairs.len() > limit::PAGE_MAX {
            return Err(wrong());
        }
        Ok(Self(pairs))
    }

    /// The parameters, as an ACL's filters compare them.
    fn pairs(&self) -> Vec<(String, Option<String>)> {
        self.0
            .iter()
            .map(|(name, value)| (name.clone(), Some(value.clone())))
            .collect()
    }

    /// All parameters, in their order.
    pub(super) fn all(&self) -> &[(String, String)] {
        &self.0
    }

    /// A parameter's text; an empty one counts as none.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.written(name).filter(|value| !value.is_empty())
    }

    /// A parameter's text, an empty one included.
    pub(super) fn written(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(candidate, _)| candidate == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A parameter's value.
    pub(super) fn parsed<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, Error> {
        let wrong = |_| {
            Error::new(
                Code::BadRequest,
                format!("{name} has a value that it cannot have"),
            )
        };
        self.text(name).map(str::parse).transpose().map_err(wrong)
    }
}

// === impl Shown ===

impl FromRequestParts<Arc<Ctx>> for Shown {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Ctx>) -> Result<Self, Refused> {
        let text = bearer(&parts.headers)?.unwrap_or_default();
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Shown")
    }
}
