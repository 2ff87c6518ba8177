//! The tables of the suite, in the form in which the store has its own.

use countersign_store::migrate::Migration;
use countersign_store::{Batch, Engine, Expect, Rows, Statement, StoreError, Value};

/// Accounts with a name and a balance, entries that belong to an account, and a column of each
/// type.
pub(crate) const MIGRATIONS: &[Migration] = &[Migration {
    number: 1,
    name: "suite",
    template: "
        CREATE TABLE accounts (
            id {blob} NOT NULL PRIMARY KEY,
            name {text} NOT NULL,
            balance {int} NOT NULL CHECK (balance >= 0)
        ){end};
        CREATE UNIQUE INDEX accounts_by_name ON accounts (name);
        CREATE TABLE entries (
            account {blob} NOT NULL REFERENCES accounts (id),
            number {int} NOT NULL,
            body {text} NOT NULL,
            PRIMARY KEY (account, number)
        ){end};
        CREATE TABLE samples (
            id {int} NOT NULL PRIMARY KEY,
            an_int {int},
            a_text {text},
            a_blob {blob}
        ){end};",
}];

const INSERT_ACCOUNT: &str = "INSERT INTO accounts (id, name, balance) VALUES ($1, $2, $3)";
const DEPOSIT: &str = "UPDATE accounts SET balance = balance + $2 WHERE id = $1 RETURNING balance";
const INSERT_ENTRY: &str = "INSERT INTO entries (account, number, body) \
     SELECT a.id, a.balance, $2 FROM accounts a WHERE a.id = $1 RETURNING number";
const SELECT_BALANCE: &str = "SELECT balance FROM accounts WHERE id = $1";
const COUNT_ACCOUNTS: &str = "SELECT count(*) FROM accounts";
const COUNT_ENTRIES: &str = "SELECT count(*) FROM entries WHERE account = $1";

/// All texts of the suite that a lint may look at.
pub(crate) const TEXTS: &[&str] = &[
    INSERT_ACCOUNT,
    DEPOSIT,
    INSERT_ENTRY,
    SELECT_BALANCE,
    COUNT_ACCOUNTS,
    COUNT_ENTRIES,
];

/// An id that is different for each number.
pub(crate) fn id(number: u8) -> [u8; 16] {
    [number; 16]
}

/// Makes an account with a balance.
pub(crate) fn insert_account(number: u8, name: &str, balance: i64) -> Statement {
    let parameters = [id(number).into(), name.into(), balance.into()];
    Statement::new(INSERT_ACCOUNT, parameters)
}

/// Adds to a balance; the account must exist.
pub(crate) fn deposit(number: u8, amount: i64) -> Statement {
    Statement::new(DEPOSIT, [id(number).into(), amount.into()]).expecting(1, "account exists")
}

/// Adds an entry whose number is the balance; it needs no value of an earlier statement.
pub(crate) fn insert_entry(number: u8, body: impl Into<Value>) -> Statement {
    Statement::new(INSERT_ENTRY, [id(number).into(), body.into()]).expecting(1, "entry is written")
}

/// Reads a balance.
pub(crate) fn select_balance(number: u8) -> Statement {
    Statement::new(SELECT_BALANCE, [id(number).into()])
}

/// The same statement with another expectation.
pub(crate) fn expecting_any(mut statement: Statement) -> Statement {
    statement.expect = Expect::Any;
    statement
}

/// Writes a batch that must succeed.
pub(crate) async fn write(engine: &impl Engine, batch: impl Into<Batch>) -> Vec<Rows> {
    engine.write(batch.into()).await.unwrap()
}

/// Writes a batch that must fail.
pub(crate) async fn refuse(engine: &impl Engine, batch: impl Into<Batch>) -> StoreError {
    engine.write(batch.into()).await.unwrap_err()
}

/// Reads with one query that must succeed.
pub(crate) async fn read(engine: &impl Engine, query: Statement) -> Rows {
    engine.read(query.into()).await.unwrap().remove(0)
}

/// The balance of an account that exists.
pub(crate) async fn balance(engine: &impl Engine, number: u8) -> i64 {
    let rows = read(engine, select_balance(number)).await;
    rows.first().unwrap().integer(0).unwrap()
}

/// How many accounts there are.
pub(crate) async fn accounts(engine: &impl Engine) -> i64 {
    count(engine, Statement::new(COUNT_ACCOUNTS, [])).await
}

/// How many entries an account has.
pub(crate) async fn entries(engine: &impl Engine, number: u8) -> i64 {
    count(engine, Statement::new(COUNT_ENTRIES, [id(number).into()])).await
}

async fn count(engine: &impl Engine, query: Statement) -> i64 {
    let rows = read(engine, query.expecting(1, "count")).await;
    rows.first().unwrap().integer(0).unwrap()
}
