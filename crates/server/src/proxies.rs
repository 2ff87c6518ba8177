//! Proxies in front of the server, and what they tell of who asks.
//!
//! Whoever reaches the server through one comes from the proxy's address. Where a
//! proxy is believed, `X-Forwarded-For` says where they come from: each proxy on the
//! way adds to its end whom it was asked by, so that the first address from the end
//! that is none of a believed proxy is the last that anybody has seen for themselves.
//! What stands before it could be anybody's invention.

use std::net::IpAddr;
use std::sync::Arc;

use countersign_core::model::api_key::Cidr;
use http::HeaderMap;
use http::header::{AsHeaderName, HeaderValue};

use crate::connection::Connection;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The networks of proxies that are believed, one address being a network too; of
/// none, if nobody names one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[Cidr]>);

// === impl TrustedProxies ===

impl TrustedProxies {
    /// The proxies of these networks.
    #[must_use]
    pub fn new(networks: impl IntoIterator<Item = Cidr>) -> Self {
        Self(networks.into_iter().collect())
    }

    /// The connection of who asks: the request's own, or what a proxy that is
    /// believed tells of the one before it.
    pub(crate) fn before(&self, own: Connection, headers: &HeaderMap) -> Connection {
        if !self.has(own.peer) {
            return own;
        }
        let mut peer = own.peer;
        for told in texts(headers, FORWARDED_FOR).into_iter().rev() {
            let Some(address) = address(told) else {
                break;
            };
            peer = address;
            if !self.has(peer) {
                break;
            }
        }
        if self.has(peer) {
            // Nobody has come through it: it asks for itself.
            return own;
        }
        let proto = texts(headers, FORWARDED_PROTO).pop();
        let tls = proto.is_some_and(|proto| proto.eq_ignore_ascii_case("https"));
        Connection { peer, tls }
    }

    fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

/// What a list in a header has, over all of its lines.
fn texts(headers: &HeaderMap, name: impl AsHeaderName) -> Vec<&str> {
    let lines = headers.get_all(name).into_iter().map(HeaderValue::to_str);
    let mut texts = Vec::new();
    for line in lines {
        // What is no text hides whatever stands before it.
        let Ok(line) = line else {
            texts.clear();
            continue;
        };
        texts.extend(line.split(',').map(str::trim));
    }
    texts
}

/// An address as proxies write it: some add the port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let bare = bare.map_or(text, |(address, _)| address);
    let with_port = || {
        bare.rsplit_once(':')
            .and_then(|(host, _)| host.parse().ok())
    };
    bare.parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "127.0.0.1";

    fn check(own: &str, forwarded: &[(&str, &str)], expected: (&str, bool)) {
        let [proxy, inner]: [IpAddr; 2] =
            [PROXY, "10.0.0.1"].map(|address| address.parse().unwrap());
        let network: Cidr = "10.1.0.0/16".parse().unwrap();
        let proxies = [proxy.into(), inner.into(), network];
        let mut headers = HeaderMap::new();
        for (name, value) in forwarded {
            let name: http::HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        let own = Connection {
            peer: own.parse().unwrap(),
            tls: false,
        };
        let (peer, tls) = expected;
        let expected = Connection {
            peer: peer.parse().unwrap(),
            tls,
        };
        let found = TrustedProxies::new(proxies).before(own, &headers);
        assert_eq!(found, expected, "{forwarded:?}");
        assert_eq!(TrustedProxies::default().before(own, &headers), own);
    }

    #[test]
    fn who_asks_is_whom_the_last_believed_proxy_has_seen() {
        let told = |text| [("x-forwarded-for", text)];
        for (text, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            // Invented by who asks.
            ("198.51.100.9, 192.0.2.1", "192.0.2.1"),
            ("127.0.0.1,192.0.2.1", "192.0.2.1"),
            // Two proxies of ours, one behind the other.
            ("198.51.100.9, 192.0.2.1, 10.0.0.1", "192.0.2.1"),
            // One of a network of ours, and one beside it.
            ("198.51.100.9, 192.0.2.1, 10.1.255.9", "192.0.2.1"),
            ("198.51.100.9, 192.0.2.1, 10.2.0.1", "10.2.0.1"),
            ("192.0.2.1:4711", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
            // Nothing that could be believed.
            ("unknown", PROXY),
            ("192.0.2.1, unknown", PROXY),
            ("", PROXY),
            ("10.0.0.1", PROXY),
        ] {
            check(PROXY, &told(text), (expected, false));
        }
        check(PROXY, &[], (PROXY, false));
        // Whoever is no proxy of ours says it of themselves.
        check("192.0.2.7", &told("192.0.2.1"), ("192.0.2.7", false));
    }

    #[test]
    fn the_lines_of_a_header_are_one_list() {
        let lines = [
            ("x-forwarded-for", "198.51.100.9"),
            ("x-forwarded-for", "192.0.2.1"),
        ];
        check(PROXY, &lines, ("192.0.2.1", false));
    }

    #[test]
    fn a_believed_proxy_says_whether_it_was_asked_over_tls() {
        for (proto, tls) in [
            ("https", true),
            ("HTTPS", true),
            ("http", false),
            ("https, http", false),
        ] {
            let told = [
                ("x-forwarded-for", "192.0.2.1"),
                ("x-forwarded-proto", proto),
            ];
            check(PROXY, &told, ("192.0.2.1", tls));
            check("192.0.2.7", &told, ("192.0.2.7", false));
        }
    }
}
