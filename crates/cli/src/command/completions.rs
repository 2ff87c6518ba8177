//! `countersign completions`: what a shell needs to complete a command line.

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::{Shell, generate};

use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Print what a shell needs to complete `countersign` commands.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  countersign completions bash > /etc/bash_completion.d/countersign\n  countersign completions zsh > \"${fpath[1]}/_countersign\"\n  countersign completions fish > ~/.config/fish/completions/countersign.fish"
)]
pub(crate) struct Arguments {
    /// The shell.
    #[arg(value_enum, value_name = "SHELL")]
    shell: ShellName,
}

/// The shells that are known.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ShellName {
    Bash,
    Zsh,
    Fish,
}

/// Prints the script for the commands of `Program`.
///
/// # Errors
/// If nobody takes the output.
pub(crate) fn run<Program: CommandFactory>(
    arguments: &Arguments,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let shell = match arguments.shell {
        ShellName::Bash => Shell::Bash,
        ShellName::Zsh => Shell::Zsh,
        ShellName::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    generate(shell, &mut Program::command(), "countersign", &mut script);
    output.line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Done)
}
