//! The log's lines, for a test to look through.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ThreadId;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// The lines that were kept so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<String>>>);

/// Keeps the lines that are written on one thread: the other tests run beside
/// this one, each with its node on a thread of its own.
struct Keeper {
    thread: ThreadId,
    wanted: fn(&Metadata<'_>) -> bool,
    lines: Lines,
}

struct Line(String);

// === impl Lines ===

impl Lines {
    /// Keeps from now on what is wanted of this thread's lines. What a subscriber
    /// of one thread sees depends on what other threads logged first, so that
    /// this one is everybody's, and the process's only one.
    pub(crate) fn keep(wanted: fn(&Metadata<'_>) -> bool) -> Self {
        let lines = Self::default();
        tracing::subscriber::set_global_default(Keeper {
            thread: std::thread::current().id(),
            wanted,
            lines: lines.clone(),
        })
        .expect("no other test of the process keeps lines");
        lines
    }

    /// The lines since they were last taken.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

// === impl Keeper ===

impl Keeper {
    fn keep(&self, record: impl FnOnce(&mut Line)) {
        if std::thread::current().id() != self.thread {
            return;
        }
        let mut line = Line(String::new());
        record(&mut line);
        let mut lines = self.lines.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line.0);
    }
}

impl Subscriber for Keeper {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        (self.wanted)(metadata)
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        self.keep(|line| attributes.record(line));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.keep(|line| values.record(line));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.keep(|line| event.record(line));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

// === impl Line ===

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}
