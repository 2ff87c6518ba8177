//! What comes in: a client's packets. Of its events the log-out means something,
//! and in clients before 9 a new token; everything else is asked for over HTTP.

use axum::extract::ws::{Message, Utf8Bytes};
use countersign_core::error::{Code, Error};
use countersign_core::op;
use serde::Deserialize;

use super::super::packet::{self, Event, Packet};
use super::{End, Entered, Inbound, Socket};
use crate::gate;
use crate::nexmo::frames;
use crate::rate::Caller;
use crate::realtime::check::is_ours;
use crate::realtime::limit;

const LOG_OUT: &str = "session:logout";
const RENEW: &str = "session:update-token";

/// What a client calls its event, so that the answer can name it, and what it
/// may show with it.
#[derive(Deserialize, Default)]
struct Called {
    tid: Option<String>,
    body: Option<Shown>,
}

#[derive(Deserialize)]
struct Shown {
    token: Option<String>,
}

// === impl Socket ===

impl Socket {
    pub(super) async fn inbound(&mut self, message: Inbound) -> Result<(), End> {
        match self.text_of(message)? {
            Some(text) => self.packet(&text).await,
            None => Ok(()),
        }
    }

    /// What comes while the store is out of sight: the client is told that the
    /// node is there, and all else waits.
    pub(super) async fn inbound_meanwhile(&mut self, message: Inbound) -> Result<(), End> {
        let Some(text) = self.text_of(message)? else {
            return Ok(());
        };
        match packet::read(&text, self.entered.revision) {
            Ok(Packet::Pong | Packet::Nothing) => self.count().map(drop),
            Ok(Packet::Ping(data)) => {
                self.count()?.map_err(|_| End::GoingAway)?;
                self.beat(packet::pong(data)).await
            }
            Ok(Packet::Ack(number)) => {
                self.unacknowledged.arrived(number);
                Ok(())
            }
            Ok(Packet::Close | Packet::Disconnect) => Err(End::Answer),
            Ok(Packet::Connect(_) | Packet::Event(_)) | Err(packet::Malformed) => {
                self.waiting = Some(text);
                Ok(())
            }
        }
    }

    /// The text of a packet; nothing, of what only the WebSocket is about.
    fn text_of(&mut self, message: Inbound) -> Result<Option<Utf8Bytes>, End> {
        let realtime = &self.entered.realtime;
        self.entered.open.line.heard(realtime.looks());
        match message {
            Some(Ok(Message::Text(text))) => Ok(Some(text)),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                let counted = self.count()?;
                drop(counted);
                Ok(None)
            }
            Some(Ok(Message::Binary(_)) | Err(_)) => Err(End::Protocol("the frame cannot be read")),
            Some(Ok(Message::Close(_))) => Err(End::Answer),
            None => Err(End::Gone),
        }
    }

    pub(super) async fn packet(&mut self, text: &str) -> Result<(), End> {
        let revision = self.entered.revision;
        match packet::read(text, revision) {
            Ok(Packet::Pong | Packet::Nothing) => self.count().map(drop),
            Ok(Packet::Ping(data)) => {
                self.count()?.map_err(|_| End::GoingAway)?;
                self.beat(packet::pong(data)).await
            }
            Ok(Packet::Ack(number)) => {
                self.unacknowledged.arrived(number);
                Ok(())
            }
            Ok(Packet::Connect("/")) => Err(End::Protocol("the namespace is asked for once")),
            Ok(Packet::Connect(other)) => {
                self.count()?.map_err(|_| End::GoingAway)?;
                let refusal = packet::no_namespace(other, revision);
                self.write(refusal).await
            }
            Ok(Packet::Event(event)) => self.begin(event).await,
            Ok(Packet::Close | Packet::Disconnect) => Err(End::Answer),
            Err(packet::Malformed) => Err(End::Protocol("the packet is malformed")),
        }
    }

    /// Carries out what an event asks for. What came while the store is out of
    /// sight waits for it; what came together with the end of the session ends
    /// with it.
    async fn begin(&mut self, event: Event<'_>) -> Result<(), End> {
        self.pass_gate().await?;
        let called = event.argument.map(|argument| argument.get());
        let called = called.and_then(|text| serde_json::from_str::<Called>(text).ok());
        let Called { tid, body } = called.unwrap_or_default();
        let tid = tid.as_deref();
        let counted = self.count()?;
        let answer = match (counted, event.name.as_str()) {
            (Ok(()), LOG_OUT) => match self.log_out().await? {
                Ok(()) => {
                    let answer = frames::logged_out(tid.unwrap_or_default());
                    return Err(answer.map_or(End::Over, End::LoggedOut));
                }
                Err(error) => Err(error),
            },
            (Ok(()), RENEW) => {
                let token = body.and_then(|body| body.token).unwrap_or_default();
                Box::pin(self.renew(&token)).await?
            }
            (Ok(()), _) => Err(Error::new(
                Code::BadRequest,
                "there is no such event: a socket takes session:logout alone",
            )),
            (Err(error), _) => Err(error),
        };
        let answer = match answer {
            Ok(()) => frames::renewed(tid.unwrap_or_default()),
            Err(error) => {
                self.entered.log.refused(&error);
                frames::refused(&error, tid)
            }
        };
        self.emit_made(answer).await
    }

    /// Puts another credential of the same user into the session, once the store
    /// can tell of it. What follows from it is read when the session is looked at
    /// again.
    async fn renew(&mut self, credential: &str) -> Result<Result<(), Error>, End> {
        loop {
            self.pass_gate().await?;
            let Entered {
                ctx,
                principal,
                token,
                ..
            } = &self.entered;
            let session = token.identity.session;
            let renewing = op::user_bearer::renew_session(ctx, principal, credential, session);
            match renewing.await {
                Err(error) if is_ours(&error) => self.silent(&error).await?,
                other => return Ok(other.map(drop)),
            }
        }
    }

    /// Ends the session, once the store is there to be told. A client that logs
    /// out is answered by the end of its socket, which the end of the session
    /// itself would leave without an answer.
    async fn log_out(&mut self) -> Result<Result<(), Error>, End> {
        loop {
            self.pass_gate().await?;
            let Entered { ctx, principal, .. } = &self.entered;
            match op::sessions::log_out(ctx, principal).await {
                Err(error) if is_ours(&error) => self.silent(&error).await?,
                Err(error) if error.code == Code::SessionEnded => return Ok(Ok(())),
                other => return Ok(other),
            }
        }
    }

    /// Counts something as a call of the session. The inner error is the refusal
    /// of it, the outer one the end of who was refused too often in a row.
    fn count(&mut self) -> Result<Result<(), Error>, End> {
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
            Err(_) if self.refused_in_a_row >= limit::REFUSED_IN_A_ROW_MAX => {
                return Err(End::Protocol("too many packets"));
            }
            Err(_) => self.refused_in_a_row += 1,
        }
        Ok(counted)
    }
}
