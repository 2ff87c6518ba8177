//! What the door does in its own way before and behind its routes.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use countersign_core::error::Error;
use http::{Extensions, HeaderMap};

use super::Messaging;
use super::asked::AsItCame;
use super::failure::{self, Failure, Refused};
use crate::any_page;
use crate::body::{self, ReadBody};
use crate::door::Door;
use crate::file::Unread;
use crate::front::{Asked, Node, Protocol, Rendered};
use crate::path;

/// The protocol of the Sinch clients.
pub(super) struct Sinch {
    messaging: Arc<Option<Messaging>>,
}

/// Whether a browser asks whether a page may call.
pub(super) struct Preflight(bool);

// === impl Sinch ===

impl Sinch {
    pub(super) fn new(messaging: Option<Messaging>) -> Self {
        Self {
            messaging: Arc::new(messaging),
        }
    }
}

impl Protocol for Sinch {
    type Head = Preflight;

    const DOOR: Door = Door::Sinch;

    async fn head(&self, _: &Node, request: &mut Request) -> Preflight {
        Preflight(any_page::is_preflight(request.method(), request.headers()))
    }

    fn is_preflight(&self, Preflight(is_preflight): &Preflight) -> bool {
        *is_preflight
    }

    /// Beside the path's one spelling stands the one that is signed.
    async fn prepared(&self, request: Request) -> Result<(Request, Option<Unread>), Error> {
        let (mut parts, body) = request.into_parts();
        // The body first: a refusal of the path is to arrive, too.
        let body = body::read(body).await?;
        parts.extensions.insert(AsItCame(parts.uri.clone()));
        parts.uri = path::canonical_uri(parts.uri)?;
        parts.extensions.insert(ReadBody(body));
        Ok((Request::from_parts(parts, Body::empty()), None))
    }

    fn carry(&self, extensions: &mut Extensions) {
        extensions.insert(Arc::clone(&self.messaging));
    }

    fn refused(&self, error: Error) -> Response {
        Refused::from(error).into_response()
    }

    fn rendered(&self, mut response: Response, to: Asked<'_, Preflight>) -> Rendered {
        let Some(failure) = response.extensions_mut().remove::<Failure>() else {
            return (response, None);
        };
        let rendered = failure::rendered(response, &failure, &to.id.to_string());
        (rendered, Some(failure.error))
    }

    fn tell(&self, Preflight(preflight): Preflight, headers: &mut HeaderMap) {
        any_page::allow(headers, preflight);
    }
}
