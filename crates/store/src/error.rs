//! What a store can answer instead of rows.
//!
//! Messages name statements by their index and expectations by their name; they never carry a
//! parameter, so that an error can be logged as it is.

use std::path::PathBuf;

/// Why a batch, a query or the opening of a store failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A statement did not return the rows that it must; nothing of its batch was done.
    #[error("expectation {name:?} of statement {index} failed: it returned {got} rows")]
    Expectation {
        /// Index of the statement in its batch.
        index: usize,
        /// The name that the statement gave to its expectation.
        name: &'static str,
        /// How many rows there were.
        got: usize,
    },

    /// A row with the same unique columns exists; nothing of the batch was done.
    ///
    /// `constraint` is the name of the unique index. A constraint without a name is called as
    /// PostgreSQL would call it: `table_pkey` or `table_column_column_key`.
    #[error("statement {index} violates the unique constraint {constraint}")]
    Unique {
        /// Index of the statement in its batch.
        index: usize,
        /// Name of the index that already holds the values.
        constraint: String,
    },

    /// A row that another one must point to is not there; nothing of the batch was done.
    #[error("statement {index} violates a foreign key")]
    ForeignKey {
        /// Index of the statement in its batch.
        index: usize,
    },

    /// The data does not fit its column (`NOT NULL`, `CHECK`, type, size); nothing was done.
    #[error("statement {index} was refused: {reason}")]
    Refused {
        /// Index of the statement in its batch.
        index: usize,
        /// What the engine said, without any data.
        reason: String,
    },

    /// The text of a statement cannot be run, or cannot do what it is asked to: a mistake of the
    /// program, found before the batch began.
    #[error("statement {index} cannot run: {reason}")]
    Statement {
        /// Index of the statement in its batch.
        index: usize,
        /// What is wrong with it.
        reason: String,
    },

    /// The parameters do not fit the statement; found before the batch began.
    #[error("parameters of statement {index}: {fault}")]
    Parameter {
        /// Index of the statement in its batch.
        index: usize,
        /// What is wrong with them.
        fault: ParameterFault,
    },

    /// A batch or an answer is larger than the limits allow; nothing was done.
    #[error("more than {limit} {what}")]
    TooLarge {
        /// What there was too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },

    /// A row does not have the shape that its reader expects.
    #[error("row {row}, column {column}: wanted {wanted}, found {found}")]
    Decode {
        /// Index of the row.
        row: usize,
        /// Index of the column.
        column: usize,
        /// The type that was asked for.
        wanted: &'static str,
        /// The type that is there.
        found: &'static str,
    },

    /// The store cannot answer now.
    #[error("store unavailable: {0}")]
    Unavailable(#[from] Unavailable),

    /// The database was written by a newer program; it was not touched.
    #[error(
        "the database has schema {found}, and this program knows up to {known}: run the newer program"
    )]
    Newer {
        /// The schema of the database.
        found: u32,
        /// The newest schema that this program knows.
        known: u32,
    },

    /// A migration that was applied is not the one that this program has.
    #[error("migration {number:04}: {reason}")]
    Migration {
        /// The number of the migration.
        number: u32,
        /// What is wrong.
        reason: String,
    },

    /// A migration cannot be applied; those before it were.
    #[error(
        "the upgrade of the database stopped at migration {number:04}, of which nothing was kept: {reason}"
    )]
    Upgrade {
        /// The number of the migration.
        number: u32,
        /// What the engine said, without any data.
        reason: String,
    },

    /// The file is a database of some other program; it was not touched.
    #[error("{} is not a database of countersign", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },

    /// Another process has the data folder open.
    #[error("the data folder {} is in use by another process{}", path.display(), .holder.map(|id| format!(" ({id})")).unwrap_or_default())]
    Locked {
        /// The data folder.
        path: PathBuf,
        /// The id of that process, as it wrote it.
        holder: Option<u32>,
    },

    /// The data folder is on a network file system, where the write-ahead log is not safe.
    #[error(
        "the data folder {} is on a network file system ({kind}): choose a folder on a local disk",
        path.display()
    )]
    Network {
        /// The data folder.
        path: PathBuf,
        /// The kind of file system.
        kind: &'static str,
    },

    /// The linked SQLite has a bug that can corrupt a database.
    #[error("SQLite {version} is linked, and 3.51.3 or newer is needed")]
    EngineTooOld {
        /// The version that is linked.
        version: &'static str,
    },

    /// The database, or a copy of it, is not whole.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the engine found first.
        reason: String,
    },

    /// A database cannot be copied into a file.
    #[error("cannot write the copy {}: {reason}", path.display())]
    Copy {
        /// The file.
        path: PathBuf,
        /// What the operating system or the engine said.
        reason: String,
    },

    /// A file or folder cannot be opened or made.
    #[error("cannot open {}: {reason}", path.display())]
    Open {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
}

/// Why a store cannot answer now.
///
/// [`QueueFull`](Unavailable::QueueFull) and [`Closed`](Unavailable::Closed) mean that nothing was
/// done. After the others the outcome of a write is unknown, so only a caller whose write is
/// idempotent may repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Too much is waiting already.
    #[error("too many requests are waiting")]
    QueueFull,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// No answer came in time.
    #[error("no answer in time")]
    Timeout,
    /// The disk, or the size that the options allow, is full.
    #[error("the disk is full")]
    Full,
    /// Reading, writing or opening a file failed.
    #[error("input or output failed")]
    Io,
    /// A thread of the engine failed while it worked on this; it has been restarted.
    #[error("the engine failed")]
    Failed,
}

/// Why the parameters of a statement were not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParameterFault {
    /// The statement has another number of parameters.
    #[error("wanted {wanted}, got {got}")]
    Count {
        /// How many the text has.
        wanted: usize,
        /// How many were given.
        got: usize,
    },
    /// A text holds U+0000, which PostgreSQL cannot store.
    #[error("number {position} holds U+0000")]
    Null {
        /// The number of the parameter, counted from 1 as in `$1`.
        position: usize,
    },
}
