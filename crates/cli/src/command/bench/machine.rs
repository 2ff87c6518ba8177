//! The machine that a run was made on: numbers of another one are other numbers.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::time::Instant;

use super::latency::Latencies;
use crate::exit::Failure;

/// Open files that are needed beside the sockets.
const FILES_BESIDE_SOCKETS: u64 = 200;
/// What one write to the disk is measured with, and how often.
const RECORD: [u8; 300] = [b'x'; 300];
const RECORDS: usize = 200;

/// What the machine is, as far as it tells.
pub(super) fn describe() -> Value {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == "model name").then(|| value.trim().to_owned())
    });
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").ok();
    json!({
        "cpu": model,
        "cores": cores(),
        "kernel": kernel.as_deref().map(str::trim),
        "system": std::env::consts::OS,
        "architecture": std::env::consts::ARCH,
    })
}

/// How many cores it has, also those that this process may not use.
pub(super) fn cores() -> usize {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    match cpus
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count()
    {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        cores => cores,
    }
}

/// How many processes wanted to run during the last minute, on average.
pub(super) fn load() -> Option<f64> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split(' ').next()?.parse().ok()
}

/// Lets this process open so many sockets.
///
/// # Errors
/// If the system allows fewer.
pub(super) fn allow_sockets(sockets: usize) -> Result<(), Failure> {
    let needed = sockets as u64 + FILES_BESIDE_SOCKETS;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let raised = Rlimit {
        current: Some(needed),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).map_err(|_| {
        Failure::usage(format!(
            "{needed} files are to be open at once, and the system allows {}",
            limit.maximum.unwrap_or_default()
        ))
        .hint("raise the limit (`ulimit -n`), for the server too, or choose smaller --steps, --members and --sockets")
    })
}

/// How long the disk below this folder takes to write a little for good.
///
/// # Errors
/// If nothing can be written there.
pub(super) fn disk(folder: &Path) -> Result<Latencies, Failure> {
    let unwritten = |error: std::io::Error| {
        Failure::usage(format!("cannot write in {}: {error}", folder.display()))
    };
    // With a name, as a database has: what nobody could find again may be cheaper.
    let mut file = NamedTempFile::new_in(folder).map_err(unwritten)?;
    let mut latencies = Latencies::default();
    for _ in 0..RECORDS {
        let begun = Instant::now();
        file.write_all(&RECORD).map_err(unwritten)?;
        file.as_file().sync_data().map_err(unwritten)?;
        latencies.add(begun.elapsed());
    }
    Ok(latencies)
}
