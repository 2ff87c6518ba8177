//! `countersign key`: the signing keys of an application of a running server.

use std::fmt;
use std::io::{self, Read as _};

use clap::{ArgGroup, Args, Subcommand};
use countersign_client::http::{Call, segment};
use serde_json::{Map, Value, json};

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::remote::{InApplication, Remote, Session};

/// The largest key file that is read: a JWK set of the most keys fits.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

const SHOWN: [&str; 5] = ["kid", "algorithm", "state", "created_at", "last_used_at"];

/// Signing keys of an application: they verify its users' credentials.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    place: InApplication,
    #[command(subcommand)]
    command: Command,
}

/// What can be done with signing keys.
#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key; its private half or secret is printed this once.
    #[command(after_help = "Example:\n  countersign key create --algorithm ES256 --kid 2027")]
    Create {
        /// RS256, ES256, EdDSA, HS256 or sinch-hmac-sha256.
        #[arg(long, value_name = "ALGORITHM")]
        algorithm: String,
        /// The key's name; made by the server if left out.
        #[arg(long, value_name = "KID")]
        kid: Option<String>,
    },
    /// Register a key that your backend has already.
    #[command(
        after_help = "Examples:\n  openssl pkey -in private.pem -pubout | countersign key import --algorithm RS256 --public-key -\n  countersign key import --jwk keys.json"
    )]
    Import(Import),
    /// List the keys, in every state.
    #[command(after_help = "Example:\n  countersign key list")]
    List,
    /// Make a key current. The present one becomes previous, and still verifies.
    #[command(after_help = "Example:\n  countersign key rotate 2027")]
    Rotate {
        /// The key's name.
        #[arg(value_name = "KID")]
        kid: String,
    },
    /// Revoke a key for ever, and end every session that it opened.
    #[command(after_help = "Example:\n  countersign key revoke 2026")]
    Revoke {
        /// The key's name.
        #[arg(value_name = "KID")]
        kid: String,
    },
}

/// A key to be registered.
#[derive(Args)]
#[command(group(ArgGroup::new("source").required(true)
    .args(["public_key", "jwk", "secret", "secret_base64"])))]
struct Import {
    /// RS256, ES256, EdDSA, HS256 or sinch-hmac-sha256; a JWK may say it itself.
    #[arg(long, value_name = "ALGORITHM")]
    algorithm: Option<String>,
    /// The key's name; a JWK's own, or made by the server, if left out.
    #[arg(long, value_name = "KID")]
    kid: Option<String>,
    /// A public key in PEM; `-` reads standard input.
    #[arg(long, value_name = "FILE|-")]
    public_key: Option<String>,
    /// A JWK or a set of them, each of which is registered; `-` reads standard
    /// input.
    #[arg(long, value_name = "FILE|-")]
    jwk: Option<String>,
    /// A secret, as text; it may begin with a hyphen.
    #[arg(long, value_name = "SECRET", allow_hyphen_values = true)]
    secret: Option<String>,
    /// A secret, as base64 of its bytes (what Sinch shows).
    #[arg(long, value_name = "BASE64")]
    secret_base64: Option<String>,
    /// Take a secret that is shorter than it should be.
    #[arg(long)]
    allow_weak: bool,
}

/// Runs a command.
///
/// # Errors
/// The server's refusal; or that it was not reached.
pub(crate) async fn run(arguments: Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let session = arguments.remote.session()?;
    let place = arguments.place;
    match arguments.command {
        Command::Create { algorithm, kid } => {
            let mut body = Map::new();
            body.insert("algorithm".to_owned(), algorithm.into());
            body.extend(kid.map(|kid| ("kid".to_owned(), kid.into())));
            let path = place.path("/keys")?;
            let made = session
                .call(Call::post(&path, &Value::Object(body)))
                .await?;
            show_made(&session, &made, output)
        }
        Command::Import(import) => import.run(&session, &place, output).await,
        Command::List => {
            let list = session.list(&place.path("/keys")?, &[], "keys").await?;
            session.table(&list, "keys", &SHOWN, output)
        }
        Command::Rotate { kid } => {
            let key = set_state(&session, &place, &kid, "current").await?;
            session.show(&key, &SHOWN, output)
        }
        Command::Revoke { kid } => {
            let key = set_state(&session, &place, &kid, "revoked").await?;
            session.show(&key, &SHOWN, output)
        }
    }
}

