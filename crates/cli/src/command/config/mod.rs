//! `countersign config`: what `serve` is told, and what is wrong with it.

mod check;
mod show;
mod default;

use clap::{Args, Subcommand};

use crate::configuration::arguments::ConfigurationArguments;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::system::System;

/// The configuration of `serve`: check it, show it, write one.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// What can be done with a configuration.
#[derive(Debug, Subcommand)]
enum Command {
    /// Say what serve would refuse, without touching anything; ports are not tried.
    #[command(
        after_help = "Examples:\n  countersign config check --config /etc/countersign/countersign.toml\n  countersign config check --listen 0.0.0.0:443 --json"
    )]
    Check(Box<Given>),
    /// Show what every key comes to, and who says so.
    #[command(
        after_help = "Example:\n  countersign config show --config /etc/countersign/countersign.toml"
    )]
    Show(Box<Given>),
    /// Print a configuration file with every key, what it means, and its default.
    #[command(after_help = "Example:\n  countersign config default > countersign.toml")]
    Default(default::Arguments),
}

/// What `serve` would be given.
#[derive(Debug, Args)]
struct Given {
    #[command(flatten)]
    configuration: ConfigurationArguments,
    /// Print one object of JSON.
    #[arg(long)]
    json: bool,
}

/// Runs a command.
///
/// # Errors
/// If the configuration is wrong.
pub(crate) fn run(
    arguments: Arguments,
    system: System,
    output: &mut Output,
) -> Result<Exit, Failure> {
    match arguments.command {
        Command::Check(given) => check::run(*given, system, output),
        Command::Show(given) => show::run(*given, system, output),
        Command::Default(arguments) => default::run(&arguments, output),
    }
}
