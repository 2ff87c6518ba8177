//! The socket of the Pusher protocol: one loop over what comes in and what goes
//! out, for a socket that was let into a channel.
//!
//! It is one session's from its first channel to its end, and nothing goes out but
//! in a channel that it is in, and through the line's gate. [`connect`] is the way
//! onto it, [`frame`] what is said, [`incoming`] what a client may say,
//! [`outgoing`] what it is told, [`check`] what happens where the gate is closed,
//! and [`end`] how it ends.

pub(super) mod connect;
mod frame;
mod incoming;
mod outgoing;
mod check;
mod end;

use std::collections::HashSet;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::id::ConversationId;
use countersign_core::token::Token;
use tokio_util::sync::CancellationToken;

use self::end::End;
use super::asked::Customer;
use super::channel::{Channel, Of};
use crate::rate::Limiter;
use crate::realtime::follower::Follower;
use crate::realtime::gated::Gated;
use crate::realtime::{Open, Realtime};

/// What a socket consists of once it is known whose it is.
struct Entered {
    ctx: Arc<Ctx>,
    limiter: Arc<Limiter>,
    realtime: Arc<Realtime>,
    stop: CancellationToken,
    /// What passes for this socket are bound to.
    socket_id: String,
    channels: HashSet<Channel>,
    /// The chats of which is known that they are ended.
    ended: HashSet<ConversationId>,
    open: Open,
    follower: Follower,
    /// Stands for the session, as long as that may live.
    token: Token,
    principal: Arc<Principal>,
    /// What the other end is told first.
    welcome: Utf8Bytes,
}

/// A socket.
struct Socket {
    socket: Gated,
    entered: Entered,
    refused_in_a_row: u32,
}

/// What a socket wakes for.
enum Wake {
    Stop,
    Inbound(Option<Result<Message, axum::Error>>),
    News,
}

// === impl Entered ===

impl Entered {
    fn customer(&self) -> Customer {
        let line = &self.open.line;
        Customer {
            user: line.user,
            session: Some(line.session),
        }
    }

    /// The channel of this, where the socket is in it.
    fn channel(&self, of: Of) -> Option<Channel> {
        let application = self.open.line.application;
        let channel = Channel { application, of };
        self.channels.contains(&channel).then_some(channel)
    }
}

// === impl Socket ===

impl Socket {
    fn new(socket: WebSocket, entered: Entered) -> Self {
        Self {
            socket: Gated::new(socket),
            entered,
            refused_in_a_row: 0,
        }
    }

    /// Runs until there is a reason to end.
    async fn run(&mut self) -> End {
        let welcome = std::mem::take(&mut self.entered.welcome);
        if let Err(end) = self.write(Message::Text(welcome)).await {
            return end;
        }
        loop {
            match self.turn().await {
                Ok(()) => {}
                Err(end) => return end,
            }
        }
    }

    /// The socket itself, where something may follow what went out. What it
    /// consisted of is there until it is dropped.
    fn end(self: Box<Self>) -> (Option<WebSocket>, Entered) {
        (self.socket.into_whole(), self.entered)
    }

    /// What is rare is boxed: a socket that sleeps keeps room for the rest alone.
    async fn turn(&mut self) -> Result<(), End> {
        self.pass_gate().await?;
        let level = self.deliver().await?;
        match self.wake(level).await {
            Wake::Stop => Err(End::Again),
            Wake::Inbound(message) => Box::pin(self.inbound(message)).await,
            Wake::News => Ok(()),
        }
    }

    async fn wake(&mut self, level: bool) -> Wake {
        let line = &self.entered.open.line;
        let stop = &self.entered.stop;
        let socket = &mut self.socket;
        tokio::select! {
            biased;
            () = stop.cancelled() => Wake::Stop,
            message = socket.recv() => Wake::Inbound(message),
            () = poll_fn(|context| if level { line.poll_news(context) } else { Poll::Ready(()) }) => Wake::News,
        }
    }
}
