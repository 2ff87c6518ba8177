//! A topic: one conversation, as long as a connection of this node follows it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_core::id::{ApplicationId, ConversationId};
use countersign_core::model::signal::Signal;

use super::limit;
use super::line::Line;
use super::recent::Recent;
use super::ring::{Found, Pushed, Ring};

/// One conversation.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) application: ApplicationId,
    pub(super) conversation: ConversationId,
    /// Held by the one who reads the store for all.
    pub(super) reading: tokio::sync::Mutex<()>,
    recent: Mutex<RecentEvents>,
    seats: Mutex<Vec<Seat>>,
}

#[derive(Debug)]
struct RecentEvents {
    ring: Ring<Arc<Recent>>,
    /// The newest number that the conversation is known to have.
    heard: u64,
    /// How often earlier events were made stale.
    turns: u64,
}

/// A connection's place in a topic.
#[derive(Debug)]
struct Seat {
    line: Arc<Line>,
    place: u32,
    told: Told,
}

/// Whether a connection was told of what is new and has not looked yet.
pub(super) type Told = Arc<AtomicBool>;

/// What became of news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hearing {
    /// Who follows knows, now or before.
    Told,
    /// The event is here, and what comes before it is waited for. That must
    /// not last.
    Waits,
}

/// What a connection sees from where it stands.
#[derive(Debug)]
pub(super) enum Sight {
    /// These follow.
    Events(Vec<Arc<Recent>>),
    /// Something follows, and the store has it.
    InStore(Asked),
    /// Nothing follows yet.
    Level,
}

/// What was known when the store was asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    heard: u64,
    turns: u64,
}

// === impl Topic ===

impl Topic {
    /// A topic of which nothing is known up to a number.
    pub(super) fn after(
        application: ApplicationId,
        conversation: ConversationId,
        last: u64,
    ) -> Self {
        Self {
            application,
            conversation,
            reading: tokio::sync::Mutex::new(()),
            recent: Mutex::new(RecentEvents {
                ring: Ring::after(last, limit::RECENT_EVENTS_MAX, limit::EARLY_EVENTS_MAX),
                heard: last,
                turns: 0,
            }),
            seats: Mutex::default(),
        }
    }

    /// Takes a seat.
    pub(super) fn join(&self, line: &Arc<Line>, place: u32) -> Told {
        let told = Told::default();
        lock(&self.seats).push(Seat {
            line: Arc::clone(line),
            place,
            told: Arc::clone(&told),
        });
        told
    }

    /// Gives a seat up, and says whether it was the last.
    pub(super) fn leave(&self, line: &Arc<Line>, place: u32) -> bool {
        let mut seats = lock(&self.seats);
        seats.retain(|seat| !(Arc::ptr_eq(&seat.line, line) && seat.place == place));
        seats.is_empty()
    }

    /// Takes an event that this node has appended. Who follows is woken once
    /// nothing is missing before it.
    pub(super) fn append(&self, event: &Arc<Recent>) {
        let mut recent = lock(&self.recent);
        let wakes = match recent.push(event) {
            Pushed::Kept => true,
            Pushed::Early => false,
            // There is no room to wait for what is before it: it is read.
            Pushed::Dropped => recent.hear(event.number()),
        };
        drop(recent);
        if wakes {
            self.wake();
        }
    }

    /// Hears that the conversation has events up to a number.
    pub(super) fn hear(&self, last: u64) -> Hearing {
        let mut recent = lock(&self.recent);
        if last > recent.ring.last() && recent.ring.knows(last) {
            return Hearing::Waits;
        }
        let wakes = recent.hear(last);
        drop(recent);
        if wakes {
            self.wake();
        }
        Hearing::Told
    }

    /// Does not wait for what is missing any more: it is read.
    pub(super) fn stop_waiting(&self) {
        let mut recent = lock(&self.recent);
        let newest = recent.ring.newest();
        let wakes = recent.ring.has_hole() && recent.hear(newest);
        drop(recent);
        if wakes {
            self.wake();
        }
    }

    /// What follows a number.
    pub(super) fn look(&self, after: u64) -> Sight {
        let recent = lock(&self.recent);
        let events = match recent.ring.following(after, limit::EVENTS_AT_ONCE_MAX) {
            Found::Next(events) => events,
            Found::Gone => Vec::new(),
        };
        if !events.is_empty() {
            Sight::Events(events)
        } else if after < recent.heard {
            Sight::InStore(Asked {
                heard: recent.heard,
                turns: recent.turns,
            })
        } else {
            Sight::Level
        }
    }

    /// Keeps what was read of the store, unless it was made stale meanwhile.
    /// Where nothing was there, nothing is to be expected: the conversation was
    /// deleted.
    pub(super) fn fill(&self, events: &[Arc<Recent>], asked: Asked, after: u64) {
        let mut recent = lock(&self.recent);
        let Some(first) = events.first() else {
            if recent.heard == asked.heard {
                recent.heard = recent.ring.last().min(after);
            }
            return;
        };
        if recent.turns != asked.turns {
            return;
        }
        recent.ring.fill(first.number(), events, |it| it.is_turn());
        let last = recent.ring.last();
        recent.hear(last);
    }

    /// Lets the oldest go, up to this number.
    pub(super) fn forget_through(&self, number: u64) {
        lock(&self.recent).ring.forget_through(number);
    }

    /// Passes a signal on to whom it is for.
    pub(super) fn signal(&self, signal: &Arc<Signal>, is_for: impl Fn(&Line) -> bool) {
        for seat in lock(&self.seats).iter().filter(|seat| is_for(&seat.line)) {
            seat.line.signal(signal);
        }
    }

    /// Says to who follows that there is something to read, once until they look.
    pub(super) fn wake(&self) {
        for seat in lock(&self.seats).iter() {
            if !seat.told.swap(true, Ordering::AcqRel) {
                seat.line.ready(seat.place);
            }
        }
    }
}

// === impl RecentEvents ===

impl RecentEvents {
    fn push(&mut self, event: &Arc<Recent>) -> Pushed {
        if event.is_turn() {
            self.turns += 1;
        }
        let pushed = self
            .ring
            .push(event.number(), Arc::clone(event), |it| it.is_turn());
        self.heard = self.heard.max(self.ring.last());
        pushed
    }

    /// Whether this is news.
    fn hear(&mut self, last: u64) -> bool {
        let news = last > self.heard;
        self.heard = self.heard.max(last);
        news
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
