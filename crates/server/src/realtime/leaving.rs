//! Who has to leave, until they were told.
//!
//! Whoever ends sessions is answered once the sockets of this node that they had
//! were told so, and not while they are about to be: the answer to a revocation
//! says that it has been carried out here. A moment is all that it waits: a
//! client that does not read has nothing more to get anyway.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::limit;

/// How many connections of a node have to leave, and were not told yet.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    count: AtomicUsize,
    none: Notify,
}

/// One of them. It is dropped once its connection was told why it ends.
#[derive(Debug)]
pub(crate) struct Leave(Arc<Leaving>);

// === impl Leaving ===

impl Leaving {
    pub(super) fn begin(self: &Arc<Self>) -> Leave {
        self.count.fetch_add(1, Ordering::Relaxed);
        Leave(Arc::clone(self))
    }

    /// Waits until nobody has to be told any more, for a moment at most.
    pub(crate) async fn over(&self) {
        let over = async {
            loop {
                let none = self.none.notified();
                if self.count.load(Ordering::Acquire) == 0 {
                    return;
                }
                none.await;
            }
        };
        let _ = tokio::time::timeout(limit::LEAVING, over).await;
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.none.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use tokio::time::Instant;

    #[tokio::test]
    async fn it_is_over_once_all_were_told_or_a_moment_has_passed() {
        let leaving = Arc::new(Leaving::default());
        leaving.over().await;
        let [first, second] = [leaving.begin(), leaving.begin()];
        let mut over = pin!(leaving.over());
        assert!(futures_util::poll!(over.as_mut()).is_pending());
        drop(first);
        assert!(futures_util::poll!(over.as_mut()).is_pending());
        drop(second);
        assert!(futures_util::poll!(over.as_mut()).is_ready());
        let _stays = leaving.begin();
        let began = Instant::now();
        leaving.over().await;
        assert!(began.elapsed() >= limit::LEAVING);
    }
}
