//! A bounded queue from async callers to the threads of an engine.
//!
//! A caller never blocks: what does not fit is refused at once. A thread blocks until there is
//! work, and takes as much of it as it wants. After closing, what waits is still done.
//!
//! What tasks ask for that are ready at the same time is gathered, and taken together. A thread that
//! took the first of it at once would mostly find that alone: a thread that wakes goes before
//! others, so that on one core the other tasks do not get on meanwhile.
//!
//! To wake another thread is a call of the kernel's, so neither side makes one that it can spare: a
//! thread at work is not called, and the callers' runtime is told once of several answers.

use crate::error::{StoreError, Unavailable};
use crate::limit;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::{self, Handle};
use tokio::sync::oneshot;
use tokio::task::yield_now;

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
    reply: Reply<Output>,
    /// The caller's runtime.
    runtime: Option<Handle>,
}

pub(super) type Answer<Output> = Result<Output, StoreError>;
type Reply<Output> = oneshot::Sender<Answer<Output>>;

/// Answers that are on their way. Whoever drops them, be it a runtime that ends, has sent them.
#[derive(Debug)]
struct Answers<Output>(Vec<(Reply<Output>, Answer<Output>)>);

/// The most that [`Queue::take`] takes at once; one request is always taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portion {
    pub(super) requests: usize,
    pub(super) bytes: usize,
    /// How many threads share what waits: none takes more than its part.
    pub(super) threads: usize,
}

#[derive(Debug)]
struct State<Input, Output> {
    requests: VecDeque<Request<Input, Output>>,
    bytes: usize,
    closed: bool,
    recalled: bool,
    /// Threads that sleep and were not called since. It may be too many, where one woke of itself,
    /// never too few.
    asleep: usize,
    /// The runtime that a [`Gathering`] is with.
    gathering: Option<runtime::Id>,
    /// Whether what waits may be taken, and a thread is about to look: what is gathered anew
    /// meanwhile goes with it, and holds up nothing.
    ready: bool,
}

/// Requests are being gathered, until this is dropped: by the task that it was given to, when its
/// runtime comes to that, or by a runtime that ends.
#[derive(Debug)]
struct Gathering<Input, Output>(Arc<Queue<Input, Output>>);

// === impl Queue ===

impl<Input: Send + 'static, Output: Send + 'static> Queue<Input, Output> {
    /// An empty queue.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                requests: VecDeque::new(),
                bytes: 0,
                closed: false,
                recalled: false,
                asleep: 0,
                gathering: None,
                ready: false,
            }),
            filled: Condvar::new(),
        })
    }

    /// Queues a request of so many bytes, and waits for its answer, at most for `timeout`.
    pub(super) async fn ask(
        self: &Arc<Self>,
        input: Input,
        bytes: usize,
        timeout: Option<Duration>,
    ) -> Answer<Output> {
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

    /// Answers requests, in the order that they have here.
    pub(super) fn answer_all(&self, answered: Vec<(Request<Input, Output>, Answer<Output>)>) {
        let runtime = answered
            .first()
            .and_then(|(first, _)| first.runtime.clone());
        let id = runtime.as_ref().map(Handle::id);
        let together = answered.len() > 1
            && answered
                .iter()
                .all(|(request, _)| request.runtime.as_ref().map(Handle::id) == id);
        let answers = answered
            .into_iter()
            .map(|(request, answer)| (request.reply, answer))
            .collect();
        let answers = Answers(answers);
        if together && let Some(runtime) = runtime {
            runtime.spawn(async move { drop(answers) });
        }
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
            let part = state.requests.len().div_ceil(most.threads);
            let requests = most.requests.min(part);
            let mut taken = Vec::new();
            let mut bytes = 0;
            while (state.ready || state.closed)
                && taken.len() < requests
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
            state.ready &= !state.requests.is_empty();
            if !taken.is_empty() {
                if state.ready {
                    self.call(state);
                }
                return Some(taken);
            }
            if state.closed {
                return None;
            }
            state.asleep += 1;
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
        self: &Arc<Self>,
        input: Input,
        bytes: usize,
    ) -> Result<oneshot::Receiver<Answer<Output>>, Unavailable> {
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
        let runtime = Handle::try_current().ok();
        let gatherer = runtime.clone();
        state.bytes += bytes;
        state.requests.push_back(Request {
            input,
            bytes,
            reply,
            runtime,
        });
        match (gatherer, state.gathering) {
            (_, _) if state.ready => {}
            (Some(gatherer), None) => {
                state.gathering = Some(gatherer.id());
                drop(state);
                // A new task comes after those that are ready, and one that yields after those that
                // the kernel has made ready meanwhile.
                let gathering = Gathering(Arc::clone(self));
                gatherer.spawn(async move {
                    yield_now().await;
                    drop(gathering);
                });
            }
            (Some(gatherer), Some(other)) if gatherer.id() == other => {}
            // Nobody depends on a runtime that is not theirs: it may have nobody who drives it.
            (_, _) => self.call(state),
        }
        Ok(answer)
    }
}

