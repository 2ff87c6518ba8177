//! What happens where the gate is closed: the session is looked at again, or
//! the socket ends.

use std::sync::Arc;

use countersign_core::error::Error;

use super::end::End;
use super::{Entered, Socket};
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
                Some(Held::Closing(Closing::Ended | Closing::Expired)) => return Err(End::Again),
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
                open.line.set_marks(connected.marks);
                if connected.principal.acl != self.entered.principal.acl {
                    open.line.relist();
                }
                self.entered.principal = Arc::new(connected.principal);
                Ok(())
            }
            Err(error) if is_ours(&error) => self.silent(&error).await,
            Err(error) => Err(End::of(&error)),
        }
    }

    /// The store does not answer: the socket stays open and silent, and is
    /// checked again before anything is sent.
    pub(super) async fn silent(&mut self, error: &Error) -> Result<(), End> {
        let Entered {
            ctx, open, stop, ..
        } = &self.entered;
        if check::wait_for_store(ctx, &open.line, stop, error).await {
            Ok(())
        } else {
            Err(End::Again)
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
