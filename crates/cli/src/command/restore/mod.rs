//! `countersign restore`: a data folder from a backup.
//!
//! Everything that can be found wrong is found before anything of the folder is
//! changed: the database is made ready in a folder of its own inside, and takes
//! its place by one renaming.

mod exchange;
mod stage;

use std::path::{Path, PathBuf};

use clap::Args;
use countersign_store::error::StoreError;
use countersign_store::secrets::Keyring;
use countersign_store::sqlite::folder::Folder;
use serde_json::json;

use self::exchange::{Exchange, Kept};
use self::stage::{Stage, Staged};
use crate::data_folder::DataFolder;
use crate::exit::{Exit, Failure};
use crate::installation::{Installation, Sound, check, keyring, unusable};
use crate::node::advice;
use crate::output::Output;
use crate::setting::Setting;
use crate::system::System;

/// Put a backup in place, where no server runs.
///
/// Users log in again afterwards, with credentials that are issued after it: what
/// was revoked, logged out or used up since the backup was made is not known any
/// more. Visitors go on.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  countersign restore --from /backup/monday.db\n  countersign restore --data-dir /srv/new --from /backup/monday.db --key-encryption-key /safe/key-encryption-key"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    installation: Installation,

    /// The backup.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,

    /// The key that opens its secrets; it is put into the folder
    /// [default: the one that is in the folder].
    #[arg(long, value_name = "FILE")]
    key_encryption_key: Option<PathBuf>,

    /// Put it in place of the database that is there, which stays beside it under
    /// another name.
    #[arg(long)]
    replace: bool,

    /// Let users' sessions go on. Who logged out, was revoked or blocked, or has
    /// another password since the backup was made, is in again.
    #[arg(long)]
    keep_sessions: bool,

    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

/// What was done.
struct Done {
    sound: Sound,
    staged: Staged,
    kept: Kept,
}

/// Restores.
///
/// # Errors
/// If the backup or the folder cannot be used; the folder is then as it was.
pub(crate) async fn run(
    arguments: Arguments,
    system: System,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let folder = arguments.installation.folder(system)?;
    let mut signals = system.stop_signals()?;
    let begun = system.now();
    let done = tokio::select! {
        done = Box::pin(restore(&arguments, &folder, system)) => done,
        () = signals.received() => {
            Stage::remove(folder.value.path());
            Err(Failure::refused("stopped by a signal; the folder is as it was"))
        }
    }?;
    let milliseconds = system.now().milliseconds_since(begun);
    if arguments.json {
        let line = json!({
            "data_dir": folder.value.path(),
            "from": arguments.from,
            "epoch": done.staged.epochs.present.number,
            "schema": done.sound.schema,
            "applications": done.sound.applications,
            "users": done.sound.census.users,
            "events": done.sound.census.events,
            "sessions_kept": arguments.keep_sessions,
            "sessions_ended": done.staged.ended,
            "replaced": done.kept.database,
            "milliseconds": milliseconds,
        });
        output.line(&line.to_string())?;
    } else {
        tell(&arguments, folder.value.path(), &done, output)?;
    }
    Ok(Exit::Done)
}

async fn restore(
    arguments: &Arguments,
    folder: &Setting<DataFolder>,
    system: System,
) -> Result<Done, Failure> {
    let from = &arguments.from;
    if !from.is_file() {
        return Err(Failure::usage(format!(
            "--from is {}, where there is no file that this user can see; name a backup",
            from.display()
        )));
    }
    let key_file = key_file(arguments, &folder.value);
    let keyring = keyring(&key_file)?;
    refuse_what_is_there(arguments, folder, &keyring)?;
    let sound = check(from, &keyring, &key_file, bad_backup).await?;
    let claimed = Folder::claim(folder.value.path()).map_err(|error| refused(&error))?;
    // A server may have been there a moment ago.
    refuse_what_is_there(arguments, folder, &keyring)?;
    let now = system.now();
    let staged = Stage::prepare(arguments, folder.value.path(), keyring, now, system).await;
    let put = staged.and_then(|staged| {
        let exchange = Exchange {
            folder: &folder.value,
            now,
            key_file: &key_file,
        };
        let kept = exchange.run(&staged.database)?;
        Ok(Done {
            sound,
            staged,
            kept,
        })
    });
    Stage::remove(folder.value.path());
    drop(claimed);
    put
}

fn key_file(arguments: &Arguments, folder: &DataFolder) -> PathBuf {
    let named = arguments.key_encryption_key.clone();
    named.unwrap_or_else(|| folder.key_encryption_key())
}

/// Refuses to take the place of something without being told to.
fn refuse_what_is_there(
    arguments: &Arguments,
    folder: &Setting<DataFolder>,
    keyring: &Keyring,
) -> Result<(), Failure> {
    if arguments.replace {
        return Ok(());
    }
    let path = folder.value.path().display();
    if folder.value.has_database() {
        return Err(Failure::refused(format!(
            "{}: {path} holds a database; move it away, or say --replace, which keeps it there \
             under another name",
            folder.label()
        )));
    }
    let present = folder.value.key_encryption_key();
    let other =
        present.exists() && self::keyring(&present)?.current().id() != keyring.current().id();
    if other {
        return Err(Failure::refused(format!(
            "{}: {path} holds another key-encryption key; move it away, or say --replace, which \
             keeps it there under another name",
            folder.label()
        )));
    }
    Ok(())
}

fn bad_backup(error: &StoreError) -> Failure {
    let advice = if matches!(error, StoreError::Damaged { .. }) {
        "; take another backup"
    } else if matches!(error, StoreError::Foreign { .. }) {
        "; name a file that countersign backup has made"
    } else {
        advice(error)
    };
    Failure::usage(format!("{error}{advice}"))
}

/// That a server runs is no mistake in the command line.
fn refused(error: &StoreError) -> Failure {
    if matches!(error, StoreError::Locked { .. }) {
        Failure::refused(format!("{error}; stop the server, and restore then"))
    } else {
        unusable(error)
    }
}

fn tell(
    arguments: &Arguments,
    data_dir: &Path,
    done: &Done,
    output: &mut Output,
) -> Result<(), Failure> {
    output.line(&format!(
        "{} holds what {} has: {}. Its epoch is {}.",
        data_dir.display(),
        arguments.from.display(),
        done.sound.summary(),
        done.staged.epochs.present.number
    ))?;
    output.line(&if arguments.keep_sessions {
        "Sessions were kept: who logged out, was revoked or blocked, or got another password since \
         the backup was made, is in again, and credentials that were revoked or used since are good \
         again."
            .to_owned()
    } else {
        format!(
            "Users' sessions are over ({} were open): they log in again, with credentials that are \
             issued from now on. Visitors go on.",
            done.staged.ended
        )
    })?;
    output.line(
        "What was done since the backup was made is gone, and has to be done again: keys that were \
         rotated or revoked, users who were blocked, deleted or erased, passwords, settings.",
    )?;
    for kept in done.kept.all() {
        output.line(&format!("Kept beside it: {}", kept.display()))?;
    }
    output.line("Start the server now.")
}
