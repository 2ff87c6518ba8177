//! One listener: accepts connections, and serves each to its end.
//!
//! Our own loop instead of axum's, since that one has no timeout for a
//! request's head, no bound on connections, and no deadline when it stops.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::Connection;
use crate::head_timer::HeadTimer;
use crate::limit;
use crate::listening::{Listening, OpenConnection};
use crate::patient::Patient;
use crate::proxies::TrustedProxies;
use crate::route::Service;
use crate::serve::Limits;
use crate::tasks::Tasks;
use crate::tls::Tls;

/// A bound address and what answers there.
pub(crate) struct Listener {
    pub(crate) tcp: TcpListener,
    /// What is spoken before HTTP, if anything is.
    pub(crate) tls: Option<Tls>,
    pub(crate) service: Service,
}

/// What the connections of all listeners share.
#[derive(Clone)]
pub(crate) struct Shared {
    /// One permit for each connection.
    pub(crate) room: Arc<Semaphore>,
    /// Every connection's task.
    pub(crate) tasks: TaskTracker,
    /// Says that no further connection is accepted, and open ones are to end.
    pub(crate) stop: CancellationToken,
    /// Says that what is still open is cut off.
    pub(crate) cut: CancellationToken,
    pub(crate) limits: Limits,
    /// Who is believed about who asks.
    pub(crate) proxies: TrustedProxies,
    /// What is counted for the metrics.
    pub(crate) listening: Arc<Listening>,
}

/// What a connection's requests are answered with.
struct Spoken {
    service: Service,
    connection: Connection,
    tasks: Arc<Tasks>,
    limits: Limits,
    proxies: TrustedProxies,
}

// === impl Listener ===

impl Listener {
    /// Accepts connections until the server stops.
    pub(crate) async fn run(self, shared: Shared) {
        let stop = shared.stop.clone();
        let accept = async {
            loop {
                let Ok(permit) = Arc::clone(&shared.room).acquire_owned().await else {
                    return;
                };
                match self.tcp.accept().await {
                    Ok((stream, peer)) => {
                        let open = shared.listening.accepted();
                        let served = self.serve((stream, peer), &shared, (permit, open));
                        shared.tasks.spawn(served);
                    }
                    Err(error) => {
                        shared.listening.accept_failed();
                        tracing::warn!(%error, "the system refused a connection");
                        tokio::time::sleep(Duration::from_millis(limit::ACCEPT_RETRY_MS)).await;
                    }
                }
            }
        };
        stop.run_until_cancelled(accept).await;
    }

    /// Serves one connection; the permit and the count are held as long as it is open,
    /// from its first byte on.
    fn serve(
        &self,
        (stream, peer): (TcpStream, SocketAddr),
        shared: &Shared,
        held: (OwnedSemaphorePermit, OpenConnection),
    ) -> impl Future<Output = ()> + Send + 'static {
        let connection = Connection {
            peer: peer.ip(),
            tls: self.tls.is_some(),
        };
        let tls = self.tls.clone();
        let service = self.service.clone();
        let Shared {
            tasks,
            stop,
            cut,
            limits,
            proxies,
            listening,
            ..
        } = shared.clone();
        let tasks = Arc::new(Tasks::of(tasks, stop.clone(), cut.clone()));
        async move {
            let _open = held;
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection was gone before it was served");
                return;
            }
            let spoken = Spoken {
                service,
                connection,
                tasks,
                limits,
                proxies,
            };
            let Some(tls) = tls else {
                return spoken.over(stream).await;
            };
            // Boxed: most connections have none, and need no room for it.
            let agreed = Box::pin(tls.accept(stream, limits.handshake_max));
            match stop.run_until_cancelled(agreed).await {
                Some(Ok(stream)) => Box::pin(spoken.over(stream)).await,
                Some(Err(error)) => {
                    listening.tls_failed();
                    tracing::debug!(%error, "a client did not agree on TLS");
                }
                None => {}
            }
        }
    }
}

// === impl Spoken ===

impl Spoken {
    /// Speaks HTTP over a stream, to its end.
    async fn over(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Self {
            service,
            connection,
            tasks,
            limits,
            proxies,
        } = self;
        let (stop, cut) = (tasks.stop.clone(), tasks.cut.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let connection = proxies.before(connection, request.headers());
            answer(service.clone(), connection, Arc::clone(&tasks), request)
        });
        // A client is told of HTTP/1.1 alone, and to guess from the first bytes, as
        // hyper-util's automatic builder does, would wait for them without a limit.
        let mut builder = http1::Builder::new();
        builder
            .timer(HeadTimer::default())
            .header_read_timeout(limits.head_max)
            .max_buf_size(limit::HEAD_BYTES_MAX)
            .max_headers(limit::HEAD_FIELDS_MAX);
        let stream = TokioIo::new(Patient::new(stream, limits.write_max));
        let mut served = pin!(builder.serve_connection(stream, service).with_upgrades());
        let ended = tokio::select! {
            ended = served.as_mut() => Some(ended),
            () = stop.cancelled() => {
                served.as_mut().graceful_shutdown();
                // What stops the server comes before what cuts connections off.
                cut.run_until_cancelled(served).await
            }
        };
        match ended {
            Some(Ok(())) | None => {}
            Some(Err(error)) => tracing::debug!(%error, "a connection broke off"),
        }
    }
}

async fn answer(
    service: Service,
    connection: Connection,
    tasks: Arc<Tasks>,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    request.extensions_mut().insert(connection);
    request.extensions_mut().insert(tasks);
    // Most requests have no body, and need no box for it.
    let request = request.map(|body| {
        if body.is_end_stream() {
            Body::empty()
        } else {
            Body::new(body)
        }
    });
    Ok(service.answer(request).await)
}
