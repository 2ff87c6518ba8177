//! The machine: its clock, and how many files a server may have open.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use countersign_server::limit::CONNECTIONS_MAX;
use countersign_store::sqlite::folder::Holder;
use rustix::process::{Resource, getrlimit};

use super::finding::Finding;
use crate::system::System;

const CLOCK: &str = "clock";
const OPEN_FILES: &str = "open files";

/// Files that a server has open beside its connections, with some to spare.
const FILES_BESIDE: u64 = 256;
/// No clock that is right shows an earlier time: 2026-01-01.
const EARLIEST_S: i64 = 1_767_225_600;
/// How long the system may take to say whether its clock is kept.
const ASKING_MAX: Duration = Duration::from_secs(5);

/// Whether the clock can be right, and whether the system keeps it.
pub(super) async fn clock(system: System) -> Vec<Finding> {
    let now = system.now();
    if now.seconds() < EARLIEST_S {
        return vec![Finding::problem(
            CLOCK,
            format!("it shows {now}, when this program was not made yet"),
            "set the clock, and have it kept by NTP: every credential is judged by it",
        )];
    }
    // It asks a service of the system, which may not answer.
    let asked = tokio::task::spawn_blocking(synchronized);
    let answer = tokio::time::timeout(ASKING_MAX, asked).await;
    vec![match answer.ok().and_then(Result::ok).flatten() {
        Some(true) => Finding::ok(CLOCK, format!("it shows {now}, and is kept by NTP")),
        Some(false) => Finding::warning(
            CLOCK,
            format!("it shows {now}, and the system says that nothing keeps it right"),
            "have it kept by NTP, such as by timedatectl set-ntp true: credentials from a machine \
             whose clock differs by more than a minute are refused",
        ),
        None => Finding::ok(
            CLOCK,
            format!("it shows {now}; the system does not say whether NTP keeps it"),
        ),
    }]
}

/// What the service manager knows from the kernel, if there is one.
fn synchronized() -> Option<bool> {
    let asked = Command::new("timedatectl")
        .args(["show", "--property=NTPSynchronized", "--value"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    match asked.stdout.trim_ascii() {
        b"yes" => Some(true),
        b"no" => Some(false),
        _ => None,
    }
}

/// Whether the server, or who would start it like this, may have as many files
/// open as it takes connections.
pub(super) fn open_files(holder: Option<Holder>) -> Finding {
    let wanted = u64::try_from(CONNECTIONS_MAX).unwrap_or(u64::MAX) + FILES_BESIDE;
    let of_server = holder
        .and_then(|holder| holder.process)
        .and_then(|process| fs::read_to_string(format!("/proc/{process}/limits")).ok())
        .and_then(|limits| soft_limit(&limits));
    let (whose, limit) = match of_server {
        Some(limit) => ("the server", limit),
        // None means that there is no limit.
        None => (
            "whoever is started from here",
            getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
        ),
    };
    let detail = match limit {
        u64::MAX => format!("{whose} may have any number open"),
        limit => format!("{whose} may have {limit} open"),
    };
    if limit >= wanted {
        return Finding::ok(OPEN_FILES, detail);
    }
    Finding::warning(
        OPEN_FILES,
        format!("{detail}, and {CONNECTIONS_MAX} connections at once are more"),
        format!("raise the limit to {wanted}: LimitNOFILE={wanted} in the unit, or ulimit -n"),
    )
}

/// The soft limit in the text of proc(5), where it is a number or unlimited.
fn soft_limit(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|it| it.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_the_first_number() {
        let head = "Limit  Soft Limit  Hard Limit  Units\nMax processes  7  7  processes\n";
        for (line, limit) in [
            (
                "Max open files            1024                 524288               files",
                Some(1_024),
            ),
            (
                "Max open files            unlimited            unlimited            files",
                Some(u64::MAX),
            ),
            ("Max open files", None),
            ("", None),
        ] {
            assert_eq!(soft_limit(&format!("{head}{line}\n")), limit, "{line}");
        }
    }
}
