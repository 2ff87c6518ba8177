//! What clients had when their connections broke off, for when they come back.
//!
//! A client names its session and no numbers. So a node remembers for a while
//! how far each session's events had arrived, and tells what came after. A node
//! that does not know tells what is new: a client asks for a hole by itself.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_core::id::SessionId;
use countersign_credential::time::Timestamp;

use crate::realtime::follower::Have;

/// Sessions that are remembered.
const SESSIONS_MAX: usize = 10_000;
/// Conversations that are remembered, over all sessions.
const PLACES_MAX: usize = 200_000;
/// How long, in seconds: a client gives up sooner.
const REMEMBERED_S: i64 = 900;

/// How far the events of sessions without a connection had arrived.
#[derive(Default)]
pub(super) struct Resumes(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_session: HashMap<SessionId, (Timestamp, Have)>,
    /// The oldest first; one that came back meanwhile is not there any more.
    order: VecDeque<(Timestamp, SessionId)>,
    places: usize,
}

// === impl Resumes ===

impl Resumes {
    /// Remembers what a session had.
    pub(super) fn keep(&self, session: SessionId, have: Have, now: Timestamp) {
        let mut kept = self.lock();
        kept.take(session);
        kept.places += have.len();
        kept.by_session.insert(session, (now, have));
        kept.order.push_back((now, session));
        kept.forget(now);
    }

    /// What a session had, if that is known.
    pub(super) fn take(&self, session: SessionId, now: Timestamp) -> Option<Have> {
        let mut kept = self.lock();
        kept.forget(now);
        kept.take(session)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Kept ===

impl Kept {
    fn take(&mut self, session: SessionId) -> Option<Have> {
        let (_, have) = self.by_session.remove(&session)?;
        self.places -= have.len();
        Some(have)
    }

    /// Forgets what is old, or too much.
    fn forget(&mut self, now: Timestamp) {
        while let Some((since, session)) = self.order.front().copied() {
            let old = now.milliseconds_since(since) > REMEMBERED_S * 1_000;
            if !old && self.order.len() <= SESSIONS_MAX && self.places <= PLACES_MAX {
                return;
            }
            self.order.pop_front();
            let same = self.by_session.get(&session);
            if same.is_some_and(|(kept, _)| *kept == since) {
                self.take(session);
            }
        }
    }
}

impl std::fmt::Debug for Resumes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Resumes")
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::id::ConversationId;

    use super::*;

    fn session(number: usize) -> SessionId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
        SessionId::from_bytes(bytes)
    }

    fn have(last: u64) -> Have {
        Have::from([(ConversationId::from_bytes([1; 16]), last)])
    }

    #[test]
    fn what_a_session_had_is_told_once_and_for_a_while() {
        let resumes = Resumes::default();
        let now = Timestamp::from_seconds(1_000);
        resumes.keep(session(1), have(7), now);
        resumes.keep(session(2), have(8), now);
        assert_eq!(resumes.take(session(1), now), Some(have(7)));
        assert_eq!(resumes.take(session(1), now), None);
        let late = now.plus_seconds(REMEMBERED_S + 1);
        assert_eq!(resumes.take(session(2), late), None);
        assert_eq!(resumes.lock().places, 0);
    }

    #[test]
    fn only_so_many_are_remembered() {
        let resumes = Resumes::default();
        let now = Timestamp::from_seconds(1_000);
        for number in 0..=SESSIONS_MAX {
            resumes.keep(session(number), have(1), now);
        }
        assert_eq!(resumes.take(session(0), now), None);
        assert_eq!(resumes.take(session(1), now), Some(have(1)));
        assert!(resumes.lock().order.len() <= SESSIONS_MAX);
    }
}
