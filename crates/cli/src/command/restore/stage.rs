//! The database that is to be put in place, made ready in a folder of its own.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_core::model::audit::{Actor, AuditEntry, Details};
use countersign_core::model::epoch::Epochs;
use countersign_core::ports::store::Registry as _;
use countersign_credential::time::Timestamp;
use countersign_store::SqlStore;
use countersign_store::migrate::MIGRATIONS;
use countersign_store::secrets::Keyring;
use countersign_store::sqlite::{DATABASE_FILE, Options, Sqlite};

use super::Arguments;
use crate::exit::Failure;
use crate::installation::unusable;
use crate::system::System;

/// Inside the data folder, so that the database moves by its name alone.
const FOLDER: &str = "restore.part";

/// What is ready to be put in place.
pub(super) struct Staged {
    pub(super) database: PathBuf,
    pub(super) epochs: Epochs,
    /// How many sessions ended with the history before.
    pub(super) ended: usize,
}

/// A database that is opened as a server would open it, by nobody else.
pub(super) struct Stage {
    path: PathBuf,
    store: SqlStore<Sqlite>,
    system: System,
}

// === impl Stage ===

impl Stage {
    /// Copies a backup, brings it to the newest schema, and begins another history
    /// with it.
    ///
    /// # Errors
    /// If there is no room for it, or it cannot be opened or written.
    pub(super) async fn prepare(
        arguments: &Arguments,
        data_dir: &Path,
        keyring: Keyring,
        now: Timestamp,
        system: System,
    ) -> Result<Staged, Failure> {
        let stage = Self::open(data_dir, &arguments.from, keyring, system).await?;
        let begun = stage.begin_epoch(now, arguments.keep_sessions).await;
        stage.store.engine().close().await;
        let (epochs, ended) = begun?;
        Ok(Staged {
            database: stage.path.join(DATABASE_FILE),
            epochs,
            ended,
        })
    }

    async fn open(
        data_dir: &Path,
        from: &Path,
        keyring: Keyring,
        system: System,
    ) -> Result<Self, Failure> {
        // Left behind by one that was killed.
        Self::remove(data_dir);
        let path = data_dir.join(FOLDER);
        let made = fs::DirBuilder::new().mode(0o700).create(&path);
        made.map_err(|error| {
            Failure::usage(format!(
                "cannot make the folder {}: {error}",
                path.display()
            ))
        })?;
        let database = path.join(DATABASE_FILE);
        let copied = Sqlite::copy(from, &database).await;
        copied.map_err(|error| unusable(&error))?;
        // It may take long, and nobody else waits for it.
        let options = Options {
            answer_timeout: None,
            ..Options::default()
        };
        let engine = Sqlite::open(&path, options, MIGRATIONS).await;
        let engine = engine.map_err(|error| unusable(&error))?;
        Ok(Self {
            path,
            store: SqlStore::new(engine, keyring, Arc::new(system)),
            system,
        })
    }

    async fn begin_epoch(
        &self,
        now: Timestamp,
        keep_sessions: bool,
    ) -> Result<(Epochs, usize), Failure> {
        let before = self.store.epochs().await.map_err(Failure::usage)?;
        let epochs = before.restored(now, keep_sessions);
        let sessions = if keep_sessions { "kept" } else { "ended" };
        let remark = format!(
            "from a backup of epoch {}; users' sessions were {sessions}",
            before.present.number
        );
        let entry = AuditEntry::new(
            now,
            &self.system,
            Actor::System,
            "history.restore",
            &epochs.present.number,
            Details::remark(remark),
        );
        let ended = self.store.begin_epoch(&epochs, now, entry).await;
        Ok((epochs, ended.map_err(Failure::usage)?))
    }

    /// Removes the folder, if it is there.
    pub(super) fn remove(data_dir: &Path) {
        // What cannot be removed does no harm, and the next one tells of it.
        drop(fs::remove_dir_all(data_dir.join(FOLDER)));
    }
}
