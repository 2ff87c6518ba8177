//! What a request's connection tells of who asks.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{Extensions, HeaderMap, header};

/// How a proxy was reached.
const FORWARDED_SCHEME: &str = "x-forwarded-proto";

/// The connection that a request came over. The listener puts it into the
/// request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// The other end.
    pub peer: IpAddr,
    /// Whether it is encrypted.
    pub tls: bool,
}

// === impl Connection ===

impl Connection {
    /// The connection of a request, by its extensions. One that came by no
    /// listener is from nowhere, and trusted least.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or(Self {
            peer: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            tls: false,
        })
    }

    /// Where a door was reached, scheme and host; nothing, where the request named
    /// no host. A proxy that ends TLS before it says so; whoever else does gets
    /// addresses that are of no use to them.
    pub(crate) fn origin(self, headers: &HeaderMap) -> String {
        let told = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let host = told(header::HOST.as_str());
        let is_secure = self.tls || told(FORWARDED_SCHEME) == Some("https");
        let scheme = if is_secure { "https" } else { "http" };
        host.map_or_else(String::new, |host| format!("{scheme}://{host}"))
    }

    /// Whether nobody on the way can read along: it is encrypted, or does not
    /// leave this machine.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.tls || self.peer.to_canonical().is_loopback()
    }
}

impl<S: Sync> FromRequestParts<S> for Connection {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_confidential_on_this_machine_alone() {
        for (peer, tls, expected) in [
            ("127.0.0.1", false, true),
            ("127.8.8.8", false, true),
            ("::1", false, true),
            ("::ffff:127.0.0.1", false, true),
            ("10.0.0.1", false, false),
            ("::ffff:10.0.0.1", false, false),
            ("0.0.0.0", false, false),
            ("203.0.113.7", true, true),
        ] {
            let peer: IpAddr = peer.parse().unwrap();
            let connection = Connection { peer, tls };
            assert_eq!(connection.is_confidential(), expected, "{connection:?}");
        }
    }
}
