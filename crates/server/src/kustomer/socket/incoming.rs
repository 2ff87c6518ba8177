//! What comes in: channels that are entered and left, and who types.

use axum::extract::ws::Message;
use countersign_core::error::{Code, Error};
use countersign_core::op;
use countersign_core::op::signals::Voice;

use super::super::channel::{Channel, Of};
use super::connect;
use super::end::End;
use super::frame::{self, Said, Subscribe};
use super::{Entered, Socket};
use crate::gate;
use crate::rate::Caller;
use crate::realtime::check::is_ours;
use crate::realtime::limit;

/// An event of a client is refused, as the protocol numbers it.
const REFUSED: u16 = 4301;

// === impl Socket ===

impl Socket {
    pub(super) async fn inbound(
        &mut self,
        message: Option<Result<Message, axum::Error>>,
    ) -> Result<(), End> {
        let realtime = &self.entered.realtime;
        self.entered.open.line.heard(realtime.looks());
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            // What answers a ping waits in memory for a client that does not read.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return self.count().map(|_| ()),
            Some(Ok(Message::Binary(_)) | Err(_)) => return Err(End::Protocol),
            Some(Ok(Message::Close(_))) => return Err(End::Answer),
            None => return Err(End::Gone),
        };
        let said = frame::read(&text).map_err(|_| End::Protocol)?;
        let counted = self.count()?;
        // What came while the store is out of sight waits for it; what came
        // together with the end of the session ends with it.
        self.pass_gate().await?;
        match said {
            Said::Ping => self.write(Message::Text(frame::pong())).await,
            Said::Pong => Ok(()),
            Said::Subscribe(wanted) => self.enter(wanted, counted).await,
            Said::Unsubscribe(name) => {
                if let Some(channel) = Channel::of(&name) {
                    self.entered.channels.remove(&channel);
                }
                Ok(())
            }
            Said::Typing { channel, on } => self.types(&channel, on, counted).await,
            Said::Other => {
                let message = "no other client is told of this event";
                self.write(Message::Text(frame::error(Some(REFUSED), message)))
                    .await
            }
        }
    }

    /// Lets the socket into a channel, where the pass is of its own session.
    async fn enter(&mut self, wanted: Subscribe, counted: Result<(), Error>) -> Result<(), End> {
        let entered = &self.entered;
        let application = entered.open.line.application;
        let read = connect::read(&entered.ctx, application, &entered.socket_id, &wanted);
        let channel = match (counted, read) {
            (Err(error), _) => return self.refuse(&wanted.channel, 429, &error).await,
            (Ok(()), Err(error)) => return self.refuse(&wanted.channel, 403, &error).await,
            (Ok(()), Ok((channel, token))) => {
                if token.identity.session != entered.open.line.session {
                    // A login gives a device another session, and this one is over.
                    entered.open.line.look_again();
                    self.pass_gate().await?;
                    let detail = "the socket is another session's: open one of its own";
                    let error = Error::new(Code::NotPermitted, detail);
                    return self.refuse(&wanted.channel, 403, &error).await;
                }
                channel
            }
        };
        let channels = &mut self.entered.channels;
        if channels.len() >= limit::CHANNELS_MAX && !channels.contains(&channel) {
            let detail = format!("a socket is in {} channels at most", limit::CHANNELS_MAX);
            let error = Error::new(Code::Conflict, detail);
            return self.refuse(&wanted.channel, 409, &error).await;
        }
        channels.insert(channel);
        let user = self.entered.open.line.user.to_string();
        self.write(Message::Text(frame::subscribed(channel, &user)))
            .await
    }

    async fn refuse(&mut self, channel: &str, status: u16, error: &Error) -> Result<(), End> {
        let refused = frame::refused(channel, status, error);
        self.write(Message::Text(refused)).await
    }

    async fn types(
        &mut self,
        channel: &str,
        on: bool,
        counted: Result<(), Error>,
    ) -> Result<(), End> {
        let Entered {
            ctx,
            principal,
            channels,
            ..
        } = &self.entered;
        let known = Channel::of(channel).filter(|channel| channels.contains(channel));
        let Some(Channel {
            of: Of::Chat(conversation),
            ..
        }) = known
        else {
            let message = "the socket is not in that channel";
            return self
                .write(Message::Text(frame::error(Some(REFUSED), message)))
                .await;
        };
        let voice = Voice {
            conversation,
            member: None,
        };
        let passed_on = match counted {
            Ok(()) => op::signals::type_in(ctx, principal, voice, on)
                .await
                .map(|_| ()),
            Err(error) => Err(error),
        };
        match passed_on {
            Ok(()) => Ok(()),
            // It is a hint, and late by the time at which the store is back.
            Err(error) if is_ours(&error) => self.silent(&error).await,
            Err(error) => {
                let told = frame::error(Some(REFUSED), &error.detail);
                self.write(Message::Text(told)).await
            }
        }
    }

    /// Counts something as a call of the session. The inner error is the refusal
    /// of it, the outer one the end of who was refused too often in a row.
    fn count(&mut self) -> Result<Result<(), Error>, End> {
        let Entered {
            ctx, limiter, open, ..
        } = &self.entered;
        let caller = Caller::Session(open.line.session);
        let counted = gate::count(limiter, caller, ctx.now());
        match &counted {
            Ok(()) => self.refused_in_a_row = 0,
            Err(_) if self.refused_in_a_row >= limit::REFUSED_IN_A_ROW_MAX => {
                return Err(End::Later);
            }
            Err(_) => self.refused_in_a_row += 1,
        }
        Ok(counted)
    }
}
