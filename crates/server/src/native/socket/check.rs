//! What happens where the gate is closed: the session is looked at again, or
//! the socket ends.

use std::sync::Arc;

use countersign_core::error::{Code, Error};
use countersign_core::op::connect::Connected;
use countersign_wire::frame::CloseCode;

use super::{Entered, Socket};
use crate::native::close::Close;
use crate::realtime::check::{self, is_ours};
use crate::realtime::line::{Closing, Held};

// === impl Socket ===

impl Socket {
    /// Waits until something may be written, where the session is to be looked
    /// at again first.
    pub(super) async fn pass_gate(&mut self) -> Result<(), Close> {
        loop {
            match self.entered.open.line.held() {
                None => return Ok(()),
                Some(Held::Closing(why)) => return Err(self.closing(why)),
                Some(Held::LookAgain) => Box::pin(self.look_again()).await?,
            }
        }
    }

    async fn look_again(&mut self) -> Result<(), Close> {
        let Entered {
            ctx,
            realtime,
            open,
            token,
            ..
        } = &self.entered;
        match check::look_again(ctx, realtime, &open.line, token).await {
            Ok(connected) => {
                self.now_is(connected);
                Ok(())
            }
            Err(error) if is_ours(&error) => self.silent(&error).await,
            Err(error) => Err(self.close_of(&error)),
        }
    }

    /// Takes over what was read anew of the session.
    pub(super) fn now_is(&mut self, connected: Connected) {
        let line = &self.entered.open.line;
        line.set_marks(connected.marks);
        if connected.principal.acl != self.entered.principal.acl {
            line.relist();
        }
        self.entered.token = connected.token;
        self.entered.principal = Arc::new(connected.principal);
    }

    /// The store does not answer: the socket stays open and silent, and is
    /// checked again before anything is sent.
    pub(super) async fn silent(&mut self, error: &Error) -> Result<(), Close> {
        let Entered {
            ctx, open, stop, ..
        } = &self.entered;
        if check::wait_for_store(ctx, &open.line, stop, error).await {
            Ok(())
        } else {
            Err(Close::going_away(&*ctx.random))
        }
    }

    pub(super) async fn relist(&mut self) -> Result<(), Close> {
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

    fn closing(&self, why: Closing) -> Close {
        match why {
            Closing::Ended => Close::because(CloseCode::SessionEnded, Code::SessionEnded.as_str()),
            Closing::Expired => {
                Close::because(CloseCode::CredentialRefused, Code::AccessExpired.as_str())
            }
            Closing::Silent => Close::Gone,
        }
    }
}
