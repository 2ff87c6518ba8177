//! Looks at a database file without changing it: is it ours, is it whole, and what is in it.
//!
//! It goes by those tables that every version of the schema has had, so that also a database can
//! be looked at that an older program has made.

use super::apart;
use super::connection::{open_to_inspect, unusable};
use super::upgrade;
use crate::change::signing_key;
use crate::error::StoreError;
use crate::limit;
use crate::migrate::{Applied, Migration, pending};
use crate::registry::mac_key_place;
use crate::secrets::{Keyring, SecretError};
use countersign_core::id::ApplicationId;
use countersign_credential::key::Kid;
use countersign_credential::time::Timestamp;
use rusqlite::Connection;
use std::path::Path;

/// How closely is looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Whether the file is ours and can be read: at once.
    Readable,
    /// Each page by itself: some seconds for a gibibyte.
    Pages,
    /// Each page, and each index against its table: several times as long.
    Everything,
}

/// What is in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The newest migration that was applied.
    pub schema: u32,
    /// The number of the history that it tells.
    pub epoch: u64,
    /// How many applications there are.
    pub applications: u64,
    /// When the newest of its sessions, conversations and log entries was made.
    pub newest: Option<Timestamp>,
    secrets: Vec<Sealed>,
}

/// How much of everything there is. To count reads a large part of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Census {
    /// Users who were not deleted, visitors among them.
    pub users: u64,
    /// Events of all conversations.
    pub events: u64,
}

/// A sealed secret, and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sealed {
    table: Table,
    row: Vec<u8>,
    sealed: Vec<u8>,
}

/// A table with sealed secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    MacKeys,
    SigningKeys,
}

/// Looks at a database.
///
/// # Errors
/// [`StoreError::Foreign`], [`StoreError::Newer`], [`StoreError::Migration`] about one that was
/// applied in another version, [`StoreError::Damaged`] and [`StoreError::Open`].
pub async fn inspect(
    database: &Path,
    known: &'static [Migration],
    depth: Depth,
) -> Result<Contents, StoreError> {
    let path = database.to_owned();
    apart("store-inspect", database, move || {
        contents(&path, known, depth)
    })
    .await
}

/// The newest migration that was applied to a database; none, where there is no database yet.
///
/// # Errors
/// [`StoreError::Foreign`], [`StoreError::Newer`], [`StoreError::Damaged`] and
/// [`StoreError::Open`].
pub async fn schema(
    database: &Path,
    known: &'static [Migration],
) -> Result<Option<u32>, StoreError> {
    if !database.exists() {
        return Ok(None);
    }
    let path = database.to_owned();
    apart("store-inspect", database, move || {
        Ok(newest_of(&upgrade::inspect(&path, known)?))
    })
    .await
}

/// Counts what is in a database.
///
/// # Errors
/// [`StoreError::Damaged`] and [`StoreError::Open`].
pub async fn count(database: &Path) -> Result<Census, StoreError> {
    let path = database.to_owned();
    apart("store-count", database, move || {
        let count = || {
            let connection = open_waiting(&path)?;
            Ok(Census {
                users: number(
                    &connection,
                    "SELECT count(*) FROM users WHERE deleted_at IS NULL",
                )?,
                events: number(&connection, "SELECT count(*) FROM events")?,
            })
        };
        count().map_err(|error| unusable(&path, &error))
    })
    .await
}

// === impl Contents ===

impl Contents {
    /// Opens every sealed secret, and says how many there are.
    ///
    /// # Errors
    /// As [`Keyring::open`], about the first that does not open.
    pub fn open_secrets(&self, keyring: &Keyring) -> Result<usize, SecretError> {
        for secret in &self.secrets {
            let place = match secret.table {
                Table::MacKeys => mac_key_place(&secret.row),
                Table::SigningKeys => signing_key::place_of(&secret.row),
            };
            keyring.open(place, &secret.sealed)?;
        }
        Ok(self.secrets.len())
    }
}

