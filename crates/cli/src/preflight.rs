//! What is wrong with a plan, as far as that can be told without touching
//! anything: `serve` begins with it, and `config check` asks for nothing else.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use countersign_credential::time::Timestamp;
use countersign_store::migrate::MIGRATIONS;
use countersign_store::secrets::KeyEncryptionKey;
use countersign_store::sqlite::look::look_at;
use rustix::fs::{Access, access};

use crate::certificate::Certificates;
use crate::data_folder::DataFolder;
use crate::exit::Failure;
use crate::key_source::KeySource;
use crate::node::{Plan, advice};
use crate::setting::Setting;

/// What a plan names, read.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) certificates: Certificates,
    /// The key that seals, where it is not the data folder's.
    pub(crate) key: Option<KeyEncryptionKey>,
}

/// Reads what the plan names, and looks at the data folder as a start finds it.
/// That nobody else has it open is not looked at, nor are ports: this may be asked
/// beside a server that runs.
///
/// # Errors
/// If something cannot be read or used, or the folder is for another purpose.
pub(crate) fn read(plan: &Plan, now: Timestamp) -> Result<Given, Failure> {
    let folder = plan.data_dir.with(DataFolder::at(&plan.data_dir.value));
    plan.purpose.accept(&folder)?;
    refuse_open_operator_key(&folder)?;
    let doors = plan.doors.iter().map(|(_, listening)| listening);
    let listeners = std::iter::once(&plan.native).chain(doors);
    let given = Given {
        certificates: Certificates::read(listeners.map(|one| &one.certificate), now)?,
        key: plan.key.read()?,
    };
    look_at_folder(&folder, plan)?;
    Ok(given)
}

fn look_at_folder(folder: &Setting<DataFolder>, plan: &Plan) -> Result<(), Failure> {
    let path = folder.value.path();
    let usable = if path.exists() {
        usable(path)
    } else {
        may_be_made(path)
    };
    usable.map_err(|error| unusable(folder, &error))?;
    if plan.key == KeySource::Folder {
        let file = folder.value.key_encryption_key();
        if file.exists() {
            KeyEncryptionKey::read(&file).map_err(|error| refused(folder, &error.to_string()))?;
        } else {
            refuse_lost_key(folder)?;
        }
    }
    look_at(path, MIGRATIONS)
        .map_err(|error| refused(folder, &format!("{error}{}", advice(&error))))
}

/// A folder that cannot be made, or is none.
pub(crate) fn unusable(folder: &Setting<DataFolder>, error: &io::Error) -> Failure {
    Failure::usage(format!(
        "{}: cannot use the data folder {}: {error}; choose a folder that this user may write",
        folder.label(),
        folder.value.path().display()
    ))
}

/// A database whose key is gone keeps its secrets for ever.
pub(crate) fn refuse_lost_key(folder: &Setting<DataFolder>) -> Result<(), Failure> {
    if !folder.value.has_database() {
        return Ok(());
    }
    let why = format!(
        "the key file {} is missing beside a database whose secrets it opens; put it back from \
         where it was kept",
        folder.value.key_encryption_key().display()
    );
    Err(refused(folder, &why))
}

/// What of the folder is refused.
pub(crate) fn refused(folder: &Setting<DataFolder>, why: &str) -> Failure {
    Failure::usage(format!("{}: {why}", folder.label()))
}

/// Whoever reads the operator key may do everything; it is written for its owner.
fn refuse_open_operator_key(folder: &Setting<DataFolder>) -> Result<(), Failure> {
    let file = folder.value.operator_key();
    let Ok(metadata) = fs::metadata(&file) else {
        return Ok(());
    };
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let path = file.display();
    let why = format!(
        "{path} is open to other users (mode {mode:04o}): run chmod 600 {path}, or keep it \
         elsewhere and remove it"
    );
    Err(refused(folder, &why))
}

/// Whether there is a folder that takes files.
fn usable(path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    access(path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK)?;
    Ok(())
}

/// Whether what is above a folder takes it.
fn may_be_made(path: &Path) -> io::Result<()> {
    let there = path.ancestors().skip(1).find(|above| above.exists());
    // A relative path ends above its first part, which is then where we are.
    let above = there.filter(|above| *above != Path::new(""));
    usable(above.unwrap_or(Path::new(".")))
}
