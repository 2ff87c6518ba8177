//! A socket after its login: one loop over what comes in and what goes out.
//!
//! Whatever goes out passes the line's gate; while the store is out of sight only
//! that the node is there. [`incoming`] is what a client may
//! say, [`outgoing`] what it is told, [`check`] what happens where the gate is
//! closed, and [`end`] how it ends.

mod incoming;
mod outgoing;
mod check;
pub(super) mod end;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::token::Token;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

pub(super) use self::end::End;
use self::outgoing::Unacknowledged;
use super::frames::Wants;
use super::packet::{PING_MS, Revision};
use super::resume::Resumes;
use crate::rate::Limiter;
use crate::realtime::follower::Follower;
use crate::realtime::gated::Gated;
use crate::realtime::{Open, Realtime};
use crate::request_log::OnSocket;

/// What a socket consists of once it is known whose it is.
pub(super) struct Entered {
    pub(super) ctx: Arc<Ctx>,
    pub(super) limiter: Arc<Limiter>,
    pub(super) realtime: Arc<Realtime>,
    pub(super) log: OnSocket,
    pub(super) resumes: Arc<Resumes>,
    pub(super) stop: CancellationToken,
    pub(super) revision: Revision,
    pub(super) wants: Wants,
    /// Where the client has reached the door.
    pub(super) origin: Box<str>,
    pub(super) open: Open,
    pub(super) follower: Follower,
    /// Stands for the session, as long as that may live.
    pub(super) token: Token,
    pub(super) principal: Arc<Principal>,
    /// What the other end is told first.
    pub(super) success: Utf8Bytes,
}

/// A socket.
pub(super) struct Socket {
    socket: Gated,
    entered: Entered,
    pings: Interval,
    unacknowledged: Unacknowledged,
    refused_in_a_row: u32,
    /// What came while the store was out of sight, and waits for it. Nothing
    /// after it is read.
    waiting: Option<Utf8Bytes>,
    /// How the connection has ended meanwhile: what came before it, a log-out
    /// among it, is carried out first.
    ended: Option<End>,
}

/// What has come from the other end.
type Inbound = Option<Result<Message, axum::Error>>;

/// What a socket wakes for.
enum Wake {
    Stop,
    Inbound(Inbound),
    Ping,
    News,
}

// === impl Socket ===

impl Socket {
    pub(super) fn new(socket: WebSocket, entered: Entered) -> Self {
        let every = Duration::from_millis(PING_MS);
        let mut pings = tokio::time::interval_at(Instant::now() + every, every);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            socket: Gated::new(socket),
            entered,
            pings,
            unacknowledged: Unacknowledged::default(),
            refused_in_a_row: 0,
            waiting: None,
            ended: None,
        }
    }

    /// Runs until there is a reason to end.
    pub(super) async fn run(&mut self) -> End {
        let success = std::mem::take(&mut self.entered.success);
        if let Err(end) = self.emit(&success).await {
            return end;
        }
        loop {
            match self.turn().await {
                Ok(()) => {}
                Err(end) => return end,
            }
        }
    }

    /// Remembers what the client has, for when it comes back. Then the socket
    /// itself, where something may follow what went out. What it consisted of is
    /// there until it is dropped.
    pub(super) fn end(self: Box<Self>) -> (Option<WebSocket>, Entered) {
        let Entered {
            follower,
            resumes,
            ctx,
            token,
            ..
        } = &self.entered;
        let mut have = follower.positions();
        self.unacknowledged.lower(&mut have);
        resumes.keep(token.identity.session, have, ctx.now());
        (self.socket.into_whole(), self.entered)
    }

    /// What is rare is boxed: a socket that sleeps keeps room for the rest alone.
    async fn turn(&mut self) -> Result<(), End> {
        self.pass_gate().await?;
        if let Some(text) = self.waiting.take() {
            return Box::pin(self.packet(&text)).await;
        }
        if let Some(end) = self.ended.take() {
            return Err(end);
        }
        let level = self.deliver().await?;
        match self.wake(level).await {
            Wake::Stop => Err(End::GoingAway),
            Wake::Inbound(message) => Box::pin(self.inbound(message)).await,
            Wake::Ping => self.ping().await,
            Wake::News => Ok(()),
        }
    }

    async fn wake(&mut self, level: bool) -> Wake {
        let line = &self.entered.open.line;
        let stop = &self.entered.stop;
        let socket = &mut self.socket;
        let pings = &mut self.pings;
        tokio::select! {
            biased;
            () = stop.cancelled() => Wake::Stop,
            message = socket.recv() => Wake::Inbound(message),
            _ = pings.tick() => Wake::Ping,
            () = poll_fn(|context| if level { line.poll_news(context) } else { Poll::Ready(()) }) => Wake::News,
        }
    }
}
