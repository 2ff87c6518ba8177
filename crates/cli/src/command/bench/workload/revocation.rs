//! W8: from the answer to a revocation to the last socket that it closes.

use std::time::Duration;

use countersign_wire::frame::CloseCode;
use tokio::time::Instant;

use super::super::crowd::{Crowd, What, closed};
use super::super::latency::Latencies;
use super::super::metric::Metric;
use super::super::process::Mark;
use super::super::protocol::Protocol;
use super::{Number, Scene, each_us};
use crate::exit::Failure;

const LOGINS_AT_ONCE: usize = 32;
/// How long the last socket may take, for the run to say anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// Revokes the publishable key that so many sessions were opened with.
///
/// # Errors
/// If a socket stays open, or is closed for another reason.
pub(in super::super) async fn run(
    scene: Scene<'_>,
    sockets: usize,
) -> Result<Vec<Number>, Failure> {
    if scene.target.protocol != Protocol::Countersign {
        return Ok(Vec::new());
    }
    let stage = scene.stage;
    let (id, key) = stage.new_publishable_key().await?;
    let proofs = stage.proofs_with(&scene.some_users(sockets), &key)?;
    let mut crowd = Crowd::at(scene.target);
    crowd.enter(&proofs, LOGINS_AT_ONCE).await?;
    scene.target.rest().await;
    crowd.check_all_there()?;

    let mark = Mark::now(scene.target.process);
    let asked = Instant::now();
    stage.revoke_publishable_key(&id).await?;
    let answered = Instant::now();
    let mut last = answered;
    let mut latencies = Latencies::default();
    let mut heard = Vec::new();
    while latencies.count() < sockets {
        crowd.hear(answered + PATIENCE, &mut heard).await;
        if heard.is_empty() {
            return Err(Failure::refused(format!(
                "of {sockets} sockets whose key was revoked {} were closed",
                latencies.count()
            )));
        }
        for heard in heard.drain(..) {
            match heard.what {
                What::Closed(Some(code)) if code == CloseCode::SessionEnded.number() => {
                    last = last.max(heard.at);
                    // A socket that is closed before the answer took no time.
                    latencies.add(heard.at.saturating_duration_since(answered));
                }
                What::Closed(code) => return Err(closed(code)),
                What::Delivery(_) | What::Accepted | What::Refused(_) => {}
            }
        }
    }
    let cpu_s = mark.cpu_s();
    let quantiles = [
        (Metric::ClosedP50, 0.5),
        (Metric::ClosedP99, 0.99),
        (Metric::ClosedMax, 1.0),
    ];
    let mut numbers = quantiles
        .map(|(metric, share)| Number::of_size(metric, sockets, latencies.quantile_ms(share)))
        .to_vec();
    // The answer waits for the driver, too; from the request on nothing is left out.
    let whole_ms = (last - asked).as_secs_f64() * 1e3;
    numbers.push(Number::of_size(Metric::RevokedMax, sockets, whole_ms));
    if let Some(cpu_s) = cpu_s {
        let each = each_us(cpu_s, sockets);
        numbers.push(Number::of_size(Metric::CloseCpu, sockets, each));
    }
    Ok(numbers)
}
