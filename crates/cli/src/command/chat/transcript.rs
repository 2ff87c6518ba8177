//! How a conversation reads in a terminal.
//!
//! What others write is shown as text, whatever they wrote: no byte of it
//! reaches the terminal as a command.

use countersign_wire::conversation::Conversation;
use countersign_wire::event::Event;
use countersign_wire::time::Time;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::output::printable;

/// The lines of one message that are shown after its first.
const LINES_MAX: usize = 30;

/// How lines are written: in colour for a person, as they are for a file.
#[derive(Debug, Clone)]
pub(super) struct Style {
    pub(super) in_colour: bool,
    pub(super) zone: TimeZone,
}

// === impl Style ===

impl Style {
    /// An event in its conversation, in as many lines as it needs.
    pub(super) fn event(&self, event: &Event, own_user: &str) -> Vec<String> {
        let time = self.dim(&self.time(event.timestamp));
        let name = printable(&event.from.name);
        let body: Value = serde_json::from_str(event.body.get()).unwrap_or_default();
        if let Some(what) = what_happened(event, &body) {
            return vec![format!("{time} {}", self.dim(&format!("— {name} {what}")))];
        }
        let own = event.from.user_id.as_deref() == Some(own_user);
        let name = if own {
            self.own(&name)
        } else {
            self.bold(&name)
        };
        let mark = if event.edited_at.is_some() {
            " (edited)"
        } else {
            ""
        };
        let said = said(event, &body);
        let mut lines = said.split('\n');
        let first = lines.next().unwrap_or_default();
        let mut shown = vec![format!("{time} {name}: {first}{}", self.dim(mark))];
        shown.extend(
            lines
                .by_ref()
                .take(LINES_MAX)
                .map(|line| format!("      {line}")),
        );
        match lines.count() {
            0 => {}
            more => shown.push(self.dim(&format!("      … and {more} lines more"))),
        }
        shown
    }

    /// A conversation in a list.
    pub(super) fn conversation(&self, number: usize, of: &Conversation, open: bool) -> String {
        let mark = if open { "▸" } else { " " };
        let unread = match of.unread {
            0 => String::new(),
            unread => self.bold(&format!("  {unread} unread")),
        };
        let number = format!("{number:>3}");
        format!("{mark}{number}  {}{unread}", title(of))
    }

    /// The time of day, where the person is.
    pub(super) fn time(&self, time: Time) -> String {
        let at = Timestamp::from_millisecond(time.milliseconds).unwrap_or_default();
        let at = at.to_zoned(self.zone.clone());
        format!("{:02}:{:02}", at.hour(), at.minute())
    }

    pub(super) fn dim(&self, text: &str) -> String {
        self.with("2", text)
    }

    pub(super) fn bold(&self, text: &str) -> String {
        self.with("1", text)
    }

    fn own(&self, text: &str) -> String {
        self.with("1;36", text)
    }

