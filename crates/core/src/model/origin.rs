//! Origins of web pages (RFC 6454), and pages that are not ours.

use std::net::Ipv6Addr;

use crate::limit;

/// The origin of a web page, in its one spelling: scheme and host in lower
/// case, a default port left out. Two origins are one where their texts are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(String);

/// A web page of another origin than the server's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForeignPage {
    /// A page of this origin.
    Of(Origin),
    /// A page whose origin is hidden (`null`), or cannot be read.
    Nameless,
}

// === impl Origin ===

impl Origin {
    /// Reads what a browser sends, in whatever spelling. What is no origin of
    /// http or https alone, with a path, a user or a wildcard say, is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > limit::ORIGIN_BYTES_MAX {
            return None;
        }
        let text = text.to_ascii_lowercase();
        let (scheme, authority) = text.split_once("://")?;
        let default_port = match scheme {
            "https" => "443",
            "http" => "80",
            _ => return None,
        };
        let (host, port) = host_and_port(authority)?;
        if !is_host(host) {
            return None;
        }
        match port {
            Some(port) if !is_port(port) => None,
            Some(port) if port != default_port => Some(Self(format!("{scheme}://{host}:{port}"))),
            Some(_) | None => Some(Self(format!("{scheme}://{host}"))),
        }
    }

    /// The origin in its one spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether pages of this origin come from the machine that shows them.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let authority = self.0.split_once("://").map(|(_, authority)| authority);
        let host = authority.and_then(host_and_port).map(|(host, _)| host);
        host.is_some_and(|host| ["localhost", "127.0.0.1", "[::1]"].contains(&host))
    }
}

/// An IPv6 address stands in brackets, and has colons itself.
fn host_and_port(authority: &str) -> Option<(&str, Option<&str>)> {
    let after_host = match authority.find(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    match authority.split_at(after_host) {
        (host, "") => Some((host, None)),
        (host, port) => Some((host, Some(port.strip_prefix(':')?))),
    }
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').unwrap_or_default();
        return address
            .parse::<Ipv6Addr>()
            .is_ok_and(|parsed| parsed.to_string() == address);
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    !host.is_empty() && host.bytes().all(is_plain)
}

fn is_port(port: &str) -> bool {
    port.parse::<u16>().is_ok_and(|it| it.to_string() == port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_one_spelling() {
        for (text, expected) in [
            ("https://chat.example", Some("https://chat.example")),
            ("HTTPS://Chat.Example", Some("https://chat.example")),
            ("https://chat.example:443", Some("https://chat.example")),
            ("http://chat.example:80", Some("http://chat.example")),
            ("http://chat.example:443", Some("http://chat.example:443")),
            (
                "https://chat.example:8443",
                Some("https://chat.example:8443"),
            ),
            ("https://chat.example.", Some("https://chat.example.")),
            ("http://[::1]:3000", Some("http://[::1]:3000")),
            ("https://[2001:DB8::1]", Some("https://[2001:db8::1]")),
            ("", None),
            ("*", None),
            ("null", None),
            ("chat.example", None),
            ("//chat.example", None),
            ("https://", None),
            ("https:///", None),
            ("https://chat.example/", None),
            ("https://chat.example?x", None),
            ("https://chat.example#x", None),
            ("https://user@chat.example", None),
            ("https://user:password@chat.example", None),
            ("https://*.example", None),
            ("https://b\u{fc}cher.example", None),
            ("https://chat.example:", None),
            ("https://chat.example:0443", None),
            ("https://chat.example:99999", None),
            ("https://chat.example:80:80", None),
            ("https://chat.example https://other.example", None),
            ("ftp://chat.example", None),
            ("file://", None),
            ("http://[::1", None),
            ("http://::1", None),
            ("http://[0:0::1]", None),
            ("http://[::1]3000", None),
            ("http://a]", None),
        ] {
            let found = Origin::parse(text);
            assert_eq!(found.as_ref().map(Origin::as_str), expected, "{text}");
        }
        let longest = format!("https://{}", "a".repeat(limit::ORIGIN_BYTES_MAX - 8));
        assert!(Origin::parse(&longest).is_some());
        assert!(Origin::parse(&format!("{longest}a")).is_none());
    }

    #[test]
    fn loopback_is_this_machine_by_its_three_names() {
        for (text, expected) in [
            ("http://localhost", true),
            ("https://localhost:3000", true),
            ("http://127.0.0.1:5173", true),
            ("http://[::1]:8080", true),
            ("http://localhost.", false),
            ("http://localhost.example", false),
            ("http://app.localhost", false),
            ("http://127.0.0.2", false),
            ("http://127.0.0.1.example", false),
            ("http://10.0.0.1", false),
        ] {
            let origin = Origin::parse(text).unwrap();
            assert_eq!(origin.is_loopback(), expected, "{text}");
        }
    }
}
