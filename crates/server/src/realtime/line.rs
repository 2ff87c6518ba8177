//! A line: what the node knows of one connection, and tells it.
//!
//! Nothing is queued here but what cannot be read again: a connection is told
//! that there is something, and reads it from where it stands. So a slow
//! reader costs no memory, and a connection that sleeps costs a line.
//!
//! The gate stands between the connection and its socket. It is closed by
//! whoever revokes the session, and held while bytes are handed to the socket:
//! once closing it has returned, nothing more goes out. It is closed, too, while
//! the store is out of sight, since nobody knows then what was revoked.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use countersign_core::context::Ctx;
use countersign_core::id::{ApplicationId, SessionId, UserId};
use countersign_core::model::revocation::Marks;
use countersign_core::model::signal::Signal;
use countersign_credential::time::Timestamp;
use tokio::time::Instant;

use super::leaving::{Leave, Leaving};
use super::limit;
use crate::door::Door;

/// One connection, as the rest of the node knows it.
pub(crate) struct Line {
    pub(crate) door: Door,
    pub(crate) application: ApplicationId,
    pub(crate) session: SessionId,
    pub(crate) user: UserId,
    ctx: Arc<Ctx>,
    marks: Mutex<Marks>,
    gate: Mutex<Gate>,
    news: Mutex<News>,
    /// When its access token is over, in milliseconds.
    expires_at: AtomicI64,
    told_expiring: AtomicBool,
    /// The node's look at which something was last heard from the other end.
    heard_at: AtomicU32,
}

/// Why a connection is closed by the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closing {
    /// The session ended, or was revoked.
    Ended,
    /// The access token is over.
    Expired,
    /// The other end is silent.
    Silent,
}

/// Why nothing may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// The connection is to be closed.
    Closing(Closing),
    /// Whether the session lives is to be looked at again first.
    LookAgain,
}

/// What a connection is told.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Places that have something new to read.
    pub(crate) ready: Vec<u32>,
    /// The user's conversations are to be read anew.
    pub(crate) relist: bool,
    /// Signals that have come.
    pub(crate) signals: VecDeque<Arc<Signal>>,
    /// The access token is nearly over.
    pub(crate) expiring: bool,
    /// The other end is to be asked whether it is there.
    pub(crate) ping: bool,
    waker: Option<Waker>,
}

#[derive(Debug, Default)]
struct Gate {
    closing: Option<(Closing, Instant)>,
    /// Until the connection was told why it ends.
    leave: Option<Leave>,
    look_again: bool,
}

// === impl Line ===

impl Line {
    pub(crate) fn new(
        (ctx, door): (Arc<Ctx>, Door),
        marks: Marks,
        expires_at: Timestamp,
        look: u32,
    ) -> Arc<Self> {
        Arc::new(Self {
            door,
            ctx,
            application: marks.application,
            session: marks.session,
            user: marks.user,
            marks: Mutex::new(marks),
            gate: Mutex::default(),
            news: Mutex::default(),
            expires_at: AtomicI64::new(expires_at.milliseconds()),
            told_expiring: AtomicBool::new(false),
            heard_at: AtomicU32::new(look),
        })
    }

    /// What its session can be revoked by, as it was last read.
    pub(crate) fn has(&self, covered: impl FnOnce(&Marks) -> bool) -> bool {
        covered(&lock(&self.marks))
    }

    /// Notes what was read of its session anew.
    pub(crate) fn set_marks(&self, marks: Marks) {
        *lock(&self.marks) = marks;
    }

    /// Another token of the same session.
    pub(crate) fn renew(&self, expires_at: Timestamp) {
        self.expires_at
            .store(expires_at.milliseconds(), Ordering::Relaxed);
        self.told_expiring.store(false, Ordering::Relaxed);
    }

    /// When its access token is over.
    pub(crate) fn expires_at(&self) -> Timestamp {
        Timestamp::from_milliseconds(self.expires_at.load(Ordering::Relaxed))
    }

    /// Whether it is to be told for the first time that its token is nearly over.
    pub(super) fn begins_to_expire(&self) -> bool {
        !self.told_expiring.swap(true, Ordering::Relaxed)
    }

    /// Notes that something came from the other end.
    pub(crate) fn heard(&self, look: u32) {
        self.heard_at.store(look, Ordering::Relaxed);
    }

    /// How many looks ago something came from the other end.
    pub(super) fn silent_for(&self, look: u32) -> u32 {
        look.wrapping_sub(self.heard_at.load(Ordering::Relaxed))
    }

