//! The data folder: what lies where, and who may read it.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use countersign_store::sqlite::DATABASE_FILE;

use crate::exit::Failure;

/// A data folder.
#[derive(Debug, Clone)]
pub(crate) struct DataFolder {
    path: PathBuf,
}

// === impl DataFolder ===

impl DataFolder {
    /// The folder at this path, which nobody has looked for yet.
    pub(crate) fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// Makes the folder, readable by its owner alone, where it is not there, and
    /// finds out its absolute path.
    ///
    /// # Errors
    /// If it cannot be made, or is no folder.
    pub(crate) fn open(&self) -> io::Result<Self> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        match builder.create(&self.path) {
            // There is something, and it is no folder.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(io::ErrorKind::NotADirectory.into())
            }
            made => made,
        }?;
        let path = self.path.canonicalize()?;
        Ok(Self { path })
    }

    /// Whether a node has been started on it.
    pub(crate) fn has_database(&self) -> bool {
        self.path.join(DATABASE_FILE).exists()
    }

    /// Whether its keys are those of a demo application.
    pub(crate) fn is_for_development(&self) -> bool {
        self.dev_json().exists() || self.dev_private_key().exists()
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

    /// The certificate of this machine that was made here.
    pub(crate) fn tls_certificate(&self) -> PathBuf {
        self.path.join("tls-certificate.pem")
    }

    /// Its key.
    pub(crate) fn tls_key(&self) -> PathBuf {
        self.path.join("tls-key.pem")
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
        let folder = DataFolder::at(&temporary.path().join("a/b"))
            .open()
            .unwrap();
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
