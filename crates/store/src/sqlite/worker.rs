//! What every thread of the engine has in common: it does not die before its queue is closed.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// How a session of a thread with one connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The queue is closed and empty.
    Closed,
    /// The connection cannot be trusted any more; everyone who waited for it has an answer.
    Broken,
    /// The connection was to be closed; whether the queue is, too, the next session finds out.
    Released,
}

/// Runs sessions one after the other until one ends because its queue was closed.
///
/// A session takes a request before it opens its connection, so that a database that cannot be
/// opened costs one try for each request, never a busy loop. A panic ends the session: the
/// requests it held are dropped, and a dropped request answers its caller.
pub(super) fn run_sessions(mut session: impl FnMut() -> Ended) {
    loop {
        match catch_unwind(AssertUnwindSafe(&mut session)) {
            Ok(Ended::Closed) => return,
            Ok(Ended::Broken | Ended::Released) | Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::queue::{Portion, Queue};
    use super::*;
    use crate::error::Unavailable;

    #[test]
    fn a_panic_answers_its_caller_and_the_next_one_is_served() {
        let queue = Queue::<u32, u32>::new();
        let one = Portion {
            requests: 1,
            bytes: 0,
            threads: 1,
        };
        let answers = std::thread::scope(|scope| {
            scope.spawn(|| {
                run_sessions(|| {
                    while let Some(taken) = queue.take(one) {
                        for request in taken {
                            assert_ne!(request.input, 13, "a panic on purpose");
                            let answer = request.input + 1;
                            request.answer(Ok(answer));
                        }
                    }
                    Ended::Closed
                });
            });
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.unwrap().block_on(async {
                let answers = [
                    queue.ask(1, 0, None).await,
                    queue.ask(13, 0, None).await,
                    queue.ask(2, 0, None).await,
                ];
                queue.close();
                answers
            })
        });
        assert_eq!(answers, [Ok(2), Err(Unavailable::Failed.into()), Ok(3)]);
    }
}
