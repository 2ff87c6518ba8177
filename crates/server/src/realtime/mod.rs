//! Delivery to whoever is connected, for all doors.
//!
//! There is one loop: a connection has a place in each conversation that it
//! follows, and is told what comes after it, in order, without holes or
//! doubles. What wakes it, be it a notice, a sweep, its own beginning or a long
//! poll, only makes it look. [`line`] is what the node knows of a connection,
//! [`topic`] a conversation that somebody follows, [`follower`] the places.
//!
//! # Invariants
//! - No protocol: a door turns a [`follower::Delivery`] into its own frames.
//! - Nothing is queued for a connection but signals, which may be dropped.
//! - Once a notice has been heard, nothing goes out to a session that it ends.
//! - While the store is out of sight nothing goes out at all, and once it is back
//!   nothing before the session was looked at again.

pub(crate) mod limit;
pub(crate) mod line;
pub(crate) mod gated;
pub(crate) mod check;
pub(crate) mod recent;
mod lines;
pub(crate) mod leaving;
mod heard;
mod numbers;
mod ring;
mod topic;
pub(crate) mod follower;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use countersign_core::context::Ctx;
use countersign_core::id::ConversationId;
use countersign_core::model::event::{Event, EventKind};
use countersign_core::model::signal::{Signal, SignalKind};
use countersign_core::ports::fanout::{Listener, Notice};
use tokio::sync::Semaphore;

use crate::operations::{Reading, Sample};
use crate::tasks::Tasks;
use heard::{Forgotten, Heard, Moment};
use leaving::Leaving;
pub use limit::Patience;
use line::{Closing, Line};
use lines::Lines;
use numbers::Numbers;
use recent::Recent;
use topic::{Asked, Hearing, Sight, Told, Topic};

/// The connections of a node, and what they follow.
pub(crate) struct Realtime {
    pub(crate) patience: Patience,
    /// Lines that are open at once.
    pub(crate) lines_max: usize,
    /// One permit for each session that is looked at again.
    looking: Semaphore,
    /// Who has to leave, until they were told.
    pub(crate) leaving: Arc<Leaving>,
    lines: Mutex<Lines>,
    topics: Mutex<HashMap<ConversationId, Arc<Topic>>>,
    heard: Mutex<Heard>,
    kept: Mutex<Kept>,
    /// Topics that wait for what is missing.
    waiting: Mutex<Vec<Arc<Topic>>>,
    entering: AtomicUsize,
    numbers: Numbers,
    /// How often all connections were looked at.
    looks: AtomicU32,
    looked_after: AtomicBool,
    /// What else is to be looked at.
    others: Mutex<Vec<Weak<dyn Looked>>>,
}

/// What a door keeps beside its lines, and is to be looked at with them.
pub(crate) trait Looked: Send + Sync {
    /// Lets go what has no use any more.
    fn look(&self);
}

/// What is kept of all topics, the oldest first.
#[derive(Default)]
struct Kept {
    events: VecDeque<(Weak<Topic>, u64, usize)>,
    bytes: usize,
}

/// A line while it is open.
#[derive(Debug)]
pub(crate) struct Open {
    realtime: Arc<Realtime>,
    pub(crate) line: Arc<Line>,
}

/// Room for a socket that has not said yet who it is.
#[derive(Debug)]
pub(crate) struct Entering(Arc<Realtime>);

/// Begins to look after the node's sockets, with the first of them.
pub(crate) fn look_after(ctx: &Arc<Ctx>, realtime: &Arc<Realtime>, tasks: &Tasks) {
    let realtime = Arc::clone(realtime);
    if !realtime.needs_looking_after() {
        return;
    }
    let ctx = Arc::clone(ctx);
    tasks.until_stopped(async move {
        let mut looks = tokio::time::interval(limit::LOOK_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            realtime.look(&ctx);
        }
    });
}

// === impl Realtime ===

impl Realtime {
    pub(crate) fn new(patience: Patience, lines_max: usize) -> Self {
        Self {
            patience,
            lines_max,
            looking: Semaphore::new(limit::LOOKS_AT_ONCE_MAX),
            leaving: Arc::default(),
            lines: Mutex::default(),
            topics: Mutex::default(),
            heard: Mutex::default(),
            kept: Mutex::default(),
            waiting: Mutex::default(),
            entering: AtomicUsize::new(0),
            numbers: Numbers::default(),
            looks: AtomicU32::new(0),
            looked_after: AtomicBool::new(false),
            others: Mutex::default(),
        }
    }

