//! Who asks, by one of the protocol's schemes. Each call wants one of them, and
//! says so by what its handler takes.

use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use bytes::Bytes;
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::op::signed_request::{Signed, by_application, by_name, by_session};
use http::Uri;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::failure::{ErrorCode, Refused};
use super::signature::{self, Authorization, Request, Signable};
use crate::body::{ReadBody, check_strict, check_strict_list, decode};
use crate::connection::Connection;
use crate::passed::Passed;

/// A request's address with the percent-encodings that it came with: those are
/// signed.
#[derive(Debug, Clone)]
pub(super) struct AsItCame(pub(super) Uri);

/// A call that an instance has signed.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) signed: Signed,
}

/// The same, where the call may come twice: the second time it changes nothing,
/// and a client that does the same again within a millisecond signs alike.
#[derive(Debug)]
pub(super) struct AskedAgain(pub(super) Asked);

/// A call by an instance or by an application, signed or not.
#[derive(Debug)]
pub(super) struct Somebody;

/// A call by an app that names its application, as every copy of it can.
#[derive(Debug)]
pub(super) struct App(pub(super) Principal);

/// A credential, for the calls that open a session. Its user is judged there.
pub(super) struct Shown(pub(super) String);

/// A credential, or an instance that wants to live on.
#[derive(Debug)]
pub(super) enum Entering {
    Shown(Shown),
    Signed(Box<Signed>),
}

/// A body, of which only what is known is read.
#[derive(Debug)]
pub(super) struct Json<T>(pub(super) T);

/// A body that is a list.
#[derive(Debug)]
pub(super) struct List<T>(pub(super) Vec<T>);

/// How often a signed request that changes something is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Once,
    Often,
}

async fn signed_by_instance(
    parts: &Parts,
    ctx: &Ctx,
    (id, mac): (&str, &[u8]),
    taken: Taken,
) -> Result<Signed, Refused> {
    let mut signable = signable(parts)?;
    signable.once &= taken == Taken::Once;
    let admit = |principal: &Principal| count(parts, ctx, principal);
    let signed = by_session(ctx, id, signable.signed(mac), admit).await;
    signed.map_err(Refused::of_signed)
}

fn signable(parts: &Parts) -> Result<Signable, Refused> {
    let came = parts.extensions.get::<AsItCame>();
    let uri = came.map_or(&parts.uri, |AsItCame(uri)| uri);
    let body = body(parts);
    let request = Request {
        method: &parts.method,
        path: uri.path(),
        query: uri.query(),
        headers: &parts.headers,
        body: &body,
    };
    Ok(signature::signable(&request)?)
}

fn body(parts: &Parts) -> Bytes {
    let ReadBody(body) = parts.extensions.get().cloned().unwrap_or_default();
    body
}

/// Counts the call: of who asks, or of the address that they ask from.
fn count(parts: &Parts, ctx: &Ctx, principal: &Principal) -> Result<(), Error> {
    match Passed::gate(&parts.extensions) {
        Some(gate) => gate.call(principal, ctx.now()),
        None => Ok(()),
    }
}

/// Counts a call by the address that it comes from.
fn enter(parts: &Parts, ctx: &Ctx) -> Result<(), Error> {
    match Passed::gate(&parts.extensions) {
        Some(gate) => gate.enter(Connection::of(&parts.extensions), ctx.now()),
        None => Ok(()),
    }
}

fn wrong_scheme(wanted: &str, found: &Authorization<'_>) -> Refused {
    let detail = format!(
        "this call wants the scheme {wanted}, and the request has {}",
        found.scheme()
    );
    Refused::told(
        Error::new(Code::NotPermitted, detail),
        ErrorCode::WRONG_SCHEME,
    )
}

// === impl Asked ===

impl Asked {
    async fn of(parts: &Parts, ctx: &Ctx, taken: Taken) -> Result<Self, Refused> {
        match signature::authorization(&parts.headers)? {
            Authorization::SignedByInstance { id, mac } => Ok(Self {
                signed: signed_by_instance(parts, ctx, (id, &mac), taken).await?,
            }),
            other @ (Authorization::Application { .. }
            | Authorization::SignedByApplication { .. }
            | Authorization::Credential(_)) => Err(wrong_scheme("instance", &other)),
        }
    }
}

