//! The servers that are measured: ours, and those beside it.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;

use url::Url;

use super::process::Process;
use super::protocol::Protocol;
use crate::exit::Failure;

/// A server that is measured.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) protocol: Protocol,
    /// Its address and port.
    pub(super) authority: String,
    /// Path and query of its socket.
    path: String,
    /// Where its cost is read; none, if it runs elsewhere.
    pub(super) process: Option<Process>,
}

/// A peer as it is named on the command line: `floor=ws://ADDRESS/PATH[,PID]`.
#[derive(Debug, Clone)]
pub(super) struct Beside {
    protocol: Protocol,
    url: Url,
    pid: Option<u32>,
}

// === impl Target ===

impl Target {
    /// Our own server, by its base URL.
    ///
    /// # Errors
    /// If the URL is none of plain HTTP, or there is no such process.
    pub(super) fn ours(url: &str, pid: Option<u32>) -> Result<Self, Failure> {
        Self::door(Protocol::Countersign, url, "/v1/connect", pid)
    }

    /// Our own server, by the URL of its nexmo door.
    ///
    /// # Errors
    /// As [`Target::ours`].
    pub(super) fn nexmo(url: &str, pid: Option<u32>) -> Result<Self, Failure> {
        Self::door(Protocol::Nexmo, url, "/v2/rtc/", pid)
    }

    fn door(protocol: Protocol, url: &str, path: &str, pid: Option<u32>) -> Result<Self, Failure> {
        let url = Url::parse(url)
            .map_err(|error| Failure::usage(format!("the server's URL is no URL: {error}")))?;
        if url.scheme() != "http" {
            return Err(
                Failure::usage("the server's URL does not begin with http://")
                    .hint("TLS would be measured, and not the server: bench speaks to it directly"),
            );
        }
        Self::new(protocol, &url, path.to_owned(), pid)
    }

    /// A peer.
    ///
    /// # Errors
    /// If its address is none, or there is no such process.
    pub(super) fn peer(beside: &Beside) -> Result<Self, Failure> {
        let query = beside.url.query();
        let query = query.map_or_else(String::new, |query| format!("?{query}"));
        let path = format!("{}{query}", beside.url.path());
        Self::new(beside.protocol, &beside.url, path, beside.pid)
    }

    fn new(protocol: Protocol, url: &Url, path: String, pid: Option<u32>) -> Result<Self, Failure> {
        let no_address = || Failure::usage(format!("{url} names no address"));
        let host = url.host_str().ok_or_else(no_address)?;
        let port = url.port_or_known_default().ok_or_else(no_address)?;
        let authority = format!("{host}:{port}");
        let process = match pid {
            Some(pid) => Some(Process::of(pid)?),
            None => address_of(&authority).and_then(Process::listening_at),
        };
        Ok(Self {
            protocol,
            authority,
            path,
            process,
        })
    }

    /// What it is called in tables.
    pub(super) fn name(&self) -> &'static str {
        match self.protocol {
            Protocol::Countersign | Protocol::Nexmo => "countersign",
            Protocol::Floor => "floor",
            Protocol::SocketIo => "socketio",
        }
    }

    /// The URL of its socket.
    pub(super) fn socket_url(&self) -> String {
        format!("ws://{}{}", self.authority, self.path)
    }

    /// Waits until it has nothing left to do of what it was asked.
    pub(super) async fn rest(&self) {
        if let Some(process) = self.process {
            process.rest().await;
        }
    }
}

// === impl Beside ===

impl FromStr for Beside {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || "a peer is floor=ws://ADDRESS/PATH[,PID] or socketio=ws://…".to_owned();
        let (name, rest) = text.split_once('=').ok_or_else(form)?;
        let protocol = match name {
            "floor" => Protocol::Floor,
            "socketio" => Protocol::SocketIo,
            _ => return Err(form()),
        };
        let (url, pid) = match rest.rsplit_once(',') {
            Some((url, pid)) => (url, Some(pid.parse().map_err(|_| form())?)),
            None => (rest, None),
        };
        let url = Url::parse(url).map_err(|_| form())?;
        if url.scheme() != "ws" {
            return Err(form());
        }
        Ok(Self { protocol, url, pid })
    }
}

fn address_of(authority: &str) -> Option<SocketAddr> {
    authority.to_socket_addrs().ok()?.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_named_with_its_url() {
        let url = "socketio=ws://127.0.0.1:9100/socket.io/?EIO=4&transport=websocket";
        let beside: Beside = url.parse().unwrap();
        let target = Target::peer(&beside).unwrap();
        assert_eq!(target.name(), "socketio");
        assert_eq!(target.authority, "127.0.0.1:9100");
        assert_eq!(format!("socketio={}", target.socket_url()), url);
        let beside: Beside = "floor=ws://127.0.0.1:9100/ws,17".parse().unwrap();
        assert_eq!(beside.pid, Some(17));
    }

    #[test]
    fn everything_else_is_none() {
        for bad in [
            "",
            "floor",
            "floor=",
            "floor=http://127.0.0.1:9100/ws",
            "floor=ws://127.0.0.1:9100/ws,x",
            "other=ws://127.0.0.1:9100/ws",
        ] {
            assert!(bad.parse::<Beside>().is_err(), "{bad}");
        }
    }
}
