//! W1 and W3: many log in over sockets of their own, which then stay open and
//! do nothing. The same at the nexmo door, over Socket.IO.
//!
//! A login is TCP, the upgrade, and a credential that nobody has seen before;
//! of a known user it writes one row, of a new one two.

use std::time::Duration;

use super::super::crowd::Crowd;
use super::super::metric::Metric;
use super::super::process::Mark;
use super::super::protocol::Protocol;
use super::{Number, Scene};
use crate::exit::Failure;

/// Logins at the same time.
const LOGINS_AT_ONCE: usize = 64;
/// How long sockets stand idle before their memory is counted.
const SETTLE: Duration = Duration::from_secs(4);

/// What the numbers are of.
struct Metrics {
    login: Metric,
    in_a_second: Metric,
    p50: Metric,
    p99: Metric,
    idle: Metric,
}

const OURS: Metrics = Metrics {
    login: Metric::Login,
    in_a_second: Metric::LoginsInASecond,
    p50: Metric::LoginP50,
    p99: Metric::LoginP99,
    idle: Metric::Idle,
};

const NEXMO: Metrics = Metrics {
    login: Metric::NexmoLogin,
    in_a_second: Metric::NexmoLoginsInASecond,
    p50: Metric::NexmoLoginP50,
    p99: Metric::NexmoLoginP99,
    idle: Metric::NexmoIdle,
};

/// Logs known users in, up to each of these numbers of sockets in turn.
///
/// # Errors
/// The first login that fails; or if a socket does not stay open.
pub(in super::super) async fn known(
    scene: Scene<'_>,
    steps: &[usize],
) -> Result<Vec<Number>, Failure> {
    storm(scene, steps, OURS).await
}

/// The same where ours is the nexmo door.
///
/// # Errors
/// As [`known`].
pub(in super::super) async fn at_nexmo(
    scene: Scene<'_>,
    steps: &[usize],
) -> Result<Vec<Number>, Failure> {
    storm(scene, steps, NEXMO).await
}

async fn storm(
    scene: Scene<'_>,
    steps: &[usize],
    metrics: Metrics,
) -> Result<Vec<Number>, Failure> {
    let target = scene.target;
    let proofs = scene.proofs(steps.last().copied().unwrap_or_default())?;
    target.rest().await;
    let idle_kib = target.process.map(|process| process.resident_kib());
    let mut crowd = Crowd::at(target);
    let mut numbers = Vec::new();
    for step in steps {
        let newcomers = &proofs[crowd.len()..*step];
        let mark = Mark::now(target.process);
        let entered = crowd.enter(newcomers, LOGINS_AT_ONCE).await?;
        let mut add = |metric, value| numbers.push(Number::of_size(metric, *step, value));
        if let Some(cpu_s) = mark.cpu_s() {
            add(metrics.login, 1e3 * cpu_s / newcomers.len() as f64);
        }
        let rate = newcomers.len() as f64 / entered.took.as_secs_f64();
        add(metrics.in_a_second, rate);
        add(metrics.p50, entered.latencies.quantile_ms(0.5));
        add(metrics.p99, entered.latencies.quantile_ms(0.99));
        tokio::time::sleep(SETTLE).await;
        if let (Some(process), Some(idle_kib)) = (target.process, idle_kib) {
            let grown = process.resident_kib() as f64 - idle_kib as f64;
            add(metrics.idle, grown / *step as f64);
        }
        crowd.check_all_there()?;
    }
    Ok(numbers)
}

/// Logs users in who are not there yet.
///
/// # Errors
/// The first login that fails.
pub(in super::super) async fn new(
    scene: Scene<'_>,
    round: usize,
    count: usize,
) -> Result<Vec<Number>, Failure> {
    if scene.target.protocol != Protocol::Countersign {
        return Ok(Vec::new());
    }
    let run = &scene.stage.run;
    let users: Vec<String> = (0..count)
        .map(|number| format!("new-{run}-{round}-{number}"))
        .collect();
    let proofs = scene.stage.proofs(&users)?;
    scene.target.rest().await;
    let mark = Mark::now(scene.target.process);
    Crowd::at(scene.target)
        .enter(&proofs, LOGINS_AT_ONCE)
        .await?;
    let cpu_s = mark.cpu_s();
    let number = |cpu_s: f64| Number::new(Metric::FirstLogin, 1e3 * cpu_s / count as f64);
    Ok(cpu_s.map(number).into_iter().collect())
}
