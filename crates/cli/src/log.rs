//! Where log lines go: standard error, so that standard output stays the answer's.

use std::io;

use tracing::Level;

/// Writes log lines for a person to standard error.
pub(crate) fn to_stderr() {
    tracing_subscriber::fmt()
        .with_max_level(Level::INFO)
        .with_writer(io::stderr)
        .init();
}
