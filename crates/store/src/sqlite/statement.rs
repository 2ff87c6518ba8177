//! Running one statement on one connection, and telling what its errors mean.

use super::constraint;
use crate::engine::{Expect, Statement, Value};
use crate::error::{ParameterFault, StoreError, Unavailable};
use crate::limit;
use crate::rows::{Rows, Size};
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Error, ErrorCode, ffi};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// The prepared statements of a connection.
///
/// A text is recognised by address and length: it is a constant, so it neither moves nor changes,
/// and this is cheaper than to hash it.
#[derive(Debug)]
pub(super) struct Statements<'c> {
    connection: &'c Connection,
    prepared: HashMap<(usize, usize), Prepared<'c>, BuildHasherDefault<AddressHasher>>,
    constraints: HashMap<String, String>,
}

#[derive(Debug)]
struct Prepared<'c> {
    statement: rusqlite::Statement<'c>,
    /// How many parameters it has.
    parameters: usize,
    /// Whether it can answer rows.
    returns_rows: bool,
    readonly: bool,
    /// How much its last answer held: the next one most likely holds as much.
    size: Size,
}

/// Spreads addresses of the program's own constants: nobody from outside chooses them, and there
/// are few.
#[derive(Debug, Default)]
struct AddressHasher(u64);

/// Why a statement failed, by what it means for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The batch of this statement has failed; the connection is as good as before.
    Batch(StoreError),
    /// The connection, or the disk under it, has failed.
    Engine(Unavailable),
}

/// What a statement may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Read only.
    Read,
    /// Read and write.
    Write,
}

/// Parameters of so many bytes are not to stay in memory until a statement is run again.
const BOUND_BYTES_MAX: usize = 4 << 10;

/// How a statement ends of whose rows only the number matters. SQLite would collect them in a table
/// made for it, at twice the price of the rest; it has counted them anyway.
const ONLY_COUNTS: &str = " RETURNING 1";

fn only_counts(sql: &str) -> bool {
    sql.ends_with(ONLY_COUNTS)
}

// === impl Statements ===

impl<'c> Statements<'c> {
    /// No statements yet.
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            prepared: HashMap::default(),
            constraints: HashMap::new(),
        }
    }

    /// Whether a transaction is open. Some errors end it on SQLite's side.
    pub(super) fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// Runs a command of transaction control. All its failures are the engine's.
    pub(super) fn control(&mut self, command: &'static str) -> Result<(), Unavailable> {
        let run = |statements: &mut Self| {
            let prepared = statements.prepare(command)?;
            prepared.statement.raw_query().next().map(drop)
        };
        run(self).map_err(|error| engine_failure(&error))
    }

    /// Checks that a statement can run and do what is asked of it, without running it.
    pub(super) fn check(
        &mut self,
        index: usize,
        statement: &Statement,
        access: Access,
    ) -> Result<(), Failure> {
        let mistake = |reason: &str| {
            Err(Failure::Batch(StoreError::Statement {
                index,
                reason: reason.to_owned(),
            }))
        };
        let prepared = self
            .prepare(statement.sql)
            .map_err(|error| prepare_failure(index, &error))?;
        let wanted = prepared.parameters;
        let got = statement.parameters.len();
        if wanted != got {
            let fault = ParameterFault::Count { wanted, got };
            return Err(Failure::Batch(StoreError::Parameter { index, fault }));
        }
        if matches!(statement.expect, Expect::Rows { .. }) && !prepared.returns_rows {
            return mistake("it expects rows and cannot return any: RETURNING is missing");
        }
        if access == Access::Read && !(prepared.readonly && prepared.returns_rows) {
            return mistake("it is not a query");
        }
        Ok(())
    }

    /// Runs a statement that was checked, and compares its rows with what is expected.
    pub(super) fn run(&mut self, index: usize, statement: &Statement) -> Result<Rows, Failure> {
        let prepared = self
            .prepare(statement.sql)
            .map_err(|error| prepare_failure(index, &error))?;
        let rows = if only_counts(statement.sql) {
            count(&mut prepared.statement, &statement.parameters)
        } else {
            collect(prepared, &statement.parameters)
        };
        // What was bound is copied by SQLite, and an attachment should not stay in memory.
        if statement.bytes() > BOUND_BYTES_MAX {
            prepared.statement.clear_bindings();
        }
        let rows = rows.map_err(|failure| match failure {
            Stopped::Failure(failure) => failure,
            Stopped::Sql(error) => self.failure(index, &error),
        })?;
        statement
            .expect
            .check(index, rows.len())
            .map_err(Failure::Batch)?;
        Ok(rows)
    }

    fn prepare(&mut self, sql: &'static str) -> rusqlite::Result<&mut Prepared<'c>> {
        let key = (sql.as_ptr().addr(), sql.len());
        if !self.prepared.contains_key(&key) {
            if self.prepared.len() >= limit::PREPARED_MAX {
                self.prepared.clear();
            }
            let text = sql.strip_suffix(ONLY_COUNTS).unwrap_or(sql);
            // To SQLite `$2` is a name, numbered by its first appearance; `?2` is a number.
            let statement = self.connection.prepare(&text.replace('$', "?"))?;
            let prepared = Prepared {
                parameters: statement.parameter_count(),
                returns_rows: statement.column_count() > 0 || only_counts(sql),
                readonly: statement.readonly(),
                size: Size::default(),
                statement,
            };
            self.prepared.insert(key, prepared);
        }
        self.prepared.get_mut(&key).ok_or(Error::InvalidQuery)
    }

    /// Says what the error of a statement that was running means.
    fn failure(&mut self, index: usize, error: &Error) -> Failure {
        let Some(code) = batch_error(error) else {
            return Failure::Engine(engine_failure(error));
        };
        let message = message(error);
        Failure::Batch(match code.extended_code {
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => StoreError::ForeignKey { index },
            ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_ROWID => {
                let primary = code.extended_code != ffi::SQLITE_CONSTRAINT_UNIQUE;
                let connection = self.connection;
                let constraint = self
                    .constraints
                    .entry(message)
                    .or_insert_with_key(|message| constraint::name(connection, message, primary))
                    .clone();
                StoreError::Unique { index, constraint }
            }
            _ => StoreError::Refused {
                index,
                reason: message,
            },
        })
    }
}

