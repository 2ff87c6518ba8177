//! `countersign session`: who is logged in, and an end to it.

use clap::{ArgGroup, Args, Subcommand};
use countersign_client::http::{Call, with_query};
use countersign_wire::revocation::NewRevocation;
use countersign_wire::time::Time;

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::remote::{InApplication, Remote, Session};
use crate::user_reference::UserReference;

const SHOWN: [&str; 7] = [
    "id",
    "user_id",
    "device_id",
    "dialect",
    "created_at",
    "last_seen_at",
    "expires_at",
];

/// Sessions: who is logged in, and where.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    place: InApplication,
    #[command(subcommand)]
    command: Command,
}

/// What can be done with sessions.
#[derive(Debug, Subcommand)]
enum Command {
    /// List the open sessions of a user, or of everybody.
    ///
    /// Visitors who have written nothing yet are in no list: nothing is kept of them.
    #[command(
        after_help = "Examples:\n  countersign session list --user name:alice\n  countersign session list --json"
    )]
    List {
        /// Whose: an id, or name:NAME, external_id:ID, email:ADDRESS.
        #[arg(long, value_name = "USER")]
        user: Option<UserReference>,
    },
    /// Log somebody out: end sessions, and refuse the credentials that opened them.
    ///
    /// Sockets close at once, and nothing that was ended comes back after a restart.
    #[command(
        after_help = "Exit codes: 0 done, 1 the server refused, 2 usage, 3 server not reached.\n\nExamples:\n  countersign session revoke SES-0190d1c4-0000-7000-8000-000000000001\n  countersign session revoke --user email:alice@example.com --before 2027-01-15T08:00:00Z\n  countersign session revoke --kid 2026"
    )]
    Revoke(Box<Revoke>),
}

/// What is to end: one of these.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true)
    .args(["session", "user", "device", "jti", "kid", "api_key"])))]
struct Revoke {
    /// One session, by its id.
    #[arg(value_name = "SESSION")]
    session: Option<String>,
    /// All of a user's: an id, or name:NAME, external_id:ID, email:ADDRESS.
    #[arg(long, value_name = "USER")]
    user: Option<UserReference>,
    /// With --user: only what was opened and issued up to then; up to now if left out.
    #[arg(long, value_name = "TIME", requires = "user")]
    before: Option<Time>,
    /// All on a device, by its id.
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// The credential with this jti, and what it opened.
    #[arg(long, value_name = "JTI")]
    jti: Option<String>,
    /// A signing key for ever, with every credential and session of it.
    #[arg(long, value_name = "KID")]
    kid: Option<String>,
    /// An API key, and the sessions that were opened with it.
    #[arg(long, value_name = "ID")]
    api_key: Option<String>,
}

/// Runs a command.
///
/// # Errors
/// The server's refusal; or that it was not reached.
pub(crate) async fn run(arguments: Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let session = arguments.remote.session()?;
    let place = arguments.place;
    match arguments.command {
        Command::List { user } => {
            let id = match &user {
                Some(user) => Some(user.resolve(&session, &place).await?),
                None => None,
            };
            let mut pairs: Vec<(&str, &str)> = place.query().into_iter().collect();
            pairs.extend(id.as_deref().map(|id| ("user_id", id)));
            let list = session.list("/v1/sessions", &pairs, "sessions").await?;
            session.table(&list, "sessions", &SHOWN, output)
        }
        Command::Revoke(revoke) => revoke.run(&session, &place, output).await,
    }
}

// === impl Revoke ===

impl Revoke {
    async fn run(
        self,
        session: &Session,
        place: &InApplication,
        output: &mut Output,
    ) -> Result<Exit, Failure> {
        let user_id = match &self.user {
            Some(user) => Some(user.resolve(session, place).await?),
            None => None,
        };
        let revocation = NewRevocation {
            session_id: self.session,
            device_id: self.device,
            user_id,
            before: self.before,
            jti: self.jti,
            kid: self.kid,
            api_key_id: self.api_key,
            application_id: None,
        };
        let named: Vec<(&str, &str)> = place.query().into_iter().collect();
        let path = with_query("/v1/revocations", &named)?;
        let made = session.call(Call::post(&path, &revocation)).await?;
        if session.json() {
            output.line(&made.to_string())?;
            return Ok(Exit::Done);
        }
        let until = made["before"].as_str().unwrap_or("now");
        output.line(&told(&revocation, until))?;
        Ok(Exit::Done)
    }
}

/// What a revocation has done, in a sentence.
fn told(done: &NewRevocation, until: &str) -> String {
    let opened = "and the credential that opened it opens nothing more";
    if let Some(id) = &done.session_id {
        format!("{id} is over, {opened}.")
    } else if let Some(id) = &done.device_id {
        format!("All sessions on {id} are over, and their credentials open nothing more.")
    } else if let Some(id) = &done.user_id {
        format!(
            "{id} is logged out: sessions that were opened, and credentials that were issued, up to {until} are refused."
        )
    } else if let Some(jti) = &done.jti {
        format!(
            "The credential {jti} is refused from now on, and the sessions that it opened are over."
        )
    } else if let Some(kid) = &done.kid {
        format!("The key {kid} is revoked for ever, with every credential and session of it.")
    } else {
        let id = done.api_key_id.as_deref().unwrap_or_default();
        format!("{id} is revoked, and the sessions that were opened with it are over.")
    }
}
