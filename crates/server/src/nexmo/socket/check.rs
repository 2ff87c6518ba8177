//! What happens where the gate is closed: the session is looked at again, or
//! the socket ends.

use std::sync::Arc;

use countersign_core::error::{Code, Error};
use countersign_core::op;

use super::{End, Entered, Socket};
use crate::realtime::limit;
use crate::realtime::line::{Closing, Held};

// === impl Socket ===

impl Socket {
    /// Waits until something may be written, where the session is to be looked
    /// at again first.
    pub(super) async fn pass_gate(&mut self) -> Result<(), End> {
        loop {
            match self.entered.open.line.held() {
                None => return Ok(()),
                Some(Held::Closing(Closing::Ended | Closing::Expired)) => return Err(End::Over),
                Some(Held::Closing(Closing::Silent)) => return Err(End::Gone),
                Some(Held::LookAgain) => Box::pin(self.look_again()).await?,
            }
        }
    }

    async fn look_again(&mut self) -> Result<(), End> {
        self.entered.open.line.begin_look();
        let realtime = Arc::clone(&self.entered.realtime);
        let one_of_few = realtime.looking.acquire().await;
        let looked = op::connect::look_again(&self.entered.ctx, &self.entered.token).await;
        drop(one_of_few);
        match looked {
            Ok(connected) => {
                let line = &self.entered.open.line;
                line.set_marks(connected.marks);
                // Another credential may have been put into the session.
                if let Some(over) = connected.credential_expires_at
                    && over != line.expires_at()
                {
                    line.renew(over);
                }
                if connected.principal.acl != self.entered.principal.acl {
                    line.relist();
                }
                self.entered.principal = Arc::new(connected.principal);
                Ok(())
            }
            Err(error) if is_ours(&error) => self.silent(&error).await,
            Err(_) => Err(End::Over),
        }
    }

    /// The store does not answer: the socket stays open and silent, and is
    /// checked again before anything is sent.
    pub(super) async fn silent(&mut self, error: &Error) -> Result<(), End> {
        let Entered {
            ctx, open, stop, ..
        } = &self.entered;
        // That it is out of sight is told once, by who looks at it for all.
        if ctx.store_seen() {
            tracing::warn!(code = error.code.as_str(), "a socket waits for the store");
        }
        open.line.look_again();
        let wait = tokio::time::sleep(limit::STORE_RETRY);
        let waited = stop.run_until_cancelled(wait).await;
        waited.ok_or(End::GoingAway)
    }

    pub(super) async fn relist(&mut self) -> Result<(), End> {
        let Entered {
            follower,
            ctx,
            principal,
            open,
            ..
        } = &mut self.entered;
        match Box::pin(follower.relist(ctx, principal)).await {
            Ok(()) => Ok(()),
            Err(error) => {
                open.line.relist();
                self.silent(&error).await
            }
        }
    }
}

/// Whether an error tells of this node, and not of the client.
pub(in crate::nexmo) fn is_ours(error: &Error) -> bool {
    matches!(error.code, Code::Unavailable | Code::Internal)
}
