//! What shares a commit, who is answered when, and how it ends.
//!
//! A test holds the writer still by taking the database's write lock on a connection of its own.

use super::Opened;
use crate::schema::*;
use crate::suite::concurrency::{all, poll_once};
use countersign_store::error::Unavailable;
use countersign_store::sqlite::{Options, Sqlite};
use countersign_store::{Engine, StoreError, limit};
use rusqlite::Connection;
use std::pin::pin;
use std::time::Duration;
use tokio::time::Instant;

/// A connection that holds the write lock.
fn lock(opened: &Opened) -> Connection {
    let connection = Connection::open(opened.database()).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[tokio::test]
async fn batches_that_wait_together_share_a_commit() {
    const WAITING: u8 = 64;
    let opened = Opened::new().await;
    let engine = opened.engine();
    write(engine, [insert_account(200, "first", 0)]).await;
    let before = engine.activity();
    let lock = lock(&opened);
    let mut waiting: Vec<_> = (0..WAITING)
        .map(|number| {
            Box::pin(engine.write([insert_account(number, &number.to_string(), 0)].into()))
        })
        .collect();
    for write in &mut waiting {
        assert!(poll_once(write.as_mut()).is_pending());
    }
    drop(lock);
    for result in all(waiting).await {
        assert_eq!(result.unwrap().len(), 1);
    }
    let after = engine.activity();
    assert_eq!(after.batches - before.batches, u64::from(WAITING));
    // The writer may have taken any number of them before it was held still: one group. The rest
    // waited together, and was another one; no third could have begun.
    let commits = after.commits - before.commits;
    assert!((1..=2).contains(&commits), "{commits} commits");
    assert_eq!(after.sync_durations.count, after.commits);
    assert_eq!(after.commit_durations.count, after.commits);
    assert!(after.commit_durations.sum >= after.sync_durations.sum);
    assert_eq!((after.batches_waiting, after.failures), (0, 0));
    assert!(after.log_bytes > 0);
    assert_eq!(accounts(engine).await, i64::from(WAITING) + 1);
    opened.close().await;
}

#[tokio::test]
async fn a_group_without_a_success_commits_nothing() {
    let opened = Opened::new().await;
    let engine = opened.engine();
    write(engine, [insert_account(1, "one", 0)]).await;
    let before = engine.activity();
    refuse(engine, [insert_account(1, "one", 0)]).await;
    assert_eq!(engine.activity(), before);
    opened.close().await;
}

#[tokio::test]
async fn reads_do_not_wait_for_the_writer() {
    let opened = Opened::new().await;
    write(opened.engine(), [insert_account(1, "one", 5)]).await;
    let lock = lock(&opened);
    let mut waiting = pin!(opened.engine().write([deposit(1, 1)].into()));
    assert!(poll_once(waiting.as_mut()).is_pending());
    assert_eq!(balance(opened.engine(), 1).await, 5);
    drop(lock);
    waiting.await.unwrap();
    assert_eq!(balance(opened.engine(), 1).await, 6);
    opened.close().await;
}

#[tokio::test]
async fn who_is_refused_finds_what_refused_them() {
    let opened = Opened::new().await;
    let engine = opened.engine();
    for id in 1..50 {
        let lock = lock(&opened);
        // The writer holds this one already; the two that follow wait together.
        let ahead = insert_account(id + 100, &format!("ahead {id}"), 0);
        let mut ahead = pin!(engine.write([ahead].into()));
        assert!(poll_once(ahead.as_mut()).is_pending());
        let one = insert_account(id, &format!("one {id}"), 5);
        let mut first = pin!(engine.write([one].into()));
        assert!(poll_once(first.as_mut()).is_pending());
        let two = insert_account(id, &format!("two {id}"), 5);
        let mut second = pin!(engine.write([two].into()));
        assert!(poll_once(second.as_mut()).is_pending());
        drop(lock);
        assert!(second.await.is_err());
        assert_eq!(balance(engine, id).await, 5, "of account {id}");
        first.await.unwrap();
        ahead.await.unwrap();
    }
    opened.close().await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_is_told_so_and_the_batch_stays_whole() {
    let timeout = Duration::from_secs(7);
    let options = Options {
        answer_timeout: None,
        ..Options::default()
    };
    let opened = Opened::with(options).await;
    let engine = opened.engine();
    write(engine, [insert_account(1, "one", 0)]).await;
    opened.close().await;
    let options = Options {
        answer_timeout: Some(timeout),
        ..Options::default()
    };
    let engine = Sqlite::open(opened.folder.path(), options, MIGRATIONS)
        .await
        .unwrap();
    let lock = lock(&opened);
    let start = Instant::now();
    let error = refuse(&engine, [deposit(1, 1), deposit(1, 1)]).await;
    assert_eq!(error, StoreError::Unavailable(Unavailable::Timeout));
    assert_eq!(start.elapsed(), timeout);
    drop(lock);
    engine.close().await;
    let rows = Connection::open(opened.database()).unwrap();
    let balance: i64 = rows
        .query_row("SELECT balance FROM accounts", [], |row| row.get(0))
        .unwrap();
    assert!(balance == 0 || balance == 2, "half a batch was done");
}

#[tokio::test]
async fn closing_finishes_what_waits_and_refuses_the_rest() {
    let opened = Opened::new().await;
    let engine = opened.engine();
    let lock = lock(&opened);
    let mut waiting = pin!(engine.write([insert_account(1, "one", 0)].into()));
    assert!(poll_once(waiting.as_mut()).is_pending());
    let mut closing = pin!(engine.close());
    assert!(poll_once(closing.as_mut()).is_pending());
    let closed = StoreError::Unavailable(Unavailable::Closed);
    assert_eq!(refuse(engine, [insert_account(2, "two", 0)]).await, closed);
    assert_eq!(engine.ping().await, Err(closed));
    drop(lock);
    closing.await;
    assert_eq!(waiting.await.unwrap().len(), 1);
    engine.close().await;
    // The log was moved into the database, and removed.
    assert!(!opened.database().with_extension("db-wal").exists());
    let engine = Sqlite::open(opened.folder.path(), Options::default(), MIGRATIONS)
        .await
        .unwrap();
    assert_eq!(accounts(&engine).await, 1);
    engine.close().await;
}

#[tokio::test]
async fn an_engine_that_is_dropped_finishes_what_waits() {
    let opened = Opened::new().await;
    let database = opened.database();
    let lock = lock(&opened);
    let (waiting, folder) = {
        let Opened { engine, folder } = opened;
        let mut waiting = Box::pin(async move {
            let result = engine.write([insert_account(1, "one", 0)].into()).await;
            drop(engine);
            result
        });
        assert!(poll_once(waiting.as_mut()).is_pending());
        (waiting, folder)
    };
    drop(lock);
    assert_eq!(waiting.await.unwrap().len(), 1);
    let connection = Connection::open(&database).unwrap();
    let count: i64 = connection
        .query_row("SELECT count(*) FROM accounts", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, 1);
    drop(folder);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let opened = Opened::new().await;
    let engine = opened.engine();
    write(engine, [insert_account(1, "one", 0)]).await;
    let lock = lock(&opened);
    // The writer may have taken one group, which is no longer in the queue.
    let mut waiting = Vec::new();
    let mut refused = 0;
    for _ in 0..limit::QUEUE_JOBS_MAX + limit::GROUP_BATCHES_MAX + 1 {
        let mut write = Box::pin(engine.write([deposit(1, 1)].into()));
        match poll_once(write.as_mut()) {
            std::task::Poll::Pending => waiting.push(write),
            std::task::Poll::Ready(result) => {
                let full = StoreError::Unavailable(Unavailable::QueueFull);
                assert_eq!(result.unwrap_err(), full);
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
    drop(lock);
    let accepted = i64::try_from(waiting.len()).unwrap();
    for result in all(waiting).await {
        result.unwrap();
    }
    assert_eq!(balance(engine, 1).await, accepted);
    opened.close().await;
}

#[tokio::test]
async fn the_log_is_kept_short() {
    let opened = Opened::new().await;
    let engine = opened.engine();
    write(engine, [insert_account(1, "one", 0)]).await;
    let body = "x".repeat(1 << 20);
    let mut written = 0;
    while engine.activity().checkpoints < 3 {
        write(engine, [deposit(1, 1), insert_entry(1, body.as_str())]).await;
        written += 1;
        assert!(written < 1000, "1 GiB was written, and no checkpoint made");
    }
    assert_eq!(entries(engine, 1).await, written);
    opened.close().await;
}

#[tokio::test]
async fn a_log_that_a_reader_kept_long_is_cut_in_the_end() {
    let opened = Opened::new().await;
    let engine = opened.engine();
    write(engine, [insert_account(1, "one", 0)]).await;
    let log = opened.database().with_extension("db-wal");
    let log_bytes = || std::fs::metadata(&log).map_or(0, |file| file.len());
    // As long as this connection reads, the log cannot start anew.
    let reader = Connection::open(opened.database()).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM accounts")
        .unwrap();
    let body = "x".repeat(4 << 20);
    let mut written = 0;
    while log_bytes() <= limit::LOG_KEPT_BYTES {
        write(engine, [deposit(1, 1), insert_entry(1, body.as_str())]).await;
        written += 1;
    }
    drop(reader);
    // Moving so much into the database takes as long as the disk takes.
    let begun = Instant::now();
    while log_bytes() > limit::LOG_KEPT_BYTES {
        write(engine, [deposit(1, 1), insert_entry(1, "x")]).await;
        written += 1;
        let waited = begun.elapsed();
        assert!(waited < Duration::from_secs(60), "the log is never cut");
    }
    assert_eq!(entries(engine, 1).await, written);
    opened.close().await;
}
