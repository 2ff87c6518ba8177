//! A full disk: nothing is acknowledged that is not there, and space that returns is enough.

use super::Opened;
use crate::schema::*;
use countersign_store::error::Unavailable;
use countersign_store::sqlite::{Options, Sqlite};
use countersign_store::{Engine, Statement, StoreError};
use std::fs;
use std::path::Path;
use std::process::Command;

const FULL: StoreError = StoreError::Unavailable(Unavailable::Full);

/// Writes entries of 16 KiB until one fails, and answers how many were acknowledged.
async fn fill(engine: &impl Engine) -> (i64, StoreError) {
    let body = "x".repeat(16 << 10);
    for written in 0..1000 {
        let batch = [deposit(1, 1), insert_entry(1, body.as_str())];
        if let Err(error) = engine.write(batch.into()).await {
            return (written, error);
        }
    }
    panic!("16 MiB did not fill it");
}

/// Asserts that balance and entries, which every batch raises by one, are what was acknowledged.
async fn check_whole(engine: &impl Engine, acknowledged: i64) {
    let found = (balance(engine, 1).await, entries(engine, 1).await);
    assert_eq!(found, (acknowledged, acknowledged));
}

#[tokio::test]
async fn a_database_that_has_reached_its_size_recovers() {
    let options = Options {
        database_bytes_max: Some(1 << 20),
        ..Options::default()
    };
    let opened = Opened::with(options).await;
    let engine = opened.engine();
    write(engine, [insert_account(1, "one", 0)]).await;
    let (acknowledged, error) = fill(engine).await;
    assert_eq!(error, FULL);
    assert!(acknowledged > 10);
    check_whole(engine, acknowledged).await;
    // What needs no space still goes, on another connection, and what frees space makes room.
    let remove = Statement::new("DELETE FROM entries WHERE number > $1", [5.into()]);
    write(engine, [deposit(1, 0), remove]).await;
    let activity = engine.activity();
    assert!(
        activity.connections > 1 && activity.failures > 0,
        "{activity:?}"
    );
    write(
        engine,
        [deposit(1, 1), insert_entry(1, "there is room again")],
    )
    .await;
    opened.close().await;
}

/// A file system of 2 MiB, unmounted in the end. `None` where this process may not mount.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m,mode=0700", "none"])
            .arg(folder.path())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then(|| Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(
            Command::new("umount")
                .arg("--lazy")
                .arg(self.path())
                .status(),
        );
    }
}

#[tokio::test]
async fn a_disk_that_is_full_recovers() {
    let Some(disk) = SmallDisk::mount() else {
        println!("left out: a full disk, because this process may not mount a small one");
        return;
    };
    let filler = disk.path().join("filler");
    fs::write(&filler, vec![0; 1 << 20]).unwrap();
    let folder = disk.path().join("data");
    let engine = Sqlite::open(&folder, Options::default(), MIGRATIONS)
        .await
        .unwrap();
    write(&engine, [insert_account(1, "one", 0)]).await;
    let (acknowledged, error) = fill(&engine).await;
    assert_eq!(error, FULL);
    assert!(acknowledged > 10);
    let full = engine.space().unwrap();
    assert!(full.free_bytes < 64 << 10, "{full:?}");
    // It stays full, and it can still be read.
    assert_eq!(fill(&engine).await, (0, FULL));
    check_whole(&engine, acknowledged).await;
    fs::remove_file(&filler).unwrap();
    for _ in 0..10 {
        write(
            &engine,
            [deposit(1, 1), insert_entry(1, "there is room again")],
        )
        .await;
    }
    check_whole(&engine, acknowledged + 10).await;
    engine.close().await;
    let engine = Sqlite::open(&folder, Options::default(), MIGRATIONS)
        .await
        .unwrap();
    check_whole(&engine, acknowledged + 10).await;
    engine.close().await;
}
