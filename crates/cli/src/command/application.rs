//! `countersign application`: applications of a running server.

use clap::{Args, Subcommand};
use countersign_client::http::{Call, segment};
use serde_json::{Map, Value};

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::remote::Remote;

const SHOWN: [&str; 5] = ["id", "slug", "name", "alias", "created_at"];

/// Applications of a running server.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

/// What can be done with an application.
#[derive(Debug, Subcommand)]
enum Command {
    /// Create an application, with an operator key.
    #[command(after_help = "Example:\n  countersign application create 'My shop' --slug my-shop")]
    Create {
        /// What people call it.
        #[arg(value_name = "NAME")]
        name: String,
        /// Its short name in URLs; made by the server if left out.
        #[arg(long, value_name = "SLUG")]
        slug: Option<String>,
        /// A key that is written into shipped apps, and stands for its id there.
        #[arg(long, value_name = "TEXT")]
        alias: Option<String>,
    },
    /// List the applications that the key sees.
    #[command(after_help = "Example:\n  countersign application list --json")]
    List,
    /// Show one application.
    #[command(after_help = "Example:\n  countersign application show")]
    Show {
        /// Its id, or `current`: the one that the key belongs to.
        #[arg(value_name = "ID", default_value = "current")]
        id: String,
    },
    /// Print an application with its keys and settings, secrets included.
    #[command(
        after_help = "Example:\n  countersign application export > application.json\n  countersign token explain --application application.json TOKEN"
    )]
    Export {
        /// Its id, or `current`: the one that the key belongs to.
        #[arg(value_name = "ID", default_value = "current")]
        id: String,
    },
    /// Delete an application with everything that it owns, with an operator key.
    #[command(
        after_help = "Example:\n  countersign application delete 0190d1c4-0000-7000-8000-000000000001"
    )]
    Delete {
        /// Its id.
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// Runs a command.
///
/// # Errors
/// The server's refusal; or that it was not reached.
pub(crate) async fn run(arguments: Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let session = arguments.remote.session()?;
    let path = |id: &str, below: &str| -> Result<String, Failure> {
        Ok(format!("/v1/applications/{}{below}", segment(id)?))
    };
    match arguments.command {
        Command::Create { name, slug, alias } => {
            let mut body = Map::new();
            body.insert("name".to_owned(), name.into());
            body.extend(slug.map(|slug| ("slug".to_owned(), slug.into())));
            body.extend(alias.map(|alias| ("alias".to_owned(), alias.into())));
            let call = Call::post("/v1/applications", &Value::Object(body));
            session.show(&session.call(call).await?, &SHOWN, output)
        }
        Command::List => {
            let list = session
                .list("/v1/applications", &[], "applications")
                .await?;
            session.table(&list, "applications", &["id", "slug", "name"], output)
        }
        Command::Show { id } => {
            let application = session.call(Call::get(&path(&id, "")?)).await?;
            session.show(&application, &SHOWN, output)
        }
        Command::Export { id } => {
            let export = session.call(Call::get(&path(&id, "/export")?)).await?;
            let text = if session.json() {
                serde_json::to_string(&export)
            } else {
                serde_json::to_string_pretty(&export)
            };
            let text =
                text.map_err(|error| Failure::usage(format!("cannot write JSON: {error}")))?;
            output.line(&text)?;
            Ok(Exit::Done)
        }
        Command::Delete { id } => {
            session.call(Call::delete(&path(&id, "")?)).await?;
            session.done(
                &format!("{id} is deleted, with everything it owned."),
                output,
            )
        }
    }
}
