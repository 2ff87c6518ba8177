//! What a node does by itself, beside answering.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::context::Ctx;
use countersign_core::error::Error;
use countersign_core::op::janitor::{Progress, Run};
use countersign_core::op::{audit_seal, erasures, janitor, key_uses, store_watch};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::limit;

/// Looks after the node until it is told to stop: the store is watched and
/// cleaned, the audit log is sealed, and which keys were used is written while it
/// runs, and what is left of both at the end. So it is told once the server has answered its last request, and
/// before the store closes.
pub async fn run(ctx: Arc<Ctx>, stop: CancellationToken) {
    // Apart from each other: none of them may wait for another's store calls.
    tokio::join!(
        watch_store(&ctx, &stop),
        clean_store(&ctx, &stop),
        erase_users(&ctx, &stop),
        seal_audit(&ctx, &stop),
        write_key_uses(&ctx, &stop),
    );
}

async fn watch_store(ctx: &Ctx, stop: &CancellationToken) {
    let mut looks = every(limit::STORE_LOOK_S);
    let mut was_seen = true;
    while stop.run_until_cancelled(looks.tick()).await.is_some() {
        let Some(looked) = stop.run_until_cancelled(store_watch::look(ctx)).await else {
            return;
        };
        let is_seen = ctx.store_seen();
        match looked {
            Ok(()) if !was_seen => tracing::info!("the store is in sight again"),
            Err(error) if was_seen && !is_seen => {
                let code = error.code.as_str();
                tracing::error!(code, "the store is out of sight: requests are refused");
            }
            Ok(()) | Err(_) => {}
        }
        was_seen = is_seen;
    }
}

/// One batch, and then a pause, so that everybody else's come first.
async fn clean_store(ctx: &Ctx, stop: &CancellationToken) {
    let mut progress = Progress::sweeping_every(limit::SWEEP_S);
    let mut pause_s = limit::JANITOR_S;
    let pause = |seconds| sleep(Duration::from_secs(seconds));
    while stop.run_until_cancelled(pause(pause_s)).await.is_some() {
        let run = janitor::clean(ctx, &mut progress);
        pause_s = match stop.run_until_cancelled(run).await {
            None => return,
            Some(Ok(Run::Worked)) => limit::JANITOR_BUSY_S,
            Some(Ok(Run::Idle)) => limit::JANITOR_S,
            Some(Err(error)) => {
                tracing::warn!(code = error.code.as_str(), "the store was not cleaned");
                limit::JANITOR_S
            }
        };
    }
}

/// Somebody waits for it: the pauses are short, and whoever is erased while the
/// node was down goes on being erased.
async fn erase_users(ctx: &Ctx, stop: &CancellationToken) {
    let mut pause_ms = 0;
    let pause = |milliseconds| sleep(Duration::from_millis(milliseconds));
    while stop.run_until_cancelled(pause(pause_ms)).await.is_some() {
        pause_ms = match stop.run_until_cancelled(erasures::go_on(ctx)).await {
            None => return,
            Some(Ok(Run::Worked)) => limit::ERASURE_BUSY_MS,
            Some(Ok(Run::Idle)) => limit::ERASURE_MS,
            Some(Err(error)) => {
                tracing::warn!(code = error.code.as_str(), "an erasure did not go on");
                limit::ERASURE_MS
            }
        };
    }
}

async fn seal_audit(ctx: &Ctx, stop: &CancellationToken) {
    let mut looks = every(limit::SEAL_S);
    while stop.run_until_cancelled(looks.tick()).await.is_some() {
        seal_some(ctx).await;
    }
    // What the last requests did.
    seal_some(ctx).await;
}

/// Some batches, one after the other, as long as there is something to seal.
async fn seal_some(ctx: &Ctx) {
    for _ in 0..limit::SEAL_BATCHES_MAX {
        match audit_seal::seal(ctx).await {
            Ok(Run::Worked) => {}
            Ok(Run::Idle) => return,
            Err(error) => {
                tracing::warn!(code = error.code.as_str(), "the audit log was not sealed");
                return;
            }
        }
    }
}

async fn write_key_uses(ctx: &Ctx, stop: &CancellationToken) {
    let mut looks = every(limit::UPKEEP_S);
    // A write is waited for also when the stop comes meanwhile: it holds notes
    // that are nowhere else.
    while stop.run_until_cancelled(looks.tick()).await.is_some() {
        tell(key_uses::write_due(ctx).await);
    }
    tell(key_uses::write_all(ctx).await);
}

fn every(seconds: u64) -> Interval {
    let mut ticks = interval(Duration::from_secs(seconds));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn tell(written: Result<(), Error>) {
    if let Err(error) = written {
        tracing::warn!(
            code = error.code.as_str(),
            "the use of keys was not written"
        );
    }
}