    /// A number that spreads what is done to all lines in turn.
    pub(super) fn turn(&self) -> u32 {
        let [.., a, b, c, d] = self.session.bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    /// Closes the gate for good. Nothing goes out once this has returned.
    pub(crate) fn close(&self, why: Closing) {
        let mut gate = lock(&self.gate);
        gate.closing.get_or_insert_with(|| (why, Instant::now()));
        drop(gate);
        self.wake();
    }

    /// Closes the gate, because the session was ended.
    pub(super) fn end(&self, leaving: &Arc<Leaving>) {
        let mut gate = lock(&self.gate);
        // A chain of long polls is told when its client asks again, and nobody waits for that.
        if gate.closing.is_none() && self.door != Door::SinchMessaging {
            gate.leave = Some(leaving.begin());
        }
        drop(gate);
        self.close(Closing::Ended);
    }

    /// What somebody may wait for: it is to be dropped once the connection was told
    /// why it ends.
    pub(crate) fn leave(&self) -> Option<Leave> {
        lock(&self.gate).leave.take()
    }

    /// Why it was closed by the node, if it was, and how long ago.
    pub(super) fn closed(&self) -> Option<(Closing, Duration)> {
        let closing = lock(&self.gate).closing;
        closing.map(|(why, since)| (why, since.elapsed()))
    }

    /// Closes the gate until the session was looked at again.
    pub(crate) fn look_again(&self) {
        lock(&self.gate).look_again = true;
        self.wake();
    }

    /// Says that the session is looked at now. What is flagged from here on
    /// counts for the next look.
    pub(crate) fn begin_look(&self) {
        lock(&self.gate).look_again = false;
    }

    /// Why nothing may be written, if so.
    pub(crate) fn held(&self) -> Option<Held> {
        self.held_by(&lock(&self.gate))
    }

    /// Who is held while the store is out of sight looks in vain until it is
    /// back. It is asked at every write, and not by a flag that somebody sets:
    /// that would be late.
    fn held_by(&self, gate: &Gate) -> Option<Held> {
        match (gate.closing, gate.look_again || !self.ctx.store_seen()) {
            (Some((why, _)), _) => Some(Held::Closing(why)),
            (None, true) => Some(Held::LookAgain),
            (None, false) => None,
        }
    }

    /// Does what hands bytes to the socket, with the gate held open. It is to
    /// be short, and must not wait. Where the socket is full, closing the gate
    /// ends the wait.
    ///
    /// # Errors
    /// If the gate is closed.
    pub(crate) fn poll_through_gate<T>(
        &self,
        context: &mut Context<'_>,
        write: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<Result<T, Held>> {
        self.poll_unless(Self::held_by, context, write)
    }

    /// The same for what only says that the node is there, and nothing of the
    /// session: it passes where the session is to be looked at again.
    ///
    /// # Errors
    /// If the connection is to be closed.
    pub(crate) fn poll_heartbeat<T>(
        &self,
        context: &mut Context<'_>,
        write: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<Result<T, Held>> {
        let closing = |_: &Self, gate: &Gate| gate.closing.map(|(why, _)| Held::Closing(why));
        self.poll_unless(closing, context, write)
    }

    fn poll_unless<T>(
        &self,
        held_by: impl Fn(&Self, &Gate) -> Option<Held>,
        context: &mut Context<'_>,
        write: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<Result<T, Held>> {
        let gate = lock(&self.gate);
        if let Some(held) = held_by(self, &gate) {
            return Poll::Ready(Err(held));
        }
        let written = write(context);
        drop(gate);
        if let Poll::Ready(written) = written {
            return Poll::Ready(Ok(written));
        }
        lock(&self.news).register(context);
        match held_by(self, &lock(&self.gate)) {
            None => Poll::Pending,
            Some(held) => Poll::Ready(Err(held)),
        }
    }

    /// Waits until there is news, or the gate is closed.
    pub(crate) fn poll_news(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut news = lock(&self.news);
        if news.has_any() {
            return Poll::Ready(());
        }
        news.register(context);
        drop(news);
        if self.held().is_some() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Takes what there is to tell.
    pub(crate) fn take_news(&self) -> News {
        let mut news = lock(&self.news);
        let waker = news.waker.take();
        let taken = std::mem::take(&mut *news);
        news.waker = waker;
        taken
    }

    /// Says that a place has something to read.
    pub(super) fn ready(&self, place: u32) {
        self.tell(|news| news.ready.push(place));
    }

    /// Says that the user's conversations are to be read anew.
    pub(crate) fn relist(&self) {
        self.tell(|news| news.relist = true);
    }

    /// Says that the access token is nearly over.
    pub(super) fn expiring(&self) {
        self.tell(|news| news.expiring = true);
    }

    /// Says that the other end is to be asked whether it is there.
    pub(super) fn ping(&self) {
        self.tell(|news| news.ping = true);
    }

    /// Passes a signal on. Where too many wait, it is dropped: it is a hint.
    pub(super) fn signal(&self, signal: &Arc<Signal>) {
        self.tell(|news| {
            if news.signals.len() < limit::SIGNALS_MAX {
                news.signals.push_back(Arc::clone(signal));
            }
        });
    }

    /// Takes a signal of one's own back, which its sender is not told.
    pub(crate) fn take_back(&self, signal: &Signal) {
        let mut news = lock(&self.news);
        if let Some(place) = news.signals.iter().rposition(|it| **it == *signal) {
            news.signals.remove(place);
        }
    }

    fn tell(&self, change: impl FnOnce(&mut News)) {
        let mut news = lock(&self.news);
        change(&mut news);
        let waker = news.waker.take();
        drop(news);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn wake(&self) {
        self.tell(|_| {});
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Line")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

// === impl News ===

impl News {
    fn has_any(&self) -> bool {
        !self.ready.is_empty()
            || self.relist
            || !self.signals.is_empty()
            || self.expiring
            || self.ping
    }

    fn register(&mut self, context: &Context<'_>) {
        match &mut self.waker {
            Some(waker) => waker.clone_from(context.waker()),
            empty @ None => *empty = Some(context.waker().clone()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
