//! A door's listener, as it is asked for: where it is, and what clients are shown
//! there.

use std::net::SocketAddr;

use crate::certificate::Certificate;
use crate::setting::Setting;

/// A listener that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listening {
    /// Where; port 0 takes a free one.
    pub(crate) address: Setting<SocketAddr>,
    pub(crate) certificate: Certificate,
}

/// Where a listener is, with the port that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reached {
    pub(crate) address: SocketAddr,
    /// Whether it speaks TLS.
    pub(crate) encrypted: bool,
}

// === impl Reached ===

impl Reached {
    /// Its URL, without a slash at its end.
    pub(crate) fn url(self) -> String {
        let scheme = if self.encrypted { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }
}
