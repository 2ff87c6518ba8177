//! A bounded queue from async callers to the threads of an engine.
//!
//! A caller never blocks: what does not fit is refused at once. A thread blocks until there is
//! work, and takes as much of it as it wants. After closing, what waits is still done.

use crate::error::{StoreError, Unavailable};
use crate::limit;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// Requests that wait for a thread.
#[derive(Debug)]
pub(super) struct Queue<Input, Output> {
    state: Mutex<State<Input, Output>>,
    filled: Condvar,
}

/// What a caller wants, and where it waits for the answer.
#[derive(Debug)]
pub(super) struct Request<Input, Output> {
    pub(super) input: Input,
    bytes: usize,
    reply: oneshot::Sender<Result<Output, StoreError>>,
}

/// The most that [`Queue::take`] takes at once; one request is always taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portion {
    pub(super) requests: usize,
    pub(super) bytes: usize,
}

#[derive(Debug)]
struct State<Input, Output> {
    requests: VecDeque<Request<Input, Output>>,
    bytes: usize,
    closed: bool,
    recalled: bool,
}

// === impl Queue ===

impl<Input, Output> Queue<Input, Output> {
    /// An empty queue.
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                requests: VecDeque::new(),
                bytes: 0,
                closed: false,
                recalled: false,
            }),
            filled: Condvar::new(),
        }
    }

    /// Queues a request of so many bytes, and waits for its answer, at most for `timeout`.
    pub(super) async fn ask(
        &self,
        input: Input,
        bytes: usize,
        timeout: Option<Duration>,
    ) -> Result<Output, StoreError> {
        let answer = self.push(input, bytes)?;
        let answer = match timeout {
            None => answer.await,
            Some(timeout) => tokio::time::timeout(timeout, answer)
                .await
                .map_err(|_| Unavailable::Timeout)?,
        };
        // Whoever drops a request without an answer has panicked.
        answer.unwrap_or(Err(Unavailable::Failed.into()))
    }

    /// Takes waiting requests in order. Blocks while there is none; `None` once the queue is
    /// closed and empty. Callers that have gone away are left out.
    pub(super) fn take(&self, most: Portion) -> Option<Vec<Request<Input, Output>>> {
        self.take_unless(most, |_| false)
    }

    /// The same for a thread with an open connection: `None` also where it is to be closed.
    pub(super) fn take_again(&self, most: Portion) -> Option<Vec<Request<Input, Output>>> {
        self.take_unless(most, |state| state.recalled)
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.lock().requests.len()
    }

    /// Has every thread close its connection. Requests wait meanwhile, and are not refused.
    pub(super) fn recall(&self) {
        self.lock().recalled = true;
        self.filled.notify_all();
    }

    /// Lets connections stay open again.
    pub(super) fn end_recall(&self) {
        self.lock().recalled = false;
    }

    fn take_unless(
        &self,
        most: Portion,
        nothing: impl Fn(&State<Input, Output>) -> bool,
    ) -> Option<Vec<Request<Input, Output>>> {
        let mut state = self.lock();
        loop {
            if nothing(&state) {
                return None;
            }
            let mut taken = Vec::new();
            let mut bytes = 0;
            while taken.len() < most.requests
                && let Some(next) = state.requests.front()
                && (taken.is_empty() || bytes + next.bytes <= most.bytes)
                && let Some(request) = state.requests.pop_front()
            {
                state.bytes -= request.bytes;
                if !request.reply.is_closed() {
                    bytes += request.bytes;
                    taken.push(request);
                }
            }
            if !taken.is_empty() {
                return Some(taken);
            }
            if state.closed {
                return None;
            }
            state = self
                .filled
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Refuses further requests. What waits is still taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    fn push(
        &self,
        input: Input,
        bytes: usize,
    ) -> Result<oneshot::Receiver<Result<Output, StoreError>>, Unavailable> {
        let mut state = self.lock();
        if state.closed {
            return Err(Unavailable::Closed);
        }
        let full = state.requests.len() >= limit::QUEUE_JOBS_MAX
            || state.bytes + bytes > limit::QUEUE_BYTES_MAX;
        if full {
            return Err(Unavailable::QueueFull);
        }
        let (reply, answer) = oneshot::channel();
        state.bytes += bytes;
        state.requests.push_back(Request {
            input,
            bytes,
            reply,
        });
        drop(state);
        self.filled.notify_one();
        Ok(answer)
    }

    fn lock(&self) -> MutexGuard<'_, State<Input, Output>> {
        // Nothing panics while it holds the lock, and if it did, the state is whole at every step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Request ===

impl<Input, Output> Request<Input, Output> {
    /// Answers. A caller that has gone away meanwhile does not matter.
    pub(super) fn answer(self, answer: Result<Output, StoreError>) {
        drop(self.reply.send(answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    const ALL: Portion = Portion {
        requests: usize::MAX,
        bytes: usize::MAX,
    };

    fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn inputs(taken: Option<Vec<Request<u32, ()>>>) -> Option<Vec<u32>> {
        taken.map(|taken| taken.iter().map(|request| request.input).collect())
    }

    #[test]
    fn order_portions_and_closing() {
        let queue: Queue<u32, ()> = Queue::new();
        let waiting: Vec<_> = (0..6).map(|input| queue.push(input, 10).unwrap()).collect();
        let three = Portion {
            requests: 3,
            bytes: 100,
        };
        let twenty_bytes = Portion {
            requests: 9,
            bytes: 20,
        };
        let less_than_one = Portion {
            requests: 9,
            bytes: 1,
        };
        assert_eq!(inputs(queue.take(twenty_bytes)), Some(vec![0, 1]));
        assert_eq!(inputs(queue.take(less_than_one)), Some(vec![2]));
        queue.close();
        assert_eq!(inputs(queue.take(three)), Some(vec![3, 4, 5]));
        assert_eq!(inputs(queue.take(ALL)), None);
        assert_eq!(queue.push(7, 0).err(), Some(Unavailable::Closed));
        assert_eq!(waiting.len(), 6);
    }

    #[test]
    fn a_recall_is_for_who_has_a_connection_and_refuses_nobody() {
        let queue: Queue<u32, ()> = Queue::new();
        let waiting: Vec<_> = (0..3).map(|input| queue.push(input, 0).unwrap()).collect();
        let one = Portion {
            requests: 1,
            bytes: 0,
        };
        queue.recall();
        assert_eq!(inputs(queue.take_again(one)), None);
        assert_eq!(inputs(queue.take(one)), Some(vec![0]));
        queue.end_recall();
        assert_eq!(inputs(queue.take_again(ALL)), Some(vec![1, 2]));
        queue.close();
        assert_eq!(inputs(queue.take_again(ALL)), None);
        drop(waiting);
    }

    #[test]
    fn what_does_not_fit_is_refused_at_once() {
        let queue: Queue<(), ()> = Queue::new();
        let answers: Vec<_> = (0..limit::QUEUE_JOBS_MAX)
            .map(|_| queue.push((), 0).unwrap())
            .collect();
        assert_eq!(queue.push((), 0).err(), Some(Unavailable::QueueFull));
        queue.take(ALL).unwrap();
        let first = queue.push((), limit::QUEUE_BYTES_MAX).unwrap();
        assert_eq!(queue.push((), 1).err(), Some(Unavailable::QueueFull));
        queue.take(ALL).unwrap();
        let second = queue.push((), 1).unwrap();
        drop((answers, first, second));
    }

    #[test]
    fn who_went_away_is_left_out_and_who_is_dropped_gets_an_error() {
        let queue: Queue<u32, ()> = Queue::new();
        let gone = queue.push(1, 0).unwrap();
        drop(gone);
        let mut ask = pin!(queue.ask(2, 0, None));
        assert!(poll_once(ask.as_mut()).is_pending());
        let taken = queue.take(ALL);
        assert_eq!(taken.as_ref().map(Vec::len), Some(1));
        drop(taken);
        assert_eq!(
            poll_once(ask.as_mut()),
            Poll::Ready(Err(Unavailable::Failed.into()))
        );
    }
}
