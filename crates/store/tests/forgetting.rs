//! What no row holds any more is in no file: neither between the cells of pages, nor in a log.

#![cfg(test)]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use countersign_core::id::ApplicationId;
use countersign_core::model::revocation::{Kind, Target};
use countersign_core::model::user::Identifier;
use countersign_credential::subject::{ExternalId, UserName};
use countersign_store::engine::{Batch, Engine, Statement};
use countersign_store::migrate::{MIGRATIONS, Migration};
use countersign_store::sqlite::{Options, Sqlite};

const CANARY: &[u8] = b"the canary of somebody";
const ROWS: u64 = 3_000;

const TABLES: &[Migration] = &[Migration {
    number: 1,
    name: "rows",
    template: "CREATE TABLE r (k {blob} NOT NULL PRIMARY KEY, owner {int} NOT NULL, \
         body {text} NOT NULL){end};\
         CREATE INDEX r_by_body ON r (body);\
         CREATE INDEX r_by_owner ON r (owner);",
}];

const LATER: &[Migration] = &[
    TABLES[0],
    Migration {
        number: 2,
        name: "more",
        template: "CREATE TABLE more (a {int} NOT NULL PRIMARY KEY){end};",
    },
];

const INSERT: &str = "INSERT INTO r (k, owner, body) VALUES ($1, $2, $3)";
const REPLACE: &str = "UPDATE r SET body = $2 WHERE k = $1";
const DELETE: &str = "DELETE FROM r WHERE k = $1";
const FORGET: &str = "UPDATE r SET body = '{}' WHERE owner = 1";

