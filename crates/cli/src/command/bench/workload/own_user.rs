//! W2: the smallest authenticated call there is, over connections that are kept.

use std::time::Duration;

use super::super::http::{self, Bearer, Call, Tolerance};
use super::super::metric::Metric;
use super::super::process::Mark;
use super::super::protocol::Protocol;
use super::{Number, Scene, each_us};
use crate::exit::Failure;

const CONNECTIONS: usize = 32;

/// Reads the own user, with tokens that were seen and with tokens that were not.
///
/// # Errors
/// If a call is not accepted.
pub(in super::super) async fn run(
    scene: Scene<'_>,
    firsts: usize,
    duration: Duration,
) -> Result<Vec<Number>, Failure> {
    match scene.target.protocol {
        Protocol::Countersign | Protocol::Nexmo => ours(scene, firsts, duration).await,
        Protocol::Floor => peer(scene, duration, ["/me", "/mec"]).await,
        Protocol::SocketIo => peer(scene, duration, ["/me", "/me"]).await,
    }
}

async fn ours(scene: Scene<'_>, firsts: usize, duration: Duration) -> Result<Vec<Number>, Failure> {
    let sessions = scene.stage.log_in(&scene.some_users(firsts)).await?;
    let mut calls = Vec::with_capacity(firsts);
    for session in &sessions {
        let bearer = Bearer::new(&session.access_token)?;
        calls.push(Call::get(format!("/v1/users/{}", session.user_id), &bearer));
    }
    let seen: Vec<Call> = calls.iter().take(CONNECTIONS).cloned().collect();
    let process = scene.target.process;
    let authority = &scene.target.authority;
    scene.target.rest().await;
    let mark = Mark::now(process);
    http::all(authority, CONNECTIONS, calls, Tolerance::Nothing).await?;
    let first = mark.cpu_s();
    let mark = Mark::now(process);
    let make = move |worker: usize, _| seen[worker % seen.len()].clone();
    let load = http::load(authority, CONNECTIONS, duration, make, is_object).await?;
    let seen = mark.cpu_s();
    let number = |metric, cpu_s: Option<f64>, calls| {
        cpu_s.map(|cpu_s| Number::new(metric, each_us(cpu_s, calls)))
    };
    Ok([
        number(Metric::OwnUserFirst, first, firsts),
        number(Metric::OwnUserSeen, seen, load.calls),
    ]
    .into_iter()
    .flatten()
    .collect())
}

/// A peer's paths for tokens that it verifies, and for those that it has verified;
/// one of the two knows no difference.
async fn peer(
    scene: Scene<'_>,
    duration: Duration,
    [first, seen]: [&'static str; 2],
) -> Result<Vec<Number>, Failure> {
    let mut numbers = Vec::new();
    for (metric, path) in [(Metric::OwnUserFirst, first), (Metric::OwnUserSeen, seen)] {
        let calls = scene
            .proofs(CONNECTIONS)?
            .iter()
            .map(|proof| Ok(Call::get(path, &Bearer::new(&proof.token)?)))
            .collect::<Result<Vec<_>, Failure>>()?;
        let target = scene.target;
        target.rest().await;
        let mark = Mark::now(target.process);
        let make = move |worker: usize, _| calls[worker % calls.len()].clone();
        let load = http::load(&target.authority, CONNECTIONS, duration, make, is_object).await?;
        if let Some(cpu_s) = mark.cpu_s() {
            numbers.push(Number::new(metric, each_us(cpu_s, load.calls)));
        }
    }
    Ok(numbers)
}

fn is_object(body: &[u8]) -> bool {
    body.starts_with(b"{") && body.ends_with(b"}")
}
