//! `countersign`: the command line.
//!
//! Commands are a noun and a verb. What is answered goes to standard output,
//! everything else to standard error; exit codes are in [`exit`].
//!
//! # Invariants
//! The clock, randomness and the environment are read in [`system`] alone, but
//! for the variables that stand for a flag; standard output and standard error
//! are written in [`output`] alone, but for the chat's line editor, and no command prints a secret or a
//! credential that it was given.

mod exit;
mod output;
mod system;
mod hashing_pool;
mod log;
mod application_file;
mod setting;
mod configuration;
mod vendor_door;
mod data_folder;
mod messaging;
mod purpose;
mod node_numbers;
mod node;
mod ready;
mod dev_application;
mod development;
mod remote;
mod user_reference;
mod installation;
mod command;

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::thread;

use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;
use tokio::runtime::{Builder, Runtime};

use crate::command::{
    api_key, application, audit, backup, bench, chat, completions, demo, dev, doctor, key, restore,
    serve, session, token, user,
};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::system::System;

/// What an answer is made of is many small pieces: with the system's allocator a
/// fifth of a request's time went into asking for them and giving them back.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// User authentication for in-app conversations, self-hosted.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes of every command: 0 done or accepted, 1 refused, 2 usage or configuration, 3 server not reached."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Dev(dev::Arguments),
    Serve(Box<serve::Arguments>),
    /// Tell the main job as a story: two devices, one user, one history.
    #[command(after_help = "Example:\n  countersign demo")]
    Demo,
    /// Make credentials, and find out why one is refused.
    #[command(subcommand)]
    Token(Box<token::Command>),
    Application(application::Arguments),
    Key(Box<key::Arguments>),
    ApiKey(api_key::Arguments),
    User(user::Arguments),
    Session(session::Arguments),
    Audit(audit::Arguments),
    Chat(Box<chat::Arguments>),
    Bench(Box<bench::Arguments>),
    Completions(completions::Arguments),
    Backup(backup::Arguments),
    Restore(restore::Arguments),
    Doctor(doctor::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut output = Output::standard();
    match run(arguments.command, &mut output) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output.failure(&failure);
            failure.exit.into()
        }
    }
}

fn run(command: Command, output: &mut Output) -> Result<Exit, Failure> {
    match command {
        Command::Token(command) => runtime()?.block_on(token::run(*command, System, output)),
        Command::Dev(arguments) => {
            log::to_stderr(arguments.log_level, log::Format::Text);
            runtime()?.block_on(dev::run(arguments, System, output))
        }
        Command::Serve(arguments) => runtime()?.block_on(serve::run(*arguments, System, output)),
        Command::Application(arguments) => runtime()?.block_on(application::run(arguments, output)),
        Command::Key(arguments) => runtime()?.block_on(key::run(*arguments, output)),
        Command::ApiKey(arguments) => runtime()?.block_on(api_key::run(arguments, output)),
        Command::User(arguments) => runtime()?.block_on(user::run(arguments, output)),
        Command::Session(arguments) => runtime()?.block_on(session::run(arguments, output)),
        Command::Audit(arguments) => runtime()?.block_on(audit::run(arguments, output)),
        Command::Chat(arguments) => {
            let runtime = runtime()?;
            let exit = runtime.block_on(chat::run(*arguments, System, output));
            // A thread may still wait for a line that nobody will read.
            runtime.shutdown_background();
            exit
        }
        Command::Bench(arguments) => bench::run(&arguments, System, output),
        Command::Completions(arguments) => completions::run::<Arguments>(&arguments, output),
        Command::Backup(arguments) => runtime()?.block_on(backup::run(arguments, System, output)),
        Command::Restore(arguments) => runtime()?.block_on(restore::run(arguments, System, output)),
        Command::Doctor(arguments) => runtime()?.block_on(doctor::run(arguments, System, output)),
        Command::Demo => runtime()?.block_on(demo::run(System, output)),
    }
}