async fn set_state(
    session: &Session,
    place: &InApplication,
    kid: &str,
    state: &str,
) -> Result<Value, Failure> {
    let path = place.path(&format!("/keys/{}", segment(kid)?))?;
    let body = json!({ "state": state });
    session.call(Call::patch(&path, &body)).await
}

/// What was made is shown this once: a PEM text by itself, so that it can be
/// copied as it is.
fn show_made(session: &Session, made: &Value, output: &mut Output) -> Result<Exit, Failure> {
    session.show(made, &SHOWN, output)?;
    if session.json() {
        return Ok(Exit::Done);
    }
    for member in ["secret", "secret_base64", "private_key_pem"] {
        if let Some(text) = made[member].as_str() {
            output.line("")?;
            output.line(&format!(
                "{member}, shown this once: keep it on your backend"
            ))?;
            output.line(text.trim_end())?;
        }
    }
    Ok(Exit::Done)
}

// === impl Import ===

impl Import {
    async fn run(
        self,
        session: &Session,
        place: &InApplication,
        output: &mut Output,
    ) -> Result<Exit, Failure> {
        let path = place.path("/keys")?;
        let mut added = Vec::new();
        for body in self.bodies()? {
            added.push(session.call(Call::post(&path, &body)).await?);
        }
        let list = json!({ "keys": added });
        session.table(&list, "keys", &SHOWN, output)
    }

    /// One request for each key.
    fn bodies(self) -> Result<Vec<Value>, Failure> {
        let mut common = Map::new();
        let mut common_text = |name: &str, text: Option<String>| {
            common.extend(text.map(|text| (name.to_owned(), text.into())));
        };
        common_text("algorithm", self.algorithm);
        common_text("kid", self.kid);
        common_text("secret", self.secret);
        common_text("secret_base64", self.secret_base64);
        common_text(
            "public_key_pem",
            self.public_key.as_deref().map(read).transpose()?,
        );
        if self.allow_weak {
            common.insert("allow_weak".to_owned(), true.into());
        }
        let Some(file) = &self.jwk else {
            return Ok(vec![Value::Object(common)]);
        };
        let document: Value = serde_json::from_str(&read(file)?)
            .map_err(|error| Failure::usage(format!("{file}: not JSON: {error}")))?;
        let keys = match document.get("keys") {
            Some(Value::Array(keys)) => keys.clone(),
            Some(_) | None => vec![document],
        };
        if keys.is_empty() || keys.len() > 1 && common.contains_key("kid") {
            return Err(Failure::usage(format!(
                "{file}: it holds {} keys, and --kid names one",
                keys.len()
            )));
        }
        let body = |jwk| {
            let mut body = common.clone();
            body.insert("jwk".to_owned(), jwk);
            Value::Object(body)
        };
        Ok(keys.into_iter().map(body).collect())
    }
}

// A secret may stand on the command line.
impl fmt::Debug for Import {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Import")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

fn read(file: &str) -> Result<String, Failure> {
    let unread = |error: io::Error| Failure::usage(format!("cannot read {file}: {error}"));
    let mut text = String::new();
    let read = if file == "-" {
        io::stdin()
            .lock()
            .take(FILE_BYTES_MAX + 1)
            .read_to_string(&mut text)
    } else {
        std::fs::File::open(file)
            .and_then(|open| open.take(FILE_BYTES_MAX + 1).read_to_string(&mut text))
    };
    if read.map_err(unread)? as u64 > FILE_BYTES_MAX {
        return Err(Failure::usage(format!(
            "{file}: more than {FILE_BYTES_MAX} bytes"
        )));
    }
    Ok(text)
}
