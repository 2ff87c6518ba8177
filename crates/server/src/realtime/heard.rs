//! What was heard lately, for who begins to follow conversations.
//!
//! Between reading where somebody stands and following it, a notice may come
//! that finds nobody. It is looked up here.

use std::collections::VecDeque;

use countersign_core::id::{ConversationId, UserId};

use super::limit;

/// What was heard lately, for who begins to follow.
#[derive(Default)]
pub(super) struct Heard {
    /// Of conversations, the newest number of each.
    events: Latest<(ConversationId, u64)>,
    /// Of users who have gained or lost one.
    users: Latest<UserId>,
}

/// The latest of what was heard, and how many there were in all.
struct Latest<T> {
    count: u64,
    latest: VecDeque<T>,
}

/// A moment in what was heard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    events: u64,
    users: u64,
}

/// A moment is so long ago that what was heard since is not known any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Forgotten;

// === impl Heard ===

impl Heard {
    /// The moment from which on nothing is missed.
    pub(super) fn moment(&self) -> Moment {
        Moment {
            events: self.events.count,
            users: self.users.count,
        }
    }

    /// Notes the newest number of a conversation.
    pub(super) fn events(&mut self, conversation: ConversationId, last: u64) {
        self.events.push((conversation, last));
    }

    /// Notes that a user has gained or lost a conversation.
    pub(super) fn user(&mut self, user: UserId) {
        self.users.push(user);
    }

    /// Notes that something may have been missed: no earlier moment counts.
    pub(super) fn forget(&mut self) {
        self.events.forget();
        self.users.forget();
    }

    /// The newest number that was heard of a conversation since a moment.
    pub(super) fn newest_of(
        &self,
        conversation: ConversationId,
        since: Moment,
    ) -> Result<Option<u64>, Forgotten> {
        let heard = self.events.since(since.events)?;
        let of_it = heard.filter(|(of, _)| *of == conversation);
        Ok(of_it.map(|(_, last)| *last).max())
    }

    /// Whether a user has gained or lost a conversation since a moment.
    pub(super) fn changed(&self, user: UserId, since: Moment) -> Result<bool, Forgotten> {
        let mut heard = self.users.since(since.users)?;
        Ok(heard.any(|of| *of == user))
    }
}

// === impl Latest ===

impl<T> Latest<T> {
    fn push(&mut self, heard: T) {
        if self.latest.len() >= limit::HEARD_MAX {
            self.latest.pop_front();
        }
        self.latest.push_back(heard);
        self.count += 1;
    }

    fn forget(&mut self) {
        self.latest.clear();
        self.count += 1;
    }

    fn since(&self, count: u64) -> Result<impl Iterator<Item = &T>, Forgotten> {
        let since = usize::try_from(self.count - count).unwrap_or(usize::MAX);
        let from = self.latest.len().checked_sub(since).ok_or(Forgotten)?;
        Ok(self.latest.iter().skip(from))
    }
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self {
            count: 0,
            latest: VecDeque::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_since_a_moment_is_found_as_long_as_it_is_known() {
        let conversation = |number: u8| ConversationId::from_bytes([number; 16]);
        let mut heard = Heard::default();
        heard.events(conversation(1), 7);
        let since = heard.moment();
        assert_eq!(heard.newest_of(conversation(1), since), Ok(None));
        heard.events(conversation(2), 3);
        heard.events(conversation(1), 9);
        heard.events(conversation(1), 8);
        assert_eq!(heard.newest_of(conversation(1), since), Ok(Some(9)));
        assert_eq!(heard.newest_of(conversation(3), since), Ok(None));
        for _ in 0..limit::HEARD_MAX {
            heard.events(conversation(4), 1);
        }
        assert_eq!(heard.newest_of(conversation(1), since), Err(Forgotten));
        assert_eq!(heard.newest_of(conversation(1), heard.moment()), Ok(None));
    }

    #[test]
    fn whose_conversations_changed_since_a_moment_is_known_as_long() {
        let user = |number: u8| UserId::from_bytes([number; 16]);
        let mut heard = Heard::default();
        heard.user(user(1));
        let since = heard.moment();
        heard.events(ConversationId::from_bytes([1; 16]), 1);
        assert_eq!(heard.changed(user(1), since), Ok(false));
        heard.user(user(2));
        heard.user(user(1));
        assert_eq!(heard.changed(user(1), since), Ok(true));
        assert_eq!(heard.changed(user(3), since), Ok(false));
        for _ in 0..limit::HEARD_MAX {
            heard.user(user(4));
        }
        assert_eq!(heard.changed(user(1), since), Err(Forgotten));
    }

    #[test]
    fn no_moment_counts_from_before_something_was_missed() {
        let (conversation, user) = (
            ConversationId::from_bytes([1; 16]),
            UserId::from_bytes([1; 16]),
        );
        let mut heard = Heard::default();
        let since = heard.moment();
        heard.forget();
        assert_eq!(heard.newest_of(conversation, since), Err(Forgotten));
        assert_eq!(heard.changed(user, since), Err(Forgotten));
        let since = heard.moment();
        assert_eq!(heard.newest_of(conversation, since), Ok(None));
        assert_eq!(heard.changed(user, since), Ok(false));
    }
}