impl FromRequestParts<Arc<Ctx>> for Asked {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, ctx: &Arc<Ctx>) -> Result<Self, Refused> {
        Self::of(parts, ctx, Taken::Once).await
    }
}

// === impl AskedAgain ===

impl FromRequestParts<Arc<Ctx>> for AskedAgain {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, ctx: &Arc<Ctx>) -> Result<Self, Refused> {
        Ok(Self(Asked::of(parts, ctx, Taken::Often).await?))
    }
}

// === impl Somebody ===

impl FromRequestParts<Arc<Ctx>> for Somebody {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, ctx: &Arc<Ctx>) -> Result<Self, Refused> {
        match signature::authorization(&parts.headers)? {
            Authorization::SignedByInstance { id, mac } => {
                signed_by_instance(parts, ctx, (id, &mac), Taken::Once).await?;
            }
            Authorization::SignedByApplication { key, mac } => {
                let signable = signable(parts)?;
                let admit = |principal: &Principal| count(parts, ctx, principal);
                let principal = by_application(ctx, key, signable.signed(&mac), admit).await;
                principal.map_err(Refused::of_signed)?;
            }
            Authorization::Application { key } => {
                enter(parts, ctx)?;
                by_name(ctx, key).await?;
            }
            other @ Authorization::Credential(_) => {
                return Err(wrong_scheme("instance or application", &other));
            }
        }
        Ok(Self)
    }
}

// === impl App ===

impl FromRequestParts<Arc<Ctx>> for App {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, ctx: &Arc<Ctx>) -> Result<Self, Refused> {
        match signature::authorization(&parts.headers)? {
            Authorization::Application { key } => {
                enter(parts, ctx)?;
                Ok(Self(by_name(ctx, key).await?))
            }
            other @ (Authorization::Credential(_)
            | Authorization::SignedByApplication { .. }
            | Authorization::SignedByInstance { .. }) => Err(wrong_scheme("application", &other)),
        }
    }
}

// === impl Shown ===

impl FromRequestParts<Arc<Ctx>> for Shown {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, ctx: &Arc<Ctx>) -> Result<Self, Refused> {
        match signature::authorization(&parts.headers)? {
            Authorization::Credential(text) => {
                enter(parts, ctx)?;
                Ok(Self(text.to_owned()))
            }
            other @ (Authorization::Application { .. }
            | Authorization::SignedByApplication { .. }
            | Authorization::SignedByInstance { .. }) => Err(wrong_scheme("user", &other)),
        }
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Shown")
    }
}

// === impl Entering ===

impl FromRequestParts<Arc<Ctx>> for Entering {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, ctx: &Arc<Ctx>) -> Result<Self, Refused> {
        match signature::authorization(&parts.headers)? {
            Authorization::SignedByInstance { id, mac } => {
                let signed = signed_by_instance(parts, ctx, (id, &mac), Taken::Once).await?;
                Ok(Self::Signed(Box::new(signed)))
            }
            Authorization::Credential(_)
            | Authorization::Application { .. }
            | Authorization::SignedByApplication { .. } => {
                let shown = Shown::from_request_parts(parts, ctx).await?;
                Ok(Self::Shown(shown))
            }
        }
    }
}

// === impl Json ===

impl<T: DeserializeOwned> FromRequestParts<Arc<Ctx>> for Json<T> {
    type Rejection = Refused;

    /// An empty body counts as an object without members.
    async fn from_request_parts(parts: &mut Parts, _: &Arc<Ctx>) -> Result<Self, Refused> {
        let body = body(parts);
        if body.is_empty() {
            return Ok(Self(decode(b"{}")?));
        }
        check_strict(&body)?;
        Ok(Self(decode(&body)?))
    }
}

// === impl List ===

impl<T: DeserializeOwned> FromRequestParts<Arc<Ctx>> for List<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Ctx>) -> Result<Self, Refused> {
        let body = body(parts);
        check_strict_list(&body)?;
        Ok(Self(decode(&body)?))
    }
}
