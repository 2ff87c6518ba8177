//! The seam between the store and its database, as values.
//!
//! A **batch** is a list of statements, each with the number of rows that it must return. It
//! commits as a whole, or fails with the name of the expectation that did not hold and leaves
//! nothing behind. No value flows from one statement to the next except through rows, so a batch
//! needs no logic between its statements: it is one hop to a thread or one flight on a wire.
//!
//! What must be absent: anything that only one engine can do.

use crate::error::{ParameterFault, StoreError};
use crate::limit;
use crate::rows::Rows;
use std::fmt;
use std::future::Future;

/// Runs queries and batches on one database.
///
/// A future that is dropped cancels the waiting, never half of a batch: the batch is done as a
/// whole or not at all.
///
/// The engines are few and known, so the store is generic over this trait. Once there are two, an
/// enum of them implements it by delegation; nothing needs `dyn`.
pub trait Engine: Send + Sync {
    /// Runs queries that change nothing, at one moment, and answers the rows of each. They see
    /// everything that was acknowledged before, and nothing that is committed meanwhile.
    fn read(&self, queries: Batch) -> impl Future<Output = Result<Vec<Rows>, StoreError>> + Send;

    /// The same, for who is about to write by what it reads. An engine may answer by what writes,
    /// which has in memory what was just written; the answer may wait behind a commit then,
    /// and counts against the same bound as writes do.
    fn read_to_write(
        &self,
        queries: Batch,
    ) -> impl Future<Output = Result<Vec<Rows>, StoreError>> + Send;

    /// Runs a batch as a whole, and answers when it is durable, with the rows of each statement.
    fn write(&self, batch: Batch) -> impl Future<Output = Result<Vec<Rows>, StoreError>> + Send;

    /// Leaves nothing in its files of what no row holds any more: neither where rows lay, nor in
    /// a log. It takes as long as it takes to look at all that is stored, a little at a time, so
    /// that whoever reads or writes meanwhile does not wait for it.
    fn forget(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether the database answers.
    fn ping(&self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// One SQL text with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The text, in the portable subset, with parameters `$1`, `$2` … It is a constant, because an
    /// engine prepares it once for each connection and recognises it by its address.
    pub sql: &'static str,
    /// The parameters, in the order of their numbers.
    pub parameters: Vec<Value>,
    /// What must hold for the batch to be committed.
    pub expect: Expect,
}

/// How many rows a statement must return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Any number, or none.
    Any,
    /// Exactly `count`. The statement must be able to return rows: `RETURNING 1` does it.
    Rows {
        /// The number of rows.
        count: usize,
        /// What the expectation means, in the words of the domain.
        name: &'static str,
    },
}

/// A parameter. Its debug form tells type and size only: a parameter may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// NULL, of whatever type the column has.
    Null,
    /// A 64-bit integer; also a flag (0 or 1) or a time in milliseconds.
    Integer(i64),
    /// A text without U+0000.
    Text(Box<str>),
    /// Sixteen bytes, kept inline because most parameters are ids. The database stores a blob.
    Id([u8; 16]),
    /// Bytes.
    Blob(Box<[u8]>),
}

/// Statements that are done as a whole, in order: all of them queries, where they are read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    statements: Vec<Statement>,
}

// === impl Statement ===

impl Statement {
    /// A statement that may return any number of rows.
    pub fn new(sql: &'static str, parameters: impl Into<Vec<Value>>) -> Self {
        Self {
            sql,
            parameters: parameters.into(),
            expect: Expect::Any,
        }
    }

    /// The same, but it must return exactly `count` rows; `name` says what that means.
    #[must_use]
    pub fn expecting(mut self, count: usize, name: &'static str) -> Self {
        self.expect = Expect::Rows { count, name };
        self
    }

    /// The memory that the parameters hold, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.parameters.iter().map(Value::bytes).sum()
    }

    /// Checks what needs no database: no text may hold U+0000, and the whole must not be too large.
    pub(crate) fn check(&self, index: usize) -> Result<(), StoreError> {
        let null = self
            .parameters
            .iter()
            .position(|value| matches!(value, Value::Text(text) if text.contains('\0')));
        if let Some(position) = null {
            let fault = ParameterFault::Null {
                position: position + 1,
            };
            return Err(StoreError::Parameter { index, fault });
        }
        Ok(())
    }
}

// === impl Expect ===

impl Expect {
    /// Compares the number of rows that statement `index` returned with what it must be.
    pub(crate) fn check(self, index: usize, got: usize) -> Result<(), StoreError> {
        match self {
            Self::Rows { count, name } if count != got => {
                Err(StoreError::Expectation { index, name, got })
            }
            Self::Any | Self::Rows { .. } => Ok(()),
        }
    }
}

