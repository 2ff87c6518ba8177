//! Who asks: from the `Authorization` header to a principal.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::model::origin::ForeignPage;
use countersign_core::op::authenticate::{Bearer, authenticate};
use countersign_core::op::origins::check_page;
use http::request::Parts;

use super::problem::Problem;
use super::query::Query;
use crate::authorization::bearer;
use crate::body::ReadBody;
use crate::connection::Connection;
use crate::passed::Passed;

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
    if let Some(gate) = Passed::gate(&parts.extensions) {
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
