//! What the listeners of a server have seen, in numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::operations::{Reading, Sample};

/// What they have seen since the node was started.
#[derive(Debug, Default)]
pub(crate) struct Listening {
    accepted: AtomicU64,
    open: AtomicU64,
    open_max: AtomicU64,
    accept_errors: AtomicU64,
    tls_failures: AtomicU64,
}

/// A connection while it is open.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<Listening>);

// === impl Listening ===

impl Listening {
    /// Notes how many may be open at once.
    pub(crate) fn may_have(&self, connections_max: usize) {
        self.open_max
            .store(connections_max as u64, Ordering::Relaxed);
    }

    /// Counts a connection that was accepted, until what this answers is dropped.
    pub(crate) fn accepted(self: &Arc<Self>) -> OpenConnection {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    /// Counts one that the system did not give.
    pub(crate) fn accept_failed(&self) {
        self.accept_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one whose client did not agree on TLS.
    pub(crate) fn tls_failed(&self) {
        self.tls_failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn samples(&self) -> Vec<Sample> {
        [
            (
                "countersign_tcp_connections",
                "TCP connections that are open, of all listeners; sockets are among them.",
                &self.open,
            ),
            (
                "countersign_tcp_connections_max",
                "TCP connections that may be open at once; more wait until one has ended.",
                &self.open_max,
            ),
            (
                "countersign_tcp_connections_accepted_total",
                "TCP connections that were accepted.",
                &self.accepted,
            ),
            (
                "countersign_tcp_accept_errors_total",
                "Connections that the system did not give: mostly for want of file descriptors.",
                &self.accept_errors,
            ),
            (
                "countersign_tls_handshake_failures_total",
                "Connections whose client did not agree on TLS, or not in time.",
                &self.tls_failures,
            ),
        ]
        .map(|(name, help, counter)| Sample {
            name,
            help,
            reading: Reading::Number(counter.load(Ordering::Relaxed)),
        })
        .into()
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
