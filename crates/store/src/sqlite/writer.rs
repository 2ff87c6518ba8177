//! The one thread that writes.
//!
//! It takes the batches that wait, runs all of them in one transaction, and answers them after the
//! one sync that makes them durable. What is only read is answered before that. Hardly ever does a
//! batch fail: then the group is run anew, each batch as a savepoint, so that one that fails is
//! rolled back alone. Savepoints cost a copy of each page that several batches change. When the disk
//! or the connection fails, nothing of the group was acknowledged: all of it fails, what was only to
//! be read included, and the next group begins with a new connection.

use super::activity::{Counters, count};
use super::connection::{PAGE_BYTES, open_writer};
use super::queue::{self, Portion, Request};
use super::reader::{self, fail};
use super::statement::{Access, Failure, Statements, engine_failure};
use super::worker::{Ended, run_sessions};
use super::{Shared, Work};
use crate::engine::Batch;
use crate::error::Unavailable;
use crate::limit;
use crate::rows::Rows;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::time::Instant;

type Job = Request<Work, Vec<Rows>>;
type Answer = queue::Answer<Vec<Rows>>;

const GROUP: Portion = Portion {
    requests: limit::GROUP_BATCHES_MAX,
    bytes: limit::GROUP_BYTES_MAX,
    threads: 1,
};

/// The thread: commits batches until the queue is closed and empty.
pub(super) fn run(shared: &Arc<Shared>) {
    run_sessions(|| session(shared));
    shared.checkpoints.stop();
}

fn session(shared: &Arc<Shared>) -> Ended {
    let Some(mut group) = shared.batches.take(GROUP) else {
        return Ended::Closed;
    };
    let _held = shared.connections.hold();
    let connection = match open(shared) {
        Ok(connection) => connection,
        Err(error) => {
            count(&shared.counters.failures);
            let failure = engine_failure(&error);
            fail(group, failure);
            return Ended::Broken;
        }
    };
    count(&shared.counters.connections);
    let mut statements = Statements::new(&connection);
    loop {
        if let Err(failure) = commit(&mut statements, group, shared) {
            count(&shared.counters.failures);
            if failure == Unavailable::Full {
                shared.checkpoints.make_room();
            }
            return Ended::Broken;
        }
        match shared.batches.take_again(GROUP) {
            Some(next) => group = next,
            None => return Ended::Released,
        }
    }
}

fn open(shared: &Arc<Shared>) -> rusqlite::Result<Connection> {
    let mut connection = open_writer(&shared.database, shared.options.database_bytes_max)?;
    let told = Arc::clone(shared);
    connection.wal_hook(Some(move |_: &mut _, pages| {
        let pages = u64::try_from(pages).unwrap_or(0);
        let log_bytes = pages * PAGE_BYTES;
        told.counters.log_bytes.store(log_bytes, Ordering::Relaxed);
        told.checkpoints.log_has(pages);
        Ok(())
    }))?;
    Ok(connection)
}

/// Answers what is only read, commits what is written, and answers that, too. An error says that
/// the connection is not to be used again.
fn commit(
    statements: &mut Statements<'_>,
    group: Vec<Job>,
    shared: &Shared,
) -> Result<(), Unavailable> {
    let (reads, writes): (Vec<Job>, Vec<Job>) = group
        .into_iter()
        .partition(|job| matches!(job.input, Work::Read(_)));
    if !reads.is_empty() {
        match reader::run_group(statements, reads.iter().map(|job| job.input.batch())) {
            Ok(answers) => answer(shared, reads, answers),
            Err(failure) => {
                fail(reads, failure);
                fail(writes, failure);
                return Err(failure);
            }
        }
    }
    if writes.is_empty() {
        return Ok(());
    }
    let began = Instant::now();
    let answers = match run_group(statements, &writes, &shared.counters) {
        Ok(answers) => answers,
        Err(failure) => {
            fail(writes, failure);
            return Err(failure);
        }
    };
    let kept = answers.iter().filter(|answer| answer.is_ok()).count();
    if kept > 0 {
        let counters = &shared.counters;
        count(&counters.commits);
        counters.commit_durations.note(began.elapsed());
        let batches = u64::try_from(kept).unwrap_or(u64::MAX);
        counters.batches.fetch_add(batches, Ordering::Relaxed);
    }
    answer(shared, writes, answers);
    Ok(())
}

