//! `countersign`: the command line.
//!
//! Commands are a noun and a verb. What is answered goes to standard output,
//! everything else to standard error; exit codes are in [`exit`].
//!
//! Invariants: the clock, randomness and the environment are read in
//! [`system`] alone, standard output and standard error are written in
//! [`output`] alone, and no command prints a secret or a credential that it
//! was given.

mod application_file;
mod command;
mod exit;
mod output;
mod system;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::command::token;
use crate::output::Output;
use crate::system::System;

/// User authentication for in-app conversations, self-hosted.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make credentials, and find out why one is refused.
    #[command(subcommand)]
    Token(token::Command),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut output = Output::standard();
    let outcome = match arguments.command {
        Command::Token(command) => token::run(command, &System, &mut output),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output.failure(&failure);
            failure.exit.into()
        }
    }
}
