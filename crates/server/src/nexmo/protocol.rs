//! What the door does in its own way before and behind its routes.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use countersign_core::error::Error;
use http::{Extensions, HeaderMap};

use super::failure::{self, Failure, Refused};
use super::resume::Resumes;
use super::version::Version;
use super::{media, routes};
use crate::any_page;
use crate::door::Door;
use crate::file::Unread;
use crate::front::{Asked, Node, Protocol, Rendered};
use crate::prepared::prepared;

/// The protocol of the Nexmo clients.
#[derive(Default)]
pub(super) struct Nexmo {
    resumes: Arc<Resumes>,
}

/// What an answer depends on.
pub(super) struct Head {
    version: Version,
    preflight: bool,
}

impl Protocol for Nexmo {
    type Head = Head;

    const DOOR: Door = Door::Nexmo;

    async fn head(&self, _: &Node, request: &mut Request) -> Head {
        Head {
            version: Version::of_path(request.uri().path()),
            preflight: any_page::is_preflight(request.method(), request.headers()),
        }
    }

    fn is_preflight(&self, head: &Head) -> bool {
        head.preflight
    }

    async fn prepared(&self, request: Request) -> Result<(Request, Option<Unread>), Error> {
        prepared(request, media::is_upload).await
    }

    fn carry(&self, extensions: &mut Extensions) {
        extensions.insert(Arc::clone(&self.resumes));
    }

    fn refused(&self, error: Error) -> Response {
        Refused(error).into_response()
    }

    fn rendered(&self, mut response: Response, to: Asked<'_, Head>) -> Rendered {
        let Some(Failure(error)) = response.extensions_mut().remove() else {
            return (response, None);
        };
        let about = routes::about(to.route);
        let (version, id) = (to.head.version, to.id.to_string());
        let rendered = failure::rendered(response, &error, about, version, &id);
        (rendered, Some(error))
    }

    fn tell(&self, head: Head, headers: &mut HeaderMap) {
        any_page::allow(headers, head.preflight);
    }
}