// === impl AddressHasher ===

impl Hasher for AddressHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, number: usize) {
        // An odd number without a pattern, so that all bits of an address reach the upper ones.
        const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
        self.0 = (self.0.rotate_left(5) ^ number as u64).wrapping_mul(SPREAD);
    }

    fn finish(&self) -> u64 {
        // A map takes the lower bits.
        self.0 ^ (self.0 >> 32)
    }
}

// === impl Value ===

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(integer) => ValueRef::Integer(*integer),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Id(id) => ValueRef::Blob(id),
            Self::Blob(blob) => ValueRef::Blob(blob),
        }))
    }
}

/// Why the rows of a statement could not be collected.
enum Stopped {
    Sql(Error),
    Failure(Failure),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Sql(error)
    }
}

fn bind(prepared: &mut rusqlite::Statement<'_>, parameters: &[Value]) -> rusqlite::Result<()> {
    for (position, value) in parameters.iter().enumerate() {
        prepared.raw_bind_parameter(position + 1, value)?;
    }
    Ok(())
}

/// Runs a statement, and answers as many rows without cells as it has changed.
fn count(prepared: &mut rusqlite::Statement<'_>, parameters: &[Value]) -> Result<Rows, Stopped> {
    bind(prepared, parameters)?;
    let changed = prepared.raw_execute()?;
    let mut rows = Rows::with_columns(0);
    (0..changed).for_each(|_| rows.end_row());
    Ok(rows)
}

fn collect(prepared: &mut Prepared<'_>, parameters: &[Value]) -> Result<Rows, Stopped> {
    let Prepared {
        statement, size, ..
    } = prepared;
    bind(statement, parameters)?;
    let columns = statement.column_count();
    let mut rows = Rows::with_room(columns, *size);
    let mut found = statement.raw_query();
    while let Some(row) = found.next()? {
        if rows.len() == limit::ROWS_MAX {
            return Err(too_large("rows in an answer", limit::ROWS_MAX));
        }
        for column in 0..columns {
            push(&mut rows, column, row.get_ref(column)?)?;
        }
        rows.end_row();
        if rows.bytes() > limit::ROWS_BYTES_MAX {
            return Err(too_large("bytes in an answer", limit::ROWS_BYTES_MAX));
        }
    }
    *size = rows.size();
    Ok(rows)
}

fn push(rows: &mut Rows, column: usize, value: ValueRef<'_>) -> Result<(), Stopped> {
    let mismatch = |found| {
        Err(Stopped::Failure(Failure::Batch(StoreError::Decode {
            row: rows.len(),
            column,
            wanted: "NULL, an integer, a text or a blob",
            found,
        })))
    };
    match value {
        ValueRef::Null => rows.push_null(),
        ValueRef::Integer(integer) => rows.push_integer(integer),
        ValueRef::Real(_) => return mismatch("a floating-point number"),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => rows.push_text(text),
            Err(_) => return mismatch("a text that is not UTF-8"),
        },
        ValueRef::Blob(blob) => rows.push_blob(blob),
    }
    Ok(())
}

fn too_large(what: &'static str, limit: usize) -> Stopped {
    Stopped::Failure(Failure::Batch(StoreError::TooLarge { what, limit }))
}

/// Says what it means that a text could not be prepared.
fn prepare_failure(index: usize, error: &Error) -> Failure {
    if code(error).is_some() && batch_error(error).is_none() {
        return Failure::Engine(engine_failure(error));
    }
    Failure::Batch(StoreError::Statement {
        index,
        reason: message(error),
    })
}

/// SQLite's code, where the error is one of SQLite's.
fn code(error: &Error) -> Option<ffi::Error> {
    if let Error::SqliteFailure(code, _) | Error::SqlInputError { error: code, .. } = error {
        return Some(*code);
    }
    None
}

/// The code of an error that is about one statement and its data; `None` where it is about the
/// connection, the file or the machine.
fn batch_error(error: &Error) -> Option<ffi::Error> {
    let code = code(error)?;
    let about_data = matches!(
        code.code,
        ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig
    );
    (about_data || code.extended_code == ffi::SQLITE_ERROR).then_some(code)
}

/// What an error that is about the connection, the file or the machine means to a caller.
pub(super) fn engine_failure(error: &Error) -> Unavailable {
    match code(error).map(|code| code.code) {
        Some(ErrorCode::DiskFull) => Unavailable::Full,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Unavailable::Timeout,
        Some(_) => Unavailable::Io,
        None => Unavailable::Failed,
    }
}

/// What SQLite said. Its messages name tables and columns, never data.
pub(super) fn message(error: &Error) -> String {
    if let Error::SqliteFailure(_, Some(message)) | Error::SqlInputError { msg: message, .. } =
        error
    {
        return message.clone();
    }
    error.to_string()
}
