//! What a node does by itself, beside answering.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::context::Ctx;
use countersign_core::error::Error;
use countersign_core::op::key_uses;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::limit;

/// Looks after the node until it is told to stop: which keys were used is
/// written while it runs, and what is left of that at the end. So it is told
/// once the server has answered its last request, and before the store closes.
pub async fn run(ctx: Arc<Ctx>, stop: CancellationToken) {
    let mut looks = interval(Duration::from_secs(limit::UPKEEP_S));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // A write is waited for also when the stop comes meanwhile: it holds notes
    // that are nowhere else.
    while stop.run_until_cancelled(looks.tick()).await.is_some() {
        tell(key_uses::write_due(&ctx).await);
    }
    tell(key_uses::write_all(&ctx).await);
}

fn tell(written: Result<(), Error>) {
    if let Err(error) = written {
        tracing::warn!(
            code = error.code.as_str(),
            "the use of keys was not written"
        );
    }
}
