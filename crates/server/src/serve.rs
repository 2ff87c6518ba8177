//! The server: all doors' listeners, started and stopped together.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::limit;
use crate::listener::{Listener, Shared};
use crate::listening::Listening;
use crate::operations::Operations;
use crate::proxies::TrustedProxies;
use crate::route::Service;
use crate::tls::Tls;

/// A door: where it listens, and what answers there.
#[derive(Debug)]
pub struct Door {
    /// The address; port 0 takes a free one.
    pub address: SocketAddr,
    /// What answers.
    pub service: Service,
}

/// An address that is bound before anything answers there, so that a process
/// can find out that it cannot have it before it touches anything else.
#[derive(Debug)]
pub struct Socket {
    tcp: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
}

/// How much the server takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections that are open at once, over all doors.
    pub connections_max: usize,
    /// How long a request's head may take, and a connection may be idle.
    pub head_max: Duration,
    /// How long a client may take to agree on TLS, where a listener speaks it.
    pub handshake_max: Duration,
    /// How long a client may take nothing of what is written to it.
    pub write_max: Duration,
    /// How long open requests may take to end once the server stops.
    pub drain_max: Duration,
}

/// The bound doors, ready to run.
pub struct Server {
    listeners: Vec<Listener>,
    addresses: Vec<SocketAddr>,
    limits: Limits,
    proxies: TrustedProxies,
    listening: Arc<Listening>,
}

/// How a stop went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that were still open at the deadline, and were cut off.
    pub cut_off: usize,
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// Why.
    pub source: io::Error,
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: limit::CONNECTIONS_MAX,
            head_max: Duration::from_secs(limit::HEAD_S_MAX),
            handshake_max: Duration::from_secs(limit::HANDSHAKE_S_MAX),
            write_max: Duration::from_secs(limit::WRITE_S_MAX),
            drain_max: Duration::from_secs(limit::DRAIN_S_MAX),
        }
    }
}

// === impl Socket ===

impl Socket {
    /// Binds an address; port 0 takes a free one. Clients that connect from now
    /// on wait until a server runs.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub async fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let refused = |source| BindError { address, source };
        let tcp = TcpListener::bind(address).await.map_err(refused)?;
        let address = tcp.local_addr().map_err(refused)?;
        Ok(Self {
            tcp,
            address,
            tls: None,
        })
    }

    /// The same address, where TLS is spoken and nothing else.
    #[must_use]
    pub fn with_tls(self, tls: Tls) -> Self {
        Self {
            tls: Some(tls),
            ..self
        }
    }

    /// The bound address, with the port that was taken.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

// === impl Server ===

impl Server {
    /// Binds every door. Clients that connect from now on wait until it runs.
    ///
    /// # Errors
    /// If an address cannot be listened on; none is then.
    pub async fn bind(doors: Vec<Door>, limits: Limits) -> Result<Self, BindError> {
        let mut bound = Vec::with_capacity(doors.len());
        for Door { address, service } in doors {
            bound.push((Socket::bind(address).await?, service));
        }
        Ok(Self::on(bound, limits))
    }

    /// A server on addresses that are bound already, each with what answers there.
    #[must_use]
    pub fn on(doors: Vec<(Socket, Service)>, limits: Limits) -> Self {
        let addresses = doors.iter().map(|(socket, _)| socket.address).collect();
        let listeners = doors
            .into_iter()
            .map(|(Socket { tcp, tls, .. }, service)| Listener { tcp, tls, service })
            .collect();
        Self {
            listeners,
            addresses,
            limits,
            proxies: TrustedProxies::default(),
            listening: Arc::default(),
        }
    }

    /// The server behind these proxies, which are believed about who asks.
    #[must_use]
    pub fn behind(self, proxies: TrustedProxies) -> Self {
        Self { proxies, ..self }
    }

    /// The server whose connections these operations count, as those of the node
    /// that its doors stand on.
    #[must_use]
    pub fn counted_by(self, operations: &Operations) -> Self {
        let listening = Arc::clone(&operations.listening);
        Self { listening, ..self }
    }

    /// The bound addresses, in the order of the doors.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves until it is told to stop. Then nothing more is accepted, idle
    /// connections are closed, open requests are answered, and what is still
    /// open at the deadline is cut off.
    pub async fn run(self, stop: CancellationToken) -> Stopped {
        self.listening.may_have(self.limits.connections_max);
        let shared = Shared {
            room: Arc::new(Semaphore::new(self.limits.connections_max)),
            tasks: TaskTracker::new(),
            stop: stop.clone(),
            cut: CancellationToken::new(),
            limits: self.limits,
            proxies: self.proxies,
            listening: self.listening,
        };
        let accepting = TaskTracker::new();
        for listener in self.listeners {
            accepting.spawn(listener.run(shared.clone()));
        }
        accepting.close();
        accepting.wait().await;
        shared.tasks.close();
        let drained = shared.tasks.wait();
        let in_time = tokio::time::timeout(self.limits.drain_max, drained).await;
        let cut_off = if in_time.is_ok() {
            0
        } else {
            shared.tasks.len()
        };
        shared.cut.cancel();
        shared.tasks.wait().await;
        Stopped { cut_off }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Server")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}
