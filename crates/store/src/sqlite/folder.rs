//! The data folder: one process, a local disk, and nobody else's eyes.
//!
//! The write-ahead log shares memory between connections, which a network file system does not
//! give, and many of them acknowledge a sync that did not happen. So the known ones are refused:
//! NFS, SMB and CIFS, AFS, Ceph, Coda, Lustre, GPFS, BeeGFS, and 9P, by which virtual machines
//! pass in folders of their host. FUSE is let through, because it cannot be told apart whether a
//! local disk or a remote host is behind it.

use super::DATABASE_FILE;
use crate::error::StoreError;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Error, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The file whose lock says that a process uses the folder. It is never removed: a lock on a file
/// that was removed would keep nobody out.
const LOCK_FILE: &str = "countersign.lock";

/// A data folder that this process alone has open, until this is dropped or released.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    lock: File,
}

/// A process that uses a data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Its id, as it wrote it.
    pub process: Option<u32>,
}

/// What a database occupies, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// The database's file.
    pub database_bytes: u64,
    /// The file of its write-ahead log; it is written over, and stays as long as it once was.
    pub log_file_bytes: u64,
    /// What is free on their disk for who is not root.
    pub free_bytes: u64,
}

/// Who uses a data folder at this moment. To find out, the lock is taken for an instant, together
/// with whoever else asks: a server that starts in that instant is refused.
///
/// # Errors
/// [`StoreError::Open`].
pub fn holder(folder: &Path) -> Result<Option<Holder>, StoreError> {
    let path = folder.join(LOCK_FILE);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        // Nobody has ever locked it.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot_open(&path, &error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(Holder {
            process: process_in(&mut file),
        })),
        Err(TryLockError::Error(error)) => Err(cannot_open(&path, &error)),
    }
}

// === impl Folder ===

impl Folder {
    /// Makes the folder if it is not there, and locks it. A database is neither looked for nor made.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Network`] or [`StoreError::Open`].
    pub fn claim(path: &Path) -> Result<Self, StoreError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| cannot_open(path, &error))?;
        refuse_network_file_system(path)?;
        Ok(Self {
            path: path.to_owned(),
            lock: lock(path)?,
        })
    }

    /// The same, and sees to the database file and its mode.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let folder = Self::claim(path)?;
        let database = folder.database();
        private_file(&database)?;
        folder.sync()?;
        Ok(folder)
    }

    /// The database file.
    pub(super) fn database(&self) -> PathBuf {
        self.path.join(DATABASE_FILE)
    }

    /// What is occupied, and what is free.
    pub(super) fn space(&self) -> io::Result<Space> {
        let bytes_of = |path: PathBuf| match fs::metadata(path) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        };
        let disk = rustix::fs::statvfs(&self.path)?;
        Ok(Space {
            database_bytes: bytes_of(self.database())?,
            log_file_bytes: bytes_of(self.path.join(format!("{DATABASE_FILE}-wal")))?,
            free_bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
        })
    }

    /// Makes the names of the files durable.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        File::open(&self.path)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| cannot_open(&self.path, &error))
    }

    /// Lets another process in, once every connection is closed.
    pub(super) fn release(&self) {
        // Where this fails, the lock ends with the file, when the last user of the folder is gone.
        drop(self.lock.unlock());
    }
}

/// Opens a file, made with mode 0600 if it was not there, and takes wider rights away: SQLite
/// gives the log beside it the same mode.
fn private_file(path: &Path) -> Result<File, StoreError> {
    let open = || {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(path, Permissions::from_mode(0o600))?;
        }
        Ok(file)
    };
    open().map_err(|error| cannot_open(path, &error))
}

/// Locks the folder and leaves this process's id for whoever finds it locked.
fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join(LOCK_FILE);
    let mut file = private_file(&path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(StoreError::Locked {
                path: folder.to_owned(),
                holder: process_in(&mut file),
            });
        }
        Err(TryLockError::Error(error)) => return Err(cannot_open(&path, &error)),
    }
    let written = file
        .set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    written.map_err(|error| cannot_open(&path, &error))?;
    Ok(file)
}

/// The process id in a lock file. It only helps the reader of a message, so that failing to read it
/// is no failure.
fn process_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Refuses a folder on one of the network file systems that are known.
///
/// # Errors
/// [`StoreError::Network`] or [`StoreError::Open`].
#[cfg(target_os = "linux")]
pub fn refuse_network_file_system(path: &Path) -> Result<(), StoreError> {
    let found = rustix::fs::statfs(path)
        .map_err(|error| cannot_open(path, &Error::from(error)))?
        .f_type;
    // The kernel's numbers are 32 bits wide; the field's width and sign depend on the platform.
    match network_file_system(found as u32) {
        None => Ok(()),
        Some(kind) => Err(StoreError::Network {
            path: path.to_owned(),
            kind,
        }),
    }
}

/// Refuses nothing: other systems name their file systems in other ways. They are for development.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn refuse_network_file_system(_path: &Path) -> Result<(), StoreError> {
    Ok(())
}

/// The name of a network file system by its number in statfs(2).
#[cfg(target_os = "linux")]
fn network_file_system(number: u32) -> Option<&'static str> {
    match number {
        0x6969 => Some("NFS"),
        0x517B | 0xFE53_4D42 => Some("SMB"),
        0xFF53_4D42 => Some("CIFS"),
        0x0102_1997 => Some("9P"),
        0x5346_414F | 0x6B41_4653 => Some("AFS"),
        0x00C3_6400 => Some("Ceph"),
        0x7375_7245 => Some("Coda"),
        0x0BD0_0BD0 => Some("Lustre"),
        0x4750_4653 => Some("GPFS"),
        0x1983_0326 => Some("BeeGFS"),
        _ => None,
    }
}

fn cannot_open(path: &Path, error: &Error) -> StoreError {
    StoreError::Open {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn files_are_private_also_where_they_were_not() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("a/b");
        drop(Folder::open(&path).unwrap());
        let database = path.join(DATABASE_FILE);
        assert_eq!((mode(&path), mode(&database)), (0o700, 0o600));
        fs::set_permissions(&database, Permissions::from_mode(0o644)).unwrap();
        drop(Folder::open(&path).unwrap());
        assert_eq!(mode(&database), 0o600);
        assert_eq!(mode(&path.join(LOCK_FILE)), 0o600);
    }

    #[test]
    fn a_second_opener_learns_who_was_first() {
        let path = tempfile::tempdir().unwrap();
        let first = Folder::open(path.path()).unwrap();
        let holder = Some(std::process::id());
        assert_eq!(
            Folder::open(path.path()).unwrap_err(),
            StoreError::Locked {
                path: path.path().to_owned(),
                holder
            }
        );
        let process = holder;
        assert_eq!(super::holder(path.path()), Ok(Some(Holder { process })));
        first.release();
        assert_eq!(super::holder(path.path()), Ok(None));
        Folder::open(path.path()).unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn network_file_systems_are_known_by_their_numbers() {
        const EXT4: u32 = 0xEF53;
        const TMPFS: u32 = 0x0102_1994;
        const FUSE: u32 = 0x6573_5546;
        for local in [EXT4, TMPFS, FUSE] {
            assert_eq!(network_file_system(local), None);
        }
        assert_eq!(network_file_system(0x6969), Some("NFS"));
        assert_eq!(network_file_system(0xFF53_4D42), Some("CIFS"));
        assert_eq!(network_file_system(0x0102_1997), Some("9P"));
    }
}
