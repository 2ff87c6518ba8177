//! Applies the migrations that a database file is missing.

use super::connection::{self, open_to_inspect, unusable};
use super::pseudonyms;
use super::statement::message;
use super::statistics;
use crate::error::StoreError;
use crate::migrate::{Applied, Dialect, Migration, pending, refuse_newer};
use rusqlite::{Connection, Error, TransactionBehavior};
use std::fs;
use std::path::Path;

/// Says whose the database is, in its header: "CSgn".
pub(super) const APPLICATION_ID: i64 = 0x4353_676E;

/// The migration that brought erasures, and with them pseudonyms.
const ERASURES: u32 = 10;

const APPLIED: &str = "SELECT number, checksum FROM migrations ORDER BY number";
const RECORD: &str = "INSERT INTO migrations (number, name, checksum) VALUES (?1, ?2, ?3)";
const MIGRATIONS_TABLE: &str = "
CREATE TABLE IF NOT EXISTS migrations (
    number INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    checksum BLOB NOT NULL
) STRICT, WITHOUT ROWID;";

/// Brings the database up to the newest migration that is known.
///
/// A database that cannot be brought there is refused before anything of it is written.
pub(super) fn upgrade(database: &Path, known: &[Migration]) -> Result<(), StoreError> {
    let cannot_open = |error: Error| StoreError::Open {
        path: database.to_owned(),
        reason: message(&error),
    };
    let length = fs::metadata(database).map_or(0, |file| file.len());
    let applied = if length == 0 {
        Vec::new()
    } else {
        inspect(database, known)?
    };
    let pending = pending(&applied, known)?;
    let mut connection = connection::open_writer(database, None).map_err(cannot_open)?;
    if applied.is_empty() {
        let begin = |connection: &mut Connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.execute_batch(MIGRATIONS_TABLE)?;
            transaction.commit()
        };
        begin(&mut connection).map_err(cannot_open)?;
    }
    if kept_what_it_deleted(&applied) {
        // Nothing is left of what was deleted, and wiped is what will be.
        connection.execute_batch("VACUUM").map_err(cannot_open)?;
    }
    let upgraded = apply_all(&mut connection, pending);
    if !pending.is_empty() {
        // The log has grown by all that was written anew, and a disk that was too small for it is
        // to have that room again. Where readers hold it, it is cut as ever, by the checkpointer.
        let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }
    upgraded
}

fn apply_all(connection: &mut Connection, pending: &[Migration]) -> Result<(), StoreError> {
    for migration in pending {
        let sql = migration.render(&Dialect::SQLITE)?;
        apply(connection, migration, &sql).map_err(|error| StoreError::Upgrade {
            number: migration.number,
            reason: format!("{}: {}", migration.name, message(&error)),
        })?;
    }
    Ok(())
}

/// Whether a database is from before what is deleted is wiped, too.
fn kept_what_it_deleted(applied: &[Applied]) -> bool {
    let newest = applied.iter().map(|applied| applied.number).max();
    newest.is_some_and(|newest| newest < ERASURES)
}

/// What was applied to a database that has content, which must be ours and not newer.
pub(super) fn inspect(database: &Path, known: &[Migration]) -> Result<Vec<Applied>, StoreError> {
    let cannot_open = |error| unusable(database, &error);
    let connection = open_to_inspect(database).map_err(cannot_open)?;
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get(0));
    let application: i64 = number("application_id").map_err(cannot_open)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(cannot_open)?;
    if application == 0 && tables == 0 {
        return Ok(Vec::new());
    }
    if application != APPLICATION_ID {
        return Err(StoreError::Foreign {
            path: database.to_owned(),
        });
    }
    // The header tells a newer schema even if it keeps its migrations in another way.
    let schema: u32 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(cannot_open)?;
    refuse_newer(schema, known)?;
    applied(&connection).map_err(cannot_open)
}

fn applied(connection: &Connection) -> rusqlite::Result<Vec<Applied>> {
    let mut statement = connection.prepare(APPLIED)?;
    let rows = statement.query_map([], |row| {
        Ok(Applied {
            number: row.get(0)?,
            checksum: row.get(1)?,
        })
    })?;
    rows.collect()
}

fn apply(connection: &mut Connection, migration: &Migration, sql: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(sql)?;
    if migration.number == ERASURES {
        pseudonyms::introduce(&transaction)?;
    }
    statistics::assume(&transaction)?;
    let record = (migration.number, migration.name, migration.checksum());
    transaction.execute(RECORD, record)?;
    transaction.pragma_update(None, "user_version", migration.number)?;
    transaction.commit()
}
