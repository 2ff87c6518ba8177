//! Events, written as the text that a native client reads.
//!
//! Most of what a node says is events, so that they are written in one go from
//! what the domain has: without the wire's types between, which own a copy of
//! every text. Those types say what is right; the tests here hold the two to
//! each other.

use std::fmt::Write as _;
use std::ops::Range;

use axum::extract::ws::Utf8Bytes;
use axum::response::{IntoResponse, Response};
use countersign_core::access::principal::Principal;
use countersign_core::id::ConversationId;
use countersign_core::model::event::{Event, Sender};
use http::StatusCode;

use super::answer::{json, time};

/// What an event's text has beside its body and its sender's name, in bytes:
/// ids, times and the names of members.
const AROUND_BYTES: usize = 400;
/// How many senders of a page are looked at for one who is written already: in a large
/// conversation, looking through all of them would cost more than writing.
const SENDERS_LOOKED_AT: usize = 8;

/// Who is shown an event.
#[derive(Clone, Copy)]
pub(super) enum Reader<'a> {
    /// Who has sent it.
    Sender,
    /// Who has not sent it.
    Other,
    /// Whoever asks.
    Asker(&'a Principal),
}

/// An answer whose JSON is written already.
#[derive(Debug)]
pub(super) struct Written(pub(super) StatusCode, String);

/// An event as an answer.
pub(super) fn event(status: StatusCode, event: &Event, reader: Reader<'_>) -> Written {
    let mut text = String::with_capacity(room_for(event));
    write(&mut text, event, reader);
    Written(status, text)
}

/// A part of a conversation's history as an answer. A page has few senders, each of
/// whom is written once and copied.
pub(super) fn page(events: &[Event], reader: Reader<'_>) -> Written {
    let mut text = String::with_capacity(events.iter().map(room_for).sum::<usize>() + AROUND_BYTES);
    let mut senders: Vec<(&Sender, Range<usize>)> = Vec::new();
    text.push_str(r#"{"events":["#);
    for (place, event) in events.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        write_begin(&mut text, event);
        let begin = text.len();
        let mut lately = senders.iter().rev().take(SENDERS_LOOKED_AT);
        if let Some((_, known)) = lately.find(|(sender, _)| **sender == event.from) {
            text.extend_from_within(known.clone());
        } else {
            write_sender(&mut text, &event.from);
            senders.push((&event.from, begin..text.len()));
        }
        write_end(&mut text, event, reader);
    }
    text.push_str("]}");
    Written(StatusCode::OK, text)
}