fn answer(shared: &Shared, group: Vec<Job>, answers: Vec<Answer>) {
    shared
        .batches
        .answer_all(group.into_iter().zip(answers).collect());
}

/// Runs batches, and commits what is good of them. One that was refused is answered after the commit
/// too: what it missed may be the work of a batch before it in the group, and who plans again must
/// find that when they read.
fn run_group(
    statements: &mut Statements<'_>,
    group: &[Job],
    counters: &Counters,
) -> Result<Vec<Answer>, Unavailable> {
    statements.control("BEGIN IMMEDIATE")?;
    match run_together(statements, group) {
        Ok(answers) => {
            sync(statements, counters)?;
            return Ok(answers);
        }
        Err(Failure::Batch(error)) => {
            if statements.in_transaction() {
                statements.control("ROLLBACK")?;
            }
            if let [_] = group {
                return Ok(vec![Err(error)]);
            }
        }
        Err(Failure::Engine(failure)) => return Err(failure),
    }
    statements.control("BEGIN IMMEDIATE")?;
    let answers = run_apart(statements, group)?;
    if answers.iter().all(Result::is_err) {
        statements.control("ROLLBACK")?;
    } else {
        sync(statements, counters)?;
    }
    Ok(answers)
}

/// Commits, which waits for the disk.
fn sync(statements: &mut Statements<'_>, counters: &Counters) -> Result<(), Unavailable> {
    let began = Instant::now();
    statements.control("COMMIT")?;
    counters.sync_durations.note(began.elapsed());
    Ok(())
}

/// Runs batches as if they were one: the first that fails ends it.
fn run_together(statements: &mut Statements<'_>, group: &[Job]) -> Result<Vec<Answer>, Failure> {
    group
        .iter()
        .map(|job| run_statements(statements, job.input.batch()).map(Ok))
        .collect()
}

/// Runs each batch as a savepoint.
fn run_apart(statements: &mut Statements<'_>, group: &[Job]) -> Result<Vec<Answer>, Unavailable> {
    let mut answers = Vec::with_capacity(group.len());
    for job in group {
        answers.push(match run_batch(statements, job.input.batch()) {
            Ok(rows) => Ok(rows),
            Err(Failure::Batch(error)) => Err(error),
            Err(Failure::Engine(failure)) => return Err(failure),
        });
    }
    Ok(answers)
}

/// Runs one batch as a savepoint. After a failure of the batch, nothing of it is left.
fn run_batch(statements: &mut Statements<'_>, batch: &Batch) -> Result<Vec<Rows>, Failure> {
    statements
        .control("SAVEPOINT batch")
        .map_err(Failure::Engine)?;
    let rows = run_statements(statements, batch);
    if let Err(Failure::Batch(_)) = rows {
        if !statements.in_transaction() {
            // SQLite gave up the whole transaction, and the other batches with it.
            return Err(Failure::Engine(Unavailable::Io));
        }
        statements
            .control("ROLLBACK TO batch")
            .map_err(Failure::Engine)?;
    }
    if !matches!(rows, Err(Failure::Engine(_))) {
        statements
            .control("RELEASE batch")
            .map_err(Failure::Engine)?;
    }
    rows
}

fn run_statements(statements: &mut Statements<'_>, batch: &Batch) -> Result<Vec<Rows>, Failure> {
    let of_batch = batch.statements();
    for (index, statement) in of_batch.iter().enumerate() {
        statements.check(index, statement, Access::Write)?;
    }
    of_batch
        .iter()
        .enumerate()
        .map(|(index, statement)| statements.run(index, statement))
        .collect()
}
