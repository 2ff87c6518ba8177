//! `countersign user erase`: all that is kept of users goes, and the command waits
//! until it is gone.

use std::io::{IsTerminal as _, stdin};
use std::time::Duration;

use countersign_client::http::{Call, segment, with_query};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::find;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::remote::Session;

/// How often the server is asked whether it is done.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long the command waits for one user. The erasure goes on without it.
const WAIT_MAX: Duration = Duration::from_secs(600);
/// What somebody types who means it.
const YES: &str = "erase";

/// Erases users, one after the other.
///
/// # Errors
/// If nobody said yes; the server's refusal, or that it was not reached.
pub(super) async fn run(
    session: &Session,
    users: &[String],
    yes: bool,
    named: &[(&str, &str)],
    output: &mut Output,
) -> Result<Exit, Failure> {
    let mut ids = Vec::with_capacity(users.len());
    for user in users {
        let id = find(session, user, named).await?;
        segment(&id)?;
        ids.push(id);
    }
    if !yes {
        confirm(&ids, output)?;
    }
    let mut erased = Vec::with_capacity(ids.len());
    for id in &ids {
        let erasure = erase(session, id, named).await?;
        session.done(&told(id, &erasure), output)?;
        erased.push(erasure);
    }
    if session.json() {
        output.line(&json!({ "erasures": erased }).to_string())?;
    } else {
        output.note("backups that were made before have them still");
    }
    Ok(Exit::Done)
}

/// Asks a person; a script has to say it.
fn confirm(ids: &[String], output: &mut Output) -> Result<(), Failure> {
    if !stdin().is_terminal() {
        return Err(
            Failure::usage("to erase users cannot be undone, and nobody is here to ask")
                .hint("pass --yes"),
        );
    }
    output.note(&format!(
        "all that is kept of {} goes, and nobody can bring it back: type {YES} to go on",
        ids.join(", ")
    ));
    let mut answer = String::new();
    let read = stdin().read_line(&mut answer);
    if read.is_ok() && answer.trim() == YES {
        return Ok(());
    }
    Err(Failure::refused("nobody was erased"))
}

async fn erase(session: &Session, id: &str, named: &[(&str, &str)]) -> Result<Value, Failure> {
    let path = with_query(&format!("/v1/users/{}/erasure", segment(id)?), named)?;
    let mut erasure = session.call(Call::post(&path, &json!({}))).await?;
    let begun = Instant::now();
    while erasure["state"] != "done" {
        if begun.elapsed() > WAIT_MAX {
            return Err(Failure::refused(format!("{id} is still being erased"))
                .hint("it goes on by itself: run the command again to wait for it"));
        }
        sleep(LOOK_EVERY).await;
        let look = session.call(Call::get(&path)).await;
        erasure = look.map_err(|failure| {
            failure.hint("the erasure goes on by itself: run the command again to wait for it")
        })?;
    }
    Ok(erasure)
}

fn told(id: &str, erasure: &Value) -> String {
    let removed = |what: &str| erasure["removed"][what].as_u64().unwrap_or(0);
    format!(
        "{id} is erased: {} events were emptied, {} attachments and {} sessions are gone, and nothing is left in the server's files.",
        removed("events"),
        removed("attachments"),
        removed("sessions")
    )
}
