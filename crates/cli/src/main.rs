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
mod certificate;
mod made_certificate;
mod messaging;
mod key_source;
mod listening;
mod purpose;
mod preflight;
mod node;
mod ready;
mod dev_application;
mod development;
mod remote;
mod command;

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::thread;

use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;
use tokio::runtime::{Builder, Runtime};

use crate::command::{
    api_key, application, bench, chat, config, demo, dev, key, serve, token, user,
};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::system::System;

/// What an answer is made of is many small pieces: with the system's allocator a
/// fifth of a request's time went into asking for them and giving them back. It is built
/// without huge pages: with them an idle server's heap was three times as large.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// User authentication for in-app conversations, self-hosted.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Dev(dev::Arguments),
    Serve(Box<serve::Arguments>),
    /// Tell the main job as a story: two devices, one user, one history.
    Demo,
    /// Make credentials, and find out why one is refused.
    #[command(subcommand)]
    Token(Box<token::Command>),
    Application(application::Arguments),
    Key(Box<key::Arguments>),
    ApiKey(api_key::Arguments),
    User(user::Arguments),
    Chat(Box<chat::Arguments>),
    Config(config::Arguments),
    Bench(Box<bench::Arguments>),
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
            log::to_stderr(arguments.log_level);
            runtime()?.block_on(dev::run(arguments, System, output))
        }
        Command::Serve(arguments) => runtime()?.block_on(serve::run(*arguments, System, output)),
        Command::Application(arguments) => runtime()?.block_on(application::run(arguments, output)),
        Command::Key(arguments) => runtime()?.block_on(key::run(*arguments, output)),
        Command::ApiKey(arguments) => runtime()?.block_on(api_key::run(arguments, output)),
        Command::User(arguments) => runtime()?.block_on(user::run(arguments, output)),
        Command::Chat(arguments) => {
            let runtime = runtime()?;
            let exit = runtime.block_on(chat::run(*arguments, System, output));
            // A thread may still wait for a line that nobody will read.
            runtime.shutdown_background();
            exit
        }
        Command::Config(arguments) => config::run(arguments, System, output),
        Command::Bench(arguments) => bench::run(&arguments, System, output),
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