// === impl Value ===

impl Value {
    /// The memory of a parameter, in bytes, with a flat rate for what is not text or blob.
    fn bytes(&self) -> usize {
        match self {
            Self::Null | Self::Integer(_) | Self::Id(_) => 16,
            Self::Text(text) => 16 + text.len(),
            Self::Blob(blob) => 16 + blob.len(),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => write!(f, "Null"),
            Self::Integer(_) => write!(f, "Integer"),
            Self::Id(_) => write!(f, "Id"),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Blob(blob) => write!(f, "Blob({} bytes)", blob.len()),
        }
    }
}

impl From<i64> for Value {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Integer(i64::from(flag))
    }
}

impl From<[u8; 16]> for Value {
    fn from(id: [u8; 16]) -> Self {
        Self::Id(id)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&[u8]> for Value {
    fn from(blob: &[u8]) -> Self {
        Self::Blob(blob.into())
    }
}

impl From<Vec<u8>> for Value {
    fn from(blob: Vec<u8>) -> Self {
        Self::Blob(blob.into())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

// === impl Batch ===

impl Batch {
    /// A batch without statements; to write it does nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a statement at the end.
    pub fn push(&mut self, statement: Statement) {
        self.statements.push(statement);
    }

    /// The statements, in order.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The memory that the parameters hold, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.statements.iter().map(Statement::bytes).sum()
    }

    /// Checks what needs no database: limits, and each statement's parameters.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        if self.statements.len() > limit::BATCH_STATEMENTS_MAX {
            return Err(StoreError::TooLarge {
                what: "statements in a batch",
                limit: limit::BATCH_STATEMENTS_MAX,
            });
        }
        if self.bytes() > limit::BATCH_BYTES_MAX {
            return Err(StoreError::TooLarge {
                what: "bytes of parameters in a batch",
                limit: limit::BATCH_BYTES_MAX,
            });
        }
        self.statements
            .iter()
            .enumerate()
            .try_for_each(|(index, statement)| statement.check(index))
    }
}

impl From<Statement> for Batch {
    fn from(statement: Statement) -> Self {
        Self::from([statement])
    }
}

impl From<Vec<Statement>> for Batch {
    fn from(statements: Vec<Statement>) -> Self {
        Self { statements }
    }
}

impl<const N: usize> From<[Statement; N]> for Batch {
    fn from(statements: [Statement; N]) -> Self {
        Self {
            statements: statements.into(),
        }
    }
}

impl Extend<Statement> for Batch {
    fn extend<I: IntoIterator<Item = Statement>>(&mut self, statements: I) {
        self.statements.extend(statements);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debug_form_shows_no_content() {
        let statement = Statement::new(
            "SELECT 1",
            [
                Value::from("hunter2"),
                Value::from(vec![0xAB; 3]),
                Value::from([0xAB; 16]),
                Value::from(171),
                Value::from(None::<i64>),
            ],
        );
        let shown = format!("{statement:?}");
        assert!(
            shown.contains("[Text(7 bytes), Blob(3 bytes), Id, Integer, Null]"),
            "{shown}"
        );
    }

    #[test]
    fn limits_and_null_characters_are_found_without_a_database() {
        let fits = Statement::new(
            "SELECT $1",
            [Value::from(vec![0; limit::BATCH_BYTES_MAX - 16])],
        );
        let one_more = Statement::new("SELECT $1", [Value::from(0)]);
        let null = Statement::new("SELECT $1, $2", [Value::from("a"), Value::from("b\0c")]);
        let cases: [(Batch, Result<(), StoreError>); 4] = [
            ([fits.clone()].into(), Ok(())),
            (
                [fits, one_more.clone()].into(),
                Err(StoreError::TooLarge {
                    what: "bytes of parameters in a batch",
                    limit: limit::BATCH_BYTES_MAX,
                }),
            ),
            (
                vec![one_more.clone(); limit::BATCH_STATEMENTS_MAX + 1].into(),
                Err(StoreError::TooLarge {
                    what: "statements in a batch",
                    limit: limit::BATCH_STATEMENTS_MAX,
                }),
            ),
            (
                [one_more, null].into(),
                Err(StoreError::Parameter {
                    index: 1,
                    fault: ParameterFault::Null { position: 2 },
                }),
            ),
        ];
        for (batch, expected) in cases {
            assert_eq!(batch.check(), expected);
        }
    }
}
