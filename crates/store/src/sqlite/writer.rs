//! The one thread that writes.
//!
//! It takes the batches that wait, runs each as a savepoint of one transaction, and answers all of
//! them after the one sync that makes them durable. What is only read is answered before that. A batch that fails is rolled back alone and
//! answered with the others. When the disk or the connection fails, nothing of the group was acknowledged:
//! all of it fails, and the next group begins with a new connection.

use super::connection::open_writer;
use super::queue::{Portion, Request};
use super::reader;
use super::statement::{Access, Failure, Statements, engine_failure};
use super::worker::{Ended, run_sessions};
use super::{Shared, Work};
use crate::engine::Batch;
use crate::error::{StoreError, Unavailable};
use crate::limit;
use crate::rows::Rows;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::vec;

type Job = Request<Work, Vec<Rows>>;
type Done = (Job, Result<Vec<Rows>, StoreError>);

const GROUP: Portion = Portion {
    requests: limit::GROUP_BATCHES_MAX,
    bytes: limit::GROUP_BYTES_MAX,
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
            let failure = engine_failure(&error);
            fail(group, failure);
            return Ended::Broken;
        }
    };
    shared.counters.connections.fetch_add(1, Ordering::Relaxed);
    let mut statements = Statements::new(&connection);
    loop {
        if let Err(failure) = commit(&mut statements, group, shared) {
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
        told.checkpoints.log_has(u64::try_from(pages).unwrap_or(0));
        Ok(())
    }))?;
    Ok(connection)
}

/// Runs a group of batches in one transaction, and answers all of them. An error says that the
/// connection is not to be used again.
fn commit(
    statements: &mut Statements<'_>,
    group: Vec<Job>,
    shared: &Shared,
) -> Result<(), Unavailable> {
    let mut waiting = group.into_iter();
    let mut writes = Vec::with_capacity(waiting.len());
    if let Err(failure) = answer_reads(statements, &mut waiting, &mut writes) {
        fail(writes, failure);
        fail(waiting, failure);
        return Err(failure);
    }
    if writes.is_empty() {
        return Ok(());
    }
    let mut waiting = writes.into_iter();
    let mut done = Vec::with_capacity(waiting.len());
    if let Err(failure) = run_group(statements, &mut waiting, &mut done) {
        fail(done.into_iter().map(|(job, _)| job), failure);
        fail(waiting, failure);
        return Err(failure);
    }
    let kept = done.iter().filter(|(_, answer)| answer.is_ok()).count();
    if kept > 0 {
        shared.counters.commits.fetch_add(1, Ordering::Relaxed);
        let batches = u64::try_from(kept).unwrap_or(u64::MAX);
        shared
            .counters
            .batches
            .fetch_add(batches, Ordering::Relaxed);
    }
    for (job, answer) in done {
        job.answer(answer);
    }
    Ok(())
}

/// Answers what is only read, and moves the other work to `writes`.
fn answer_reads(
    statements: &mut Statements<'_>,
    waiting: &mut vec::IntoIter<Job>,
    writes: &mut Vec<Job>,
) -> Result<(), Unavailable> {
    for job in waiting {
        let answer = match &job.input {
            Work::Write(_) => {
                writes.push(job);
                continue;
            }
            Work::Read(queries) => reader::run_queries(statements, queries),
        };
        match answer {
            Ok(rows) => job.answer(Ok(rows)),
            Err(Failure::Batch(error)) => job.answer(Err(error)),
            Err(Failure::Engine(failure)) => {
                job.answer(Err(failure.into()));
                return Err(failure);
            }
        }
    }
    Ok(())
}

/// Moves batches from `waiting` to `done`, and commits them. One that was refused waits for the
/// commit too: what it missed may be the work of a batch before it in the group, and who plans
/// again must find that when they read.
fn run_group(
    statements: &mut Statements<'_>,
    waiting: &mut vec::IntoIter<Job>,
    done: &mut Vec<Done>,
) -> Result<(), Unavailable> {
    statements.control("BEGIN IMMEDIATE")?;
    for job in waiting {
        let (Work::Read(batch) | Work::Write(batch)) = &job.input;
        match run_batch(statements, batch) {
            Ok(rows) => done.push((job, Ok(rows))),
            Err(Failure::Batch(error)) => done.push((job, Err(error))),
            Err(Failure::Engine(failure)) => {
                job.answer(Err(failure.into()));
                return Err(failure);
            }
        }
    }
    let nothing_to_keep = done.iter().all(|(_, answer)| answer.is_err());
    statements.control(if nothing_to_keep {
        "ROLLBACK"
    } else {
        "COMMIT"
    })
}

/// Runs one batch as a savepoint. After a failure of the batch, nothing of it is left.
fn run_batch(statements: &mut Statements<'_>, batch: &Batch) -> Result<Vec<Rows>, Failure> {
    let of_batch = batch.statements();
    for (index, statement) in of_batch.iter().enumerate() {
        statements.check(index, statement, Access::Write)?;
    }
    statements
        .control("SAVEPOINT batch")
        .map_err(Failure::Engine)?;
    let rows = of_batch
        .iter()
        .enumerate()
        .map(|(index, statement)| statements.run(index, statement))
        .collect::<Result<Vec<Rows>, Failure>>();
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

fn fail(jobs: impl IntoIterator<Item = Job>, failure: Unavailable) {
    for job in jobs {
        job.answer(Err(failure.into()));
    }
}
