//! W7: a server that starts. From the start of its process to the first login
//! that it has answered, over a data folder that was used before; the memory that
//! it has when nobody asks for anything; and how large the program is.
//!
//! The server is this program itself, as `countersign dev`: with every door open,
//! on ports that are free.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::time::Instant;

use super::super::http::{self, Tolerance};
use super::super::metric::Metric;
use super::super::process::Process;
use super::super::results::{OURS, Results};
use super::super::stage::Stage;
use super::super::target::Target;
use crate::exit::Failure;
use crate::output::Output;
use crate::ready::Ready;
use crate::system::System;

/// The only user, who is known when the first clock starts.
const USER: &str = "user-0";
const MIB: f64 = 1_048_576.0;

/// A server that runs, until this is dropped.
struct Server {
    child: Child,
    ready: Ready,
}

/// Measures that many starts.
///
/// # Errors
/// If a server does not start, or refuses.
pub(in super::super) async fn run(
    rounds: usize,
    system: System,
    output: &mut Output,
) -> Result<Results, Failure> {
    let mut results = Results::default();
    let program = fs::metadata(program()?).map_err(Failure::usage)?;
    results.add(OURS, Metric::Program, program.len() as f64 / MIB);
    let folder = TempDir::new()
        .map_err(|error| Failure::usage(format!("cannot make a temporary folder: {error}")))?;
    let stage = {
        let server = Server::start(folder.path())?;
        let stage = Stage::set(system, &server.ready, &server.authority()?).await?;
        stage.log_in(&[USER.to_owned()]).await?;
        stage
    };
    for round in 1..=rounds {
        output.note(&format!("start {round} of {rounds}"));
        // Signed before the clock starts: that is a backend's work.
        let login = stage.logins(&[USER.to_owned()])?;
        let began = Instant::now();
        let server = Server::start(folder.path())?;
        let authority = server.authority()?;
        http::all(&authority, 1, login, Tolerance::Nothing).await?;
        let took = began.elapsed();
        results.add(OURS, Metric::Start, took.as_secs_f64() * 1_000.0);
        let process = Process::of(server.child.id())?;
        process.rest().await;
        let resident_kib = process.resident_kib() as f64;
        results.add(OURS, Metric::IdleServer, resident_kib / 1_024.0);
    }
    Ok(results)
}

fn program() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|error| Failure::usage(format!("cannot find this program: {error}")))
}

// === impl Server ===

impl Server {
    /// Starts one, and waits until it listens.
    fn start(folder: &Path) -> Result<Self, Failure> {
        let mut child = Command::new(program()?)
            .args(["dev", "--json", "--port", "0", "--log-level", "error"])
            .arg("--data-dir")
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::usage(format!("cannot start a server: {error}")))?;
        let mut line = String::new();
        let read = child
            .stdout
            .take()
            .map(|answers| BufReader::new(answers).read_line(&mut line));
        let ready = serde_json::from_str(&line);
        match (read, ready) {
            (Some(Ok(_)), Ok(ready)) => Ok(Self { child, ready }),
            (_, _) => {
                // It has told why on standard error, which is ours.
                let ended = child.kill().and_then(|()| child.wait());
                let ended =
                    ended.map_or_else(|error| error.to_string(), |status| status.to_string());
                Err(Failure::refused(format!(
                    "the server did not start: {ended}"
                )))
            }
        }
    }

    fn authority(&self) -> Result<String, Failure> {
        let process = self.child.id();
        Ok(Target::ours(&self.ready.url, Some(process))?.authority)
    }
}

impl Drop for Server {
    /// It is stopped as an operator would, and waited for, so that the next one finds
    /// its folder free.
    fn drop(&mut self) {
        let process = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let asked = process.map(|process| kill_process(process, Signal::TERM));
        if !matches!(asked, Some(Ok(()))) {
            drop(self.child.kill());
        }
        drop(self.child.wait());
    }
}
