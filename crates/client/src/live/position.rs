//! How far a device has got, and in which order it is told what follows.

use std::collections::BTreeMap;

use countersign_wire::event::Event;
use countersign_wire::frame::{
    ConversationChange, ConversationFrame, EventFrame, Gap, ShownConversation,
};
use serde::{Deserialize, Serialize};

use super::Update;

/// The most conversations of which a server is told how far the device has got.
const HAVE_MAX: usize = 1_000;

/// How far a device has got. Who keeps events keeps this beside them, and goes
/// on from there after a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The history that the numbers are of; absent until a server has told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// The newest event that the device has, by conversation. One that is
    /// absent counts as 0.
    #[serde(default)]
    pub have: BTreeMap<String, u64>,
}

/// Brings what comes in into order: each event once, and an own event that was
/// acknowledged early in its turn.
#[derive(Debug, Default)]
pub(super) struct Track {
    position: Position,
    /// Own events that were acknowledged before what is before them was told.
    early: BTreeMap<String, BTreeMap<u64, Event>>,
}

// === impl Position ===

impl Position {
    /// Takes over what an update says.
    pub(super) fn take(&mut self, update: &Update) {
        match update {
            Update::Event(frame) => self.reach(&frame.conversation_id, frame.event.id),
            Update::Gap(gap) => self.reach(&gap.conversation_id, gap.last),
            Update::Conversation(frame) if frame.change == ConversationChange::Removed => {
                self.have.remove(id_of(frame));
            }
            Update::Restored => *self = Self::default(),
            Update::Online(online) => self.epoch = Some(online.epoch),
            Update::Conversation(_)
            | Update::Signal(_)
            | Update::Connecting
            | Update::Offline(_)
            | Update::Ended(_) => {}
        }
    }

    /// What a server is told: of too many, the conversations that were made last.
    pub(super) fn told(&self) -> BTreeMap<String, u64> {
        let excess = self.have.len().saturating_sub(HAVE_MAX);
        let newest = self.have.iter().skip(excess);
        newest.map(|(id, event)| (id.clone(), *event)).collect()
    }

    fn reach(&mut self, conversation: &str, event: u64) {
        match self.have.get_mut(conversation) {
            Some(has) => *has = event.max(*has),
            None => {
                self.have.insert(conversation.to_owned(), event);
            }
        }
    }
}

// === impl Track ===

impl Track {
    pub(super) fn new(position: Position) -> Self {
        Self {
            position,
            early: BTreeMap::new(),
        }
    }

    pub(super) fn position(&self) -> &Position {
        &self.position
    }

    /// A connection begins: the server tells anew what was early.
    pub(super) fn begin(&mut self, epoch: u64) {
        self.position.epoch = Some(epoch);
        self.early.clear();
    }

    /// An event, or an own one in its turn.
    pub(super) fn event(&mut self, frame: EventFrame, out: &mut Vec<Update>) {
        let (conversation, number) = (frame.conversation_id.clone(), frame.event.id);
        self.early_up_to(&conversation, number, out);
        self.tell(frame, out);
        self.early_in_turn(&conversation, out);
    }

    /// An own event that was acknowledged: in its turn, or ahead of it where the
    /// conversation is only about to be told of.
    pub(super) fn own(&mut self, frame: EventFrame, out: &mut Vec<Update>) {
        let known = self.position.have.contains_key(&frame.conversation_id);
        if known {
            self.event(frame, out);
            return;
        }
        let early = self.early.entry(frame.conversation_id).or_default();
        early.insert(frame.event.id, frame.event);
    }

    pub(super) fn gap(&mut self, gap: Gap, out: &mut Vec<Update>) {
        self.position.reach(&gap.conversation_id, gap.last);
        if let Some(early) = self.early.get_mut(&gap.conversation_id) {
            early.retain(|number, _| *number > gap.last);
        }
        let conversation = gap.conversation_id.clone();
        out.push(Update::Gap(gap));
        self.early_in_turn(&conversation, out);
    }

    pub(super) fn conversation(&mut self, frame: ConversationFrame, out: &mut Vec<Update>) {
        let id = id_of(&frame).to_owned();
        match frame.change {
            ConversationChange::Added => {
                self.position.reach(&id, 0);
                out.push(Update::Conversation(frame));
                self.early_in_turn(&id, out);
            }
            ConversationChange::Changed => out.push(Update::Conversation(frame)),
            ConversationChange::Removed => {
                self.position.have.remove(&id);
                self.early.remove(&id);
                out.push(Update::Conversation(frame));
            }
        }
    }

    /// Tells the early ones that have had their turn before this event.
    fn early_up_to(&mut self, conversation: &str, number: u64, out: &mut Vec<Update>) {
        while let Some(event) = self.next_early(conversation, |next| next <= number) {
            self.tell(event, out);
        }
    }

