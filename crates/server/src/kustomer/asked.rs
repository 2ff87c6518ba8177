//! Who asks: a backend by its API key.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::op::authenticate::{Bearer, authenticate};
use http::request::Parts;

use super::failure::Refused;
use super::organization::Organization;
use crate::authorization::bearer;
use crate::connection::Connection;
use crate::gate::Gate;

/// Who shows a bearer, in the organization that the address names.
#[derive(Debug)]
pub(super) struct Backend(pub(super) Principal);

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
        if let Some(gate) = parts.extensions.get::<Gate>() {
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
