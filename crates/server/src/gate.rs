//! The gate of one request: it counts the caller once it is known, and keeps
//! what the caller has left for the answer's headers.

use std::sync::{Arc, OnceLock};

use countersign_core::access::principal::Principal;
use countersign_core::error::{Code, Error};
use countersign_credential::time::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::connection::Connection;
use crate::counters::Allowance;
use crate::rate::{Caller, Limiter};

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// The gate of one request, in its extensions.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    limiter: Arc<Limiter>,
    counted: Arc<OnceLock<Allowance>>,
}

/// Counts what comes over a socket: it has no headers that tell what is left.
pub(crate) fn count(limiter: &Limiter, caller: Caller, now: Timestamp) -> Result<(), Error> {
    admitted(&limiter.call(caller, now), "")
}

fn admitted(allowance: &Allowance, told: &str) -> Result<(), Error> {
    let Some(retry_s) = allowance.retry_s else {
        return Ok(());
    };
    Err(Error::new(
        Code::RateLimited,
        format!(
            "these are too many calls; at once there are {}",
            allowance.limit
        ),
    )
    .hint(format!(
        "wait for {retry_s} s, {told}then go on more slowly"
    )))
}

// === impl Gate ===

impl Gate {
    pub(crate) fn new(limiter: Arc<Limiter>) -> Self {
        Self {
            limiter,
            counted: Arc::default(),
        }
    }

    /// Counts an entrance by the address that it comes from.
    pub(crate) fn enter(&self, connection: Connection, now: Timestamp) -> Result<(), Error> {
        self.count(Caller::at(connection.peer), now)
    }

    /// Counts the call of who asks, unless it was counted as an entrance.
    pub(crate) fn call(&self, principal: &Principal, now: Timestamp) -> Result<(), Error> {
        match Caller::of(principal) {
            Some(caller) if self.counted.get().is_none() => self.count(caller, now),
            Some(_) | None => Ok(()),
        }
    }

    fn count(&self, caller: Caller, now: Timestamp) -> Result<(), Error> {
        let allowance = self.limiter.call(caller, now);
        let allowance = *self.counted.get_or_init(|| allowance);
        let as_header = "as Retry-After says, ";
        admitted(&allowance, as_header)
    }

    /// Tells the caller what it has left.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let Some(allowance) = self.counted.get() else {
            return;
        };
        headers.insert(LIMIT, HeaderValue::from(allowance.limit));
        headers.insert(REMAINING, HeaderValue::from(allowance.remaining));
        headers.insert(RESET, HeaderValue::from(allowance.reset_s));
        if let Some(retry_s) = allowance.retry_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_s));
        }
    }
}
