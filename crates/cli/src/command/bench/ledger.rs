//! Which messages were sent, and who has got them: each exactly once, and from
//! us in the order of sending. A run in which one is missing measures nothing.

use std::time::Duration;

use tokio::time::Instant;

use crate::exit::Failure;

/// The messages of one workload.
#[derive(Debug)]
pub(super) struct Ledger {
    /// How many receivers each message has.
    receivers: usize,
    keeps_order: bool,
    sent_at: Vec<Instant>,
    /// For each message and receiver, whether it has arrived.
    arrived: Vec<bool>,
    /// The newest that each receiver has.
    newest: Vec<Option<u64>>,
    arrivals: usize,
    acceptances: usize,
}

// === impl Ledger ===

impl Ledger {
    /// No message yet.
    pub(super) fn new(receivers: usize, keeps_order: bool) -> Self {
        Self {
            receivers,
            keeps_order,
            sent_at: Vec::new(),
            arrived: Vec::new(),
            newest: Vec::new(),
            arrivals: 0,
            acceptances: 0,
        }
    }

    /// A message goes out: its number.
    pub(super) fn send(&mut self) -> u64 {
        let number = self.sent_at.len() as u64;
        self.sent_at.push(Instant::now());
        self.arrived
            .extend(std::iter::repeat_n(false, self.receivers));
        number
    }

    /// One has arrived, at this of its receivers and on this socket: how long it took.
    ///
    /// # Errors
    /// If it was never sent, has arrived there before, or comes out of order.
    pub(super) fn arrive(
        &mut self,
        number: u64,
        receiver: usize,
        socket: usize,
        at: Instant,
    ) -> Result<Duration, Failure> {
        let message = usize::try_from(number).unwrap_or(usize::MAX);
        let sent_at = self
            .sent_at
            .get(message)
            .filter(|_| receiver < self.receivers);
        let Some(sent_at) = sent_at else {
            return Err(Failure::refused(format!(
                "message {number} arrived where it was not sent"
            )));
        };
        let took = at.saturating_duration_since(*sent_at);
        let place = message * self.receivers + receiver;
        if std::mem::replace(&mut self.arrived[place], true) {
            return Err(Failure::refused(format!("message {number} arrived twice")));
        }
        if self.newest.len() <= socket {
            self.newest.resize(socket + 1, None);
        }
        let before = self.newest[socket].replace(number);
        if self.keeps_order && before.is_some_and(|before| before > number) {
            return Err(Failure::refused(format!(
                "message {number} arrived after a later one"
            )));
        }
        self.arrivals += 1;
        Ok(took)
    }

    /// One was accepted.
    pub(super) fn accept(&mut self) {
        self.acceptances += 1;
    }

    /// How many were sent.
    pub(super) fn sent(&self) -> usize {
        self.sent_at.len()
    }

    /// How many have arrived, over all receivers.
    pub(super) fn arrivals(&self) -> usize {
        self.arrivals
    }

    /// Whether all that were sent are accepted, and everywhere.
    pub(super) fn is_level(&self) -> bool {
        self.arrivals == self.arrived.len() && self.acceptances == self.sent_at.len()
    }

    /// That nothing is missing.
    ///
    /// # Errors
    /// What is.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.is_level() {
            return Ok(());
        }
        Err(Failure::refused(format!(
            "of {} messages {} were accepted, and of {} deliveries {} arrived",
            self.sent(),
            self.acceptances,
            self.arrived.len(),
            self.arrivals
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_sent_arrives_once_at_each_receiver() {
        let mut ledger = Ledger::new(2, true);
        let now = Instant::now();
        assert_eq!((ledger.send(), ledger.send()), (0, 1));
        for (number, receiver) in [(0, 0), (0, 1), (1, 0)] {
            assert!(ledger.arrive(number, receiver, receiver, now).is_ok());
        }
        ledger.accept();
        ledger.accept();
        let failure = ledger.check().unwrap_err();
        assert!(
            failure.sentence.contains("of 4 deliveries 3"),
            "{}",
            failure.sentence
        );
        assert!(ledger.arrive(1, 1, 1, now).is_ok());
        assert!(ledger.check().is_ok());
    }

    #[tokio::test]
    async fn what_was_not_sent_or_comes_twice_or_too_late_makes_it_invalid() {
        let now = Instant::now();
        let arrivals: [(&[u64], bool, &str); 4] = [
            (&[7], true, "was not sent"),
            (&[0, 0], true, "twice"),
            (&[1, 0], true, "after a later one"),
            (&[1, 0], false, ""),
        ];
        for (numbers, keeps_order, expected) in arrivals {
            let mut ledger = Ledger::new(1, keeps_order);
            ledger.send();
            ledger.send();
            let mut arrived = numbers
                .iter()
                .map(|number| ledger.arrive(*number, 0, 0, now));
            let last = arrived.by_ref().last().unwrap();
            match last {
                Ok(_) => assert_eq!(expected, ""),
                Err(failure) => assert!(
                    !expected.is_empty() && failure.sentence.contains(expected),
                    "{}",
                    failure.sentence
                ),
            }
        }
    }

    #[tokio::test]
    async fn a_receiver_that_is_none_is_told() {
        let mut ledger = Ledger::new(1, true);
        ledger.send();
        assert!(ledger.arrive(0, 1, 1, Instant::now()).is_err());
    }
}
