//! `countersign api-key`: what backends and pages show to call the API.

use clap::{Args, Subcommand};
use countersign_client::http::{Call, segment};
use serde_json::{Map, Value};

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::remote::{InApplication, Remote};

const SHOWN: [&str; 7] = [
    "id",
    "name",
    "roles",
    "expires_at",
    "cidr",
    "last_characters",
    "last_used_at",
];

/// API keys of an application, or of operators.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    place: InApplication,
    #[command(subcommand)]
    command: Command,
}

/// What can be done with API keys.
#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key; its text is printed this once.
    #[command(
        after_help = "Examples:\n  countersign api-key create 'shop backend' --role user\n  countersign api-key create 'web page' --role tracking\n  countersign api-key create 'second operator' --role operator --expires-in-days 90"
    )]
    Create {
        /// What people call it.
        #[arg(value_name = "NAME")]
        name: String,
        /// admin, user, tracking, or operator; may be given several times.
        #[arg(long = "role", value_name = "ROLE", required = true)]
        roles: Vec<String>,
        /// In how many days it stops to be accepted; never if left out.
        #[arg(long, value_name = "DAYS")]
        expires_in_days: Option<u32>,
        /// The network that it may be used from, such as 203.0.113.0/24.
        #[arg(long, value_name = "NETWORK")]
        cidr: Option<String>,
        /// Print the key as a JWT, for what expects one at the kustomer door.
        #[arg(long)]
        jwt: bool,
    },
    /// List the keys that are not revoked.
    #[command(after_help = "Example:\n  countersign api-key list")]
    List {
        /// List operators' keys instead.
        #[arg(long)]
        operators: bool,
    },
    /// Revoke a key.
    #[command(
        after_help = "Example:\n  countersign api-key revoke KEY-0190d1c4-0000-7000-8000-000000000001"
    )]
    Revoke {
        /// It is an operator's key.
        #[arg(long)]
        operators: bool,
        /// The key's id.
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
    let place = arguments.place;
    match arguments.command {
        Command::Create {
            name,
            roles,
            expires_in_days,
            cidr,
            jwt,
        } => {
            let path = path(&place, roles.iter().any(|role| role == "operator"), "")?;
            let mut body = Map::new();
            body.insert("name".to_owned(), name.into());
            body.insert("roles".to_owned(), roles.into());
            body.extend(expires_in_days.map(|days| ("expires_in_days".to_owned(), days.into())));
            body.extend(cidr.map(|cidr| ("cidr".to_owned(), cidr.into())));
            let made = session
                .call(Call::post(&path, &Value::Object(body)))
                .await?;
            session.show(&made, &SHOWN, output)?;
            let text = if jwt { &made["jwt"] } else { &made["key"] };
            if let (false, Some(text)) = (session.json(), text.as_str()) {
                output.line("")?;
                output.line("key, shown this once:")?;
                output.line(text)?;
            }
            Ok(Exit::Done)
        }
        Command::List { operators } => {
            let path = path(&place, operators, "")?;
            let list = session.list(&path, &[], "api_keys").await?;
            session.table(&list, "api_keys", &SHOWN, output)
        }
        Command::Revoke { operators, id } => {
            let below = format!("/{}", segment(&id)?);
            let path = path(&place, operators, &below)?;
            session.call(Call::delete(&path)).await?;
            session.done(&format!("{id} is revoked."), output)
        }
    }
}

/// Operators' keys belong to no application.
fn path(place: &InApplication, operators: bool, below: &str) -> Result<String, Failure> {
    if operators {
        Ok(format!("/v1/api-keys{below}"))
    } else {
        place.path(&format!("/api-keys{below}"))
    }
}
