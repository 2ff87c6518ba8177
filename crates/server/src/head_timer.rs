//! The timer of the heads of a connection's requests.
//!
//! HTTP's own library sets a timer for each head and takes it back when the head is
//! read, which nearly every head is at once. Setting and taking back is what costs, so
//! that this one stays set from head to head: where it rings for a head that is long
//! read, it is set anew for the one that is waited for.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Sleep, Timer};
use tokio::time::{self, Instant};

/// The timer of one connection.
#[derive(Clone, Default)]
pub(crate) struct HeadTimer(Arc<Mutex<Option<Pin<Box<time::Sleep>>>>>);

/// Waits for the end of a head's time.
struct Waiting {
    timer: HeadTimer,
    deadline: Instant,
}

// === impl HeadTimer ===

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Waiting {
            timer: self.clone(),
            deadline: deadline.into(),
        })
    }

    fn now(&self) -> std::time::Instant {
        Instant::now().into()
    }
}

impl fmt::Debug for HeadTimer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HeadTimer")
    }
}

// === impl Waiting ===

impl Future for Waiting {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let HeadTimer(timer) = &self.timer;
        let mut timer = timer.lock().unwrap_or_else(PoisonError::into_inner);
        let set = timer.get_or_insert_with(|| Box::pin(time::sleep_until(self.deadline)));
        if set.deadline() > self.deadline {
            set.as_mut().reset(self.deadline);
        }
        loop {
            ready!(set.as_mut().poll(context));
            if set.deadline() == self.deadline {
                return Poll::Ready(());
            }
            set.as_mut().reset(self.deadline);
        }
    }
}

impl Sleep for Waiting {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_head_has_its_time() {
        let timer = HeadTimer::default();
        let began = Instant::now();
        let after = |seconds| (began + Duration::from_secs(seconds)).into_std();
        for (until, expected) in [(10, 10), (25, 25), (20, 25), (40, 40)] {
            timer.sleep_until(after(until)).await;
            assert_eq!(began.elapsed().as_secs(), expected, "{until}");
        }
        // One that was read in time leaves its own to the next.
        for (until, abandoned) in [(50, 45), (60, 90)] {
            let given_up = time::timeout_at(began, timer.sleep_until(after(abandoned))).await;
            assert!(given_up.is_err(), "{abandoned}");
            timer.sleep_until(after(until)).await;
            assert_eq!(began.elapsed().as_secs(), until);
        }
    }
}
