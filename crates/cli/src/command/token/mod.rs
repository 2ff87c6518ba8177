//! `countersign token`: credentials, made and explained.

mod explain;
mod judge;
mod mint;
mod report;

use clap::Subcommand;

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::system::System;

/// What can be done with a credential.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say whether a credential would be accepted, and why not.
    Explain(explain::Arguments),
    /// Make a credential, as a backend would.
    Mint(mint::Arguments),
}

/// Runs a command.
pub(crate) async fn run(
    command: Command,
    system: System,
    output: &mut Output,
) -> Result<Exit, Failure> {
    match command {
        Command::Explain(arguments) => explain::run(arguments, system, output).await,
        Command::Mint(arguments) => mint::run(&arguments, &system, output),
    }
}
