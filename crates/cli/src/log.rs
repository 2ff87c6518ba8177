//! Where log lines go: standard error, so that standard output stays the answer's.

use std::io::{self, IsTerminal as _};

use tracing::Level;

/// Writes log lines for a person to standard error, down to this level.
pub(crate) fn to_stderr(level: Level) {
    let lines = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr);
    // Whatever collects a service's log shows colours as rubbish.
    if io::stderr().is_terminal() {
        lines.init();
    } else {
        lines.with_ansi(false).init();
    }
}
