//! Check: what a socket of any door does where its gate is closed, or where the
//! store does not answer it.

use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::op;
use countersign_core::op::connect::Connected;
use countersign_core::token::Token;
use tokio_util::sync::CancellationToken;

use super::Realtime;
use super::limit;
use super::line::Line;

/// Looks at a session again; where many are to be looked at, a few at a time.
///
/// # Errors
/// Those of [`op::connect::look_again`].
pub(crate) async fn look_again(
    ctx: &Ctx,
    realtime: &Realtime,
    line: &Line,
    token: &Token,
) -> Result<Connected, Error> {
    line.begin_look();
    let _one_of_few = realtime.looking.acquire().await;
    op::connect::look_again(ctx, token).await
}

/// Waits a moment for the store that has not answered: the socket stays open and
/// silent, and is checked again before anything is sent. Answers whether there
/// is any use in waiting: not where the node stops.
pub(crate) async fn wait_for_store(
    ctx: &Ctx,
    line: &Line,
    stop: &CancellationToken,
    error: &Error,
) -> bool {
    // That it is out of sight is told once, by who looks at it for all.
    if ctx.store_seen() {
        tracing::warn!(code = error.code.as_str(), "a socket waits for the store");
    }
    line.look_again();
    let wait = tokio::time::sleep(limit::STORE_RETRY);
    stop.run_until_cancelled(wait).await.is_some()
}

/// Whether an error tells of this node, and not of the client.
pub(crate) fn is_ours(error: &Error) -> bool {
    matches!(error.code, Code::Unavailable | Code::Internal)
}
