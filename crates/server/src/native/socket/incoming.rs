//! What comes in: a client's frames, and the commands that they begin.
//!
//! Where a plain event comes, what is there behind it is read, too, as long as it
//! can be sent in the same batch. Nothing overtakes anything by that: what stands
//! behind them is kept until they are answered. Once a close frame was read nothing
//! can be said, so that who closes right behind its events may not be told that
//! they are durable.

use std::sync::Arc;
use std::task::Poll;

use axum::extract::ws::Message;
use countersign_core::error::{Code, Error};
use countersign_core::op;
use countersign_wire::frame as wire;
use countersign_wire::frame::{ClientFrame, CloseCode};

use super::{Entered, Socket};
use crate::gate;
use crate::native::close::Close;
use crate::native::command::{self, Answer, Done, Order, Refused};
use crate::native::connect::read;
use crate::native::frames;
use crate::rate::Caller;
use crate::realtime::check::is_ours;
use crate::realtime::gated::Received;
use crate::realtime::limit;

/// Bytes of bodies behind which nothing is read to be sent together with them: what
/// a socket may make a node keep stays about as much as one frame.
const TOGETHER_BYTES_MAX: usize = 64 * 1024;

/// What was read while it was not its turn yet.
pub(super) enum Ahead {
    /// A frame that is no command.
    Frame(ClientFrame),
    /// A command that is carried out by itself.
    Order(Order),
    /// A command that is refused.
    Refused(Refused),
    /// The socket ends.
    End(Close),
}

// === impl Socket ===

impl Socket {
    pub(super) async fn inbound(&mut self, message: Received) -> Result<(), Close> {
        match self.read(message)? {
            Some(frame) => self.handle(frame).await,
            None => Ok(()),
        }
    }

    /// Goes on with what was read ahead, once it is its turn.
    pub(super) async fn go_on(&mut self, ahead: Ahead) -> Result<(), Close> {
        match ahead {
            Ahead::Frame(frame) => self.handle(frame).await,
            Ahead::Order(order) => {
                self.pass_gate().await?;
                self.begin(vec![order]);
                Ok(())
            }
            Ahead::Refused(refused) => self.refuse(refused),
            Ahead::End(close) => Err(close),
        }
    }

    /// Reads what has come; nothing is to be done about a ping.
    fn read(&mut self, message: Received) -> Result<Option<ClientFrame>, Close> {
        let realtime = &self.entered.realtime;
        self.entered.open.line.heard(realtime.looks());
        match message {
            Some(Ok(Message::Text(text))) => read(&text).map(Some),
            Some(Ok(Message::Binary(_))) => Err(Close::bad_frame("binary frames are none of ours")),
            // What answers a ping waits in memory for a client that does not read.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => self.count().map(|_| None),
            Some(Err(_)) => Err(Close::bad_frame("the frame cannot be read")),
            Some(Ok(Message::Close(_))) => Err(Close::Answer),
            None => Err(Close::Gone),
        }
    }

    /// What came while the store is out of sight waits for it, so that commands
    /// keep their order; what came together with the end of the session ends
    /// with it.
    async fn handle(&mut self, frame: ClientFrame) -> Result<(), Close> {
        match frame {
            ClientFrame::Authenticate(_) => Err(Close::bad_frame("authenticate is sent once")),
            ClientFrame::Refresh(frame) => Box::pin(self.refresh(frame)).await,
            ClientFrame::Send(frame) => {
                self.pass_gate().await?;
                match self.order(frame)? {
                    Ok(order) => {
                        let orders = self.with_others(order);
                        self.begin(orders);
                        Ok(())
                    }
                    Err(refused) => self.refuse(refused),
                }
            }
        }
    }

    /// Reads a command. One too many is refused, and too many of those end it.
    fn order(&mut self, frame: wire::Send) -> Result<Result<Order, Refused>, Close> {
        let reference = frame.reference;
        let order = self.count()?.and_then(|()| command::read(frame));
        Ok(order.map_err(|error| Refused { reference, error }))
    }

    /// A command, and what has come by now of the same kind that can be sent
    /// together with it. What cannot waits until they are done: nothing more is
    /// read before.
    fn with_others(&mut self, first: Order) -> Vec<Order> {
        let mut orders = vec![first];
        if !orders[0].goes_with_others(&self.entered.principal) {
            return orders;
        }
        let mut bytes = orders[0].body_bytes();
        for _ in 1..self.own.room() {
            if bytes >= TOGETHER_BYTES_MAX {
                break;
            }
            let Poll::Ready(message) = self.socket.recv_now() else {
                break;
            };
            match self.another(message) {
                Ok(order) => {
                    bytes += order.as_ref().map_or(0, Order::body_bytes);
                    orders.extend(order);
                }
                Err(ahead) => {
                    self.ahead.push_back(ahead);
                    break;
                }
            }
        }
        orders
    }

    fn another(&mut self, message: Received) -> Result<Option<Order>, Ahead> {
        match self.read(message).map_err(Ahead::End)? {
            Some(ClientFrame::Send(frame)) => match self.order(frame).map_err(Ahead::End)? {
                Ok(order) if order.goes_with_others(&self.entered.principal) => Ok(Some(order)),
                Ok(order) => Err(Ahead::Order(order)),
                Err(refused) => Err(Ahead::Refused(refused)),
            },
            Some(frame @ (ClientFrame::Authenticate(_) | ClientFrame::Refresh(_))) => {
                Err(Ahead::Frame(frame))
            }
            None => Ok(None),
        }
    }

    fn begin(&mut self, orders: Vec<Order>) {
        let Entered { ctx, principal, .. } = &self.entered;
        self.sending = orders.iter().filter_map(Order::sending).collect();
        self.sending.sort_unstable();
        self.sending.dedup();
        let command = command::begin(orders, Arc::clone(ctx), Arc::clone(principal));
        self.command = Some(command);
    }

    /// Says that a command was refused, here and in the log.
    fn refuse(&mut self, refused: Refused) -> Result<(), Close> {
        let Refused { reference, error } = refused;
        self.entered.log.refused(&error);
        self.put(frames::refused(reference, &error))
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

    pub(super) fn done(&mut self, done: Done) -> Result<(), Close> {
        let sending = std::mem::take(&mut self.sending);
        match done {
            Done::Answered(answers) => {
                for answer in answers {
                    self.answer(answer)?;
                }
            }
            Done::Apart(orders) => {
                for order in orders.into_iter().rev() {
                    self.ahead.push_front(Ahead::Order(order));
                }
            }
        }
        for conversation in sending {
            self.entered.follower.resume(conversation);
        }
        Ok(())
    }

    fn answer(&mut self, answer: Answer) -> Result<(), Close> {
        match answer {
            Answer::Sent {
                reference,
                conversation,
                event,
            } => self.sent(reference, conversation, event),
            Answer::Signalled { reference, signal } => {
                self.entered.open.line.take_back(&signal);
                self.put(frames::sent(reference, None))
            }
            Answer::Refused(refused) => self.refuse(refused),
        }
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
