//! The mailboxes of a node, by session.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::id::SessionId;

use super::limit::MAILBOXES_MAX;
use super::mailbox::Mailbox;
use super::time_token::TimeToken;

/// All mailboxes.
#[derive(Default)]
pub(super) struct Mailboxes(Mutex<HashMap<SessionId, Vec<Arc<Mailbox>>>>);

// === impl Mailboxes ===

impl Mailboxes {
    /// The mailbox in which a client with this token goes on.
    pub(super) fn find(
        &self,
        session: SessionId,
        token: TimeToken,
        hears_messages: bool,
    ) -> Option<Arc<Mailbox>> {
        let known = self.lock();
        let mut of_session = known.get(&session)?.iter();
        let found = of_session.find(|mailbox| {
            mailbox.hears_messages == hears_messages && mailbox.has(token) && !mailbox.is_over()
        });
        found.map(Arc::clone)
    }

    /// Adds one to a session's; where there are too many, the oldest goes.
    pub(super) fn add(&self, session: SessionId, mailbox: Arc<Mailbox>) {
        let mut known = self.lock();
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
        let mut known = self.lock();
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
        let mut known = self.lock();
        known.retain(|_, of_session| {
            gone.extend(of_session.extract_if(.., |mailbox| mailbox.is_over()));
            !of_session.is_empty()
        });
        drop(known);
        drop(gone);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Vec<Arc<Mailbox>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
