//! What delivery has done, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_core::durations::Durations;
use countersign_core::ports::fanout::Notice;

use super::line::Closing;
use crate::door::{Door, EachDoor};
use crate::operations::{Reading, Sample};

/// Kinds of notices, in the order of [`kind_of`].
const KINDS: [&str; 8] = [
    "events",
    "conversations",
    "signal",
    "revoked",
    "session",
    "user",
    "application",
    "api_key",
];

/// How a connection came to its end.
const ENDS: [(Option<Closing>, &str); 4] = [
    (Some(Closing::Ended), "session_ended"),
    (Some(Closing::Expired), "token_expired"),
    (Some(Closing::Silent), "silent"),
    (None, "other"),
];

/// What delivery has done since the node was started.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    open: EachDoor<AtomicU64>,
    closed: [AtomicU64; ENDS.len()],
    slow_readers: AtomicU64,
    notices: [AtomicU64; KINDS.len()],
    told_from_memory: AtomicU64,
    told_from_store: AtomicU64,
    delays: Durations,
    cut_off: Durations,
}

/// Where events were read that a connection is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Memory,
    Store,
}

// === impl Numbers ===

impl Numbers {
    pub(super) fn opened(&self, door: Door) {
        add(self.open.of(door), 1);
    }

    /// Notes the end of a connection, and for how long it was open once its
    /// session was over.
    pub(super) fn closed(&self, door: Door, why: Option<(Closing, Duration)>) {
        self.open.of(door).fetch_sub(1, Ordering::Relaxed);
        let reason = why.map(|(reason, _)| reason);
        let place = ENDS.iter().position(|(known, _)| *known == reason);
        add(&self.closed[place.unwrap_or(ENDS.len() - 1)], 1);
        if let Some((Closing::Ended, after)) = why {
            self.cut_off.note(after);
        }
    }

    pub(super) fn gave_up_on_slow_reader(&self) {
        add(&self.slow_readers, 1);
    }

    pub(super) fn heard(&self, notice: &Notice) {
        add(&self.notices[kind_of(notice)], 1);
    }

    pub(super) fn told(&self, from: Source, events: usize) {
        let counter = match from {
            Source::Memory => &self.told_from_memory,
            Source::Store => &self.told_from_store,
        };
        add(counter, events as u64);
    }

    /// Notes how old an event was when a connection was told of it that had all
    /// before it.
    pub(super) fn delayed(&self, by: Duration) {
        self.delays.note(by);
    }

    pub(super) fn samples(&self) -> Vec<Sample> {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let open = self.open.all();
        let ends = ENDS.iter().zip(&self.closed);
        let notices = KINDS.iter().zip(&self.notices);
        vec![
            Sample {
                name: "countersign_connections",
                help: "Sockets and long polls that are open, by door.",
                reading: Reading::By(
                    "door",
                    open.map(|(door, count)| (door.as_str(), read(count)))
                        .collect(),
                ),
            },
            Sample {
                name: "countersign_connections_closed_total",
                help: "Sockets and long polls that have ended, by what the node knew of it.",
                reading: Reading::By(
                    "reason",
                    ends.map(|((_, end), count)| (*end, read(count))).collect(),
                ),
            },
            Sample {
                name: "countersign_slow_readers_total",
                help: "Sockets that were closed because nobody read from them.",
                reading: Reading::Number(read(&self.slow_readers)),
            },
            Sample {
                name: "countersign_notices_total",
                help: "Notices that this node has heard, by kind.",
                reading: Reading::By(
                    "kind",
                    notices.map(|(kind, count)| (*kind, read(count))).collect(),
                ),
            },
            Sample {
                name: "countersign_deliveries_total",
                help: "Events that connections were told, by where they were read.",
                reading: Reading::By(
                    "source",
                    vec![
                        ("memory", read(&self.told_from_memory)),
                        ("store", read(&self.told_from_store)),
                    ],
                ),
            },
            Sample {
                name: "countersign_delivery_delay_seconds",
                help: "From an event's time until a socket that was level was told of it.",
                reading: Reading::Durations(self.delays.read()),
            },
            Sample {
                name: "countersign_revocation_close_seconds",
                help: "From the end of a session until its open connection was cut off.",
                reading: Reading::Durations(self.cut_off.read()),
            },
        ]
    }
}

fn kind_of(notice: &Notice) -> usize {
    match notice {
        Notice::Events { .. } => 0,
        Notice::Conversations { .. } => 1,
        Notice::Signal { .. } => 2,
        Notice::Revoked { .. } => 3,
        Notice::Session { .. } => 4,
        Notice::User { .. } => 5,
        Notice::Application(_) => 6,
        Notice::ApiKey(_) => 7,
    }
}

fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}
