//! What can be said against opening a folder without touching it: neither a lock nor a log beside
//! the database is made, and what another process has open is not disturbed.

use super::DATABASE_FILE;
use super::folder::refuse_network_file_system;
use super::upgrade::APPLICATION_ID;
use crate::error::StoreError;
use crate::migrate::{Migration, refuse_newer};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// How a database file begins (SQLite's file format, section 1.3), and where its header keeps what
/// `PRAGMA user_version` and `PRAGMA application_id` tell.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const HEADER_BYTES: usize = 100;
const SCHEMA_AT: usize = 60;
const APPLICATION_AT: usize = 68;

/// Looks at a folder, which need not be there. What the header of the database says is believed;
/// a newer schema that is only in the log is found when it is opened.
///
/// # Errors
/// [`StoreError::Network`], [`Foreign`](StoreError::Foreign), [`Newer`](StoreError::Newer) or
/// [`Open`](StoreError::Open), as [`Sqlite::open`](super::Sqlite::open).
pub fn look_at(folder: &Path, known: &[Migration]) -> Result<(), StoreError> {
    if let Some(there) = folder.ancestors().find(|path| path.exists()) {
        refuse_network_file_system(there)?;
    }
    let database = folder.join(DATABASE_FILE);
    let header = header(&database).map_err(|error| StoreError::Open {
        path: database.clone(),
        reason: error.to_string(),
    })?;
    let Some(header) = header else {
        return Ok(());
    };
    let number = |at: usize| {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&header[at..at + 4]);
        u32::from_be_bytes(bytes)
    };
    // Before its first table is made a database is nobody's.
    let whose = i64::from(number(APPLICATION_AT));
    if !header.starts_with(MAGIC) || whose != APPLICATION_ID && whose != 0 {
        return Err(StoreError::Foreign { path: database });
    }
    refuse_newer(number(SCHEMA_AT), known)
}

/// The header of a database that has one.
fn header(database: &Path) -> io::Result<Option<[u8; HEADER_BYTES]>> {
    let file = match File::open(database) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut header = Vec::with_capacity(HEADER_BYTES);
    file.take(HEADER_BYTES as u64).read_to_end(&mut header)?;
    if header.is_empty() {
        return Ok(None);
    }
    header.resize(HEADER_BYTES, 0);
    Ok(header.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::MIGRATIONS;
    use crate::sqlite::{Options, Sqlite};
    use std::fs;

    #[tokio::test]
    async fn what_would_be_refused_is_told_and_nothing_is_made() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("a/b");
        look_at(&folder, MIGRATIONS).unwrap();
        assert!(!folder.exists());
        let engine = Sqlite::open(&folder, Options::default(), MIGRATIONS)
            .await
            .unwrap();
        look_at(&folder, MIGRATIONS).unwrap();
        engine.close().await;
        let names = || {
            let names = fs::read_dir(&folder)
                .unwrap()
                .map(|entry| entry.unwrap().file_name());
            let mut names: Vec<_> = names.collect();
            names.sort();
            names
        };
        let (before, database) = (names(), folder.join(DATABASE_FILE));
        look_at(&folder, MIGRATIONS).unwrap();
        let known = u32::try_from(MIGRATIONS.len()).unwrap();
        let older = look_at(&folder, &MIGRATIONS[..MIGRATIONS.len() - 1]).unwrap_err();
        assert_eq!(
            older,
            StoreError::Newer {
                found: known,
                known: known - 1
            }
        );
        let good = fs::read(&database).unwrap();
        let mut foreign = good.clone();
        foreign[APPLICATION_AT] ^= 1;
        for other in [&foreign[..], b"x", &[0; 200]] {
            fs::write(&database, other).unwrap();
            let refused = look_at(&folder, MIGRATIONS).unwrap_err();
            assert_eq!(
                refused,
                StoreError::Foreign {
                    path: database.clone()
                }
            );
        }
        fs::write(&database, "").unwrap();
        look_at(&folder, MIGRATIONS).unwrap();
        assert_eq!(names(), before);
    }
}
