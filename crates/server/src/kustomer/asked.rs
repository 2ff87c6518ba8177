//! Who asks: a backend by its API key, a device by its tracking token.

use std::fmt;
use std::sync::Arc;

use axum::Form;
use axum::extract::{FromRequest, FromRequestParts, Request};
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::{SessionId, UserId};
use countersign_core::limit::TOKEN_BYTES_MAX;
use countersign_core::op::authenticate::{Bearer, authenticate};
use countersign_core::op::tracking::Tracked;
use countersign_core::op::tracking::living::living;
use countersign_core::token::TokenKind;
use http::request::Parts;
use http::{HeaderMap, HeaderName, header};
use serde::de::DeserializeOwned;

use super::failure::Refused;
use super::organization::Organization;
use crate::authorization::bearer;
use crate::body::{ReadBody, check_strict, decode};
use crate::connection::Connection;
use crate::passed::Passed;

/// The header with a device's own token.
const TRACKING_TOKEN: HeaderName = HeaderName::from_static("x-kustomer-tracking-token");

const FORM: &str = "application/x-www-form-urlencoded";

/// Who shows a bearer, in the organization that the address names.
#[derive(Debug)]
pub(super) struct Backend(pub(super) Principal);

/// The token that a device shows, if it shows one: whether it is good is not
/// known yet.
pub(super) struct Shown(pub(super) Option<String>);

/// A device with a good token of the organization that the address names.
#[derive(Debug)]
pub(super) struct Device(pub(super) Tracked);

/// The customer of a chat, and the device's session where it is one that asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Customer {
    pub(super) user: UserId,
    pub(super) session: Option<SessionId>,
}

/// A body that some clients send as a form, and others as JSON.
#[derive(Debug)]
pub(super) struct FormOrJson<T>(pub(super) T);

/// A body, of which only what is known is read.
#[derive(Debug)]
pub(super) struct Json<T>(pub(super) T);

/// A text that no token can be is shown all the same: it is refused, or counts as
/// none, wherever a wrong one does.
fn shown(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let mut values = headers.get_all(TRACKING_TOKEN).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        let detail = format!("the request has several headers {TRACKING_TOKEN}");
        return Err(Error::new(Code::BadRequest, detail));
    }
    let text = value.to_str().unwrap_or_default();
    let fits = text.len() <= TOKEN_BYTES_MAX;
    Ok(Some(if fits { text.to_owned() } else { String::new() }))
}

// === impl Backend ===

impl FromRequestParts<Arc<Ctx>> for Backend {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, ctx: &Arc<Ctx>) -> Result<Self, Refused> {
        let text = bearer(&parts.headers)?.ok_or_else(|| {
            Error::new(Code::NoCredential, "this call needs an API key")
                .hint("send Authorization: Bearer …, with an API key of the organization")
        })?;
        let connection = Connection::of(&parts.extensions);
        let bearer = Bearer {
            text,
            peer: connection.peer,
            confidential: connection.is_confidential(),
            application: None,
        };
        let mut principal = authenticate(ctx, bearer).await?;
        if let Some(gate) = Passed::gate(&parts.extensions) {
            gate.call(&principal, ctx.now())?;
        }
        let Organization(judge) = Organization::from_request_parts(parts, ctx).await?;
        let application = judge.application.id;
        if principal.application.is_some_and(|own| own != application) {
            let error = Error::not_found("organization");
            return Err(error.hint("the API key is of another one").into());
        }
        principal.application = Some(application);
        Ok(Self(principal))
    }
}

// === impl Shown ===

impl FromRequestParts<Arc<Ctx>> for Shown {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Ctx>) -> Result<Self, Refused> {
        Ok(Self(shown(&parts.headers)?))
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Shown")
    }
}

// === impl Device ===

impl FromRequestParts<Arc<Ctx>> for Device {
    type Rejection = Refused;

    /// What is none of our tokens is refused before anything is looked for: a
    /// stranger can name any number of organizations.
    async fn from_request_parts(parts: &mut Parts, ctx: &Arc<Ctx>) -> Result<Self, Refused> {
        let text = shown(&parts.headers)?.ok_or_else(|| {
            Error::new(Code::NoCredential, "this call needs a tracking token")
                .hint("ask for one: GET /c/v1/tracking/tokens/current")
        })?;
        ctx.tokens
            .read(TokenKind::Tracking, &text)
            .map_err(Error::from)?;
        let Organization(judge) = Organization::from_request_parts(parts, ctx).await?;
        let tracked = Box::pin(living(ctx, &judge, &text)).await?;
        if let Some(gate) = Passed::gate(&parts.extensions) {
            gate.call(&tracked.principal, ctx.now())?;
        }
        Ok(Self(tracked))
    }
}

// === impl Customer ===

impl Customer {
    pub(super) fn of(device: &Tracked) -> Self {
        Self {
            user: device.user.id,
            session: Some(device.session.id),
        }
    }
}

// === impl FormOrJson ===

impl<T: DeserializeOwned> FromRequest<Arc<Ctx>> for FormOrJson<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, ctx: &Arc<Ctx>) -> Result<Self, Refused> {
        let value = request.headers().get(header::CONTENT_TYPE);
        let text = value.and_then(|value| value.to_str().ok());
        if text.is_some_and(|text| text.starts_with(FORM)) {
            let wrong = |_| Error::new(Code::BadRequest, "the form cannot be read");
            let Form(value) = Form::from_request(request, ctx).await.map_err(wrong)?;
            return Ok(Self(value));
        }
        let (mut parts, _) = request.into_parts();
        let Json(value) = Json::from_request_parts(&mut parts, ctx).await?;
        Ok(Self(value))
    }
}

// === impl Json ===

impl<T: DeserializeOwned> FromRequestParts<Arc<Ctx>> for Json<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Ctx>) -> Result<Self, Refused> {
        let ReadBody(body) = parts.extensions.get().cloned().unwrap_or_default();
        check_strict(&body)?;
        Ok(Self(decode(&body)?))
    }
}
