//! The threads that read, each with a connection of its own.

use super::Shared;
use super::connection::open_reader;
use super::queue::{Answer, Portion, Queue, Request};
use super::statement::{Access, Failure, Statements, engine_failure};
use super::worker::{Ended, run_sessions};
use crate::engine::Batch;
use crate::error::Unavailable;
use crate::limit;
use crate::rows::Rows;
use rusqlite::Connection;

/// The thread: answers queries until the queue is closed and empty.
pub(super) fn run(shared: &Shared) {
    let portion = Portion {
        requests: limit::READS_AT_ONCE_MAX,
        bytes: usize::MAX,
        threads: shared.options.readers.max(1),
    };
    run_sessions(|| {
        let hold = || shared.connections.hold();
        session(&shared.queries, portion, hold, || {
            open_reader(&shared.database)
        })
    });
}

/// Answers queries by a connection that is opened for the first of them, and held on to as long as
/// it is.
pub(super) fn session<Held>(
    queue: &Queue<Batch, Vec<Rows>>,
    portion: Portion,
    hold: impl FnOnce() -> Held,
    open: impl FnOnce() -> rusqlite::Result<Connection>,
) -> Ended {
    let Some(mut taken) = queue.take(portion) else {
        return Ended::Closed;
    };
    let _held = hold();
    let connection = match open() {
        Ok(connection) => connection,
        Err(error) => {
            fail(taken, engine_failure(&error));
            return Ended::Broken;
        }
    };
    let mut statements = Statements::new(&connection);
    loop {
        match run_group(&mut statements, taken.iter().map(|request| &request.input)) {
            Ok(answers) => queue.answer_all(taken.into_iter().zip(answers).collect()),
            Err(failure) => {
                fail(taken, failure);
                return Ended::Broken;
            }
        }
        match queue.take_again(portion) {
            Some(next) => taken = next,
            None => return Ended::Released,
        }
    }
}

/// Answers that the connection, or the disk under it, has failed.
pub(super) fn fail<Input>(
    requests: impl IntoIterator<Item = Request<Input, Vec<Rows>>>,
    failure: Unavailable,
) {
    for request in requests {
        request.answer(Err(failure.into()));
    }
}

/// Runs what was asked for by several, all of it on one snapshot: to take one is several locks of
/// the file.
pub(super) fn run_group<'b>(
    statements: &mut Statements<'_>,
    group: impl ExactSizeIterator<Item = &'b Batch>,
) -> Result<Vec<Answer<Vec<Rows>>>, Unavailable> {
    let answers = on_one_snapshot(statements, group.len() > 1, |statements| {
        let answer = |queries| match run_queries(statements, queries) {
            Ok(rows) => Ok(Ok(rows)),
            Err(Failure::Batch(error)) => Ok(Err(error)),
            Err(Failure::Engine(failure)) => Err(failure),
        };
        group.map(answer).collect()
    });
    answers?
}

/// Runs queries on one snapshot. One alone is a snapshot by itself.
fn run_queries(statements: &mut Statements<'_>, queries: &Batch) -> Result<Vec<Rows>, Failure> {
    let queries = queries.statements();
    for (index, query) in queries.iter().enumerate() {
        statements.check(index, query, Access::Read)?;
    }
    let read = on_one_snapshot(statements, queries.len() > 1, |statements| {
        queries
            .iter()
            .enumerate()
            .map(|(index, query)| statements.run(index, query))
            .collect()
    });
    read.map_err(Failure::Engine)?
}

/// Reads on one snapshot: on that of the transaction, where one is open.
fn on_one_snapshot<'c, T>(
    statements: &mut Statements<'c>,
    several: bool,
    read: impl FnOnce(&mut Statements<'c>) -> T,
) -> Result<T, Unavailable> {
    let begins = several && !statements.in_transaction();
    if begins {
        statements.control("BEGIN")?;
    }
    let read = read(statements);
    if begins && statements.in_transaction() {
        // Nothing was written, so there is nothing to keep.
        statements.control("ROLLBACK")?;
    }
    Ok(read)
}
