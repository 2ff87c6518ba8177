//! A socket after its `welcome`: one loop over what comes in and what goes out.
//!
//! One command is carried out at a time, or several events in one batch, so that
//! what a client sends keeps its order; the next waits in the client's own buffer.
//! Whatever goes out passes the line's gate. [`incoming`] is what a client may
//! say, [`outgoing`] what it is told and how that is written, [`own`] its own
//! events, which it is told otherwise, and [`check`] what happens where the gate
//! is closed.

mod incoming;
mod own;
mod outgoing;
mod check;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::Error;
use countersign_core::id::ConversationId;
use countersign_core::model::origin::ForeignPage;
use countersign_core::token::Token;
use tokio_util::sync::CancellationToken;

use self::incoming::Ahead;
use self::own::OwnEvents;
use super::close::Close;
use super::command::{Command, Done};
use crate::rate::Limiter;
use crate::realtime::follower::Follower;
use crate::realtime::gated::{Gated, Received};
use crate::realtime::{Open, Realtime};
use crate::request_log::OnSocket;

/// What a socket consists of once it is known whose it is.
pub(super) struct Entered {
    pub(super) ctx: Arc<Ctx>,
    pub(super) limiter: Arc<Limiter>,
    pub(super) realtime: Arc<Realtime>,
    pub(super) page: Option<ForeignPage>,
    pub(super) stop: CancellationToken,
    pub(super) log: OnSocket,
    pub(super) open: Open,
    pub(super) follower: Follower,
    pub(super) token: Token,
    pub(super) principal: Arc<Principal>,
    /// What the other end is told first.
    pub(super) welcome: Utf8Bytes,
}

/// A socket.
pub(super) struct Socket {
    socket: Gated,
    entered: Entered,
    command: Option<Command>,
    /// Where the command sends events.
    sending: Vec<ConversationId>,
    /// What was read before its turn had come, in its order.
    ahead: VecDeque<Ahead>,
    own: OwnEvents,
    refused_in_a_row: u32,
}

/// What a socket wakes for.
enum Wake {
    Stop,
    Done(Done),
    Ahead(Ahead),
    Inbound(Received),
    News,
}

// === impl Socket ===

impl Socket {
    pub(super) fn new(socket: WebSocket, entered: Entered) -> Self {
        Self {
            socket: Gated::new(socket),
            entered,
            command: None,
            sending: Vec::new(),
            ahead: VecDeque::new(),
            own: OwnEvents::default(),
            refused_in_a_row: 0,
        }
    }

    /// Runs until there is a reason to end.
    pub(super) async fn run(&mut self) -> Close {
        let welcome = std::mem::take(&mut self.entered.welcome);
        self.socket.put(Message::Text(welcome));
        if let Err(close) = self.write().await {
            return close;
        }
        loop {
            match self.turn().await {
                Ok(()) => {}
                Err(close) => return close,
            }
        }
    }

    /// Ends what was begun: a command that is dropped between its commit and its
    /// notice would leave everybody else waiting. Then the socket itself, where
    /// a close frame may follow what went out; a frame that was begun is not
    /// ended for its sake. What it consisted of is there until it is dropped.
    pub(super) async fn end(mut self: Box<Self>) -> (Option<WebSocket>, Entered) {
        if let Some(command) = self.command.take() {
            command.await;
        }
        (self.socket.into_whole(), self.entered)
    }

    /// What is rare is boxed: a socket that sleeps keeps room for the rest alone.
    async fn turn(&mut self) -> Result<(), Close> {
        self.pass_gate().await?;
        let level = self.deliver().await?;
        match self.wake(level).await {
            Wake::Stop => return Err(Close::going_away(&*self.entered.ctx.random)),
            Wake::Done(done) => {
                self.command = None;
                self.done(done)?;
            }
            Wake::Ahead(ahead) => Box::pin(self.go_on(ahead)).await?,
            Wake::Inbound(message) => Box::pin(self.inbound(message)).await?,
            Wake::News => {}
        }
        self.write().await
    }

    /// Whether another command may begin.
    fn is_idle(&self) -> bool {
        self.command.is_none() && self.own.room() > 0
    }

    async fn wake(&mut self, level: bool) -> Wake {
        let idle = self.is_idle();
        let ahead = if idle { self.ahead.pop_front() } else { None };
        if let Some(ahead) = ahead {
            return Wake::Ahead(ahead);
        }
        let line = &self.entered.open.line;
        let stop = &self.entered.stop;
        let socket = &mut self.socket;
        let command = &mut self.command;
        tokio::select! {
            biased;
            () = stop.cancelled() => Wake::Stop,
            done = async { match command { Some(command) => command.await, None => std::future::pending().await } } => Wake::Done(done),
            message = socket.recv(), if idle => Wake::Inbound(message),
            () = poll_fn(|context| if level { line.poll_news(context) } else { Poll::Ready(()) }) => Wake::News,
        }
    }

    /// How the socket ends because of this, which is noted.
    fn close_of(&self, error: &Error) -> Close {
        self.entered.log.refused(error);
        Close::of(error, &*self.entered.ctx.random)
    }
}
