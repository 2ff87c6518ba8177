//! `countersign audit`: who did what, to whom, and when; and whether the log that
//! says so was changed.

mod chain;
mod list;
mod verify;

use clap::{Args, Subcommand};
use countersign_client::http::{Call, with_query};
use countersign_wire::audit::Audit;

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::remote::{InApplication, Remote, Session};

/// The audit log: who did what, to whom, and when.
///
/// An application has one, and the installation: operators' keys, and applications that
/// are gone.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    log: Log,
    #[command(subcommand)]
    command: Command,
}

/// Which log.
#[derive(Debug, Args)]
struct Log {
    #[command(flatten)]
    place: InApplication,
    /// The installation's own log, with an operator key.
    #[arg(long, global = true, conflicts_with = "application")]
    installation: bool,
}

/// What can be done with the log.
#[derive(Debug, Subcommand)]
enum Command {
    List(list::Arguments),
    Verify(verify::Arguments),
}

/// Runs a command.
///
/// # Errors
/// The server's refusal; or that it was not reached.
pub(crate) async fn run(arguments: Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let session = arguments.remote.session()?;
    match arguments.command {
        Command::List(list) => list::run(&list, &session, &arguments.log, output).await,
        Command::Verify(verify) => verify::run(&verify, &session, &arguments.log, output).await,
    }
}

// === impl Log ===

impl Log {
    /// A page of the log.
    async fn page(&self, session: &Session, query: &[(&str, &str)]) -> Result<Audit, Failure> {
        let path = if self.installation {
            "/v1/audit".to_owned()
        } else {
            self.place.path("/audit")?
        };
        let page = session.call(Call::get(&with_query(&path, query)?)).await?;
        serde_json::from_value(page).map_err(|error| {
            Failure::unreached(format!("what the server answered is no audit log: {error}"))
                .hint("is it a Countersign server of this version?")
        })
    }
}
