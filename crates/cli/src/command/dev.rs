//! `countersign dev`: a server on this machine, with a demo application, that
//! keeps what one does with it.

use std::path::PathBuf;

use clap::Args;
use tracing::Level;

use crate::development::{Development, Place};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::ready::Ready;
use crate::setting::{Origin, Setting};
use crate::system::System;

/// Run a server on this machine, with a demo application and all doors open.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  countersign dev\n  countersign dev --data-dir ./data --port 0 --json"
)]
pub(crate) struct Arguments {
    /// Where everything is kept; made if it is not there
    /// [default: $XDG_DATA_HOME/countersign/dev, else ~/.local/share/countersign/dev].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// The native door's port; the other doors count up from it, and with 0
    /// each takes a free one.
    #[arg(long, default_value_t = 7080)]
    port: u16,

    /// How much the log tells: error, warn, info, debug or trace.
    #[arg(
        long,
        env = "COUNTERSIGN_LOG_LEVEL",
        value_name = "LEVEL",
        default_value = "info"
    )]
    pub(crate) log_level: Level,

    /// Print one line of JSON when ready, and nothing else.
    #[arg(long)]
    json: bool,
}

/// Runs the server until it is told to stop.
///
/// # Errors
/// If it cannot be started.
pub(crate) async fn run(
    arguments: Arguments,
    system: System,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let (data_dir, origin) = match arguments.data_dir {
        Some(data_dir) => (data_dir, Origin::Flag("--data-dir".to_owned())),
        None => (
            system.data_home()?.join("countersign").join("dev"),
            Origin::Default,
        ),
    };
    let data_dir = Setting {
        key: "data_dir",
        origin,
        value: data_dir.as_path(),
    };
    // Before anybody is told that it is ready: who is told may stop it at once.
    let signals = system.stop_signals()?;
    let node = Development::start(system, &Place::new(data_dir, arguments.port)).await?;
    let told = if arguments.json {
        tell_script(&node, output)
    } else {
        tell_person(&node, output)
    };
    if let Err(failure) = told {
        node.stop().await;
        return Err(failure);
    }
    node.run_until(signals).await
}

fn tell_script(node: &Development, output: &mut Output) -> Result<(), Failure> {
    let line = serde_json::to_string(node.ready())
        .map_err(|error| Failure::usage(format!("cannot write the ready line: {error}")))?;
    output.line(&line)
}

fn tell_person(node: &Development, output: &mut Output) -> Result<(), Failure> {
    let Ready {
        url,
        operator_key,
        doors,
        application,
    } = node.ready();
    output.line("Countersign is ready, for development: it listens on this machine alone.")?;
    output.line("")?;
    output.line(&format!("  native API       {url}"))?;
    for (name, url) in [
        ("nexmo", &doors.nexmo),
        ("kustomer", &doors.kustomer),
        ("sinch", &doors.sinch),
        ("sinch messages", &doors.sinch_messaging),
    ] {
        output.line(&format!("  {name:<16} {url}"))?;
    }
    output.line("")?;
    output.line(&format!(
        "  application      {} ({})",
        application.id, application.slug
    ))?;
    output.line(&format!(
        "  publishable key  {}",
        application.publishable_key
    ))?;
    output.line(&format!(
        "  private key      {}",
        application.nexmo.private_key_file
    ))?;
    output.line("")?;
    output.line("For commands and scripts on this server:")?;
    output.line(&format!("  export COUNTERSIGN_URL={url}"))?;
    output.line(&format!("  export COUNTERSIGN_KEY={operator_key}"))?;
    output.line("")?;
    output.line("Stop it with Ctrl-C; the same data and keys are there at the next start.")
}
