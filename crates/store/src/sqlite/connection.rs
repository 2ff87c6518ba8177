//! The three kinds of connection, and everything that is set on them.

use super::statement::message;
use crate::error::StoreError;
use crate::limit;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, Result};
use std::path::Path;
use std::time::Duration;

/// Bytes of a page: SQLite's default, of which new databases are made.
pub(super) const PAGE_BYTES: u64 = 4096;

/// Memory of the writer for pages, in KiB.
const WRITER_CACHE_KIB: i64 = 32 << 10;

/// How long a checkpoint that stops the writer waits for readers. Shorter than the writer's
/// patience, so that the checkpoint gives up first.
const CHECKPOINT_LOCK_TIMEOUT: Duration = Duration::from_millis(250);

/// Opens the one connection that writes. `bytes_max` bounds the database file.
pub(super) fn open_writer(database: &Path, bytes_max: Option<u64>) -> Result<Connection> {
    let connection = open(database)?;
    connection.busy_timeout(limit::LOCK_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // The checkpointer does it, on a thread of its own: inside a commit it would hold up everyone.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    let kept = i64::try_from(limit::LOG_KEPT_BYTES).unwrap_or(i64::MAX);
    connection.pragma_update(None, "journal_size_limit", kept)?;
    // What is deleted is overwritten: it may be what somebody wants to be forgotten.
    connection.pragma_update(None, "secure_delete", true)?;
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
    // Not mapped: SQLite drops the whole map after each commit of the writer, and the next read
    // pays for every page of it anew.
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "cache_size", -limit::READER_CACHE_KIB)?;
    Ok(connection)
}

/// Opens the connection that moves the log into the database.
pub(super) fn open_checkpointer(database: &Path) -> Result<Connection> {
    let connection = open(database)?;
    connection.busy_timeout(CHECKPOINT_LOCK_TIMEOUT)?;
    Ok(connection)
}

/// Opens a connection that wipes what is left between the cells of pages. Its commits are as
/// durable as the writer's.
pub(super) fn open_wiper(database: &Path) -> Result<Connection> {
    let connection = open(database)?;
    connection.busy_timeout(limit::LOCK_TIMEOUT)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    // Without it no page can be written as such.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)?;
    Ok(connection)
}

/// Closes the last connection: SQLite moves what is left of the log, and deletes it.
pub(super) fn close_last(connection: Connection) -> Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    connection.close().map_err(|(_, error)| error)
}

/// Opens a connection that looks at a database without changing it. It is read-only, so that not
/// even the log is moved into the database when it is closed.
pub(super) fn open_to_inspect(database: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// What an error says about a database that was to be opened or read.
pub(super) fn unusable(database: &Path, error: &Error) -> StoreError {
    let path = database.to_owned();
    let reason = message(error);
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::Foreign { path },
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged { path, reason },
        _ => StoreError::Open { path, reason },
    }
}

fn open(database: &Path) -> Result<Connection> {
    // Without the flag that creates: if the file was taken away, an empty one must not replace it.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // A text in double quotes is a name, as on PostgreSQL, never a string.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    // A plan follows from the text alone. Else each new parameter has its statement planned again,
    // for it might be one that a partial index could serve: half the cost of a query.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Closing the last connection would move the log and delete it, also after a sync has failed:
    // whether that may be is the checkpointer's to say.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // NORMAL loses acknowledged batches on power loss.
    connection.pragma_update(None, "synchronous", "full")?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a connection says about its settings, each as a text.
    fn settings<const N: usize>(connection: &Connection, names: [&str; N]) -> [String; N] {
        names.map(|name| {
            connection
                .pragma_query_value(None, name, |row| {
                    let value = row.get_ref(0)?;
                    let integer = value.as_i64().map(|integer| integer.to_string());
                    integer.or_else(|_| Ok(value.as_str()?.to_owned()))
                })
                .unwrap()
        })
    }

    #[test]
    fn connections_are_durable_and_narrow() {
        const FULL: &str = "2";
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("database");
        assert!(open_writer(&database, None).is_err(), "a file was made");
        std::fs::write(&database, "").unwrap();
        let writer = open_writer(&database, Some(10 * PAGE_BYTES + 1)).unwrap();
        let reader = open_reader(&database).unwrap();
        let checkpointer = open_checkpointer(&database).unwrap();
        for connection in [&writer, &reader, &checkpointer] {
            let names = [
                "synchronous",
                "journal_mode",
                "foreign_keys",
                "trusted_schema",
            ];
            assert_eq!(settings(connection, names), [FULL, "wal", "1", "0"]);
            let double_quoted_text = connection.query_row("SELECT \"text\"", [], |_| Ok(()));
            assert!(double_quoted_text.is_err());
        }
        let names = [
            "wal_autocheckpoint",
            "max_page_count",
            "page_size",
            "query_only",
        ];
        assert_eq!(
            settings(&writer, names),
            ["0", "10", &PAGE_BYTES.to_string(), "0"]
        );
        assert_eq!(settings(&reader, ["query_only", "mmap_size"]), ["1", "0"]);
        let inspecting = open_to_inspect(&database).unwrap();
        assert!(inspecting.execute_batch("CREATE TABLE t (a)").is_err());
    }
}
