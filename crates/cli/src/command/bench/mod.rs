//! `countersign bench`: what a server that runs costs, an operation.
//!
//! It drives the server over its public API, like everybody, and reads what the
//! server's process has used. Peers that are measured beside it take turns with
//! it, driven by the same code. A deviation makes the run invalid, not slow: a
//! login that fails, a message that is lost or doubled ends it.
//!
//! The driver has one thread, so that `taskset` can give it a core of its own;
//! only signing, before any clock starts, uses all that it may.

mod latency;
mod process;
mod machine;
mod metric;
mod results;
mod protocol;
mod target;
mod crowd;
mod http;
mod sinch;
mod ledger;
mod stage;
mod fill;
mod workload;
mod run;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};
use tokio::runtime::Builder;

use self::target::Beside;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::system::System;

/// Sockets that one address can open to another, by the ports that Linux has for it.
const SOCKETS_MAX: u64 = 28_000;
/// As many as one conversation takes.
const MEMBERS_MAX: u64 = 3_000;

/// Measure what a running server costs: logins, calls, sockets, messages, revocation.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  countersign dev & countersign bench\n  taskset -c 1 countersign bench --only w1,w4 --rounds 5 --beside floor=ws://127.0.0.1:9100/ws --tokens tokens.txt\n  countersign bench --only w7"
)]
pub(crate) struct Arguments {
    /// The `dev.json` of the server's data folder, or the ready line of `countersign dev --json`
    /// [default: $XDG_DATA_HOME/countersign/dev/dev.json, else ~/.local/share/countersign/dev/dev.json].
    #[arg(long, value_name = "FILE")]
    dev: Option<PathBuf>,
    /// The server's process; found by its address, where it runs on this machine.
    #[arg(long)]
    pid: Option<u32>,
    /// The workloads that are measured; all but w7, if none is named.
    #[arg(long, value_name = "W", value_delimiter = ',', value_enum)]
    only: Vec<Workload>,
    /// How often each is measured; the median counts.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = between(1, 100))]
    rounds: usize,
    /// A peer that is measured in turns with ours: floor=ws://ADDRESS/PATH[,PID]
    /// or socketio=ws://ADDRESS/PATH[,PID].
    #[arg(long, value_name = "PEER", requires = "tokens")]
    beside: Vec<Beside>,
    /// The peers' tokens, one a line.
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,
    /// W1, W3, nexmo: numbers of sockets, each more than the one before.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "2000,5000,10000", value_parser = between(1, SOCKETS_MAX))]
    steps: Vec<usize>,
    /// W1, W2: first logins, and first uses of tokens.
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = between(1, 1_000_000))]
    logins: usize,
    /// W4: pairs that talk.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = between(1, SOCKETS_MAX / 2))]
    pairs: usize,
    /// W5: members of the conversation.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = between(2, MEMBERS_MAX))]
    members: usize,
    /// W8: sockets that are closed.
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = between(1, SOCKETS_MAX))]
    sockets: usize,
    /// sinch: clients in long poll, half of whom write to the others.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = between(2, SOCKETS_MAX / 2))]
    clients: usize,
    /// W2, W4, W6, sinch: how long each is driven.
    #[arg(long, value_name = "SECONDS", default_value_t = 8, value_parser = between(1, 3_600))]
    seconds: usize,
    /// Fill the store with so many users first; as many as are needed are made anyway.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = between(0, 10_000_000))]
    users: usize,
    /// Fill the store with so many events first, a thousand a conversation.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = between(1, 100_000_000))]
    events: usize,
    /// Print one object of JSON.
    #[arg(long)]
    json: bool,
}

/// The workloads by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Workload {
    /// Logins over sockets; with W3, the memory of those sockets.
    #[value(alias = "w3")]
    W1,
    /// Reading the own user.
    W2,
    /// Messages between two.
    W4,
    /// Messages to many.
    W5,
    /// Pages of history.
    W6,
    /// Starts of servers of its own; measured alone, and where it is named.
    W7,
    /// Revocation.
    W8,
    /// Logins at the nexmo door; and, where nothing else is measured, the memory
    /// of those sockets.
    Nexmo,
    /// Messages at the sinch door, between clients in long poll; and the memory of
    /// those.
    Sinch,
}

/// Measures.
///
/// # Errors
/// If an argument is wrong, the server is not reached, or the run is invalid.
pub(crate) fn run(
    arguments: &Arguments,
    system: System,
    output: &mut Output,
) -> Result<Exit, Failure> {
    arguments.check()?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::usage(format!("cannot start a thread: {error}")))?;
    runtime.block_on(run::run(arguments, system, output))
}

// === impl Arguments ===

impl Arguments {
    fn check(&self) -> Result<(), Failure> {
        if !self.steps.is_sorted_by(|step, next| step < next) {
            return Err(Failure::usage(
                "each of --steps is more than the one before it",
            ));
        }
        if self.only.len() > 1 && self.only.contains(&Workload::W7) {
            return Err(Failure::usage(
                "--only names w7 and others; w7 starts servers of its own, so measure it alone",
            ));
        }
        Ok(())
    }

    fn measures(&self, workload: Workload) -> bool {
        self.only.is_empty() || self.only.contains(&workload)
    }

    /// How many users the workloads need.
    fn users_needed(&self) -> usize {
        [self.users, self.sockets_needed(), self.logins]
            .into_iter()
            .max()
            .unwrap_or_default()
    }

    /// The most sockets that are open at once.
    fn sockets_needed(&self) -> usize {
        let steps = self.steps.last().copied().unwrap_or_default();
        [
            (Workload::W1, steps),
            (Workload::W4, 2 * self.pairs),
            (Workload::W5, self.members),
            (Workload::W8, self.sockets),
            (Workload::Nexmo, steps),
            // A poll and what is published have a connection each.
            (Workload::Sinch, 2 * self.clients),
        ]
        .into_iter()
        .filter(|(workload, _)| self.measures(*workload))
        .map(|(_, sockets)| sockets)
        .max()
        .unwrap_or_default()
    }

    fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds as u64)
    }
}

fn between(least: u64, most: u64) -> impl clap::builder::TypedValueParser<Value = usize> {
    use clap::builder::TypedValueParser as _;
    RangedU64ValueParser::<u64>::new()
        .range(least..=most)
        .map(|number| usize::try_from(number).unwrap_or(usize::MAX))
}
