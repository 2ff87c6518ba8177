//! What happens where the gate is closed: the session is looked at again, or
//! the socket ends.

use std::pin::pin;
use std::sync::Arc;

use countersign_core::error::Error;

use super::{End, Entered, Socket};
use crate::realtime::check::{self, is_ours};
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
        let Entered {
            ctx,
            realtime,
            open,
            token,
            ..
        } = &self.entered;
        match check::look_again(ctx, realtime, &open.line, token).await {
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
        Box::pin(self.wait_for_store(error)).await
    }

    async fn wait_for_store(&mut self, error: &Error) -> Result<(), End> {
        let Entered {
            ctx, open, stop, ..
        } = &self.entered;
        let (ctx, line, stop) = (Arc::clone(ctx), Arc::clone(&open.line), stop.clone());
        let mut waited = pin!(check::wait_for_store(&ctx, &line, &stop, error));
        loop {
            let is_whole = self.ended.is_none();
            let reads = is_whole && self.waiting.is_none();
            let message = tokio::select! {
                biased;
                goes_on = &mut waited => return goes_on.then_some(()).ok_or(End::GoingAway),
                _ = self.pings.tick(), if is_whole => None,
                message = self.socket.recv(), if reads => Some(message),
            };
            // Boxed, since what may follow the end of a wait is another one.
            let done = match message {
                Some(message) => Box::pin(self.inbound_meanwhile(message)).await,
                None => Box::pin(self.ping()).await,
            };
            self.ended = done.err();
        }
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