fn contents(database: &Path, known: &[Migration], depth: Depth) -> Result<Contents, StoreError> {
    let applied = upgrade::inspect(database, known)?;
    pending(&applied, known)?;
    let schema = newest_of(&applied).ok_or_else(|| StoreError::Foreign {
        path: database.to_owned(),
    })?;
    let unusable = |error| unusable(database, &error);
    let connection = open_waiting(database).map_err(unusable)?;
    let check = match depth {
        Depth::Readable => None,
        Depth::Pages => Some("PRAGMA quick_check(1)"),
        Depth::Everything => Some("PRAGMA integrity_check(1)"),
    };
    if let Some(check) = check {
        let found: String = connection
            .query_row(check, [], |row| row.get(0))
            .map_err(unusable)?;
        if found != "ok" {
            return Err(StoreError::Damaged {
                path: database.to_owned(),
                reason: found
                    .trim_start_matches("*** in database main ***")
                    .trim()
                    .replace('\n', " "),
            });
        }
    }
    let epoch: String = connection
        .query_row("SELECT value FROM meta WHERE name = 'epoch'", [], |row| {
            row.get(0)
        })
        .map_err(unusable)?;
    Ok(Contents {
        schema,
        epoch: epoch.parse().map_err(|_| StoreError::Damaged {
            path: database.to_owned(),
            reason: "its epoch is no number".to_owned(),
        })?,
        applications: number(&connection, "SELECT count(*) FROM applications").map_err(unusable)?,
        newest: newest(&connection).map_err(unusable)?,
        secrets: secrets(&connection).map_err(unusable)?,
    })
}

fn newest_of(applied: &[Applied]) -> Option<u32> {
    applied.iter().map(|applied| applied.number).max()
}

fn open_waiting(database: &Path) -> rusqlite::Result<Connection> {
    let connection = open_to_inspect(database)?;
    connection.busy_timeout(limit::LOCK_TIMEOUT)?;
    Ok(connection)
}

fn number(connection: &Connection, sql: &str) -> rusqlite::Result<u64> {
    let count: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// An id begins with the milliseconds of its making (RFC 9562 section 5.7), and the newest of an
/// application is the last of its key.
fn newest(connection: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let ids = [
        "SELECT (SELECT max(s.id) FROM sessions s WHERE s.application_id = a.id) \
         FROM applications a",
        "SELECT (SELECT max(c.id) FROM conversations c WHERE c.application_id = a.id) \
         FROM applications a",
        "SELECT (SELECT max(l.id) FROM audit l WHERE l.application_id = a.id) \
         FROM applications a",
    ];
    let mut newest = None;
    for sql in ids {
        let mut query = connection.prepare(sql)?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let id: Option<[u8; 16]> = row.get(0)?;
            newest = newest.max(id);
        }
    }
    Ok(newest.map(|id| {
        let milliseconds = id[..6]
            .iter()
            .fold(0, |sum, byte| sum << 8 | i64::from(*byte));
        Timestamp::from_milliseconds(milliseconds)
    }))
}

fn secrets(connection: &Connection) -> rusqlite::Result<Vec<Sealed>> {
    let mut found = Vec::new();
    let mut query = connection.prepare("SELECT id, sealed_secret FROM mac_keys")?;
    let rows = query.query_map([], |row| {
        Ok(Sealed {
            table: Table::MacKeys,
            row: vec![row.get(0)?],
            sealed: row.get(1)?,
        })
    })?;
    for row in rows {
        found.push(row?);
    }
    let mut query = connection.prepare(
        "SELECT application_id, kid, sealed_secret FROM signing_keys \
         WHERE sealed_secret IS NOT NULL",
    )?;
    let rows = query.query_map([], |row| {
        let application = ApplicationId::from_bytes(row.get(0)?);
        let kid: String = row.get(1)?;
        // A name that is none was never sealed for, and its secret does not open.
        let place = Kid::parse(&kid).map(|kid| signing_key::row_of(application, &kid));
        Ok(Sealed {
            table: Table::SigningKeys,
            row: place.unwrap_or_default(),
            sealed: row.get(2)?,
        })
    })?;
    for row in rows {
        found.push(row?);
    }
    Ok(found)
}
