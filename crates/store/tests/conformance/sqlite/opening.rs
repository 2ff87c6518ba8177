//! Which data folders are opened, and that the others are left as they were.

use super::Opened;
use crate::schema::*;
use countersign_store::migrate::{self, Migration};
use countersign_store::sqlite::{DATABASE_FILE, Options, Sqlite};
use countersign_store::{Engine, Statement, StoreError};
use rusqlite::config::DbConfig;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const TABLE_A: Migration = Migration {
    number: 1,
    name: "a",
    template: "CREATE TABLE a (id {int} NOT NULL PRIMARY KEY){end}; INSERT INTO a (id) VALUES (7);",
};
const TABLE_B: Migration = Migration {
    number: 2,
    name: "b",
    template: "CREATE TABLE b (id {int} NOT NULL PRIMARY KEY){end};",
};
const BROKEN_B: Migration = Migration {
    number: 2,
    name: "broken",
    template: "CREATE TABLE b (id {int} NOT NULL PRIMARY KEY){end}; INSERT INTO nowhere VALUES (1);",
};
const OTHER_A: Migration = Migration {
    number: 1,
    name: "a",
    template: "CREATE TABLE a (id {int} NOT NULL PRIMARY KEY, more {text}){end};",
};

async fn open(folder: &Path, migrations: &'static [Migration]) -> Result<Sqlite, StoreError> {
    Sqlite::open(folder, Options::default(), migrations).await
}

/// Makes a database with these migrations, and closes it.
async fn made_with(folder: &Path, migrations: &'static [Migration]) {
    open(folder, migrations).await.unwrap().close().await;
}

/// Asserts that opening fails, and that database and log are as they were, byte for byte.
async fn check_refused(folder: &Path, migrations: &'static [Migration]) -> StoreError {
    let database = folder.join(DATABASE_FILE);
    let content = || {
        (
            fs::read(&database).unwrap(),
            fs::read(database.with_extension("db-wal")).unwrap_or_default(),
        )
    };
    let before = content();
    let error = open(folder, migrations).await.unwrap_err();
    assert!(before == content(), "the database has changed");
    error
}

#[tokio::test]
async fn a_second_opener_is_refused_until_the_first_has_closed() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path(), MIGRATIONS).await.unwrap();
    let error = open(folder.path(), MIGRATIONS).await.unwrap_err();
    let expected = StoreError::Locked {
        path: folder.path().to_owned(),
        holder: Some(std::process::id()),
    };
    assert_eq!(error, expected);
    first.close().await;
    open(folder.path(), MIGRATIONS).await.unwrap().close().await;
}

#[tokio::test]
async fn migrations_are_applied_once_and_data_stays() {
    let folder = tempfile::tempdir().unwrap();
    made_with(folder.path(), &[TABLE_A]).await;
    for _ in 0..2 {
        let engine = open(folder.path(), &[TABLE_A, TABLE_B]).await.unwrap();
        let join = "SELECT a.id FROM a LEFT JOIN b ON b.id = a.id";
        let rows = write(&engine, [Statement::new(join, []).expecting(1, "row")]).await;
        assert_eq!(rows[0].first().unwrap().integer(0), Ok(7));
        engine.close().await;
    }
}

#[tokio::test]
async fn a_newer_database_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    made_with(folder.path(), &[TABLE_A, TABLE_B]).await;
    let error = check_refused(folder.path(), &[TABLE_A]).await;
    assert_eq!(error, StoreError::Newer { found: 2, known: 1 });
    // Also where the newer program was killed and has left its log behind.
    let other = rusqlite::Connection::open(folder.path().join(DATABASE_FILE)).unwrap();
    other
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .unwrap();
    other.execute("INSERT INTO b VALUES (1)", []).unwrap();
    drop(other);
    let error = check_refused(folder.path(), &[TABLE_A]).await;
    assert_eq!(error, StoreError::Newer { found: 2, known: 1 });
    let engine = open(folder.path(), &[TABLE_A, TABLE_B]).await.unwrap();
    let in_the_log = Statement::new("SELECT id FROM b", []).expecting(1, "row");
    engine.read(in_the_log.into()).await.unwrap();
    engine.close().await;
}

#[tokio::test]
async fn a_newer_database_is_known_by_its_header() {
    let folder = tempfile::tempdir().unwrap();
    made_with(folder.path(), &[TABLE_A]).await;
    let other = rusqlite::Connection::open(folder.path().join(DATABASE_FILE)).unwrap();
    other
        .execute_batch("DROP TABLE migrations; PRAGMA user_version = 9")
        .unwrap();
    drop(other);
    let error = check_refused(folder.path(), &[TABLE_A]).await;
    assert_eq!(error, StoreError::Newer { found: 9, known: 1 });
}

#[tokio::test]
async fn a_changed_migration_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    made_with(folder.path(), &[TABLE_A]).await;
    let error = check_refused(folder.path(), &[OTHER_A, TABLE_B]).await;
    assert!(
        matches!(error, StoreError::Migration { number: 1, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_of_itself() {
    let folder = tempfile::tempdir().unwrap();
    made_with(folder.path(), &[TABLE_A]).await;
    let error = open(folder.path(), &[TABLE_A, BROKEN_B]).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Upgrade { number: 2, .. }),
        "{error}"
    );
    assert_eq!(log_bytes(folder.path()), 0);
    // The table of the same name can be made, so it was not left behind.
    made_with(folder.path(), &[TABLE_A, TABLE_B]).await;
}

/// What an upgrade has written anew may be as much as the database.
#[tokio::test]
async fn an_upgrade_leaves_no_log_behind() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &[TABLE_A]).await.unwrap();
    assert_eq!(log_bytes(folder.path()), 0);
    engine.close().await;
    let engine = open(folder.path(), &[TABLE_A, TABLE_B]).await.unwrap();
    assert_eq!(log_bytes(folder.path()), 0);
    engine.close().await;
}

fn log_bytes(folder: &Path) -> u64 {
    let log = folder.join(format!("{DATABASE_FILE}-wal"));
    fs::metadata(log).map_or(0, |log| log.len())
}

#[tokio::test]
async fn what_is_not_ours_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join(DATABASE_FILE);
    let foreign = StoreError::Foreign {
        path: database.clone(),
    };
    fs::write(&database, "This is not a database. ".repeat(100)).unwrap();
    assert_eq!(check_refused(folder.path(), MIGRATIONS).await, foreign);
    fs::remove_file(&database).unwrap();
    let other = rusqlite::Connection::open(&database).unwrap();
    other.execute_batch("CREATE TABLE theirs (id)").unwrap();
    drop(other);
    assert_eq!(check_refused(folder.path(), MIGRATIONS).await, foreign);
}

#[tokio::test]
async fn every_file_is_private() {
    let opened = Opened::new().await;
    write(opened.engine(), [insert_account(1, "one", 0)]).await;
    let mut files = 0;
    for entry in fs::read_dir(opened.folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
        files += 1;
    }
    // The database, its log, the log's index, the lock.
    assert_eq!(files, 4);
    opened.close().await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = open(&file.join("below"), MIGRATIONS).await.unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }), "{error}");
}

#[tokio::test]
async fn the_programs_own_migrations_apply() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), migrate::MIGRATIONS).await.unwrap();
    let sql = "SELECT value FROM meta WHERE name = $1";
    let rows = write(&engine, [Statement::new(sql, ["epoch".into()])]).await;
    assert_eq!(rows[0].first().unwrap().text(0), Ok("1"));
    engine.close().await;
}
