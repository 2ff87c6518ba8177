//! Where a device keeps its identity, so that it survives a restart.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Texts that this program has kept.
static STORED: AtomicU64 = AtomicU64::new(0);

/// Keeps one text for a device. It holds tokens: nobody else may read it.
///
/// It may block; a client calls it on a thread that may wait.
pub trait Keep: Send + Sync {
    /// What was kept last.
    ///
    /// # Errors
    /// If it cannot be told what was.
    fn load(&self) -> io::Result<Option<String>>;

    /// Keeps this instead: all of it or, after a failure, what was there before.
    ///
    /// # Errors
    /// If it cannot be kept.
    fn store(&self, text: &str) -> io::Result<()>;
}

/// Keeps it as long as the program runs.
#[derive(Default)]
pub struct InMemory(Mutex<Option<String>>);

/// Keeps it in a file that only its owner can read. Two programs may share the
/// file: each looks there before it exchanges a token.
#[derive(Debug, Clone)]
pub struct InFile(PathBuf);

// === impl InMemory ===

impl Keep for InMemory {
    fn load(&self) -> io::Result<Option<String>> {
        Ok(self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone())
    }

    fn store(&self, text: &str) -> io::Result<()> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.to_owned());
        Ok(())
    }
}

impl std::fmt::Debug for InMemory {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("InMemory")
    }
}

// === impl InFile ===

impl InFile {
    /// Keeps it in this file, whose folder is made with the first text.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is kept.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Keep for InFile {
    fn load(&self) -> io::Result<Option<String>> {
        match fs::read_to_string(&self.0) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn store(&self, text: &str) -> io::Result<()> {
        if let Some(folder) = self.0.parent() {
            fs::create_dir_all(folder)?;
        }
        // Of its own name, so that nobody else writes into it: neither another
        // program nor another device of this one.
        let number = STORED.fetch_add(1, Ordering::Relaxed);
        let mut name = self.0.clone().into_os_string();
        name.push(format!(".{}-{number}", std::process::id()));
        let beside = PathBuf::from(name);
        let written = owners_alone()
            .open(&beside)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&beside, &self.0));
        if written.is_err() {
            // What is left of it is not worth a second error.
            drop(fs::remove_file(&beside));
        }
        written
    }
}

fn owners_alone() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_the_last_text_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let keep = InFile::new(folder.path().join("a").join("identity.json"));
        assert_eq!(keep.load().unwrap(), None);
        for text in ["one", "", "two"] {
            keep.store(text).unwrap();
            assert_eq!(keep.load().unwrap().as_deref(), Some(text));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(keep.path()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let names: Vec<_> = fs::read_dir(keep.path().parent().unwrap())
            .unwrap()
            .collect();
        assert_eq!(names.len(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_cannot_be_written_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let keep = InFile::new(folder.path());
        assert!(keep.load().is_err(), "a folder is no text");
        assert!(keep.store("text").is_err());
        assert!(folder.path().is_dir());
    }
}
