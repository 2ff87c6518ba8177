//! `countersign user`: the users of an application of a running server.

mod export;
mod erase;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use countersign_client::http::{Call, segment, with_query};
use serde_json::{Map, Value};

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::remote::{InApplication, Remote, Session};

const SHOWN: [&str; 8] = [
    "id",
    "name",
    "external_id",
    "email",
    "display_name",
    "anonymous",
    "blocked",
    "created_at",
];

/// Users of an application.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    place: InApplication,
    #[command(subcommand)]
    command: Command,
}

/// What can be done with users.
#[derive(Debug, Subcommand)]
enum Command {
    /// Create a user.
    #[command(
        after_help = "Example:\n  countersign user create --name alice --external-id customer-42 --display-name Alice"
    )]
    Create {
        #[command(flatten)]
        identifiers: Identifiers,
        /// What others see.
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
    },
    /// List users, or find the one with an identifier.
    #[command(after_help = "Example:\n  countersign user list --email alice@example.com")]
    List(Identifiers),
    /// Show one user.
    #[command(
        after_help = "Example:\n  countersign user show USR-0190d1c4-0000-7000-8000-000000000001"
    )]
    Show {
        /// The user's id.
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Write all that is kept of a user, as JSON, a record a line.
    #[command(
        after_help = "Examples:\n  countersign user export USR-0190d1c4-0000-7000-8000-000000000001\n  countersign user export email:alice@example.com --to alice.jsonl"
    )]
    Export {
        /// The user's id, or name:NAME, external_id:ID or email:ADDRESS.
        #[arg(value_name = "USER")]
        user: String,
        /// The file to be made; `-` is standard output.
        #[arg(long, value_name = "FILE", default_value = "-")]
        to: PathBuf,
    },
    /// Remove all that is kept of users, for good, and wait until it is gone.
    #[command(
        after_help = "What others wrote stays; in the place of what the user wrote they see a deleted event.\nA backup that was made before has the user still.\n\nExamples:\n  countersign user erase USR-0190d1c4-0000-7000-8000-000000000001\n  countersign user erase --yes external_id:customer-42 external_id:customer-43"
    )]
    Erase {
        /// The users' ids, or name:NAME, external_id:ID or email:ADDRESS.
        #[arg(value_name = "USER", required = true)]
        users: Vec<String>,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Delete a user; who comes back is a new one. What the user wrote stays.
    #[command(
        after_help = "Example:\n  countersign user delete USR-0190d1c4-0000-7000-8000-000000000001"
    )]
    Delete {
        /// The user's id.
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// What a user is known by.
#[derive(Debug, Args)]
struct Identifiers {
    /// The user's name: nexmo's `sub`, sinch's user id.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Your own id of the user.
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// The user's e-mail address.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
}

/// Runs a command.
///
/// # Errors
/// The server's refusal; or that it was not reached.
pub(crate) async fn run(arguments: Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let session = arguments.remote.session()?;
    let named: Vec<(&str, &str)> = arguments.place.query().into_iter().collect();
    let user = |id: &str| with_query(&format!("/v1/users/{}", segment(id)?), &named);
    match arguments.command {
        Command::Create {
            identifiers,
            display_name,
        } => {
            let mut body = Map::new();
            for (name, text) in identifiers.pairs() {
                body.insert(name.to_owned(), text.into());
            }
            body.extend(display_name.map(|text| ("display_name".to_owned(), text.into())));
            let path = with_query("/v1/users", &named)?;
            let made = session
                .call(Call::post(&path, &Value::Object(body)))
                .await?;
            session.show(&made, &SHOWN, output)
        }
        Command::List(identifiers) => {
            let mut pairs = named.clone();
            pairs.extend(identifiers.pairs());
            let list = session.list("/v1/users", &pairs, "users").await?;
            session.table(&list, "users", &SHOWN[..5], output)
        }
        Command::Show { id } => {
            let found = session.call(Call::get(&user(&id)?)).await?;
            session.show(&found, &SHOWN, output)
        }
        Command::Export { user, to } => {
            let id = find(&session, &user, &named).await?;
            export::run(&session, &id, &to, &named, output).await
        }
        Command::Erase { users, yes } => erase::run(&session, &users, yes, &named, output).await,
        Command::Delete { id } => {
            session.call(Call::delete(&user(&id)?)).await?;
            session.done(&format!("{id} is deleted."), output)
        }
    }
}

/// The id of a user who is named by it, or by an identifier.
async fn find(session: &Session, user: &str, named: &[(&str, &str)]) -> Result<String, Failure> {
    let Some((kind, text)) = user.split_once(':') else {
        return Ok(user.to_owned());
    };
    if !["name", "external_id", "email"].contains(&kind) {
        return Err(Failure::usage(format!(
            "{kind}: is no way to name a user: pass an id, name:NAME, external_id:ID or email:ADDRESS"
        )));
    }
    let pairs = [named, &[(kind, text)]].concat();
    let path = with_query("/v1/users", &pairs)?;
    let found = session.call(Call::get(&path)).await?;
    match found["users"][0]["id"].as_str() {
        Some(id) => Ok(id.to_owned()),
        None => Err(Failure::refused(format!("no user has the {kind} {text:?}"))
            .hint("a user who was deleted has only the id left")),
    }
}

// === impl Identifiers ===

impl Identifiers {
    fn pairs(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("name", &self.name),
            ("external_id", &self.external_id),
            ("email", &self.email),
        ];
        all.into_iter()
            .filter_map(|(name, text)| Some((name, text.as_deref()?)))
            .collect()
    }
}
