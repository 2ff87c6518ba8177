//! Where log lines go: standard error, so that standard output stays the answer's.

use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// The levels, the most severe first, as the metrics name them.
const LEVELS: [(Level, &str); 5] = [
    (Level::ERROR, "error"),
    (Level::WARN, "warn"),
    (Level::INFO, "info"),
    (Level::DEBUG, "debug"),
    (Level::TRACE, "trace"),
];

/// The lines so far; there is one log in a process.
static LINES: [AtomicU64; LEVELS.len()] = [const { AtomicU64::new(0) }; LEVELS.len()];

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For what collects the log: a JSON object a line.
    Json,
}

/// Counts the lines.
struct Counting;

/// Writes log lines to standard error, down to this level.
pub(crate) fn to_stderr(level: Level, format: Format) {
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let counted = tracing_subscriber::registry()
        .with(LevelFilter::from_level(level))
        .with(Counting);
    match format {
        // Whatever collects a service's log shows colours as rubbish.
        Format::Text => {
            let lines = lines.with_ansi(io::stderr().is_terminal());
            counted.with(lines).init();
        }
        Format::Json => counted.with(lines.json().flatten_event(true)).init(),
    }
}

/// How many lines were written at each level.
pub(crate) fn lines() -> Vec<(&'static str, u64)> {
    let counts = LINES.iter().map(|count| count.load(Ordering::Relaxed));
    LEVELS.iter().map(|(_, name)| *name).zip(counts).collect()
}

// === impl Format ===

impl Format {
    pub(crate) const ALL: [Self; 2] = [Self::Text, Self::Json];

    /// Its name in the configuration.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

// === impl Counting ===

impl<S: Subscriber> Layer<S> for Counting {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = event.metadata().level();
        let place = LEVELS.iter().position(|(known, _)| known == level);
        if let Some(place) = place {
            LINES[place].fetch_add(1, Ordering::Relaxed);
        }
    }
}