/// The frame that tells of an event.
pub(super) fn event_frame(
    conversation: ConversationId,
    event: &Event,
    reader: Reader<'_>,
) -> Utf8Bytes {
    let mut text = String::with_capacity(room_for(event) + AROUND_BYTES);
    text.push_str(r#"{"type":"event","conversation_id":""#);
    conversation.append_to(&mut text);
    text.push_str(r#"","event":"#);
    write(&mut text, event, reader);
    text.push('}');
    text.into()
}

/// The frame that tells a connection that its event is durable.
pub(super) fn sent_frame(reference: u64, event: &Event) -> Utf8Bytes {
    let mut text = String::with_capacity(room_for(event) + AROUND_BYTES);
    text.push_str(r#"{"type":"sent","ref":"#);
    write_number(&mut text, reference);
    text.push_str(r#","event":"#);
    write(&mut text, event, Reader::Sender);
    text.push('}');
    text.into()
}

fn room_for(event: &Event) -> usize {
    event.body.len() + event.from.person.names.shown().len() + AROUND_BYTES
}

fn write(text: &mut String, event: &Event, reader: Reader<'_>) {
    write_begin(text, event);
    write_sender(text, &event.from);
    write_end(text, event, reader);
}

fn write_begin(text: &mut String, event: &Event) {
    text.push_str(r#"{"id":"#);
    write_number(text, event.id);
    // The names of kinds have no character that JSON escapes.
    text.push_str(r#","type":""#);
    text.push_str(&event.kind.name());
    text.push_str(r#"","body":"#);
    text.push_str(&event.body);
    text.push_str(r#","from":"#);
}

fn write_end(text: &mut String, event: &Event, reader: Reader<'_>) {
    text.push_str(r#","timestamp":""#);
    time(event.timestamp).append_to(text);
    text.push('"');
    if let Some(client_id) = event.client_id.as_ref().filter(|_| reader.has_sent(event)) {
        text.push_str(r#","client_id":"#);
        write_quoted(text, client_id);
    }
    for (name, at) in [
        (r#","edited_at":""#, event.edited_at),
        (r#","deleted_at":""#, event.deleted_at),
    ] {
        if let Some(at) = at {
            text.push_str(name);
            time(at).append_to(text);
            text.push('"');
        }
    }
    text.push('}');
}

fn write_sender(text: &mut String, from: &Sender) {
    text.push('{');
    if let Some(member) = from.member {
        text.push_str(r#""member_id":""#);
        member.append_to(text);
        text.push_str(r#"","#);
    }
    if let Some(user) = from.user {
        text.push_str(r#""user_id":""#);
        user.append_to(text);
        text.push_str(r#"","#);
    }
    text.push_str(r#""name":"#);
    write_quoted(text, from.person.names.shown());
    text.push_str(r#","assurance":""#);
    text.push_str(from.assurance.as_str());
    text.push_str(r#""}"#);
}

fn write_quoted(text: &mut String, value: &str) {
    let is_escaped = |byte: u8| (byte < b' ') | (byte == b'"') | (byte == b'\\');
    if value
        .bytes()
        .fold(false, |any, byte| any | is_escaped(byte))
    {
        let quoted = serde_json::to_string(value).expect("every text is JSON");
        text.push_str(&quoted);
    } else {
        text.push('"');
        text.push_str(value);
        text.push('"');
    }
}

fn write_number(text: &mut String, number: u64) {
    write!(text, "{number}").expect("a text takes every text");
}

// === impl Reader ===

impl Reader<'_> {
    /// A backend is shown the client ids of all backends of its application.
    fn has_sent(self, event: &Event) -> bool {
        match self {
            Reader::Sender => true,
            Reader::Other => false,
            Reader::Asker(asker) => asker.user() == event.from.user,
        }
    }
}

// === impl Written ===

impl IntoResponse for Written {
    fn into_response(self) -> Response {
        json(self.0, self.1.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use countersign_core::id::{MemberId, UserId};
    use countersign_core::model::event::{Assurance, EventKind};
    use countersign_core::model::person::Person;
    use countersign_credential::time::Timestamp;
    use countersign_wire::event as wire;
    use countersign_wire::frame::{EventFrame, Sent, ServerFrame};
    use serde_json::value::RawValue;

    use super::*;

    /// Events of which each has something that others do not have.
    fn events() -> Vec<Event> {
        let at = Timestamp::from_milliseconds;
        let sender = |name: &str, member: bool| Sender {
            member: member.then(|| MemberId::from_bytes([7; 16])),
            user: member.then(|| UserId::from_bytes([9; 16])),
            person: Arc::new(Person::backend(name)),
            assurance: Assurance::Described,
        };
        let plain = Event {
            id: 1,
            kind: EventKind::Text,
            body: r#"{"text":"naïve \" \\ \u0000"}"#.to_owned(),
            from: sender("Jay", true),
            subject: None,
            reason: None,
            timestamp: at(1_800_000_000_007),
            client_id: None,
            edited_at: None,
            deleted_at: None,
        };
        let of_kind = |kind| Event {
            kind,
            ..plain.clone()
        };
        let from = |name: &str, member| Event {
            from: sender(name, member),
            ..plain.clone()
        };
        vec![
            of_kind(EventKind::Custom("poll:vote".to_owned())),
            of_kind(EventKind::MemberAdopted),
            from("a \"quoted\" \\ naïve \u{1}\u{2028}</script>", true),
            from("", false),
            Event {
                id: u64::MAX,
                client_id: Some("c\"1".to_owned()),
                ..plain.clone()
            },
            Event {
                body: "{}".to_owned(),
                edited_at: Some(at(0)),
                deleted_at: Some(at(-1)),
                ..plain.clone()
            },
            plain,
        ]
    }

    fn of_wire(event: &Event, shows_client_id: bool) -> wire::Event {
        wire::Event {
            id: event.id,
            kind: event.kind.name(),
            body: RawValue::from_string(event.body.clone()).unwrap(),
            from: wire::From {
                member_id: event.from.member.map(|id| id.to_string()),
                user_id: event.from.user.map(|id| id.to_string()),
                name: event.from.person.names.shown().to_owned(),
                assurance: event.from.assurance.as_str().into(),
            },
            timestamp: time(event.timestamp),
            client_id: event.client_id.clone().filter(|_| shows_client_id),
            edited_at: event.edited_at.map(time),
            deleted_at: event.deleted_at.map(time),
        }
    }

    #[test]
    fn what_is_written_is_what_the_wires_types_say() {
        let conversation = ConversationId::from_bytes([3; 16]);
        for shown in events() {
            for (reader, is_sender) in [(Reader::Sender, true), (Reader::Other, false)] {
                let expected = serde_json::to_string(&of_wire(&shown, is_sender)).unwrap();
                let Written(_, text) = event(StatusCode::OK, &shown, reader);
                assert_eq!(text, expected);

                let expected = ServerFrame::Event(EventFrame {
                    conversation_id: conversation.to_string(),
                    event: of_wire(&shown, is_sender),
                });
                let expected = serde_json::to_string(&expected).unwrap();
                let frame = event_frame(conversation, &shown, reader);
                assert_eq!(frame.as_str(), expected);
            }
            let expected = ServerFrame::Sent(Sent {
                reference: 12,
                event: Some(of_wire(&shown, true)),
            });
            let expected = serde_json::to_string(&expected).unwrap();
            assert_eq!(sent_frame(12, &shown).as_str(), expected);
        }
    }

    #[test]
    fn a_page_is_what_the_wires_types_say() {
        let one_by_one = (0..12).map(|number| Event {
            from: Sender {
                member: Some(MemberId::from_bytes([number; 16])),
                ..events()[0].from.clone()
            },
            ..events()[0].clone()
        });
        let all = [events(), events(), one_by_one.collect(), events()].concat();
        for count in [0, 1, 2, events().len(), all.len()] {
            let shown = &all[..count];
            let expected = serde_json::to_string(&wire::Events {
                events: shown.iter().map(|event| of_wire(event, false)).collect(),
            });
            let Written(_, text) = page(shown, Reader::Other);
            assert_eq!(text, expected.unwrap());
        }
    }
}
