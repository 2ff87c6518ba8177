//! What a server costs: the CPU time and the memory of its processes, as Linux
//! tells them.
//!
//! Wall time says how fast the slower of driver and server is; CPU time says
//! what an operation costs. So every number of `bench` is CPU where it can be.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;

use crate::exit::Failure;

/// How often a server is looked at while it comes to rest, and for how long at most.
const REST_LOOK: Duration = Duration::from_millis(300);
const REST_LOOKS_MAX: u32 = 60;
/// CPU within one look that counts as rest: two ticks of most kernels' clock.
const REST_CPU_S_MAX: f64 = 0.021;

/// A server's process, with its children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pid: u32,
}

/// The moment at which a cost begins to be counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    process: Option<Process>,
    cpu_s: f64,
}

// === impl Process ===

impl Process {
    /// The process of this number.
    ///
    /// # Errors
    /// If there is none, or this system does not tell of it.
    pub(super) fn of(pid: u32) -> Result<Self, Failure> {
        if stat_of(pid).is_some() {
            return Ok(Self { pid });
        }
        let hint = if Path::new("/proc/self/stat").exists() {
            "without --pid the process is found by the address that it listens at"
        } else {
            "this system has no /proc; without --pid wall times are measured alone"
        };
        Err(Failure::unreached(format!("there is no process {pid}")).hint(hint))
    }

    /// The process that listens at this address, where it is one of this machine
    /// that we may look into.
    pub(super) fn listening_at(address: SocketAddr) -> Option<Self> {
        let inode = listener(address)?;
        let socket = format!("socket:[{inode}]");
        let owns = |pid: &u32| {
            let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
                return false;
            };
            descriptors
                .flatten()
                .filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
                .any(|target| target.as_os_str() == socket.as_str())
        };
        let pid = pids().into_iter().find(owns)?;
        Some(Self { pid })
    }

    /// Its number.
    pub(super) fn pid(self) -> u32 {
        self.pid
    }

    /// Resident memory in KiB.
    pub(super) fn resident_kib(self) -> u64 {
        let resident = |pid: u32| {
            let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
            let line = rollup.lines().find(|line| line.starts_with("Rss:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        };
        self.tree().into_iter().filter_map(resident).sum()
    }

    /// Waits until it has nothing left to do of what it was asked.
    pub(super) async fn rest(self) {
        for _ in 0..REST_LOOKS_MAX {
            let before = self.cpu_s();
            tokio::time::sleep(REST_LOOK).await;
            if self.cpu_s() - before <= REST_CPU_S_MAX {
                return;
            }
        }
    }

    /// User and system time so far, in seconds.
    fn cpu_s(self) -> f64 {
        let ticks: u64 = self
            .tree()
            .into_iter()
            .filter_map(|pid| Some(stat_of(pid)?.ticks))
            .sum();
        ticks as f64 / clock_ticks_per_second() as f64
    }

    fn tree(self) -> Vec<u32> {
        let parents: HashMap<u32, u32> = pids()
            .into_iter()
            .filter_map(|pid| Some((pid, stat_of(pid)?.parent)))
            .collect();
        let mut tree = vec![self.pid];
        let mut at = 0;
        while let Some(parent) = tree.get(at).copied() {
            let children = parents.iter().filter(|(_, of)| **of == parent);
            tree.extend(children.map(|(child, _)| *child));
            at += 1;
        }
        tree
    }
}

// === impl Mark ===

impl Mark {
    /// Now; without a process there is nothing to count.
    pub(super) fn now(process: Option<Process>) -> Self {
        Self {
            process,
            cpu_s: process.map_or(0.0, Process::cpu_s),
        }
    }

    /// The CPU time since then, in seconds.
    pub(super) fn cpu_s(self) -> Option<f64> {
        Some(self.process?.cpu_s() - self.cpu_s)
    }
}

/// What we read of `/proc/PID/stat` (proc_pid_stat(5)).
struct Stat {
    parent: u32,
    ticks: u64,
}

fn stat_of(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it is in parentheses, and may hold anything.
    let mut fields = text.get(text.rfind(')')? + 2..)?.split(' ');
    let parent = fields.nth(1)?.parse().ok()?;
    let user: u64 = fields.nth(9)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Stat {
        parent,
        ticks: user + system,
    })
}

fn pids() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// The inode of the socket that listens at this address of IPv4.
fn listener(address: SocketAddr) -> Option<String> {
    const LISTENS: &str = "0A";
    let SocketAddr::V4(address) = address else {
        return None;
    };
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let port = address.port();
    // The kernel prints an address as the number that its bytes are in memory.
    let exactly = u32::from_ne_bytes(address.ip().octets());
    let local = [
        format!("{exactly:08X}:{port:04X}"),
        format!("{:08X}:{port:04X}", 0),
    ];
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [at, state, inode] = [1, 3, 9].map(|column| fields.get(column).copied());
        let is_it = local.iter().any(|local| Some(local.as_str()) == at) && state == Some(LISTENS);
        inode.filter(|_| is_it).map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn our_own_process_is_found_by_its_number_and_by_its_listener() {
        let own = std::process::id();
        assert_eq!(Process::of(own).unwrap().pid(), own);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(Process::listening_at(address), Some(Process { pid: own }));
        let nobody = SocketAddr::from(([127, 0, 0, 1], 0));
        assert_eq!(Process::listening_at(nobody), None);
    }

    #[test]
    fn a_process_that_is_none_is_not_reached() {
        let failure = Process::of(u32::MAX).unwrap_err();
        assert_eq!(failure.exit, crate::exit::Exit::Unreached);
    }

    #[test]
    fn work_costs_time_and_memory() {
        let own = Process::of(std::process::id()).unwrap();
        let mark = Mark::now(Some(own));
        let mut sum = 0_u64;
        while mark.cpu_s().unwrap() < 0.05 {
            sum = (0..100_000).fold(sum, |sum: u64, n| std::hint::black_box(sum.wrapping_add(n)));
        }
        assert!(own.resident_kib() > 100);
        assert_eq!(Mark::now(None).cpu_s(), None);
    }
}
