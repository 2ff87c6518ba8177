//! Who asks: from the `Authorization` header to a principal.
//!
//! Only the scheme `Bearer` is known (RFC 6750 section 2.1). Basic is refused
//! from whatever origin: a browser sends it by itself, to a page of anybody.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::limit;
use countersign_core::model::origin::ForeignPage;
use countersign_core::op::authenticate::{Bearer, authenticate};
use countersign_core::op::origins::check_page;
use http::request::Parts;
use http::{HeaderMap, header};

use super::body::ReadBody;
use super::gate::Gate;
use super::problem::Problem;
use super::query::Query;
use crate::connection::Connection;

/// Who asks; a request that carries no bearer is refused.
#[derive(Debug)]
pub(super) struct Asker(pub(super) Principal);

/// Who asks, if the request says so. A bearer that is wrong is refused: it
/// never counts as none.
#[derive(Debug)]
pub(super) struct MaybeAsker(pub(super) Option<Principal>);

async fn principal(parts: &Parts, ctx: &Ctx) -> Result<Option<Principal>, Error> {
    let Some(text) = bearer(&parts.headers)? else {
        return Ok(None);
    };
    let connection = Connection::of(&parts.extensions);
    let query = Query::of(&parts.uri)?;
    let bearer = Bearer {
        text,
        peer: connection.peer,
        confidential: connection.is_confidential(),
        application: query.application()?,
    };
    let mut principal = authenticate(ctx, bearer).await?;
    if let Some(gate) = parts.extensions.get::<Gate>() {
        gate.call(&principal, ctx.now())?;
    }
    if let Some(page) = parts.extensions.get::<ForeignPage>() {
        check_page(ctx, &principal, page).await?;
    }
    if principal.acl.as_ref().is_some_and(|acl| acl.has_filters()) {
        principal.parameters = query.pairs();
        let body = parts.extensions.get::<ReadBody>();
        principal
            .parameters
            .extend(body.map(ReadBody::members).unwrap_or_default());
    }
    Ok(Some(principal))
}

/// The text of the bearer, if there is one.
pub(super) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Error::new(
            Code::BadRequest,
            "the request has several Authorization headers",
        ));
    }
    let malformed = |detail| Error::new(Code::MalformedToken, detail);
    let value = value
        .to_str()
        .map_err(|_| malformed("the Authorization header has characters that no token has"))?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Error::new(
            Code::NoCredential,
            "the Authorization header's scheme is not Bearer",
        )
        .hint("send Authorization: Bearer …, with an access token or an API key"));
    }
    let token = token.trim_matches(' ');
    if token.is_empty() || token.contains([' ', '\t', ',']) {
        return Err(malformed("the bearer is empty, or more than one"));
    }
    if token.len() > limit::TOKEN_BYTES_MAX {
        return Err(malformed("the bearer is longer than any token"));
    }
    Ok(Some(token))
}

// === impl Asker ===

impl FromRequestParts<Arc<Ctx>> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, ctx: &Arc<Ctx>) -> Result<Self, Problem> {
        let principal = principal(parts, ctx).await?;
        let none = || {
            Error::new(Code::NoCredential, "this call needs a bearer")
                .hint("send Authorization: Bearer …, with an access token or an API key")
        };
        Ok(Self(principal.ok_or_else(none)?))
    }
}

// === impl MaybeAsker ===

impl FromRequestParts<Arc<Ctx>> for MaybeAsker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, ctx: &Arc<Ctx>) -> Result<Self, Problem> {
        Ok(Self(principal(parts, ctx).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&str], expected: Result<Option<&str>, Code>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        let found = bearer(&headers).map_err(|error| error.code);
        assert_eq!(found, expected, "{values:?}");
    }

    #[test]
    fn the_header_has_one_bearer_or_is_refused() {
        check(&[], Ok(None));
        for text in ["Bearer cs_at_x", "bearer cs_at_x", "BEARER   cs_at_x "] {
            check(&[text], Ok(Some("cs_at_x")));
        }
        for text in [
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer a,b",
            "Bearer a\tb",
        ] {
            check(&[text], Err(Code::MalformedToken));
        }
        check(&["Bearer a\u{e4}"], Err(Code::MalformedToken));
        for text in [
            "",
            "Basic YTpi",
            "basic YTpi",
            "Digest x",
            "cs_at_x",
            "Bearer\tx",
        ] {
            check(&[text], Err(Code::NoCredential));
        }
        check(&["Bearer a", "Bearer b"], Err(Code::BadRequest));
        check(&["Bearer a", "Basic b"], Err(Code::BadRequest));
        let longest = "x".repeat(limit::TOKEN_BYTES_MAX);
        check(&[&format!("Bearer {longest}")], Ok(Some(&longest)));
        check(&[&format!("Bearer {longest}x")], Err(Code::MalformedToken));
    }
}
