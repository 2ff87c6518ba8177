//! A database takes the place of another.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use countersign_credential::time::Timestamp;
use countersign_store::secrets::KeyEncryptionKey;
use countersign_store::sqlite::DATABASE_FILE;
use zeroize::Zeroizing;

use crate::data_folder::DataFolder;
use crate::exit::Failure;

/// What SQLite keeps beside a database: what of it is not in the file yet, and
/// what it makes anew.
const LOG: &str = "-wal";
const INDEX: &str = "-shm";

/// Where, and when.
pub(super) struct Exchange<'a> {
    pub(super) folder: &'a DataFolder,
    pub(super) now: Timestamp,
    /// The key that opens what comes in.
    pub(super) key_file: &'a Path,
}

/// What was there before, under its new names.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) database: Option<PathBuf>,
    key: Option<PathBuf>,
}

// === impl Kept ===

impl Kept {
    pub(super) fn all(&self) -> impl Iterator<Item = &Path> {
        [&self.database, &self.key]
            .into_iter()
            .filter_map(Option::as_deref)
    }
}

// === impl Exchange ===

impl Exchange<'_> {
    /// Puts the database in place, durably, and its key with it.
    ///
    /// # Errors
    /// If the folder does not take it.
    pub(super) fn run(&self, staged: &Path) -> Result<Kept, Failure> {
        self.put(staged).map_err(|error| {
            Failure::usage(format!(
                "cannot put the database into {}: {error}; see that this user may write there, and \
                 restore again",
                self.folder.path().display()
            ))
        })
    }

    fn put(&self, staged: &Path) -> io::Result<Kept> {
        let folder = File::open(self.folder.path())?;
        let mut kept = Kept {
            key: self.put_key()?,
            ..Kept::default()
        };
        let database = self.folder.path().join(DATABASE_FILE);
        let log = beside(&database, LOG);
        if log.metadata().is_ok_and(|log| log.len() == 0) {
            fs::remove_file(&log)?;
        }
        if database.exists() {
            let old = self.replaced(&database);
            fs::hard_link(&database, &old)?;
            // A log is of its own database, and would be read into any other.
            if log.exists() {
                fs::rename(&log, beside(&old, LOG))?;
            }
            kept.database = Some(old);
        } else if log.exists() {
            fs::rename(&log, self.replaced(&log))?;
        }
        match fs::remove_file(beside(&database, INDEX)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        folder.sync_all()?;
        fs::rename(staged, &database)?;
        folder.sync_all()?;
        Ok(kept)
    }

    /// Puts the key in place, where another one or none is.
    fn put_key(&self) -> io::Result<Option<PathBuf>> {
        let place = self.folder.key_encryption_key();
        let key = Zeroizing::new(fs::read(self.key_file)?);
        let mut kept = None;
        if place.exists() {
            if *Zeroizing::new(fs::read(&place)?) == *key {
                return Ok(None);
            }
            let old = self.replaced(&place);
            fs::rename(&place, &old)?;
            kept = Some(old);
        }
        let made = KeyEncryptionKey::create(&place, |bytes| {
            for (byte, of_key) in bytes.iter_mut().zip(key.iter()) {
                *byte = *of_key;
            }
        });
        made.map_err(io::Error::other)?;
        Ok(kept)
    }

    /// The name under which something stays.
    fn replaced(&self, file: &Path) -> PathBuf {
        let time: String = self
            .now
            .to_string()
            .chars()
            .filter(|character| character.is_ascii_alphanumeric())
            .collect();
        beside(file, &format!(".replaced-{time}"))
    }
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(ending);
    name.into()
}
