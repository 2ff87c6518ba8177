//! What comes in: a client's frames, and the commands that they begin.

use std::sync::Arc;

use axum::extract::ws::Message;
use countersign_core::error::{Code, Error};
use countersign_core::op;
use countersign_wire::frame as wire;
use countersign_wire::frame::{ClientFrame, CloseCode};

use super::{Entered, Socket};
use crate::gate;
use crate::native::close::Close;
use crate::native::command::{self, Done};
use crate::native::connect::read;
use crate::native::frames;
use crate::rate::Caller;
use crate::realtime::check::is_ours;
use crate::realtime::follower::Sending;
use crate::realtime::limit;

// === impl Socket ===

impl Socket {
    pub(super) async fn inbound(
        &mut self,
        message: Option<Result<Message, axum::Error>>,
    ) -> Result<(), Close> {
        let realtime = &self.entered.realtime;
        self.entered.open.line.heard(realtime.looks());
        match message {
            Some(Ok(Message::Text(text))) => match read(&text)? {
                ClientFrame::Authenticate(_) => Err(Close::bad_frame("authenticate is sent once")),
                ClientFrame::Refresh(frame) => Box::pin(self.refresh(frame)).await,
                ClientFrame::Send(frame) => self.begin(frame).await,
            },
            Some(Ok(Message::Binary(_))) => Err(Close::bad_frame("binary frames are none of ours")),
            // What answers a ping waits in memory for a client that does not read.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => self.count().map(|_| ()),
            Some(Err(_)) => Err(Close::bad_frame("the frame cannot be read")),
            Some(Ok(Message::Close(_))) => Err(Close::Answer),
            None => Err(Close::Gone),
        }
    }

    /// Begins a command. One too many is refused, and too many of those end it.
    /// What came while the store is out of sight waits for it, so that commands
    /// keep their order; what came together with the end of the session ends
    /// with it.
    async fn begin(&mut self, frame: wire::Send) -> Result<(), Close> {
        self.pass_gate().await?;
        let reference = frame.reference;
        let begun = self.count()?.and_then(|()| command::read(frame));
        match begun {
            Ok(order) => {
                let Entered { ctx, principal, .. } = &self.entered;
                self.sending = order.sending().map(Sending);
                self.command = Some(order.begin(Arc::clone(ctx), Arc::clone(principal)));
                Ok(())
            }
            Err(error) => self.refuse(reference, &error).await,
        }
    }

    /// Says that a command was refused, here and in the log.
    async fn refuse(&mut self, reference: u64, error: &Error) -> Result<(), Close> {
        self.entered.log.refused(error);
        self.answer(frames::refused(reference, error)).await
    }

    /// Counts something as a call of the session. The inner error is the refusal
    /// of it, the outer one the end of who was refused too often in a row.
    fn count(&mut self) -> Result<Result<(), Error>, Close> {
        let Entered {
            ctx,
            limiter,
            token,
            ..
        } = &self.entered;
        let caller = Caller::Session(token.identity.session);
        let counted = gate::count(limiter, caller, ctx.now());
        match &counted {
            Ok(()) => self.refused_in_a_row = 0,
            Err(error) if self.refused_in_a_row >= limit::REFUSED_IN_A_ROW_MAX => {
                return Err(self.close_of(error));
            }
            Err(_) => self.refused_in_a_row += 1,
        }
        Ok(counted)
    }

    pub(super) async fn done(&mut self, done: Done) -> Result<(), Close> {
        let sending = self.sending.take();
        match done {
            Done::Sent {
                reference,
                conversation,
                event,
            } => self.sent(reference, conversation, event).await?,
            Done::Signalled { reference, signal } => {
                self.entered.open.line.take_back(&signal);
                self.answer(frames::sent(reference, None)).await?;
            }
            Done::Refused { reference, error } => self.refuse(reference, &error).await?,
        }
        if let Some(Sending(conversation)) = sending {
            self.entered.follower.resume(conversation);
        }
        Ok(())
    }

    /// Takes a newer token of the same session, once the store can tell of it.
    async fn refresh(&mut self, frame: wire::Refresh) -> Result<(), Close> {
        let Entered {
            ctx,
            limiter,
            token,
            ..
        } = &self.entered;
        let identity = token.identity;
        gate::count(limiter, Caller::Session(identity.session), ctx.now())
            .map_err(|error| self.close_of(&error))?;
        let connected = loop {
            self.pass_gate().await?;
            let Entered { ctx, page, .. } = &self.entered;
            match op::connect::connect(ctx, &frame.token.0, page.as_ref()).await {
                Ok(connected) => break connected,
                Err(error) if is_ours(&error) => self.silent(&error).await?,
                Err(error) => return Err(self.close_of(&error)),
            }
        };
        if connected.token.identity != identity {
            let error = Error::new(Code::BadRequest, "the token is of another session");
            return Err(Close::because(CloseCode::CredentialRefused, &error.detail));
        }
        self.entered.open.line.renew(connected.token.expires_at);
        self.now_is(connected);
        Ok(())
    }
}
