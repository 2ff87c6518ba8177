//! `countersign audit verify`: whether the log is as it was written.

use std::time::Duration;

use clap::Args;
use countersign_client::http::Call;
use countersign_core::id::ApplicationId;
use countersign_wire::time::Time;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::Log;
use super::chain::{Broken, Kept, Step, Verified, Walk};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::remote::Session;

/// How long a server may take to seal an entry. It takes a second.
const SEAL_MAX: Duration = Duration::from_secs(5);
/// How long to wait before looking again.
const LOOK: Duration = Duration::from_millis(250);

/// Check that the log is as it was written: read all of it, and make its chain anew.
///
/// Each entry's digest covers the entry and the digest before it. So nothing can be
/// changed, taken out or put in between unless all that follows is changed as well,
/// and that shows against a head that was kept. Keep the last line that this prints,
/// somewhere else than on the server, and pass it the next time.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 the log holds, 1 it was changed or the server refused, 2 usage, 3 server not reached.\n\nExamples:\n  countersign audit verify\n  countersign audit verify --json | jq -r .head > audit.head\n  countersign audit verify --head \"$(cat audit.head)\""
)]
pub(super) struct Arguments {
    /// The head that was printed an earlier time: nothing up to it may have changed.
    #[arg(long, value_name = "NUMBER:DIGEST")]
    head: Option<Kept>,
}

/// A walk that came to its end.
struct Walked {
    verified: Verified,
    /// Entries that were added meanwhile, and are not sealed yet.
    unsealed: u64,
}

/// Runs the command.
///
/// # Errors
/// That the log was changed; the server's refusal; or that it was not reached.
pub(super) async fn run(
    arguments: &Arguments,
    session: &Session,
    log: &Log,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let application = application(session, log).await?;
    let walk = Walk::new(application, arguments.head.map(|Kept(head)| head));
    match walk_along(walk, session, log).await? {
        Ok(walked) => tell(&walked, application, session, output),
        Err(broken) if session.json() => {
            let answer = json!({
                "verified": false,
                "application_id": application.to_string(),
                "entry": broken.number,
                "detail": broken.sentence,
            });
            output.line(&answer.to_string())?;
            Ok(Exit::Refused)
        }
        Err(broken) => Err(Failure::refused(broken.sentence)
            .hint("somebody wrote to the database past the server: compare it with a backup")),
    }
}

/// Whose log it is: the chain says so, too.
async fn application(session: &Session, log: &Log) -> Result<ApplicationId, Failure> {
    if log.installation {
        return Ok(ApplicationId::INSTALLATION);
    }
    let found = session.call(Call::get(&log.place.path("")?)).await?;
    let id = found["id"].as_str().and_then(|id| id.parse().ok());
    id.ok_or_else(|| Failure::unreached("what the server answered is no application"))
}

/// Walks to the last entry that was there at the beginning. One that is not sealed
/// yet is waited for: a server that seals nothing would else hide what was changed.
async fn walk_along(
    mut walk: Walk,
    session: &Session,
    log: &Log,
) -> Result<Result<Walked, Broken>, Failure> {
    let newest = log.page(session, &[("limit", "1")]).await?;
    let newest = newest.audit.first().map_or(0, |entry| entry.number);
    let mut waited_since = Instant::now();
    loop {
        let place = walk.number();
        let after = place.to_string();
        let page = log.page(session, &[("after", &after)]).await?;
        let mut unsealed = None;
        for (taken, entry) in page.audit.iter().enumerate() {
            match walk.take(entry) {
                Ok(Step::Holds) => {}
                Ok(Step::Unsealed) => {
                    unsealed = Some((entry, page.audit.len() - taken));
                    break;
                }
                Err(broken) => return Ok(Err(broken)),
            }
        }
        let rest = match unsealed {
            None if page.next.is_some() => continue,
            None => 0,
            Some((entry, rest)) if entry.number > newest => rest,
            Some((entry, _)) => {
                if walk.number() > place {
                    waited_since = Instant::now();
                } else if waited_since.elapsed() > SEAL_MAX {
                    return Ok(Err(never_sealed(entry.number, entry.created_at)));
                }
                sleep(LOOK).await;
                continue;
            }
        };
        let unsealed = u64::try_from(rest).unwrap_or(u64::MAX);
        return Ok(walk.finish().map(|verified| Walked { verified, unsealed }));
    }
}

fn never_sealed(number: u64, at: Time) -> Broken {
    let sentence = format!(
        "entry {number} of {at} has no digest, and gets none: a running server seals an entry within a second or two, so its digest was taken away, or the server cannot write"
    );
    Broken { number, sentence }
}

fn tell(
    walked: &Walked,
    application: ApplicationId,
    session: &Session,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let Walked { verified, unsealed } = walked;
    let head = Kept(verified.head);
    let entries = verified.head.number;
    if session.json() {
        let answer = json!({
            "verified": true,
            "application_id": application.to_string(),
            "entries": entries,
            "first_at": verified.times.map(|(first, _)| first.to_string()),
            "last_at": verified.times.map(|(_, last)| last.to_string()),
            "erased": verified.erased,
            "unsealed": unsealed,
            "head": head.to_string(),
        });
        output.line(&answer.to_string())?;
        return Ok(Exit::Done);
    }
    let whose = match application {
        ApplicationId::INSTALLATION => "the installation".to_owned(),
        application => format!("application {application}"),
    };
    match verified.times {
        None => output.line(&format!("The log of {whose} has no sealed entry yet."))?,
        Some((first, last)) => output.line(&format!(
            "The log of {whose} holds: {}, from {first} to {last}.",
            counted(entries, "entry", "entries")
        ))?,
    }
    if verified.erased > 0 {
        let erased = counted(verified.erased, "entry says", "entries say");
        let sentence =
            format!("{erased} less than before: what they held was erased with a person.");
        output.line(&sentence)?;
    }
    if *unsealed > 0 {
        let came = counted(*unsealed, "entry", "entries");
        output.line(&format!(
            "{came} came meanwhile, and will be sealed in a moment."
        ))?;
    }
    output.line("Keep the head, and pass it with --head the next time:")?;
    output.line(&head.to_string())?;
    Ok(Exit::Done)
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