    /// Room for another socket, if there is.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Entering> {
        let taken = self.entering.fetch_add(1, Ordering::Relaxed);
        let entering = Entering(Arc::clone(self));
        let open = lock(&self.lines).count;
        (taken < limit::ENTERING_MAX && taken + open < self.lines_max).then_some(entering)
    }

    /// Opens a line, which hears of everything from now on. `None`, where there
    /// is no room.
    pub(crate) fn open(self: &Arc<Self>, line: Arc<Line>) -> Option<Open> {
        let mut lines = lock(&self.lines);
        if lines.count >= self.lines_max {
            return None;
        }
        lines.count += 1;
        let by_session = lines.by_session.entry(line.session).or_default();
        by_session.push(Arc::clone(&line));
        let by_user = lines.by_user.entry(line.user).or_default();
        by_user.push(Arc::clone(&line));
        drop(lines);
        self.numbers.opened(line.door);
        Some(Open {
            realtime: Arc::clone(self),
            line,
        })
    }

    /// Which look this is.
    pub(crate) fn looks(&self) -> u32 {
        self.looks.load(Ordering::Relaxed)
    }

    /// Whether nobody looks after the connections yet: the first who asks does.
    pub(crate) fn needs_looking_after(&self) -> bool {
        !self.looked_after.swap(true, Ordering::Relaxed)
    }

    /// Looks at all connections: whose token is nearly over, who has not been
    /// heard of for long, and whose turn it is to read again what may have been
    /// missed. While the store is out of sight nobody can be asked whether it is
    /// there, so that nobody's silence counts.
    pub(crate) fn look(&self, ctx: &Ctx) {
        let now = ctx.now();
        let store_seen = ctx.store_seen();
        let look = self.looks.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let lines = lock(&self.lines);
        for line in lines.by_session.values().flatten() {
            let left_ms = line.expires_at().milliseconds_since(now);
            if left_ms <= 0 {
                line.close(Closing::Expired);
            } else if left_ms <= limit::EXPIRING_S * 1_000 && line.begins_to_expire() {
                line.expiring();
            }
            if !store_seen {
                line.heard(look);
                continue;
            }
            let silent = line.silent_for(look);
            if silent >= limit::SILENT_LOOKS {
                line.close(Closing::Silent);
            } else if silent > 0 && silent.is_multiple_of(limit::PING_LOOKS) {
                line.ping();
            }
            if look
                .wrapping_add(line.turn())
                .is_multiple_of(limit::SWEEP_LOOKS)
            {
                line.relist();
            }
        }
        drop(lines);
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        for topic in waiting {
            topic.stop_waiting();
        }
        let others = lock(&self.others).clone();
        for other in others.iter().filter_map(Weak::upgrade) {
            other.look();
        }
    }

    /// Looks at this, too, as long as it is there.
    pub(crate) fn look_also(&self, other: Weak<dyn Looked>) {
        let mut others = lock(&self.others);
        others.retain(|known| known.strong_count() > 0);
        others.push(other);
    }

    /// Notes that a client was sent away because it did not read.
    pub(crate) fn gave_up_on_slow_reader(&self) {
        self.numbers.gave_up_on_slow_reader();
    }

    /// The numbers of this part of the node.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let entering = self.entering.load(Ordering::Relaxed);
        let topics = lock(&self.topics).len();
        let kept = lock(&self.kept).bytes;
        let now = [
            (
                "countersign_connections_max",
                "Sockets and long polls that may be open at once.",
                self.lines_max,
            ),
            (
                "countersign_connections_entering",
                "Sockets that have not said yet who they are.",
                entering,
            ),
            (
                "countersign_conversations_followed",
                "Conversations that an open connection follows.",
                topics,
            ),
            (
                "countersign_recent_events_bytes",
                "Bytes of events that are kept for who follows them.",
                kept,
            ),
        ]
        .map(|(name, help, value)| Sample {
            name,
            help,
            reading: Reading::Number(value as u64),
        });
        let mut samples = self.numbers.samples();
        samples.extend(now);
        samples
    }

    /// The moment from which on nothing is missed that is followed later.
    pub(crate) fn moment(&self) -> Moment {
        lock(&self.heard).moment()
    }

    /// Begins to follow a conversation that had events up to `last` when it was
    /// read, after the moment.
    fn follow(
        &self,
        (conversation, last): (ConversationId, u64),
        (line, place): (&Arc<Line>, u32),
        since: Moment,
    ) -> (Arc<Topic>, Told) {
        let mut topics = lock(&self.topics);
        let topic = topics
            .entry(conversation)
            .or_insert_with(|| Arc::new(Topic::after(line.application, conversation, last)));
        let topic = Arc::clone(topic);
        let told = topic.join(line, place);
        drop(topics);
        // What was heard before the seat was taken is in the list of the latest,
        // and what is heard from now on finds the seat.
        self.hear_of(&topic, last);
        match lock(&self.heard).newest_of(conversation, since) {
            Ok(Some(newest)) => self.hear_of(&topic, newest),
            Ok(None) => {}
            Err(Forgotten) => line.relist(),
        }
        (topic, told)
    }

    /// Has a line whose conversations were read after the moment, and before it was
    /// there to hear of them, read them anew where they may have changed since.
    fn catch_up(&self, line: &Line, since: Moment) {
        if lock(&self.heard).changed(line.user, since) != Ok(false) {
            line.relist();
        }
    }

    /// Hears of events of a topic. What comes out of order is waited for until
    /// the next look.
    fn hear_of(&self, topic: &Arc<Topic>, last: u64) {
        if topic.hear(last) == Hearing::Waits {
            let mut waiting = lock(&self.waiting);
            if !waiting.iter().any(|known| Arc::ptr_eq(known, topic)) {
                waiting.push(Arc::clone(topic));
            }
        }
    }

    /// Does not follow it any more.
    fn unfollow(&self, topic: &Topic, line: &Arc<Line>, place: u32) {
        let mut topics = lock(&self.topics);
        if topic.leave(line, place) {
            topics.remove(&topic.conversation);
        }
    }

    /// Keeps what was read of a topic after a number.
    fn keep(&self, topic: &Arc<Topic>, events: &[Arc<Recent>], asked: Asked, after: u64) {
        topic.fill(events, asked, after);
        self.weigh(topic, events);
    }

    fn topic(&self, conversation: ConversationId) -> Option<Arc<Topic>> {
        lock(&self.topics).get(&conversation).map(Arc::clone)
    }

    /// What an event is, if it is one of the recent.
    pub(crate) fn kind_of(&self, conversation: ConversationId, number: u64) -> Option<EventKind> {
        let topic = self.topic(conversation)?;
        match topic.look(number.checked_sub(1)?) {
            Sight::Events(events) => {
                let found = events.iter().find(|event| event.number() == number);
                found.map(|event| event.event.kind.clone())
            }
            Sight::Level | Sight::InStore(_) => None,
        }
    }

    /// Passes a signal on; who types is not told so on their other devices.
    fn pass_on(&self, signal: &Signal) {
        let Some(topic) = self.topic(signal.conversation) else {
            return;
        };
        let typing = matches!(signal.kind, SignalKind::Typing { .. });
        topic.signal(&Arc::new(signal.clone()), |line| {
            !(typing && signal.from.user == Some(line.user))
        });
    }

    /// Lets the oldest events go, where all together are too many bytes.
    fn weigh(&self, topic: &Arc<Topic>, events: &[Arc<Recent>]) {
        let mut gone = Vec::new();
        let mut kept = lock(&self.kept);
        for event in events {
            let bytes = event.weight();
            kept.bytes += bytes;
            let entry = (Arc::downgrade(topic), event.number(), bytes);
            kept.events.push_back(entry);
        }
        while kept.bytes > limit::RECENT_BYTES_MAX
            && let Some((topic, number, bytes)) = kept.events.pop_front()
        {
            kept.bytes -= bytes;
            gone.push((topic, number));
        }
        drop(kept);
        for (topic, number) in gone {
            if let Some(topic) = topic.upgrade() {
                topic.forget_through(number);
            }
        }
    }
}

