//! The data folder: what lies where, and who may read it.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// A data folder that exists.
#[derive(Debug, Clone)]
pub(crate) struct DataFolder {
    path: PathBuf,
}

// === impl DataFolder ===

impl DataFolder {
    /// Takes the folder, and makes it, readable by its owner alone, where it is
    /// not there.
    ///
    /// # Errors
    /// If it cannot be made, or its path is not text.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let refused = |error: io::Error| {
            Failure::usage(format!(
                "cannot use the data folder {}: {error}",
                path.display()
            ))
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(refused)?;
        let path = path.canonicalize().map_err(refused)?;
        Ok(Self { path })
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What seals every secret in the database.
    pub(crate) fn key_encryption_key(&self) -> PathBuf {
        self.path.join("key-encryption-key")
    }

    /// The first operator key.
    pub(crate) fn operator_key(&self) -> PathBuf {
        self.path.join("operator.key")
    }

    /// The ready line of `dev`.
    pub(crate) fn dev_json(&self) -> PathBuf {
        self.path.join("dev.json")
    }

    /// The demo application's private key.
    pub(crate) fn dev_private_key(&self) -> PathBuf {
        self.path.join("demo-private-key.pem")
    }

    /// The content of a file of the folder, if it is there.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub(crate) fn read(file: &Path) -> Result<Option<String>, Failure> {
        match fs::read_to_string(file) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::usage(format!(
                "cannot read {}: {error}",
                file.display()
            ))),
        }
    }

    /// Writes a secret file whole or not at all, readable by its owner alone.
    ///
    /// # Errors
    /// If the folder takes no file.
    pub(crate) fn write(&self, file: &Path, content: &str) -> Result<(), Failure> {
        let part = file.with_extension("part");
        let written = || -> io::Result<()> {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            let mut open = options.open(&part)?;
            open.write_all(content.as_bytes())?;
            open.sync_all()?;
            fs::rename(&part, file)?;
            fs::File::open(&self.path)?.sync_all()
        };
        written()
            .map_err(|error| Failure::usage(format!("cannot write {}: {error}", file.display())))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_written_is_the_owners_alone() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(&temporary.path().join("a/b")).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(folder.path()), 0o700);
        let file = folder.operator_key();
        assert_eq!(DataFolder::read(&file).unwrap(), None);
        folder.write(&file, "one").unwrap();
        folder.write(&file, "two").unwrap();
        assert_eq!(DataFolder::read(&file).unwrap().as_deref(), Some("two"));
        assert_eq!(mode(&file), 0o600);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "no part is left"
        );
    }
}
