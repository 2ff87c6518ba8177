//! Copies a database that is in use into one file.
//!
//! The copy is of one moment: it is read in one transaction, page by page, and nobody is stopped for
//! it. What is committed meanwhile stays in the log until the copy is done, which is why it is made
//! as fast as the disk allows, and not spread over time.

use super::connection::{PAGE_BYTES, open_to_inspect, unusable};
use super::statement::message;
use crate::error::StoreError;
use crate::limit;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, Error, OpenFlags};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Copies the database into a file that is not there yet.
pub(super) fn copy(database: &Path, to: &Path) -> Result<(), StoreError> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)
        .map_err(|error| not_written(to, &error))?;
    copy_into(database, to, &file).inspect_err(|_| {
        // Half a copy is none. One that cannot be removed is told of by the first error.
        drop(fs::remove_file(to));
    })
}

fn copy_into(database: &Path, to: &Path, file: &File) -> Result<(), StoreError> {
    let unreadable = |error| unusable(database, &error);
    let failed = |error: Error| StoreError::Copy {
        path: to.to_owned(),
        reason: message(&error),
    };
    let source = open_to_inspect(database).map_err(unreadable)?;
    source
        .busy_timeout(limit::LOCK_TIMEOUT)
        .map_err(unreadable)?;
    // The moment: what is read from here on is what was committed up to now.
    source
        .execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema;")
        .map_err(unreadable)?;
    let mut target = open_target(to).map_err(failed)?;
    let backup = Backup::new(&source, &mut target).map_err(failed)?;
    let mut synced_bytes = 0;
    loop {
        let step = backup.step(limit::COPY_STEP_PAGES).map_err(failed)?;
        if step == StepResult::Done {
            break;
        }
        // Nobody else has the copy open, and who reads the database waits for no one.
        if step != StepResult::More {
            return Err(failed(Error::InvalidQuery));
        }
        let progress = backup.progress();
        let pages = u64::try_from(progress.pagecount - progress.remaining).unwrap_or(0);
        if pages * PAGE_BYTES >= synced_bytes + limit::COPY_SYNC_BYTES {
            file.sync_data().map_err(|error| not_written(to, &error))?;
            synced_bytes = pages * PAGE_BYTES;
        }
    }
    drop(backup);
    // Let go at once, so that the log may begin anew.
    drop(source);
    // One file alone: without the log that the database has beside it.
    target
        .pragma_update(None, "journal_mode", "delete")
        .map_err(failed)?;
    target.close().map_err(|(_, error)| failed(error))?;
    file.sync_all().map_err(|error| not_written(to, &error))
}

/// Opens the file for the copy. Until it is whole it is nothing, so nothing is synced and no journal
/// is written meanwhile.
fn open_target(to: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let target = Connection::open_with_flags(to, flags)?;
    target.pragma_update(None, "synchronous", "off")?;
    target.pragma_update(None, "journal_mode", "off")?;
    Ok(target)
}

fn not_written(to: &Path, error: &io::Error) -> StoreError {
    StoreError::Copy {
        path: to.to_owned(),
        reason: error.to_string(),
    }
}
