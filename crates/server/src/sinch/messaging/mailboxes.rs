//! The mailboxes of a node, by session.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::error::{Code, Error};
use countersign_core::id::SessionId;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::limit::{MAILBOXES_MAX, OPENING_AT_ONCE_MAX};
use super::mailbox::Mailbox;
use super::time_token::TimeToken;

/// All mailboxes.
pub(super) struct Mailboxes {
    known: Mutex<HashMap<SessionId, Vec<Arc<Mailbox>>>>,
    /// How many of a session are being opened.
    opening: Mutex<HashMap<SessionId, usize>>,
    /// One permit for each that is.
    turns: Semaphore,
}

/// The place of a mailbox that is being opened.
pub(super) struct Opening<'a> {
    mailboxes: &'a Mailboxes,
    session: SessionId,
}

// === impl Mailboxes ===

impl Mailboxes {
    /// A place for another of a session. As many as it may have can be opened at
    /// once: of more, the first would be gone before anybody polls it.
    ///
    /// # Errors
    /// `conflict` where there are so many.
    pub(super) fn place(&self, session: SessionId) -> Result<Opening<'_>, Error> {
        let mut opening = lock(&self.opening);
        let count = opening.entry(session).or_default();
        if *count >= MAILBOXES_MAX {
            let detail = "too many polls of this session begin at once";
            return Err(Error::new(Code::Conflict, detail)
                .hint("poll once at a time, with the newest time token"));
        }
        *count += 1;
        drop(opening);
        Ok(Opening {
            mailboxes: self,
            session,
        })
    }

    /// The mailbox in which a client with this token goes on.
    pub(super) fn find(
        &self,
        session: SessionId,
        token: TimeToken,
        hears_messages: bool,
    ) -> Option<Arc<Mailbox>> {
        let known = lock(&self.known);
        let mut of_session = known.get(&session)?.iter();
        let found = of_session.find(|mailbox| {
            mailbox.hears_messages == hears_messages && mailbox.has(token) && !mailbox.is_over()
        });
        found.map(Arc::clone)
    }

    /// Adds one to a session's; where there are too many, the oldest goes.
    pub(super) fn add(&self, session: SessionId, mailbox: Arc<Mailbox>) {
        let mut known = lock(&self.known);
        let of_session = known.entry(session).or_default();
        of_session.push(mailbox);
        let oldest = (of_session.len() > MAILBOXES_MAX).then(|| of_session.remove(0));
        // It is let go without the lock: what it follows has locks of its own.
        drop(known);
        if let Some(oldest) = oldest {
            oldest.give_up();
        }
    }

    /// Lets those of a session go in which nobody waits: the client has left, or
    /// goes on elsewhere.
    pub(super) fn leave(&self, session: SessionId) {
        let mut known = lock(&self.known);
        let of_session = known.remove(&session).unwrap_or_default();
        let (polled, gone): (Vec<_>, Vec<_>) = of_session
            .into_iter()
            .partition(|mailbox| mailbox.is_polled());
        if !polled.is_empty() {
            known.insert(session, polled);
        }
        drop(known);
        drop(gone);
    }

    /// Lets those go in which nothing can be told any more. Who still waits in one
    /// finds that out.
    pub(super) fn look(&self) {
        let mut gone = Vec::new();
        let mut known = lock(&self.known);
        known.retain(|_, of_session| {
            gone.extend(of_session.extract_if(.., |mailbox| mailbox.is_over()));
            !of_session.is_empty()
        });
        drop(known);
        drop(gone);
    }
}

impl Default for Mailboxes {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            opening: Mutex::default(),
            turns: Semaphore::new(OPENING_AT_ONCE_MAX),
        }
    }
}

// === impl Opening ===

impl<'a> Opening<'a> {
    /// Waits until few others are being opened.
    pub(super) async fn turn(&self) -> SemaphorePermit<'a> {
        let turn = self.mailboxes.turns.acquire().await;
        turn.expect("nobody closes it")
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let mut opening = lock(&self.mailboxes.opening);
        if let Some(count) = opening.get_mut(&self.session) {
            *count -= 1;
            if *count == 0 {
                opening.remove(&self.session);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