    fn with(&self, code: &str, text: &str) -> String {
        if self.in_colour && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// What people call a conversation.
pub(super) fn title(of: &Conversation) -> String {
    let named = of.display_name.as_deref().or(of.name.as_deref());
    match named {
        Some(name) => printable(name),
        None => {
            let id = &of.id;
            format!("without a name (…{})", &id[id.len().saturating_sub(6)..])
        }
    }
}

/// What a person did, where it is no message.
fn what_happened(event: &Event, body: &Value) -> Option<String> {
    let about = |member: &str| printable(body[member].as_str().unwrap_or("somebody"));
    let same = body["name"].as_str() == Some(event.from.name.as_str());
    Some(match event.kind.as_ref() {
        "member:joined" if same => "joined".to_owned(),
        "member:joined" => format!("added {}", about("name")),
        "member:invited" => format!("invited {}", about("name")),
        "member:left" if same => "left".to_owned(),
        "member:left" => format!("removed {}", about("name")),
        "member:adopted" => "has logged in".to_owned(),
        "edit" => format!("edited message {}", body["event_id"]),
        "delete" => format!("deleted message {}", body["event_id"]),
        _ => return None,
    })
}

fn said(event: &Event, body: &Value) -> String {
    if event.deleted_at.is_some() {
        return "(deleted)".to_owned();
    }
    let text = |member: &str| body[member].as_str().map(printable);
    match event.kind.as_ref() {
        "text" => text("text").unwrap_or_default(),
        "image" => format!("[image] {}", text("url").unwrap_or_default()),
        kind => match text("text") {
            Some(text) => format!("[{}] {text}", printable(kind)),
            None => format!("[{}] {}", printable(kind), printable(event.body.get())),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use countersign_wire::event::From;
    use serde_json::value::RawValue;

    use super::*;

    const PLAIN: Style = Style {
        in_colour: false,
        zone: TimeZone::UTC,
    };

    fn event(kind: &'static str, body: &str) -> Event {
        Event {
            id: 7,
            kind: Cow::Borrowed(kind),
            body: RawValue::from_string(body.to_owned()).unwrap(),
            from: From {
                member_id: None,
                user_id: Some("USR-1".to_owned()),
                name: "Alice".to_owned(),
                assurance: Cow::Borrowed("verified"),
            },
            timestamp: Time {
                milliseconds: 1_800_000_240_000,
            },
            client_id: None,
            edited_at: None,
            deleted_at: None,
        }
    }

    #[test]
    fn an_event_reads_as_what_it_is() {
        for (kind, body, expected) in [
            ("text", r#"{"text":"hello"}"#, "08:04 Alice: hello"),
            (
                "text",
                r#"{"text":"one\ntwo"}"#,
                "08:04 Alice: one\n      two",
            ),
            (
                "image",
                r#"{"url":"/v1/media/1"}"#,
                "08:04 Alice: [image] /v1/media/1",
            ),
            (
                "custom:order",
                r#"{"id":1}"#,
                r#"08:04 Alice: [custom:order] {"id":1}"#,
            ),
            (
                "message",
                r#"{"message_type":"x","text":"hi"}"#,
                "08:04 Alice: [message] hi",
            ),
            (
                "member:joined",
                r#"{"name":"Alice"}"#,
                "08:04 — Alice joined",
            ),
            (
                "member:joined",
                r#"{"name":"Bob"}"#,
                "08:04 — Alice added Bob",
            ),
            (
                "member:invited",
                r#"{"name":"Bob"}"#,
                "08:04 — Alice invited Bob",
            ),
            (
                "member:left",
                r#"{"name":"Bob"}"#,
                "08:04 — Alice removed Bob",
            ),
            (
                "delete",
                r#"{"event_id":3}"#,
                "08:04 — Alice deleted message 3",
            ),
        ] {
            let shown = PLAIN.event(&event(kind, body), "USR-2").join("\n");
            assert_eq!(shown, expected);
        }
        let long = format!(r#"{{"text":"{}"}}"#, "x\\n".repeat(40));
        let shown = PLAIN.event(&event("text", &long), "USR-2");
        assert_eq!(shown.len(), LINES_MAX + 2);
        assert_eq!(shown[LINES_MAX + 1], "      … and 10 lines more");
        let mut deleted = event("text", "{}");
        deleted.deleted_at = Some(deleted.timestamp);
        assert_eq!(PLAIN.event(&deleted, "USR-2"), ["08:04 Alice: (deleted)"]);
        let mut edited = event("text", r#"{"text":"better"}"#);
        edited.edited_at = Some(edited.timestamp);
        assert_eq!(
            PLAIN.event(&edited, "USR-2"),
            ["08:04 Alice: better (edited)"]
        );
    }

    #[test]
    fn nothing_that_others_write_commands_the_terminal() {
        let nasty = "a\u{1b}[2J\u{7}\u{9b}31mb\u{202e}c\rd\u{0}";
        let shown = printable(nasty);
        assert!(
            shown.chars().all(|character| !character.is_control()),
            "{shown:?}"
        );
        assert!(!shown.contains('\u{202e}'));
        let mut event = event("text", &serde_json::json!({ "text": nasty }).to_string());
        event.from.name = nasty.to_owned();
        let coloured = Style {
            in_colour: true,
            ..PLAIN
        };
        for line in coloured.event(&event, "USR-2") {
            let ours = ["\u{1b}[2m", "\u{1b}[1m", "\u{1b}[0m"];
            let rest = ours.iter().fold(line, |line, code| line.replace(code, ""));
            assert!(!rest.contains('\u{1b}'), "{rest:?}");
        }
    }
}