    /// Tells the early ones that follow what was told.
    fn early_in_turn(&mut self, conversation: &str, out: &mut Vec<Update>) {
        loop {
            let has = self.position.have.get(conversation).copied().unwrap_or(0);
            let Some(event) = self.next_early(conversation, |next| next <= has + 1) else {
                return;
            };
            self.tell(event, out);
        }
    }

    fn next_early(
        &mut self,
        conversation: &str,
        is_due: impl Fn(u64) -> bool,
    ) -> Option<EventFrame> {
        let early = self.early.get_mut(conversation)?;
        let due = early.first_entry().filter(|next| is_due(*next.key()))?;
        Some(EventFrame {
            conversation_id: conversation.to_owned(),
            event: due.remove(),
        })
    }

    /// Each number once.
    fn tell(&mut self, frame: EventFrame, out: &mut Vec<Update>) {
        let has = self.position.have.get(&frame.conversation_id);
        if has.is_none_or(|has| frame.event.id > *has) {
            self.position.reach(&frame.conversation_id, frame.event.id);
            out.push(Update::Event(frame));
        }
    }
}

fn id_of(frame: &ConversationFrame) -> &str {
    match &frame.conversation {
        ShownConversation::Whole(conversation) => &conversation.id,
        ShownConversation::Lost(conversation) => &conversation.id,
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use countersign_wire::event::From;
    use countersign_wire::frame::LostConversation;
    use countersign_wire::time::Time;
    use serde_json::value::RawValue;

    use super::*;

    fn frame(number: u64) -> EventFrame {
        let event = Event {
            id: number,
            kind: Cow::Borrowed("text"),
            body: RawValue::from_string("{}".to_owned()).unwrap(),
            from: From {
                member_id: None,
                user_id: None,
                name: "alice".to_owned(),
                assurance: Cow::Borrowed("verified"),
            },
            timestamp: Time { milliseconds: 0 },
            client_id: None,
            edited_at: None,
            deleted_at: None,
        };
        EventFrame {
            conversation_id: "CON-1".to_owned(),
            event,
        }
    }

    fn change(change: ConversationChange) -> ConversationFrame {
        ConversationFrame {
            change,
            conversation: ShownConversation::Lost(LostConversation {
                id: "CON-1".to_owned(),
            }),
        }
    }

    /// What comes in: an event, an own one, a gap, a conversation gained or lost.
    #[derive(Clone, Copy)]
    enum In {
        E(u64),
        Own(u64),
        Gap(u64),
        Added,
        Removed,
    }

    fn check(has: Option<u64>, frames: &[In], expected: &[u64]) {
        let mut track = Track::default();
        if let Some(has) = has {
            track.position.reach("CON-1", has);
        }
        let mut out = Vec::new();
        for frame_in in frames {
            match *frame_in {
                In::E(number) => track.event(frame(number), &mut out),
                In::Own(number) => track.own(frame(number), &mut out),
                In::Gap(last) => {
                    let gap = Gap {
                        conversation_id: "CON-1".to_owned(),
                        after: 0,
                        last,
                    };
                    track.gap(gap, &mut out);
                }
                In::Added => track.conversation(change(ConversationChange::Added), &mut out),
                In::Removed => track.conversation(change(ConversationChange::Removed), &mut out),
            }
        }
        let told: Vec<u64> = out
            .iter()
            .filter_map(|update| {
                let Update::Event(frame) = update else {
                    return None;
                };
                Some(frame.event.id)
            })
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn each_event_is_told_once_and_in_its_turn() {
        use In::{Added, E, Gap, Own, Removed};
        check(Some(0), &[E(1), E(2), Own(3), E(4)], &[1, 2, 3, 4]);
        check(Some(2), &[E(1), E(2), E(3), E(3), E(4)], &[3, 4]);
        // A retry is acknowledged with what was told before.
        check(Some(5), &[Own(3), E(6)], &[6]);
        // Sent before the device was told of the conversation.
        check(None, &[Own(2), Added, E(1), E(3)], &[1, 2, 3]);
        check(None, &[Own(2), Own(3), Added, E(1)], &[1, 2, 3]);
        check(None, &[Own(3), Added, E(1), E(2)], &[1, 2, 3]);
        check(None, &[Own(1), Added, E(2)], &[1, 2]);
        check(None, &[Own(700), Added, Gap(699), E(701)], &[700, 701]);
        check(None, &[Own(700), Added, Gap(700), E(701)], &[701]);
        check(Some(0), &[E(1), Gap(600), E(601)], &[1, 601]);
        // One that is lost and gained again begins anew.
        check(Some(9), &[E(10), Removed, Added, E(1)], &[10, 1]);
    }

    #[test]
    fn a_server_is_told_of_so_many_and_no_more() {
        let mut position = Position::default();
        for number in 0..HAVE_MAX + 5 {
            position.reach(&format!("CON-{number:05}"), 1);
        }
        let told = position.told();
        assert_eq!(told.len(), HAVE_MAX);
        assert!(!told.contains_key("CON-00004") && told.contains_key("CON-00005"));
    }
}