/// A number that differs from call to call, and is the same in every run (SplitMix64).
fn mixed(of: u64) -> u64 {
    let mut mixed = of.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Rows of all sizes, also of some pages: every third one is somebody's.
fn row(number: u64, round: u64) -> (Vec<u8>, i64, String) {
    let key = mixed(number).to_be_bytes().to_vec();
    let owner = i64::from(number.is_multiple_of(3));
    let dice = mixed(number * 7 + round);
    let length = match dice % 40 {
        0 => 9_000,
        1..=5 => 1_500,
        _ => dice % 300,
    };
    let filler = ".".repeat(usize::try_from(length).unwrap());
    let body = if owner == 1 {
        format!("{number} {} {filler}", String::from_utf8_lossy(CANARY))
    } else {
        format!("{number} of another {filler}")
    };
    (key, owner, body)
}

async fn write(engine: &Sqlite, statements: Vec<Statement>) {
    engine.write(Batch::from(statements)).await.unwrap();
}

/// Whether the canary stands in any file of a folder.
fn remains(folder: &Path) -> usize {
    let files = fs::read_dir(folder).unwrap();
    files
        .map(|file| fs::read(file.unwrap().path()).unwrap())
        .map(|bytes| {
            let found = bytes.windows(CANARY.len()).filter(|part| *part == CANARY);
            found.count()
        })
        .sum()
}

/// Rows come in any order, change their size and go, so that pages are filled, split and joined.
async fn churn(engine: &Sqlite) {
    for (round, numbers) in [(0, 1), (1, 2), (2, 5)] {
        let chosen = (0..ROWS).filter(|number| number.is_multiple_of(numbers));
        let statements: Vec<Statement> = chosen
            .map(|number| {
                let (key, owner, body) = row(number, round);
                if round == 0 {
                    Statement::new(INSERT, [key.into(), owner.into(), body.into()])
                } else {
                    Statement::new(REPLACE, [key.into(), body.into()])
                }
            })
            .collect();
        for some in statements.chunks(500) {
            write(engine, some.to_vec()).await;
        }
    }
    let gone = (0..ROWS).filter(|number| mixed(*number).is_multiple_of(4));
    let gone: Vec<Statement> = gone
        .map(|number| Statement::new(DELETE, [row(number, 0).0.into()]))
        .collect();
    for some in gone.chunks(500) {
        write(engine, some.to_vec()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_what_was_deleted_while_others_read_and_write() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Sqlite::open(folder.path(), Options::default(), TABLES).await;
    let engine = Arc::new(engine.unwrap());
    churn(&engine).await;
    assert!(remains(folder.path()) > 500);

    let done = Arc::new(AtomicBool::new(false));
    let load = {
        let (engine, done) = (Arc::clone(&engine), Arc::clone(&done));
        tokio::spawn(async move {
            let mut written = 0;
            while !done.load(Ordering::Relaxed) {
                let (_, _, body) = row(1 + 3 * written, 0);
                let key = mixed(1_000_000 + written).to_be_bytes().to_vec();
                let insert = Statement::new(INSERT, [key.into(), 0.into(), body.into()]);
                write(&engine, vec![insert]).await;
                let read = Statement::new("SELECT count(*) FROM r WHERE owner = $1", [1.into()]);
                engine.read(read.into()).await.unwrap();
                written += 1;
            }
            written
        })
    };
    write(&engine, vec![Statement::new(FORGET, [])]).await;
    engine.forget().await.unwrap();
    assert_eq!(remains(folder.path()), 0);
    done.store(true, Ordering::Relaxed);
    assert!(load.await.unwrap() > 0, "nobody wrote meanwhile");
    // Without it, what was moved from page to page would be there still.
    let wiped = engine.activity().wiped;
    assert!(wiped > 0);
    engine.forget().await.unwrap();
    let verdict = Statement::new(
        "SELECT count(*) FROM r WHERE owner = 1 AND body <> '{}'",
        [],
    );
    let rows = engine.read(verdict.into()).await.unwrap();
    assert_eq!(rows[0].first().unwrap().integer(0), Ok(0));
    engine.close().await;

    let database = folder.path().join(countersign_store::sqlite::DATABASE_FILE);
    let connection = rusqlite::Connection::open(database).unwrap();
    let verdict: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
}

/// Before, what was deleted stayed where it was: an upgrade leaves nothing of it.
#[tokio::test]
async fn a_database_from_before_is_rid_of_what_it_kept() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join(countersign_store::sqlite::DATABASE_FILE);
    let engine = Sqlite::open(folder.path(), Options::default(), TABLES).await;
    engine.unwrap().close().await;
    let connection = rusqlite::Connection::open(&database).unwrap();
    for number in 0..300 {
        let row = row(3 * number, 0);
        let insert = INSERT.replace('$', "?");
        connection.execute(&insert, row).unwrap();
    }
    connection.execute_batch("DELETE FROM r").unwrap();
    drop(connection);
    assert!(remains(folder.path()) > 100);

    let engine = Sqlite::open(folder.path(), Options::default(), LATER).await;
    engine.unwrap().close().await;
    assert_eq!(remains(folder.path()), 0);
}

/// What named people in a database from before names them still, and says nothing.
#[tokio::test]
async fn a_database_from_before_gets_pseudonyms() {
    let before: &'static [Migration] = &MIGRATIONS[..9];
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join(countersign_store::sqlite::DATABASE_FILE);
    let engine = Sqlite::open(folder.path(), Options::default(), before).await;
    engine.unwrap().close().await;
    let application = ApplicationId::from_bytes([0xA1; 16]);
    let connection = rusqlite::Connection::open(&database).unwrap();
    let clear = String::from_utf8_lossy(CANARY).into_owned();
    for kind in [Kind::Jti, Kind::Name, Kind::ExternalId] {
        let row = (application.bytes(), kind.number(), clear.as_bytes());
        let insert = "INSERT INTO revocations VALUES (?1, ?2, ?3, 10, 10, 20)";
        connection.execute(insert, row).unwrap();
    }
    let kid = (application.bytes(), Kind::Kid.number(), b"kid-1");
    let insert = "INSERT INTO revocations VALUES (?1, ?2, ?3, 10, 10, 20)";
    connection.execute(insert, kid).unwrap();
    let session = (application.bytes(), [7; 16], clear.as_bytes());
    let insert = "INSERT INTO sessions (application_id, id, user_id, device_id, dialect, jti, \
         generation, opened_at, rotated_at, expires_at) \
         VALUES (?1, ?2, ?2, ?2, 'native', ?3, 0, 1, 1, 1)";
    connection.execute(insert, session).unwrap();
    drop(connection);
    assert!(remains(folder.path()) >= 4);

    let engine = Sqlite::open(folder.path(), Options::default(), MIGRATIONS).await;
    let engine = engine.unwrap();
    engine.forget().await.unwrap();
    assert_eq!(remains(folder.path()), 0);
    let name = Identifier::Name(UserName::parse(&clear).unwrap());
    let id = Identifier::ExternalId(ExternalId::parse(&clear).unwrap());
    let targets = [
        Target::jti(application, &clear),
        Target::whoever(application, &name),
        Target::whoever(application, &id),
        Target::Kid("kid-1".to_owned()),
    ];
    for target in &targets {
        let key = [
            application.bytes().into(),
            target.kind().number().into(),
            target.value().into(),
        ];
        let sql =
            "SELECT 1 FROM revocations WHERE application_id = $1 AND kind = $2 AND value = $3";
        let found = engine.read(Statement::new(sql, key).into()).await.unwrap();
        assert_eq!(found[0].len(), 1, "{target:?}");
    }
    let sql = "SELECT 1 FROM sessions WHERE jti = $1";
    let jti = [targets[0].value().into()];
    let found = engine.read(Statement::new(sql, jti).into()).await.unwrap();
    assert_eq!(found[0].len(), 1);
    engine.close().await;
}
