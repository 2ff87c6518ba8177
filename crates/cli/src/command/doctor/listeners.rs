//! Where a server listens, and what it shows there.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};

use countersign_server::tls::is_over;
use countersign_store::sqlite::folder::Holder;

use super::finding::Finding;
use crate::configuration::Configuration;
use crate::messaging::Certificate;
use crate::setting::Setting;
use crate::system::System;

const LISTENER: &str = "listener";
const CERTIFICATE: &str = "certificate";

/// A socket that listens, as proc(5) numbers its states.
const LISTENS: &str = "0A";
/// A certificate that is over so soon is to be renewed.
const DAYS_LEFT_MIN: i64 = 14;
const DAY_S: i64 = 86_400;

/// Looks at every address of the configuration, and at its certificate.
pub(super) fn look(
    configuration: &Configuration,
    holder: Option<Holder>,
    system: System,
    findings: &mut Vec<Finding>,
) {
    for address in configuration.addresses() {
        findings.push(listener(address, holder));
    }
    findings.extend(certificate(configuration, system));
}

fn listener(setting: &Setting<SocketAddr>, holder: Option<Holder>) -> Finding {
    let address = setting.value;
    let label = setting.label();
    let error = match TcpListener::bind(address) {
        Ok(_) if holder.is_none() || address.port() == 0 => {
            return Finding::ok(LISTENER, format!("{label}: {address} is free"));
        }
        Ok(_) => {
            return Finding::warning(
                LISTENER,
                format!("{label}: a server runs on the folder, and does not listen at {address}"),
                "name the server's configuration with --config",
            );
        }
        Err(error) => error,
    };
    if error.kind() != io::ErrorKind::AddrInUse {
        return Finding::problem(
            LISTENER,
            format!("{label}: {address} cannot be listened on: {error}"),
            "choose an address that this machine has and the server may listen on",
        );
    }
    let process = holder.and_then(|holder| holder.process);
    match process.map(|process| listens(process, address.port())) {
        Some(Some(true)) => Finding::ok(LISTENER, format!("{label}: the server has {address}")),
        Some(None) => Finding::ok(
            LISTENER,
            format!("{label}: {address} is in use; this user cannot see whether by the server"),
        ),
        Some(Some(false)) | None => Finding::problem(
            LISTENER,
            format!("{label}: {address} is in use by another program"),
            "stop that one, or choose another address",
        ),
    }
}

/// Whether a process listens at a port, where it may be looked at.
fn listens(process: u32, port: u16) -> Option<bool> {
    let sockets = ["tcp", "tcp6"].into_iter().flat_map(|table| {
        let text = fs::read_to_string(format!("/proc/{process}/net/{table}"));
        listening(&text.unwrap_or_default(), port)
    });
    let sockets: BTreeSet<String> = sockets.map(|id| format!("socket:[{id}]")).collect();
    let open = fs::read_dir(format!("/proc/{process}/fd")).ok()?;
    let mut links = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    Some(links.any(|link| sockets.contains(&*link.to_string_lossy())))
}

/// The sockets that listen at a port, in the text of proc(5).
fn listening(table: &str, port: u16) -> Vec<String> {
    let port = format!(":{port:04X}");
    let lines = table.lines().skip(1);
    let found = lines.filter_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (local, state, id) = (columns.get(1)?, columns.get(3)?, columns.get(9)?);
        (local.ends_with(&port) && *state == LISTENS).then(|| (*id).to_owned())
    });
    found.collect()
}

/// Whether the operator's certificate can be shown, and for how long.
fn certificate(configuration: &Configuration, system: System) -> Option<Finding> {
    let (certificate, _) = match &configuration.messaging.certificate {
        Certificate::Files { certificate, key } => (certificate, key),
        Certificate::Made | Certificate::OfProxy => return None,
    };
    if let Err(failure) = configuration.messaging.read() {
        return Some(Finding::problem(
            CERTIFICATE,
            failure.sentence,
            "a server refuses to start with it",
        ));
    }
    let shown = certificate.value.display();
    let pem = fs::read_to_string(&certificate.value).ok()?;
    let now = system.now();
    Some(if is_over(&pem, now) {
        Finding::problem(
            CERTIFICATE,
            format!("{shown} is over, or not good yet"),
            "renew it, and start the server again",
        )
    } else if is_over(&pem, now.plus_seconds(DAYS_LEFT_MIN * DAY_S)) {
        Finding::warning(
            CERTIFICATE,
            format!("{shown} is over in less than {DAYS_LEFT_MIN} days"),
            "renew it, and start the server again",
        )
    } else {
        Finding::ok(
            CERTIFICATE,
            format!("{shown} is good for {DAYS_LEFT_MIN} days at least"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_that_listen_are_found_by_their_port() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:1BA8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0\n\
            1: 0100007F:1BA8 0100007F:E1F2 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 20 4 30 10 -1\n";
        assert_eq!(listening(table, 7_080), ["4711"]);
        assert!(listening(table, 7_081).is_empty());
        assert!(listening("", 7_080).is_empty());
    }
}
