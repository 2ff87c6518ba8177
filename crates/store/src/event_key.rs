//! What an event is kept under: one number, the conversation's own above the event's in it.
//!
//! The event's has the lower 32 bits, the conversation's the 31 above them. A conversation gets its
//! number as it is made, from a counter, so that one that is deleted leaves its number to nobody;
//! the events of a conversation are counted from 1.
//!
//! A history is by far the largest table, and this makes it as flat as can be: the pages above
//! its rows hold numbers alone, three hundred of them each, and stay in memory where there are
//! millions of events. A row names neither its application nor its conversation, so whoever reads
//! one comes by way of its conversation.
//!
//! A key is calculated of columns that are never NULL: SQLite would number a row without one by
//! itself, behind the last of all.

use crate::columns::integer;

/// Beyond the number of every event: that of the last is one less.
pub(crate) const EVENT_IDS_END: u64 = 1 << 32;

/// The key of an event, by the alias of its conversation and its own number.
macro_rules! event_key {
    ($conversation:literal, $id:expr) => {
        concat!("((", $conversation, ".number << 32) + ", $id, ")")
    };
}
pub(crate) use event_key;

/// The key of the event that has got the last number, by the alias `c` of its conversation.
macro_rules! newest_key {
    () => {
        $crate::event_key::event_key!("c", "c.last_event_id")
    };
}
pub(crate) use newest_key;

/// A number that no event of a conversation reaches, by the conversation's alias.
macro_rules! events_end {
    ($conversation:literal) => {
        concat!("((", $conversation, ".number + 1) << 32)")
    };
}
pub(crate) use events_end;

/// Whether an event is between two keys.
macro_rules! is_between {
    ($event:literal, $after:expr, $before:expr) => {
        concat!(
            $event, ".key > ", $after, " AND ", $event, ".key < ", $before
        )
    };
}
pub(crate) use is_between;

/// Whether an event is of a conversation, or of what is left of one: by the aliases of both.
macro_rules! is_of {
    ($event:literal, $conversation:literal) => {
        $crate::event_key::is_between!(
            $event,
            $crate::event_key::event_key!($conversation, "0"),
            $crate::event_key::events_end!($conversation)
        )
    };
}
pub(crate) use is_of;

/// An event's number in its conversation.
macro_rules! event_id {
    ($event:literal) => {
        concat!("(", $event, ".key & 4294967295)")
    };
}
pub(crate) use event_id;

/// The number of an event's conversation, as the indexes have it.
macro_rules! conversation_number {
    ($event:literal) => {
        concat!("(", $event, ".key >> 32)")
    };
}
pub(crate) use conversation_number;

/// A conversation's number as a value, to be compared with what an index has: by a column SQLite
/// would not go into an index on an expression, for the column's type could change what is equal.
macro_rules! number_value {
    ($conversation:literal) => {
        concat!("+", $conversation, ".number")
    };
}
pub(crate) use number_value;

/// An event's number, or the bound of some, as a statement gets it. What is beyond all of them is
/// not let into the events of the next conversation, of which none has the number 0.
pub(crate) fn event_number(id: u64) -> i64 {
    integer(id.min(EVENT_IDS_END))
}

/// The key of an event of the conversation that has a number.
pub(crate) fn key(conversation: i64, id: u64) -> i64 {
    (conversation << 32) + event_number(id)
}
