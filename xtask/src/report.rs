//! The only place of xtask that prints.

/// Writes one line to standard output.
#[expect(
    clippy::print_stdout,
    reason = "what this program has to say is its output; every other module returns it"
)]
pub(crate) fn line(text: &str) {
    println!("{text}");
}
