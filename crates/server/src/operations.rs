//! What a node's operator sets and sees: rates and metrics, of all its doors.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::context::Ctx;
use countersign_core::durations::Distribution;
use countersign_core::limit::{self, Rate};
use tokio::sync::Semaphore;

use crate::listening::Listening;
use crate::metrics::Requests;
use crate::password_tries::PasswordTries;
use crate::rate::Limiter;
use crate::realtime::limit::LINES_MAX;
use crate::realtime::{Patience, Realtime};

/// Who may call how often. The default is the table of the domain's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Logins, visitors and refreshes from one address.
    pub entrance: Rate,
    /// The same from this machine: a proxy, for everybody behind it.
    pub local_entrance: Rate,
    /// Calls of one session.
    pub session: Rate,
    /// Calls of one API key.
    pub key: Rate,
}

/// A number that another part of the node tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Its name as it is shown; one that ends in `_total` only grows.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// The number, or several.
    pub reading: Reading,
}

/// What a number says at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// So many.
    Number(u64),
    /// So long, in seconds.
    Seconds(Duration),
    /// So many for each word that a label has.
    By(&'static str, Vec<(&'static str, u64)>),
    /// How often something took how long.
    Durations(Distribution),
}

/// Tells the numbers of another part at this moment.
pub type Source = Arc<dyn Fn() -> Vec<Sample> + Send + Sync>;

/// What the doors of a node share.
#[derive(Clone)]
pub struct Operations {
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) password_tries: Arc<PasswordTries>,
    pub(crate) requests: Arc<Requests>,
    /// One permit for each file that arrives.
    pub(crate) arriving: Arc<Semaphore>,
    pub(crate) sources: Arc<[Source]>,
    pub(crate) realtime: Arc<Realtime>,
    pub(crate) listening: Arc<Listening>,
    pub(crate) loopback_origins: bool,
}

// === impl Rates ===

impl Rates {
    /// For a node whose only callers are its developer's: a benchmark is no
    /// attack there.
    #[must_use]
    pub fn for_development() -> Self {
        Self {
            session: limit::KEY_RATE,
            ..Self::default()
        }
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            entrance: limit::ENTRANCE_RATE,
            local_entrance: limit::LOCAL_ENTRANCE_RATE,
            session: limit::SESSION_RATE,
            key: limit::KEY_RATE,
        }
    }
}

// === impl Operations ===

impl Operations {
    /// What the doors of one node share: these rates, and what these sources tell.
    #[must_use]
    pub fn new(rates: Rates, sources: Vec<Source>) -> Self {
        let mut calls = crate::native::calls();
        calls.extend(crate::nexmo::calls());
        calls.extend(crate::sinch::calls());
        calls.extend(crate::sinch::messaging::calls());
        calls.extend(crate::kustomer::calls());
        Self {
            limiter: Arc::new(Limiter::new(rates)),
            password_tries: Arc::new(PasswordTries::new()),
            requests: Arc::new(Requests::new(&calls)),
            arriving: Arc::new(Semaphore::new(limit::ATTACHMENTS_ARRIVING_MAX)),
            sources: sources.into(),
            realtime: Arc::new(Realtime::new(Patience::default(), LINES_MAX)),
            listening: Arc::default(),
            loopback_origins: false,
        }
    }

    /// Waits for clients of sockets as long as this.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        let most = self.realtime.lines_max;
        self.realtime = Arc::new(Realtime::new(patience, most));
        self
    }

    /// Keeps at most so many sockets and long polls open at once.
    #[must_use]
    pub fn with_connections_max(mut self, most: usize) -> Self {
        let patience = self.realtime.patience;
        self.realtime = Arc::new(Realtime::new(patience, most));
        self
    }

    /// The numbers of all parts but the requests'. Some are asked of the disk, so this
    /// may block.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let mut samples: Vec<_> = self.sources.iter().flat_map(|tell| tell()).collect();
        samples.extend(self.listening.samples());
        samples.extend(self.realtime.samples());
        let mut limited = self.limiter.refused();
        limited.push(("password", self.password_tries.refused()));
        samples.push(Sample {
            name: "countersign_rate_limited_total",
            help: "Calls that were one too many, by the row of the table of limits.",
            reading: Reading::By("limit", limited),
        });
        samples
    }

    /// Looks at all open sockets, as the node does every second by itself: for
    /// a test, whose clock does not go on by itself.
    pub fn look_at_sockets(&self, ctx: &Ctx) {
        self.realtime.look(ctx);
    }

    /// Lets web pages that this machine serves to itself call every application:
    /// for a developer whose page is served by another port. Never for a node
    /// that others reach, since their machines have a localhost, too.
    #[must_use]
    pub fn with_loopback_origins(mut self) -> Self {
        self.loopback_origins = true;
        self
    }
}

impl Default for Operations {
    fn default() -> Self {
        Self::new(Rates::default(), Vec::new())
    }
}

impl fmt::Debug for Operations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Operations")
    }
}
