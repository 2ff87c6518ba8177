//! Notices within one process, for an installation of one node.

use std::num::NonZeroUsize;

use countersign_core::ports::fanout::{Fanout, Notice};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Carries notices to every subscriber of this process.
#[derive(Debug, Clone)]
pub struct InProcess {
    sender: broadcast::Sender<Notice>,
}

/// Receives the notices that follow the subscription.
#[derive(Debug)]
pub struct Subscription {
    receiver: broadcast::Receiver<Notice>,
}

/// What a subscriber receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A notice.
    Notice(Notice),
    /// So many notices were dropped before they were read: sweep the store.
    Missed(u64),
}

// === impl InProcess ===

impl InProcess {
    /// A channel that holds at least this many notices for each subscriber.
    #[must_use]
    pub fn new(notices_max: NonZeroUsize) -> Self {
        Self {
            sender: broadcast::Sender::new(notices_max.get()),
        }
    }

    /// Receives what is published from now on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        Subscription {
            receiver: self.sender.subscribe(),
        }
    }
}

impl Fanout for InProcess {
    fn publish(&self, notice: Notice) {
        // An error says that there is no subscriber, and so nobody to tell.
        let _ = self.sender.send(notice);
    }

    fn publish_here(&self, notice: Notice) {
        self.publish(notice);
    }
}

// === impl Subscription ===

impl Subscription {
    /// The next notice; `None` once every publisher is gone.
    pub async fn next(&mut self) -> Option<Received> {
        match self.receiver.recv().await {
            Ok(notice) => Some(Received::Notice(notice)),
            Err(RecvError::Lagged(missed)) => Some(Received::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::id::ApplicationId;

    use super::*;

    fn notice(number: u8) -> Notice {
        Notice::Application(ApplicationId::from_bytes([number; 16]))
    }

    #[tokio::test]
    async fn a_subscriber_gets_what_follows_and_is_told_what_it_missed() {
        let fanout = InProcess::new(NonZeroUsize::new(4).unwrap());
        fanout.publish(notice(0));
        let mut prompt = fanout.subscribe();
        fanout.publish(notice(1));
        assert_eq!(prompt.next().await, Some(Received::Notice(notice(1))));
        for number in 2..=9 {
            fanout.publish(notice(number));
        }
        assert_eq!(prompt.next().await, Some(Received::Missed(4)));
        assert_eq!(prompt.next().await, Some(Received::Notice(notice(6))));
        drop(fanout);
        for number in 7..=9 {
            assert_eq!(prompt.next().await, Some(Received::Notice(notice(number))));
        }
        assert_eq!(prompt.next().await, None);
    }
}
