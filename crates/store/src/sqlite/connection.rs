//! The three kinds of connection, and everything that is set on them.

use crate::limit;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Result};
use std::path::Path;
use std::time::Duration;

/// Bytes of a page: SQLite's default, of which new databases are made.
pub(super) const PAGE_BYTES: u64 = 4096;

/// Memory of the writer for pages, in KiB. Readers map the file instead.
const WRITER_CACHE_KIB: i64 = 32 << 10;

/// How long a checkpoint that stops the writer waits for readers. Shorter than the writer's
/// patience, so that the checkpoint gives up first.
const CHECKPOINT_LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// Opens the one connection that writes. `bytes_max` bounds the database file.
pub(super) fn open_writer(database: &Path, bytes_max: Option<u64>) -> Result<Connection> {
    let connection = open(database)?;
    connection.busy_timeout(limit::LOCK_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // The checkpointer does it, on a thread of its own: inside a commit it would hold up everyone.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    if let Some(bytes_max) = bytes_max {
        let pages_max = i64::try_from(bytes_max / PAGE_BYTES).unwrap_or(i64::MAX);
        connection.pragma_update(None, "max_page_count", pages_max)?;
    }
    Ok(connection)
}

/// Opens a connection that cannot write.
pub(super) fn open_reader(database: &Path) -> Result<Connection> {
    let connection = open(database)?;
    connection.busy_timeout(limit::LOCK_TIMEOUT)?;
    connection.pragma_update(None, "query_only", true)?;
    let map_bytes = i64::try_from(limit::READER_MAP_BYTES).unwrap_or(i64::MAX);
    connection.pragma_update(None, "mmap_size", map_bytes)?;
    Ok(connection)
}

/// Opens the connection that moves the log into the database.
pub(super) fn open_checkpointer(database: &Path) -> Result<Connection> {
    let connection = open(database)?;
    connection.busy_timeout(CHECKPOINT_LOCK_TIMEOUT)?;
    Ok(connection)
}

/// Opens a connection that looks at a database without changing it: not even its log is moved when
/// the connection is closed.
pub(super) fn open_to_inspect(database: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

fn open(database: &Path) -> Result<Connection> {
    // Without the flag that creates: if the file was taken away, an empty one must not replace it.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // A text in double quotes is a name, as on PostgreSQL, never a string.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // NORMAL loses acknowledged batches on power loss.
    connection.pragma_update(None, "synchronous", "full")?;
    Ok(connection)
}