/// Where there is one core, threads would only hand work to each other.
fn runtime() -> Result<Runtime, Failure> {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut builder = if cores == 1 {
        Builder::new_current_thread()
    } else {
        Builder::new_multi_thread()
    };
    builder
        .enable_all()
        .build()
        .map_err(|error| Failure::usage(format!("cannot start threads: {error}")))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// What answers with something that is no data: a story, a script, a token alone.
    const WITHOUT_JSON: [&str; 3] = [
        "countersign demo",
        "countersign completions",
        "countersign token mint",
    ];

    /// The commands that do something, each with the words that call it.
    fn leaves() -> Vec<(String, clap::Command)> {
        let mut found = Vec::new();
        let mut open = vec![("countersign".to_owned(), Arguments::command())];
        while let Some((path, command)) = open.pop() {
            let below: Vec<clap::Command> = command.get_subcommands().cloned().collect();
            if below.is_empty() {
                found.push((path, command));
            } else {
                assert!(
                    command.get_about().is_some(),
                    "{path} says nothing of itself"
                );
                let path = |below: &clap::Command| format!("{path} {}", below.get_name());
                open.extend(below.into_iter().map(|below| (path(&below), below)));
            }
        }
        assert!(found.len() > 20, "there are more commands");
        found
    }

    /// The calls of a help text's examples, as a shell splits them; a remark may follow
    /// after some space.
    fn examples(help: &str) -> Vec<Vec<String>> {
        let lines = help.lines().filter_map(|line| line.strip_prefix("  "));
        let calls = lines.flat_map(|line| line.split(['|', '&']));
        let ours = calls.filter_map(|call| call.find("countersign ").map(|at| &call[at..]));
        let end = |call: &str| {
            let ends = [" > ", " < ", "  "].into_iter();
            let ends = ends.filter_map(|end| call.find(end));
            ends.min().unwrap_or(call.len())
        };
        ours.map(|call| words(&call[..end(call)])).collect()
    }

    fn words(call: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quote = None;
        for character in call.trim().chars() {
            match (quote, character) {
                (None, '\'' | '"') => quote = Some(character),
                (Some(open), _) if open == character => quote = None,
                (None, ' ') => words.push(String::new()),
                (Some(_) | None, _) => words.last_mut().unwrap().push(character),
            }
        }
        words
    }

    #[test]
    fn every_command_says_what_it_does_and_shows_it_by_an_example_that_is_one() {
        Arguments::command().debug_assert();
        for (path, command) in leaves() {
            assert!(
                command.get_about().is_some(),
                "{path} says nothing of itself"
            );
            for argument in command.get_arguments() {
                let name = argument.get_id();
                let is_ours = ["help", "version"].contains(&name.as_str());
                assert!(
                    is_ours || argument.get_help().is_some(),
                    "{path}: {name} has no help"
                );
            }
            let help = command.get_after_help().map(ToString::to_string);
            let help = help.unwrap_or_default();
            let examples = examples(&help);
            let calls_it = |example: &Vec<String>| {
                format!("{} ", example.join(" ")).starts_with(&format!("{path} "))
            };
            assert!(
                examples.iter().any(calls_it),
                "{path} has no example: {help}"
            );
            for example in examples {
                // A head comes from a file there.
                let filled = example.iter().map(|word| match word.as_str() {
                    "$(cat audit.head)" => format!("1:{}", "0".repeat(64)),
                    word => word.to_owned(),
                });
                let read = Arguments::try_parse_from(filled);
                assert!(read.is_ok(), "{path}: {example:?}: {}", read.unwrap_err());
            }
        }
    }

    #[test]
    fn every_command_that_answers_can_answer_in_json() {
        let mut program = Arguments::command();
        // Flags of a noun are its verbs' as well.
        program.build();
        for (path, _) in leaves() {
            let mut command = &program;
            for name in path.split(' ').skip(1) {
                command = command.find_subcommand(name).unwrap();
            }
            let has_json = command
                .get_arguments()
                .any(|argument| argument.get_id() == "json");
            assert_eq!(has_json, !WITHOUT_JSON.contains(&path.as_str()), "{path}");
        }
    }
}