impl Listener for Realtime {
    fn hear(&self, notice: &Notice) {
        self.numbers.heard(notice);
        match notice {
            Notice::Events {
                conversation,
                last_event_id,
                ..
            } => {
                lock(&self.heard).events(*conversation, *last_event_id);
                if let Some(topic) = self.topic(*conversation) {
                    self.hear_of(&topic, *last_event_id);
                }
            }
            Notice::Conversations { user, .. } => {
                lock(&self.heard).user(*user);
                lock(&self.lines).of_user(*user, |line| line.relist());
            }
            Notice::Signal { signal, .. } => self.pass_on(signal),
            Notice::Revoked {
                application,
                revocation,
            } => lock(&self.lines).revoked(*application, revocation, &self.leaving),
            Notice::Session { session, .. } => {
                lock(&self.lines).of_session(*session, |line| line.look_again());
            }
            Notice::User { user, .. } => {
                lock(&self.lines).of_user(*user, |line| line.look_again());
            }
            Notice::Application(application) => {
                lock(&self.lines).of_application(*application, |line| line.look_again());
            }
            // Its sessions live on, unless it is revoked, too.
            Notice::ApiKey(_) => {}
        }
    }

    fn appended(&self, conversation: ConversationId, event: &Event) {
        if let Some(topic) = self.topic(conversation) {
            let recent = Recent::new(event.clone());
            topic.append(&recent);
            self.weigh(&topic, &[recent]);
        }
    }

    fn doubt_all(&self) {
        lock(&self.heard).forget();
        for line in lock(&self.lines).by_session.values().flatten() {
            line.look_again();
        }
    }
}

impl fmt::Debug for Realtime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Realtime")
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        drop(self.line.leave());
        lock(&self.realtime.lines).remove(&self.line);
        let numbers = &self.realtime.numbers;
        numbers.closed(self.line.door, self.line.closed());
    }
}

impl Drop for Entering {
    fn drop(&mut self) {
        self.0.entering.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
