//! What the native door does in its own way before and behind its routes.

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use countersign_core::error::Error;
use http::{HeaderMap, Method};

use super::attachments;
use super::cors::Cors;
use super::problem::{self, Failure, Problem};
use crate::connection::Connection;
use crate::door::Door;
use crate::file::Unread;
use crate::front::{Asked, Node, Protocol, Rendered};
use crate::prepared::prepared;

/// The native protocol.
pub(super) struct Native;

impl Protocol for Native {
    type Head = Cors;

    const DOOR: Door = Door::Native;

    async fn head(&self, node: &Node, request: &mut Request) -> Cors {
        let connection = Connection::of(request.extensions());
        let (method, headers) = (request.method(), request.headers());
        let cors = Cors::of(&node.ctx, &node.operations, method, headers, connection).await;
        if let Some(page) = cors.page() {
            request.extensions_mut().insert(page.clone());
        }
        cors
    }

    fn is_preflight(&self, cors: &Cors) -> bool {
        cors.is_preflight()
    }

    async fn prepared(&self, request: Request) -> Result<(Request, Option<Unread>), Error> {
        prepared(request, attachments::is_upload).await
    }

    fn is_entrance(&self, method: &Method, template: &str) -> bool {
        const ENTRANCES: [&str; 3] = [
            "/v1/sessions",
            "/v1/sessions/anonymous",
            "/v1/sessions/refresh",
        ];
        method == Method::POST && ENTRANCES.contains(&template)
    }

    fn is_long_poll(&self, template: &str) -> bool {
        template == "/v1/sync"
    }

    fn refused(&self, error: Error) -> Response {
        Problem(error).into_response()
    }

    fn rendered(&self, mut response: Response, to: Asked<'_, Cors>) -> Rendered {
        match response.extensions_mut().remove::<Failure>() {
            None => (response, None),
            Some(Failure(error)) => {
                let rendered = problem::rendered(response, &error, to.node.ctx.now());
                (rendered, Some(error))
            }
        }
    }

    fn tell(&self, cors: Cors, headers: &mut HeaderMap) {
        cors.tell(headers);
    }
}
