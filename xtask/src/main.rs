//! The tasks that `make` calls and that a shell script would do badly.
//!
//! `cargo xtask tidy` holds the workspace to the rules that neither rustc nor clippy can see: which
//! crate may know which, what a dependency replaces, how long a file may be. It changes nothing: a
//! rule that does not hold is told, with what to do about it, and the exit code is 1.

mod report;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask tidy    check what rustc and clippy cannot see";

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["tidy"] => tidy(),
        ["help" | "--help" | "-h"] => {
            report::line(USAGE);
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            report::line(USAGE);
            Ok(ExitCode::from(2))
        }
    }
}

fn tidy() -> anyhow::Result<ExitCode> {
    let outcome = tidy::run()?;
    for problem in &outcome.problems {
        report::line(&problem.to_string());
    }
    report::line(&outcome.summary());
    Ok(if outcome.problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
