//! The threads that read, each with a connection of its own.

use super::Shared;
use super::connection::open_reader;
use super::queue::{Portion, Request};
use super::statement::{Access, Failure, Statements, engine_failure};
use super::worker::{Ended, run_sessions};
use crate::engine::Statement;
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
        match shared.queries.take(PORTION) {
            Some(next) => taken = next,
            None => return Ended::Closed,
        }
    }
}

fn answer(statements: &mut Statements<'_>, request: Request<Statement, Rows>) -> Ended {
    let query = &request.input;
    let rows = statements
        .check(0, query, Access::Read)
        .and_then(|()| statements.run(0, query));
    match rows {
        Ok(rows) => request.answer(Ok(rows)),
        Err(Failure::Batch(error)) => request.answer(Err(error)),
        Err(Failure::Engine(failure)) => {
            request.answer(Err(failure.into()));
            return Ended::Broken;
        }
    }
    Ended::Closed
}
