//! What every request passes first at every door, and every answer last.
//!
//! The path is made canonical before a route is looked for. The body is read
//! before anything is decided: an answer to a request whose body is still on
//! the way may never arrive, since the connection is reset under it. The
//! answer gets the headers that every answer has, those that let a web page read
//! it, and a refusal its body and its one line in the log.
//!
//! What differs from door to door is its [`Protocol`].

use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::time::Instant;

use crate::body;
use crate::connection::Connection;
use crate::door::Door;
use crate::file::Unread;
use crate::gate::Gate;
use crate::operations::Operations;
use crate::passed::Passed;
use crate::request_log::{REQUEST_ID, RequestId, log};
use crate::route::{Found, Handler, Routes, Service};

/// What a door does in its own way.
pub(crate) trait Protocol: Send + Sync + 'static {
    /// What the answer depends on, of the request's head.
    type Head: Send + Sync;

    /// Whose protocol it is.
    const DOOR: Door;

    /// Reads the head, and puts what handlers ask for into the extensions.
    fn head(&self, node: &Node, request: &mut Request) -> impl Future<Output = Self::Head> + Send;

    /// Whether a browser asks, by `OPTIONS`, whether a page may call.
    fn is_preflight(&self, head: &Self::Head) -> bool;

    /// The request with its path in one spelling, and with its body read; or with
    /// its body beside it, for a handler that knows who asks.
    fn prepared(
        &self,
        request: Request,
    ) -> impl Future<Output = Result<(Request, Option<Unread>), Error>> + Send;

    /// Whether a call opens or renews a session: who asks is known by the address
    /// alone then.
    fn is_entrance(&self, _method: &Method, _template: &str) -> bool {
        false
    }

    /// Whether a call may wait for something to happen: it takes as long as its
    /// client likes, which says nothing of the node.
    fn is_long_poll(&self, _template: &str) -> bool {
        false
    }

    /// Puts what is the door's own into the extensions of a request that has
    /// found its route.
    fn carry(&self, _extensions: &mut Extensions) {}

    /// A refusal, as the door's handlers return it.
    fn refused(&self, error: Error) -> Response;

    /// A refusal with its body and status, and why; any other answer as it is.
    fn rendered(&self, response: Response, to: Asked<'_, Self::Head>) -> Rendered;

    /// Tells the browser who may read the answer.
    fn tell(&self, head: Self::Head, headers: &mut HeaderMap);
}

/// What the doors of a node stand on.
pub(crate) struct Node {
    pub(crate) ctx: Arc<Ctx>,
    pub(crate) operations: Arc<Operations>,
}

/// What was asked, as a refusal's body depends on it.
pub(crate) struct Asked<'a, Head> {
    pub(crate) node: &'a Node,
    pub(crate) head: &'a Head,
    pub(crate) route: Option<&'static str>,
    pub(crate) id: RequestId,
}

/// An answer as it goes out, and, where it is a refusal, why.
pub(crate) type Rendered = (Response, Option<Arc<Error>>);

/// An answer, and the template of the route that gave it.
type Answered = (Option<&'static str>, Response);

struct Front<P> {
    node: Node,
    protocol: P,
    routes: Routes<Handler>,
}

/// Puts a protocol's front before its routes.
pub(crate) fn before(
    ctx: Arc<Ctx>,
    operations: Operations,
    protocol: impl Protocol,
    routes: Routes<Handler>,
) -> Service {
    let node = Node {
        ctx,
        operations: Arc::new(operations),
    };
    let front = Arc::new(Front {
        node,
        protocol,
        routes,
    });
    Service::new(move |request| {
        let front = Arc::clone(&front);
        Box::pin(async move { front.pass(request).await })
    })
}

// === impl Front ===

impl<P: Protocol> Front<P> {
    async fn pass(&self, mut request: Request) -> Response {
        let Self { node, protocol, .. } = self;
        let began = Instant::now();
        let id = RequestId::new(&*node.ctx.random);
        let method = request.method().clone();
        let head = protocol.head(node, &mut request).await;
        let gate = Gate::new(Arc::clone(&node.operations.limiter));
        let (route, response) = if protocol.is_preflight(&head) {
            body::drop_unread(request.into_body()).await;
            (None, StatusCode::NO_CONTENT.into_response())
        } else {
            self.answered(request, id, &gate).await
        };
        let to = Asked {
            node,
            head: &head,
            route,
            id,
        };
        let (mut response, refused) = protocol.rendered(response, to);
        let status = response.status();
        if let Some(error) = refused {
            node.operations.requests.refused(error.code);
            log(&error, status, id, &method, route);
        }
        node.operations.requests.answered(route, &method, status);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        headers.insert(REQUEST_ID, id.header());
        gate.tell(headers);
        protocol.tell(head, headers);
        if !route.is_some_and(|template| protocol.is_long_poll(template)) {
            node.operations.requests.took(P::DOOR, began.elapsed());
        }
        response
    }

    async fn answered(&self, request: Request, id: RequestId, gate: &Gate) -> Answered {
        match self.protocol.prepared(request).await {
            Ok((request, unread)) => {
                let answered = self.routed(request, id, gate).await;
                if let Some(body) = unread.and_then(|unread| unread.take()) {
                    body::drop_unread(body).await;
                }
                answered
            }
            Err(error) => (None, self.protocol.refused(error)),
        }
    }

    /// An entrance is counted by its address before anything else is done.
    async fn routed(&self, mut request: Request, id: RequestId, gate: &Gate) -> Answered {
        let Self {
            node,
            protocol,
            routes,
        } = self;
        match routes.find(request.method(), request.uri().path()) {
            Found::Route {
                template,
                value: handler,
                parameters,
            } => {
                if protocol.is_entrance(request.method(), template) {
                    let connection = Connection::of(request.extensions());
                    if let Err(error) = gate.enter(connection, node.ctx.now()) {
                        return (Some(template), protocol.refused(error));
                    }
                }
                let extensions = request.extensions_mut();
                extensions.insert(Passed {
                    id,
                    gate: gate.clone(),
                    operations: Arc::clone(&node.operations),
                    parameters,
                });
                protocol.carry(extensions);
                let answer = handler(request, Arc::clone(&node.ctx)).await;
                (Some(template), answer)
            }
            Found::OtherMethods { template, allow } => {
                let mut response = protocol.refused(method_not_allowed());
                response.headers_mut().insert(header::ALLOW, allow);
                (Some(template), response)
            }
            Found::Nothing => (None, protocol.refused(Error::not_found("path"))),
        }
    }
}

fn method_not_allowed() -> Error {
    Error::new(
        Code::MethodNotAllowed,
        "this path has other methods than the one that was asked for",
    )
    .hint("the Allow header names them")
}
