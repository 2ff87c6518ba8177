//! The threads that read, each with a connection of its own.

use super::Shared;
use super::connection::open_reader;
use super::queue::{Portion, Request};
use super::statement::{Access, Failure, Statements, engine_failure};
use super::worker::{Ended, run_sessions};
use crate::engine::Batch;
use crate::error::Unavailable;
use crate::rows::Rows;

/// One at a time: what waits may as well go to another thread.
const PORTION: Portion = Portion {
    requests: 1,
    bytes: usize::MAX,
};

/// The thread: answers queries until the queue is closed and empty.
pub(super) fn run(shared: &Shared) {
    run_sessions(|| session(shared));
}

fn session(shared: &Shared) -> Ended {
    let Some(mut taken) = shared.queries.take(PORTION) else {
        return Ended::Closed;
    };
    let _held = shared.connections.hold();
    let connection = match open_reader(&shared.database) {
        Ok(connection) => connection,
        Err(error) => {
            let failure = engine_failure(&error);
            for request in taken {
                request.answer(Err(failure.into()));
            }
            return Ended::Broken;
        }
    };
    let mut statements = Statements::new(&connection);
    loop {
        for request in taken {
            if answer(&mut statements, request) == Ended::Broken {
                return Ended::Broken;
            }
        }
        match shared.queries.take_again(PORTION) {
            Some(next) => taken = next,
            None => return Ended::Released,
        }
    }
}

pub(super) fn answer(statements: &mut Statements<'_>, request: Request<Batch, Vec<Rows>>) -> Ended {
    match run_queries(statements, &request.input) {
        Ok(rows) => request.answer(Ok(rows)),
        Err(Failure::Batch(error)) => request.answer(Err(error)),
        Err(Failure::Engine(failure)) => {
            request.answer(Err(failure.into()));
            return Ended::Broken;
        }
    }
    Ended::Closed
}

/// Runs queries on one snapshot. One alone is a snapshot by itself.
pub(super) fn run_queries(
    statements: &mut Statements<'_>,
    queries: &Batch,
) -> Result<Vec<Rows>, Failure> {
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
pub(super) fn on_one_snapshot<'c, T>(
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
