//! An installation whose data folder a command opens by itself: where it is, and
//! what lies in it.

use std::path::{Path, PathBuf};

use clap::Args;
use countersign_store::error::StoreError;
use countersign_store::migrate::MIGRATIONS;
use countersign_store::secrets::{KeyEncryptionKey, Keyring};
use countersign_store::sqlite::inspection::{Census, Depth, count, inspect};

use crate::command::serve;
use crate::configuration::key::{CONFIG_VARIABLE, Key};
use crate::configuration::{Configuration, Layers};
use crate::data_folder::DataFolder;
use crate::exit::Failure;
use crate::node::advice;
use crate::setting::Setting;
use crate::system::System;

/// Which installation is meant.
#[derive(Debug, Clone, Args)]
pub(crate) struct Installation {
    /// The data folder [env: COUNTERSIGN_DATA_DIR] [default: /var/lib/countersign].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,

    /// The configuration file of the server [env: COUNTERSIGN_CONFIG].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// A database that was found whole, with secrets that open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sound {
    pub(crate) epoch: u64,
    pub(crate) schema: u32,
    pub(crate) applications: u64,
    pub(crate) census: Census,
}

// === impl Sound ===

impl Sound {
    /// What is in it, as people read it.
    pub(crate) fn summary(&self) -> String {
        let Census { users, events } = self.census;
        format!(
            "applications: {}, users: {users}, events: {events}",
            self.applications
        )
    }
}

// === impl Installation ===

impl Installation {
    /// How its server is configured.
    ///
    /// # Errors
    /// The first mistake, as a sentence.
    pub(crate) fn configuration(&self, system: System) -> Result<Configuration, Failure> {
        let variables = system.variables();
        let variable = variables.get(CONFIG_VARIABLE).map(PathBuf::from);
        let by = if self.config.is_some() {
            "--config"
        } else {
            CONFIG_VARIABLE
        };
        let path = self.config.clone().or(variable);
        let text = path.as_deref().map(|path| serve::read(path, by));
        let text = text.transpose()?;
        let data_dir = self.data_dir.clone().map(|text| (Key::DataDir, text));
        Configuration::settle(&Layers {
            flags: data_dir.into_iter().collect(),
            variables,
            file: path.as_deref().zip(text.as_deref()),
        })
    }

    /// Its data folder, which may not be there.
    ///
    /// # Errors
    /// As [`configuration`](Self::configuration).
    pub(crate) fn folder(&self, system: System) -> Result<Setting<DataFolder>, Failure> {
        let data_dir = self.configuration(system)?.data_dir;
        Ok(data_dir.with(DataFolder::at(&data_dir.value)))
    }
}

/// The key that opens the secrets of a database, from its file.
///
/// # Errors
/// If it cannot be read, or others can.
pub(crate) fn keyring(file: &Path) -> Result<Keyring, Failure> {
    if !file.exists() {
        return Err(Failure::usage(format!(
            "there is no key-encryption key {}, and without it nobody can use a backup; put it \
             back from where it was kept",
            file.display()
        )));
    }
    let key = KeyEncryptionKey::read(file).map_err(Failure::usage)?;
    Ok(Keyring::new(key, Vec::new()))
}

/// Looks through a whole backup: that it is ours, of no newer program and not
/// damaged, and that this key opens its secrets. `explain` says what an error means.
///
/// # Errors
/// If one of these is not so.
pub(crate) async fn check(
    database: &Path,
    keyring: &Keyring,
    key_file: &Path,
    explain: impl Fn(&StoreError) -> Failure,
) -> Result<Sound, Failure> {
    let contents = inspect(database, MIGRATIONS, Depth::Everything)
        .await
        .map_err(|error| explain(&error))?;
    contents.open_secrets(keyring).map_err(|error| {
        Failure::usage(format!(
            "{} does not open the secrets in the database: {error}; name the key file that was kept \
             for it",
            key_file.display()
        ))
    })?;
    Ok(Sound {
        epoch: contents.epoch,
        schema: contents.schema,
        applications: contents.applications,
        census: count(database).await.map_err(|error| explain(&error))?,
    })
}

/// What an error of the store says, and what to do.
pub(crate) fn unusable(error: &StoreError) -> Failure {
    Failure::usage(format!("{error}{}", advice(error)))
}

/// A size as people read it.
pub(crate) fn readable(bytes: u64) -> String {
    const UNITS: [(&str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let Some((unit, shift)) = UNITS.into_iter().find(|(_, shift)| bytes >> shift > 0) else {
        return format!("{bytes} bytes");
    };
    let tenths = (u128::from(bytes) * 10) >> shift;
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_by_people() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1_023, "1023 bytes"),
            (1_024, "1.0 KiB"),
            (5 * 1_024 * 1_024 / 2, "2.5 MiB"),
            (u64::MAX, "17179869183.9 GiB"),
        ] {
            assert_eq!(readable(bytes), text);
        }
    }
}
