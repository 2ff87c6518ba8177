//! `countersign backup`: a copy of the database, also while a server runs.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use countersign_store::error::StoreError;
use countersign_store::sqlite::{DATABASE_FILE, Sqlite};
use serde_json::json;

use crate::data_folder::DataFolder;
use crate::exit::{Exit, Failure};
use crate::installation::{Installation, Sound, check, keyring, readable, unusable};
use crate::output::Output;
use crate::setting::Setting;
use crate::system::System;

/// Copy the database into one file, also while a server runs on it.
///
/// The copy is of one moment, and is read back and checked before it gets its
/// name. The key-encryption key is not in it: keep that apart, for a backup is of
/// no use without it, and to nobody who has the backup alone.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  countersign backup --to /backup/countersign-2026-11-21.db\n  countersign backup --config /etc/countersign.toml --to /backup/monday.db --json"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    installation: Installation,

    /// The file to be made; one that is there is never replaced.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,

    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

/// Makes a backup.
///
/// # Errors
/// If it cannot be made, or is not good; then there is no file.
pub(crate) async fn run(
    arguments: Arguments,
    system: System,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let folder = arguments.installation.folder(system)?;
    let mut signals = system.stop_signals()?;
    let begun = system.now();
    let key_file = folder.value.key_encryption_key();
    let target = Target::new(&folder, &arguments.to, system)?;
    let keyring = keyring(&key_file)?;
    let database = folder.value.path().join(DATABASE_FILE);
    let work = async {
        let copied = Sqlite::copy(&database, &target.part).await;
        copied.map_err(|error| not_copied(&error, &target.file))?;
        let explain = |error: &StoreError| bad_copy(error, &folder.value);
        check(&target.part, &keyring, &key_file, explain).await
    };
    let made = tokio::select! {
        made = Box::pin(work) => made,
        () = signals.received() => Err(Failure::refused("stopped by a signal; no backup was made")),
    };
    let made = made.and_then(|sound| Ok((sound, target.finish()?)));
    let (sound, bytes) = made.inspect_err(|_| target.abandon())?;
    let milliseconds = system.now().milliseconds_since(begun);
    if arguments.json {
        let line = json!({
            "file": target.file,
            "bytes": bytes,
            "epoch": sound.epoch,
            "schema": sound.schema,
            "applications": sound.applications,
            "users": sound.census.users,
            "events": sound.census.events,
            "key_encryption_key": key_file,
            "milliseconds": milliseconds,
        });
        output.line(&line.to_string())?;
    } else {
        tell(&target.file, bytes, &sound, milliseconds, &key_file, output)?;
    }
    Ok(Exit::Done)
}

fn tell(
    file: &Path,
    bytes: u64,
    sound: &Sound,
    milliseconds: i64,
    key_file: &Path,
    output: &mut Output,
) -> Result<(), Failure> {
    output.line(&format!(
        "{} is a backup, read back and checked: {} in {}.{} s.",
        file.display(),
        readable(bytes),
        milliseconds / 1_000,
        milliseconds % 1_000 / 100
    ))?;
    output.line(&format!(
        "  {}; epoch {}, schema {}",
        sound.summary(),
        sound.epoch,
        sound.schema
    ))?;
    output.line(&format!(
        "The key-encryption key is not in it. Keep {} apart from it: without that file nobody can \
         use this one.",
        key_file.display()
    ))
}

/// The file is told that was named, and not the one that it is until it is good.
fn not_copied(error: &StoreError, file: &Path) -> Failure {
    if let StoreError::Copy { reason, .. } = error {
        let path = file.to_owned();
        let reason = reason.clone();
        unusable(&StoreError::Copy { path, reason })
    } else {
        unusable(error)
    }
}

/// The copy is a true one: what is wrong with it is wrong with the database.
fn bad_copy(error: &StoreError, folder: &DataFolder) -> Failure {
    if let StoreError::Damaged { reason, .. } = error {
        Failure::usage(format!(
            "the database in {} is damaged, so that there is no backup of it: {reason}; restore an \
             earlier backup",
            folder.path().display()
        ))
    } else {
        unusable(error)
    }
}

/// Where the copy goes: under another name until it is good.
struct Target {
    file: PathBuf,
    part: PathBuf,
    folder: PathBuf,
}

// === impl Target ===

impl Target {
    /// Whatever can be found wrong without a copy.
    fn new(data: &Setting<DataFolder>, to: &Path, system: System) -> Result<Self, Failure> {
        let data_dir = data.value.path();
        if !data.value.has_database() {
            return Err(Failure::usage(format!(
                "{}: {} holds no database that this user can see; name a server's data folder",
                data.label(),
                data_dir.display()
            )));
        }
        let parent = match to.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let Some(name) = to.file_name().map(|name| name.to_string_lossy()) else {
            return Err(Failure::usage(format!(
                "--to is {:?}, which names no file; name one that is to be made",
                to.display().to_string()
            )));
        };
        let folder = parent.canonicalize().map_err(|error| {
            Failure::usage(format!(
                "there is no folder {} for the backup: {error}; make it, or name another",
                parent.display()
            ))
        })?;
        if data_dir
            .canonicalize()
            .is_ok_and(|data_dir| folder.starts_with(data_dir))
        {
            return Err(Failure::usage(format!(
                "{} lies in the data folder, and would be lost with it; name a file on another disk",
                to.display()
            )));
        }
        let target = Self {
            file: folder.join(&*name),
            part: folder.join(format!(".{name}.{}.part", system.random_id())),
            folder,
        };
        target.refuse_present()?;
        Ok(target)
    }

    fn refuse_present(&self) -> Result<(), Failure> {
        if fs::symlink_metadata(&self.file).is_err() {
            return Ok(());
        }
        Err(Failure::refused(format!(
            "{} is there already, and no backup replaces another; name a file that is not there",
            self.file.display()
        )))
    }

    /// Gives the copy its name, durably, and says how long it is.
    fn finish(&self) -> Result<u64, Failure> {
        self.refuse_present()?;
        let named = || -> io::Result<u64> {
            let bytes = fs::metadata(&self.part)?.len();
            fs::rename(&self.part, &self.file)?;
            File::open(&self.folder)?.sync_all()?;
            Ok(bytes)
        };
        named().map_err(|error| {
            Failure::usage(format!("cannot make {}: {error}", self.file.display()))
        })
    }

    /// Removes what there is of a copy that is not good.
    fn abandon(&self) {
        // Mostly there is none any more; and what stays is told apart by its name.
        drop(fs::remove_file(&self.part));
    }
}
