//! Receipts: which own messages have reached whom, as far as one mailbox knows of
//! them. A position that another member's devices have reached tells it of all
//! messages up to there, and each is told once.

use std::collections::{HashMap, VecDeque};

use countersign_core::id::{ConversationId, UserId};

use super::limit::{OWN_MAX, POSITIONS_MAX};

/// Own messages, and how far others have got.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    /// The newest at the end; of one conversation in the order of their numbers.
    own: VecDeque<Own>,
    /// Up to where it was told.
    told: HashMap<(ConversationId, UserId), u64>,
}

#[derive(Debug)]
struct Own {
    conversation: ConversationId,
    number: u64,
    message_id: String,
}

// === impl Receipts ===

impl Receipts {
    /// Notes a message of the mailbox's own user.
    pub(super) fn sent(&mut self, conversation: ConversationId, number: u64, message_id: String) {
        if self.own.len() >= OWN_MAX {
            self.own.pop_front();
        }
        self.own.push_back(Own {
            conversation,
            number,
            message_id,
        });
    }

    /// The own messages that have reached a user, and of which nobody was told so
    /// before.
    pub(super) fn reached(
        &mut self,
        conversation: ConversationId,
        user: UserId,
        up_to: u64,
    ) -> Vec<String> {
        if self.told.len() >= POSITIONS_MAX {
            self.forget_positions();
        }
        let told = self.told.entry((conversation, user)).or_default();
        let own = self.own.iter();
        let reached = own
            .filter(|own| own.conversation == conversation)
            .filter(|own| own.number > *told && own.number <= up_to)
            .map(|own| own.message_id.clone())
            .collect();
        *told = up_to.max(*told);
        reached
    }

    /// Forgets positions where there is no own message; where there still are too
    /// many, all of them: a client knows a receipt that it has had.
    fn forget_positions(&mut self) {
        let own = &self.own;
        let of_use = |conversation| own.iter().any(|own| own.conversation == conversation);
        self.told
            .retain(|(conversation, _), _| of_use(*conversation));
        if self.told.len() >= POSITIONS_MAX {
            self.told.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation(number: u8) -> ConversationId {
        ConversationId::from_bytes([number; 16])
    }

    fn user(number: usize) -> UserId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        UserId::from_bytes(bytes)
    }

    #[test]
    fn a_position_tells_of_what_was_not_told_before() {
        let mut receipts = Receipts::default();
        for number in [2, 3, 7] {
            receipts.sent(conversation(1), number, format!("m{number}"));
        }
        receipts.sent(conversation(2), 3, "other".to_owned());
        for (by, up_to, expected) in [
            (1, 1, &[][..]),
            (1, 3, &["m2", "m3"]),
            (1, 3, &[]),
            (1, 2, &[]),
            (2, 9, &["m2", "m3", "m7"]),
            (1, u64::MAX, &["m7"]),
            (1, u64::MAX, &[]),
        ] {
            assert_eq!(receipts.reached(conversation(1), user(by), up_to), expected);
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut receipts = Receipts::default();
        for number in 1..=OWN_MAX as u64 + 1 {
            receipts.sent(conversation(1), number, number.to_string());
        }
        assert_eq!(receipts.own.len(), OWN_MAX);
        for number in 0..3 * POSITIONS_MAX {
            let of = conversation(1 + u8::try_from(number % 2).unwrap());
            receipts.reached(of, user(number), 5);
            assert!(receipts.told.len() <= POSITIONS_MAX);
        }
    }
}
