//! What the log says of a request: one line where it failed, and no other.

use std::fmt;
use std::sync::Arc;

use countersign_core::error::{Code, Error};
use countersign_core::ports::Random;
use http::{HeaderName, HeaderValue, Method, StatusCode};

use crate::door::Door;
use crate::metrics::Requests;
use crate::operations::Operations;

/// Tells one request from all others, in the log and for who reports a fault.
#[derive(Clone, Copy)]
pub(crate) struct RequestId([u8; 16]);

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The methods that the log names: those of RFC 9110 section 9, and PATCH.
static METHODS: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::CONNECT,
    Method::TRACE,
];

/// A socket, in the log: what fails on it has the id of the request that opened it,
/// which its client was told.
#[derive(Clone)]
pub(crate) struct OnSocket {
    id: RequestId,
    door: Door,
    requests: Arc<Requests>,
}

/// One line for each failed request: no path, since paths hold ids; no query,
/// no body, no token, and no method that a stranger made up.
pub(crate) fn log(
    error: &Error,
    status: StatusCode,
    id: RequestId,
    method: &Method,
    route: Option<&str>,
) {
    let code = error.code.as_str();
    let status = status.as_u16();
    let route = route.unwrap_or("none");
    let known = METHODS.iter().find(|known| *known == method);
    let method = known.map_or("other", Method::as_str);
    if status >= 500 {
        let cause = Chain(error);
        tracing::error!(request.id = %id, %method, route, status, code, %cause, "a request failed");
    } else {
        tracing::info!(request.id = %id, %method, route, status, code, "a request was refused");
    }
}

/// An error's causes, the outermost first.
struct Chain<'a>(&'a Error);

// === impl OnSocket ===

impl OnSocket {
    pub(crate) fn of(id: RequestId, door: Door, operations: &Operations) -> Self {
        Self {
            id,
            door,
            requests: Arc::clone(&operations.requests),
        }
    }

    /// One line for what a client asked for over the socket and did not get, and
    /// one more in the metrics.
    pub(crate) fn refused(&self, error: &Error) {
        self.requests.refused(error.code);
        let (id, door, code) = (self.id, self.door.as_str(), error.code.as_str());
        if matches!(error.code, Code::Internal | Code::Unavailable) {
            let cause = Chain(error);
            tracing::error!(request.id = %id, door, code, %cause, "a call over a socket failed");
        } else {
            tracing::info!(request.id = %id, door, code, "a call over a socket was refused");
        }
    }
}

// === impl RequestId ===

impl RequestId {
    pub(crate) fn new(random: &dyn Random) -> Self {
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        Self(bytes)
    }

    pub(crate) fn header(self) -> HeaderValue {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 32];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        HeaderValue::from_bytes(&text).expect("hexadecimal digits are a header's value")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", u128::from_be_bytes(self.0))
    }
}

// === impl Chain ===

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cause = std::error::Error::source(self.0);
        let mut separator = "";
        while let Some(error) = cause {
            write!(formatter, "{separator}{error}")?;
            separator = ": ";
            cause = error.source();
        }
        Ok(())
    }
}
