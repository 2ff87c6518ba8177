//! Between an event's body and a message: its text, and the headers of an app.
//!
//! A text alone is an event of that kind, as at every door. One with headers is a
//! message of the type `text` with one member more, which the other doors' clients
//! bear: their own messages have members that are not ours to know.

use countersign_core::model::event::{Event, EventKind};
use serde::{Deserialize, Serialize};

/// The type of a message that has a text.
const TEXT: &str = "text";

/// What somebody says.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) headers: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct TextBody {
    text: String,
}

#[derive(Serialize, Deserialize)]
struct MessageBody {
    message_type: String,
    text: Option<String>,
    #[serde(default, deserialize_with = "any_text")]
    headers: Option<String>,
}

/// Whether an event may have a text.
pub(super) fn may_say(event: &Event) -> bool {
    let kind = match event.kind {
        EventKind::Text | EventKind::Message => true,
        EventKind::Image
        | EventKind::Custom(_)
        | EventKind::MemberInvited
        | EventKind::MemberJoined
        | EventKind::MemberLeft
        | EventKind::MemberAdopted
        | EventKind::Edit
        | EventKind::Delete => false,
    };
    kind && event.deleted_at.is_none()
}

/// What an event says, if it says something in words.
pub(super) fn said(event: &Event) -> Option<Said> {
    if !may_say(event) {
        return None;
    }
    if event.kind == EventKind::Text {
        let TextBody { text } = serde_json::from_str(&event.body).ok()?;
        let headers = None;
        return Some(Said { text, headers });
    }
    let body: MessageBody = serde_json::from_str(&event.body).ok()?;
    let headers = body.headers;
    let text = body.text.filter(|_| body.message_type == TEXT)?;
    Some(Said { text, headers })
}

/// A member that may be anything, of which only a text is of use.
fn any_text<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Option<String>, D::Error> {
    let value = serde_json::Value::deserialize(reader)?;
    Ok(value.as_str().map(str::to_owned))
}

// === impl Said ===

impl Said {
    /// The event that says it.
    pub(super) fn into_event(self) -> (EventKind, String) {
        let Self { text, headers } = self;
        let (kind, body) = match headers {
            None => (EventKind::Text, serde_json::to_string(&TextBody { text })),
            Some(headers) => {
                let body = MessageBody {
                    message_type: TEXT.to_owned(),
                    text: Some(text),
                    headers: Some(headers),
                };
                (EventKind::Message, serde_json::to_string(&body))
            }
        };
        (kind, body.expect("texts are JSON"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use countersign_core::model::event::{Assurance, Sender};
    use countersign_core::model::person::Person;
    use countersign_credential::time::Timestamp;

    use super::*;

    fn event(kind: EventKind, body: &str) -> Event {
        Event {
            id: 1,
            kind,
            body: body.to_owned(),
            from: Sender {
                member: None,
                user: None,
                person: Arc::new(Person::default()),
                assurance: Assurance::Verified,
            },
            subject: None,
            reason: None,
            timestamp: Timestamp::from_milliseconds(0),
            client_id: None,
            edited_at: None,
            deleted_at: None,
        }
    }

    fn check(kind: EventKind, body: &str, expected: Option<(&str, Option<&str>)>) {
        let said = said(&event(kind, body));
        let found = said.map(|said| (said.text, said.headers));
        let expected =
            expected.map(|(text, headers)| (text.to_owned(), headers.map(str::to_owned)));
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn what_says_something_in_words_is_told() {
        let (text, message) = (EventKind::Text, EventKind::Message);
        check(text.clone(), r#"{"text":"a\nb"}"#, Some(("a\nb", None)));
        check(text.clone(), r#"{"text":"","x":1}"#, Some(("", None)));
        check(text, "{}", None);
        for (body, expected) in [
            (r#"{"message_type":"text","text":"a"}"#, Some(("a", None))),
            (
                r#"{"message_type":"text","text":"a","headers":"h"}"#,
                Some(("a", Some("h"))),
            ),
            (
                r#"{"message_type":"text","text":"a","headers":{}}"#,
                Some(("a", None)),
            ),
            (r#"{"message_type":"text","text":7}"#, None),
            (r#"{"message_type":"text"}"#, None),
            (r#"{"message_type":"image","text":"a"}"#, None),
        ] {
            check(message.clone(), body, expected);
        }
        let others = ["image", "custom:x", "member:joined", "edit", "delete"];
        for other in others.map(|name| EventKind::from_name(name).unwrap()) {
            check(other, r#"{"message_type":"text","text":"a"}"#, None);
        }
        let deleted = Event {
            deleted_at: Some(Timestamp::from_milliseconds(1)),
            ..event(EventKind::Text, r#"{"text":"a"}"#)
        };
        assert!(said(&deleted).is_none());
    }

    #[test]
    fn what_is_sent_says_the_same() {
        for headers in [None, Some("{}"), Some("")] {
            let sent = Said {
                text: "\u{4e2d} \"\\\u{0}".to_owned(),
                headers: headers.map(str::to_owned),
            };
            let (kind, body) = sent.clone().into_event();
            assert!(said(&event(kind, &body)) == Some(sent));
        }
    }
}
