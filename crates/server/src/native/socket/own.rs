//! A connection's own events: it is told that they were sent, and not what.
//!
//! An event is acknowledged in its place in the conversation's order, so that
//! whoever reads one connection reads 1, 2, 3 … with its own among the others'.

use std::collections::VecDeque;

use countersign_core::id::ConversationId;
use countersign_core::model::event::Event;

use super::Socket;
use crate::native::close::Close;
use crate::native::frames;

/// Own events that wait for their turn to be acknowledged.
const OWN_MAX: usize = 16;

/// Own events that have not had their turn.
#[derive(Debug, Default)]
pub(super) struct OwnEvents(VecDeque<Own>);

/// An event that this connection has sent.
#[derive(Debug)]
pub(super) struct Own {
    conversation: ConversationId,
    event: Event,
    /// The client's number; none, where it was answered ahead of its turn.
    reference: Option<u64>,
}

// === impl OwnEvents ===

impl OwnEvents {
    /// How many more may be sent before one had its turn.
    pub(super) fn room(&self) -> usize {
        OWN_MAX.saturating_sub(self.0.len())
    }

    /// Takes the one whose turn it is, if the number is an own event's.
    pub(super) fn take(&mut self, conversation: ConversationId, number: u64) -> Option<Own> {
        self.take_where(|own| own.conversation == conversation && own.event.id == number)
    }

    fn take_where(&mut self, is_it: impl Fn(&Own) -> bool) -> Option<Own> {
        let place = self.0.iter().position(is_it)?;
        self.0.remove(place)
    }

    /// Keeps one until its turn.
    fn keep(&mut self, own: Own) {
        self.0.push_back(own);
    }

    /// Keeps one that was answered already, as long as that leaves room for the
    /// others: its conversation may be one that is only about to be followed.
    fn keep_answered(&mut self, own: Own) {
        let answered = self.0.iter().filter(|own| own.reference.is_none());
        if answered.count() < OWN_MAX / 2 {
            self.0.push_back(own);
        }
    }
}

// === impl Socket ===

impl Socket {
    /// Acknowledges an event in its turn; at once, where it has had its turn,
    /// or will have none.
    pub(super) fn sent(
        &mut self,
        reference: u64,
        conversation: ConversationId,
        event: Event,
    ) -> Result<(), Close> {
        let own = Own {
            conversation,
            event,
            reference: Some(reference),
        };
        match self.entered.follower.has(conversation) {
            Some(has) if own.event.id > has => {
                self.own.keep(own);
                Ok(())
            }
            Some(_) => self.acknowledge(own),
            None => {
                let frame = frames::sent(reference, Some(own.event.clone()));
                self.put(frame)?;
                self.own.keep_answered(Own {
                    reference: None,
                    ..own
                });
                Ok(())
            }
        }
    }

    pub(super) fn acknowledge(&mut self, own: Own) -> Result<(), Close> {
        match own.reference {
            None => Ok(()),
            Some(reference) => self.put(frames::sent(reference, Some(own.event))),
        }
    }

    /// Acknowledges what will not come in its turn any more.
    pub(super) fn acknowledge_all(&mut self, conversation: ConversationId) -> Result<(), Close> {
        while let Some(own) = self.own.take_where(|own| own.conversation == conversation) {
            self.acknowledge(own)?;
        }
        Ok(())
    }
}
