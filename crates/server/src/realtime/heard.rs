//! What was heard lately, for who begins to follow a conversation.
//!
//! Between reading where a conversation stands and following it, a notice may
//! come that finds nobody. It is looked up here.

use std::collections::VecDeque;

use countersign_core::id::ConversationId;

use super::limit;

/// What was heard lately of conversations, for who begins to follow one.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) count: u64,
    latest: VecDeque<(ConversationId, u64)>,
}

/// A moment in what was heard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment(u64);

/// A moment is so long ago that what was heard since is not known any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Forgotten;

// === impl Heard ===

impl Heard {
    /// The moment from which on nothing is missed.
    pub(super) fn moment(&self) -> Moment {
        Moment(self.count)
    }

    pub(super) fn push(&mut self, conversation: ConversationId, last: u64) {
        if self.latest.len() >= limit::HEARD_MAX {
            self.latest.pop_front();
        }
        self.latest.push_back((conversation, last));
        self.count += 1;
    }

    /// The newest number that was heard of a conversation since a moment.
    pub(super) fn newest_of(
        &self,
        conversation: ConversationId,
        since: Moment,
    ) -> Result<Option<u64>, Forgotten> {
        let since = usize::try_from(self.count - since.0).unwrap_or(usize::MAX);
        let from = self.latest.len().checked_sub(since).ok_or(Forgotten)?;
        let heard = self.latest.iter().skip(from);
        let of_it = heard.filter(|(of, _)| *of == conversation);
        Ok(of_it.map(|(_, last)| *last).max())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_since_a_moment_is_found_as_long_as_it_is_known() {
        let conversation = |number: u8| ConversationId::from_bytes([number; 16]);
        let mut heard = Heard::default();
        heard.push(conversation(1), 7);
        let since = heard.moment();
        assert_eq!(heard.newest_of(conversation(1), since), Ok(None));
        heard.push(conversation(2), 3);
        heard.push(conversation(1), 9);
        heard.push(conversation(1), 8);
        assert_eq!(heard.newest_of(conversation(1), since), Ok(Some(9)));
        assert_eq!(heard.newest_of(conversation(3), since), Ok(None));
        for _ in 0..limit::HEARD_MAX {
            heard.push(conversation(4), 1);
        }
        assert_eq!(heard.newest_of(conversation(1), since), Err(Forgotten));
        assert_eq!(heard.newest_of(conversation(1), heard.moment()), Ok(None));
    }
}
