//! `countersign audit list`: the newest entries.

use std::fmt::Write as _;

use clap::Args;
use countersign_wire::audit::Entry;
use serde_json::{Map, Value};

use super::Log;
use crate::exit::{Exit, Failure};
use crate::output::{Output, columns, printable};
use crate::remote::Session;

/// How much is shown of a value; the whole of it is in the JSON.
const VALUE_CHARACTERS_MAX: usize = 60;

const HEADINGS: [&str; 6] = ["NUMBER", "TIME", "ACTOR", "ACTION", "TARGET", "WHAT"];

/// List the newest entries: who did what to whom, and what changed by it.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json, each entry is an object on a line of its own.\n\nExamples:\n  countersign audit list --limit 20\n  countersign audit list --installation --json"
)]
pub(super) struct Arguments {
    /// How many entries; 0 for all of them.
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: usize,
}

/// Runs the command.
///
/// # Errors
/// The server's refusal; or that it was not reached.
pub(super) async fn run(
    arguments: &Arguments,
    session: &Session,
    log: &Log,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let most = match arguments.limit {
        0 => usize::MAX,
        limit => limit,
    };
    let mut entries = Vec::new();
    let mut cursor = None;
    loop {
        let query: Vec<(&str, &str)> = cursor
            .as_deref()
            .map(|c| ("cursor", c))
            .into_iter()
            .collect();
        let page = log.page(session, &query).await?;
        entries.extend(page.audit);
        cursor = page.next;
        if cursor.is_none() || entries.len() >= most {
            break;
        }
    }
    entries.truncate(most);
    if session.json() {
        for entry in &entries {
            let line = serde_json::to_string(entry);
            let line =
                line.map_err(|error| Failure::usage(format!("cannot write JSON: {error}")))?;
            output.line(&line)?;
        }
        return Ok(Exit::Done);
    }
    let mut rows = vec![HEADINGS.map(str::to_owned).to_vec()];
    rows.extend(entries.iter().map(row));
    for line in columns(&rows) {
        output.line(&line)?;
    }
    Ok(Exit::Done)
}

fn row(entry: &Entry) -> Vec<String> {
    let texts = [&entry.actor, &entry.action, &entry.target];
    let mut row = vec![entry.number.to_string(), entry.created_at.to_string()];
    row.extend(texts.map(|text| printable(text).replace('\n', " ")));
    row.push(what(entry));
    row
}

/// What changed, in a line: `state: "current" → "previous"`, and the remark.
fn what(entry: &Entry) -> String {
    if entry.details_digest.is_some() && entry.salt.is_none() {
        return "(erased)".to_owned();
    }
    let read = |text: &Option<String>| -> Map<String, Value> {
        let text = text.as_deref().unwrap_or("{}");
        serde_json::from_str(text).unwrap_or_default()
    };
    let (before, mut after) = (read(&entry.before), read(&entry.after));
    let mut parts = Vec::new();
    for (member, old) in &before {
        let mut part = format!("{member}: {}", shown(old));
        if let Some(new) = after.remove(member) {
            // A `String` takes every write.
            let _ = write!(part, " → {}", shown(&new));
        }
        parts.push(part);
    }
    parts.extend(
        after
            .iter()
            .map(|(member, new)| format!("{member}: {}", shown(new))),
    );
    parts.extend(entry.detail.clone());
    printable(&parts.join(", ")).replace('\n', " ")
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= VALUE_CHARACTERS_MAX {
        return text;
    }
    let begin: String = text.chars().take(VALUE_CHARACTERS_MAX).collect();
    format!("{begin}…")
}
