//! Leaves nothing in the files of what no row holds any more.
//!
//! What is deleted is wiped as it is deleted (`secure_delete`). What was moved from page to page
//! has left copies between the cells of pages, which are looked for in all of them: a little at a
//! time, as a reader, and only the pages that have something are written, each as SQLite itself
//! would write it. Then the log is moved into the database, and cut.
//!
//! A connection is opened for each piece, so that nobody who wants all of them closed waits.

use super::Shared;
use super::connection::open_wiper;
use super::page::{PAGES_MAX, wipe};
use super::statement::engine_failure;
use crate::error::{StoreError, Unavailable};
use crate::limit;
use rusqlite::{Connection, TransactionBehavior};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

const PAGE: &str = "SELECT data FROM sqlite_dbpage WHERE pgno = ?1";
const WRITE: &str = "UPDATE sqlite_dbpage SET data = ?2 WHERE pgno = ?1";

/// Goes through all pages, on the thread that calls it, and has the log cut.
pub(super) fn run(shared: &Arc<Shared>) -> Result<(), StoreError> {
    let mut from = 1;
    loop {
        let held = shared.connections.hold();
        if shared.checkpoints.is_stopping() {
            return Err(Unavailable::Closed.into());
        }
        let pages = piece(shared, from).map_err(|error| engine_failure(&error))?;
        drop(held);
        let Some(next) = pages? else {
            break;
        };
        from = next;
        // Whoever waits for the lock comes first.
        thread::sleep(limit::WIPE_PAUSE);
    }
    for _ in 0..limit::LOG_CUTS_MAX {
        if shared.checkpoints.is_stopping() {
            return Err(Unavailable::Closed.into());
        }
        if shared.checkpoints.cut_log() {
            return Ok(());
        }
        thread::sleep(limit::LOG_CUT_PAUSE);
    }
    Err(Unavailable::Timeout.into())
}

/// Looks at the pages from a number on, and answers where the next piece begins, if there is one.
fn piece(shared: &Arc<Shared>, from: u32) -> rusqlite::Result<Result<Option<u32>, StoreError>> {
    let mut connection = open_wiper(&shared.database)?;
    let told = Arc::clone(shared);
    connection.wal_hook(Some(move |_: &mut _, pages| {
        told.checkpoints.log_has(u64::try_from(pages).unwrap_or(0));
        Ok(())
    }))?;
    let count: u32 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    if count > PAGES_MAX {
        return Ok(Err(StoreError::TooLarge {
            what: "pages in a database in which something is to be forgotten",
            limit: PAGES_MAX as usize,
        }));
    }
    let to = count
        .saturating_add(1)
        .min(from.saturating_add(limit::WIPE_PAGES));
    let found = with_remains(&mut connection, from..to)?;
    for some in found.chunks(limit::WIPE_WRITES_MAX) {
        write(&mut connection, some)?;
        let wiped = u64::try_from(some.len()).unwrap_or(u64::MAX);
        shared.counters.wiped.fetch_add(wiped, Ordering::Relaxed);
    }
    Ok(Ok((to <= count).then_some(to)))
}

/// The pages that have something to be wiped.
fn with_remains(connection: &mut Connection, pages: Range<u32>) -> rusqlite::Result<Vec<u32>> {
    let snapshot = connection.transaction()?;
    let mut statement = snapshot.prepare(PAGE)?;
    let mut found = Vec::new();
    for number in pages {
        let mut rows = statement.query([number])?;
        let Some(row) = rows.next()? else {
            continue;
        };
        let mut page = row.get_ref(0)?.as_blob()?.to_vec();
        if wipe(number, &mut page) {
            found.push(number);
        }
    }
    Ok(found)
}

/// Wipes pages, each as it is now.
fn write(connection: &mut Connection, numbers: &[u32]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for &number in numbers {
        let mut page: Vec<u8> = transaction.query_row(PAGE, [number], |row| row.get(0))?;
        if wipe(number, &mut page) {
            transaction.execute(WRITE, (number, page))?;
        }
    }
    transaction.commit()
}
