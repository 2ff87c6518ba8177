//! One store in SQL, on a small seam that SQLite and PostgreSQL share.
//!
//! From the bottom up: [`engine`] is the seam as values, [`sqlite`] is the engine that runs them,
//! [`migrate`] says which schema a database has, and [`secrets`] seals what must not be read by
//! whoever has the file alone. [`portable`] holds the rules of the SQL subset, as a lint. On top,
//! [`store`] implements the domain's ports: `change` turns what the domain records into statements,
//! `read` asks for what it reads, and `missed` says in its words which expectation did not hold.
//!
//! # Invariants
//! This is the only crate that knows an SQL engine. It reads no clock and makes no
//! randomness: times and random bytes come in as values. It never blocks the async runtime: all
//! work on files is done by threads of its own. Its errors never carry a parameter's content.

pub mod engine;
pub mod error;
pub mod limit;
pub mod migrate;
pub mod portable;
pub mod rows;
pub mod secrets;
pub mod sqlite;
pub mod store;

mod change;
mod columns;
mod epoch;
mod event_key;
mod missed;
mod read;
mod reason;
mod registry;
mod settings;
mod upkeep;
#[cfg(test)]
mod texts;

pub use engine::{Batch, Engine, Expect, Statement, Value};
pub use error::StoreError;
pub use rows::{Row, Rows};
pub use store::SqlStore;
