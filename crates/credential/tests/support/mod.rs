//! Where the public test corpora are, which are too large to be kept here.

use std::io::{self, Write as _};
use std::path::PathBuf;

/// Reads one file of the folder that `COUNTERSIGN_VECTORS` names.
///
/// Without the variable the caller is to pass, having tested nothing: a line
/// says so, past the capturing of output. With it, a file that is missing is a
/// failure, so that a check can insist on the whole.
pub(crate) fn read_vectors(file: &str) -> Option<serde_json::Value> {
    let Some(folder) = vectors_folder() else {
        writeln!(
            io::stderr(),
            "left out {file}: COUNTERSIGN_VECTORS is not set"
        )
        .expect("standard error is open");
        return None;
    };
    let path = folder.join(file);
    let bytes = std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{} is not readable: {error}", path.display()));
    let value = serde_json::from_slice(&bytes)
        .unwrap_or_else(|error| panic!("{} is not JSON: {error}", path.display()));
    Some(value)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test has no configuration but its environment"
)]
fn vectors_folder() -> Option<PathBuf> {
    std::env::var_os("COUNTERSIGN_VECTORS").map(PathBuf::from)
}