impl<Input, Output> Queue<Input, Output> {
    /// Has what waits taken, by a thread that sleeps if there is one.
    fn call(&self, mut state: MutexGuard<'_, State<Input, Output>>) {
        state.gathering = None;
        state.ready = !state.requests.is_empty();
        let calls = state.ready && state.asleep > 0;
        if calls {
            state.asleep -= 1;
        }
        drop(state);
        if calls {
            self.filled.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<Input, Output>> {
        // Nothing panics while it holds the lock, and if it did, the state is whole at every step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Request ===

impl<Input, Output> Request<Input, Output> {
    /// Answers. A caller that has gone away meanwhile does not matter.
    pub(super) fn answer(self, answer: Answer<Output>) {
        drop(self.reply.send(answer));
    }
}

// === impl Gathering ===

impl<Input, Output> Drop for Gathering<Input, Output> {
    fn drop(&mut self) {
        self.0.call(self.0.lock());
    }
}

// === impl Answers ===

impl<Output> Drop for Answers<Output> {
    fn drop(&mut self) {
        for (reply, answer) in self.0.drain(..) {
            // A caller that has gone away meanwhile does not matter.
            drop(reply.send(answer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    use tokio::runtime::{Builder, Runtime};
    use tokio::time::Instant;

    /// How long something is waited for that comes at once.
    const DEADLINE: Duration = Duration::from_secs(10);
    const ALL: Portion = Portion {
        requests: usize::MAX,
        bytes: usize::MAX,
        threads: 1,
    };

    fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn inputs(taken: Option<Vec<Request<u32, ()>>>) -> Option<Vec<u32>> {
        taken.map(|taken| taken.iter().map(|request| request.input).collect())
    }

    #[test]
    fn order_portions_and_closing() {
        let queue: Arc<Queue<u32, ()>> = Queue::new();
        let waiting: Vec<_> = (0..6).map(|input| queue.push(input, 10).unwrap()).collect();
        let three = Portion {
            requests: 3,
            bytes: 100,
            threads: 1,
        };
        let twenty_bytes = Portion {
            requests: 9,
            bytes: 20,
            threads: 1,
        };
        let less_than_one = Portion {
            requests: 9,
            bytes: 1,
            threads: 1,
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
    fn no_thread_takes_more_than_its_part_of_what_waits() {
        let queue: Arc<Queue<u32, ()>> = Queue::new();
        let waiting: Vec<_> = (0..9).map(|input| queue.push(input, 0).unwrap()).collect();
        let half = Portion {
            threads: 2,
            requests: 4,
            ..ALL
        };
        let sizes: Vec<usize> = (0..4).map(|_| queue.take(half).unwrap().len()).collect();
        assert_eq!(sizes, [4, 3, 1, 1]);
        drop(waiting);
    }

    #[test]
    fn a_recall_is_for_who_has_a_connection_and_refuses_nobody() {
        let queue: Arc<Queue<u32, ()>> = Queue::new();
        let waiting: Vec<_> = (0..3).map(|input| queue.push(input, 0).unwrap()).collect();
        let one = Portion {
            requests: 1,
            bytes: 0,
            threads: 1,
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
        let queue: Arc<Queue<(), ()>> = Queue::new();
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

    fn current_thread() -> Runtime {
        Builder::new_current_thread().build().unwrap()
    }

    #[test]
    fn what_ready_tasks_ask_for_is_taken_together_and_answered_to_each() {
        let queue = Queue::<u32, u32>::new();
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let mut sizes = Vec::new();
                while let Some(taken) = queue.take(ALL) {
                    sizes.push(taken.len());
                    let answered = taken.into_iter().map(|request| {
                        let answer = request.input + 100;
                        (request, Ok(answer))
                    });
                    queue.answer_all(answered.collect());
                }
                sizes
            });
            current_thread().block_on(async {
                let tasks: Vec<_> = (0..5)
                    .map(|input| {
                        let queue = Arc::clone(&queue);
                        tokio::spawn(async move { queue.ask(input, 0, None).await })
                    })
                    .collect();
                for (task, answer) in tasks.into_iter().zip(100..) {
                    assert_eq!(task.await.unwrap(), Ok(answer));
                }
                assert_eq!(queue.ask(9, 0, None).await, Ok(109));
            });
            queue.close();
            assert_eq!(thread.join().unwrap(), [5, 1]);
        });
    }

    #[test]
    fn who_takes_a_part_calls_another_for_the_rest() {
        let queue = Queue::<u32, ()>::new();
        let (told, takers) = std::sync::mpsc::channel();
        let done = Mutex::new(());
        std::thread::scope(|scope| {
            let held = done.lock().unwrap();
            for thread in 0..2 {
                let (told, queue, done) = (told.clone(), &queue, &done);
                scope.spawn(move || {
                    while let Some(taken) = queue.take(Portion { threads: 2, ..ALL }) {
                        told.send((thread, taken.len())).unwrap();
                        drop(done.lock());
                    }
                });
            }
            let begun = Instant::now();
            while queue.lock().asleep < 2 && begun.elapsed() < DEADLINE {
                std::thread::yield_now();
            }
            let waiting: Vec<_> = current_thread().block_on(async {
                let asked = (0..4).map(|input| queue.push(input, 0).unwrap()).collect();
                yield_now().await;
                yield_now().await;
                asked
            });
            let first = takers.recv_timeout(DEADLINE).ok();
            let second = takers.recv_timeout(DEADLINE).ok();
            queue.close();
            drop((held, waiting));
            let (first, second) = (first.unwrap(), second.unwrap());
            assert_ne!(first.0, second.0);
            // Who took first need not tell of it first.
            assert_eq!(first.1 + second.1, 3);
        });
    }

    #[test]
    fn what_may_be_taken_does_not_wait_for_what_is_gathered_anew() {
        let queue = Queue::<u32, ()>::new();
        let runtime = current_thread();
        let ask = |input| {
            let _entered = runtime.enter();
            queue.push(input, 0).unwrap()
        };
        let first = ask(1);
        runtime.block_on(async {
            let begun = Instant::now();
            while !queue.lock().ready && begun.elapsed() < DEADLINE {
                yield_now().await;
            }
        });
        let second = ask(2);
        assert_eq!(inputs(queue.take(ALL)), Some(vec![1, 2]));
        let third = ask(3);
        assert!(!queue.lock().ready, "it is gathered");
        drop((first, second, third));
    }

    #[test]
    fn a_runtime_that_nobody_drives_holds_up_nobody_else() {
        let queue = Queue::<u32, ()>::new();
        let (idle, driven) = (current_thread(), current_thread());
        let ask = |runtime: &Runtime, input| {
            let _entered = runtime.enter();
            queue.push(input, 0).unwrap()
        };
        let first = ask(&idle, 1);
        let second = ask(&driven, 2);
        let taken = queue.take(ALL).unwrap();
        let answered: Vec<_> = taken.into_iter().map(|request| (request, Ok(()))).collect();
        assert_eq!(answered.len(), 2);
        queue.answer_all(answered);
        assert_eq!(driven.block_on(second), Ok(Ok(())));
        // Nor does one that has ended before its task was run.
        let third = ask(&idle, 3);
        drop(idle);
        assert_eq!(inputs(queue.take(ALL)), Some(vec![3]));
        drop((first, third));
    }

    #[test]
    fn who_went_away_is_left_out_and_who_is_dropped_gets_an_error() {
        let queue: Arc<Queue<u32, ()>> = Queue::new();
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
