//! How often a second, and for how much processor time, a use case is done on the real store.
//!
//! `cargo bench -p countersign-bench --bench operations` in a folder's file system of your choice
//! (`TMPDIR`); `-- login`, `-- append`, `-- page` or `-- own-user` measures that one alone. Clients
//! are a closed loop: each waits for its answer before it asks again. The time is that of the
//! whole process, user and system, the clients' included.

mod world;

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use world::World;

type Failure = Box<dyn Error + Send + Sync>;

const ROUND: Duration = Duration::from_secs(4);
const CLIENTS: [usize; 3] = [1, 8, 64];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    /// A user with an HS256 credential, who is known, logs in on a new device.
    Login,
    /// A user sends a text of 200 bytes.
    Append,
    /// A user reads the newest 100 events.
    Page,
    /// A user reads itself, by an access token that is checked each time.
    OwnUser,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let world = Arc::new(World::new(folder.path()).await?);
    let only = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    for work in [Work::Append, Work::Page, Work::OwnUser, Work::Login] {
        if only.as_deref().is_some_and(|only| only != work.name()) {
            continue;
        }
        for clients in CLIENTS {
            round(&world, work, clients).await?;
        }
    }
    world.close().await;
    Ok(())
}

async fn round(world: &Arc<World>, work: Work, clients: usize) -> Result<(), Failure> {
    let end = Instant::now() + ROUND;
    let cpu_before = cpu_ms()?;
    let mut tasks: JoinSet<Result<Vec<Duration>, Failure>> = JoinSet::new();
    for client in 0..clients {
        let world = Arc::clone(world);
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            // Steps of a prime lead each client through all users, each from another one.
            let mut user = client * 7_919;
            loop {
                let start = Instant::now();
                if start >= end {
                    return Ok(latencies);
                }
                match work {
                    Work::Login => world.log_in(user).await?,
                    Work::Append => world.append(user).await?,
                    Work::Page => world.page(user).await?,
                    Work::OwnUser => world.own_user(user).await?,
                }
                latencies.push(start.elapsed());
                user += 337;
            }
        });
    }
    let mut latencies = Vec::new();
    while let Some(finished) = tasks.join_next().await {
        latencies.extend(finished??);
    }
    latencies.sort_unstable();
    let at = |part: usize| latencies.get(latencies.len() * part / 100).copied();
    writeln!(
        std::io::stdout(),
        "{:<8} {clients:>3} clients: {:>6.0}/s, {:>4.0} us CPU each, p50 {:?}, p99 {:?}",
        work.name(),
        latencies.len() as f64 / ROUND.as_secs_f64(),
        (cpu_ms()? - cpu_before) * 1_000.0 / latencies.len() as f64,
        at(50).unwrap_or_default(),
        at(99).unwrap_or_default(),
    )?;
    Ok(())
}

/// The processor time of this process, in milliseconds: user and system, in ticks of 10 ms.
fn cpu_ms() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no such file")?;
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Ok(ticks as f64 * 10.0)
}

// === impl Work ===

impl Work {
    fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Append => "append",
            Self::Page => "page",
            Self::OwnUser => "own-user",
        }
    }
}
