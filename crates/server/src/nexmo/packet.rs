//! Engine.IO and Socket.IO packets, as the text frames of a WebSocket carry them.
//!
//! Pure: bytes to packets and back. Engine.IO revision 4 carries Socket.IO
//! protocol 5, revision 3 protocol 4; of both only what this protocol needs is
//! spoken: the WebSocket transport, the namespace `/`, and no binary.

use std::fmt::Write as _;

use serde_json::value::RawValue;

/// Milliseconds between two pings, and how long one may take.
pub(super) const PING_MS: u64 = 25_000;
const PING_TIMEOUT_MS: u64 = 20_000;

/// The revision of Engine.IO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Revision {
    /// The client pings, and is connected to `/` at once.
    Three,
    /// The server pings, and the client asks for its namespace.
    Four,
}

/// A packet of a client.
#[derive(Debug)]
pub(super) enum Packet<'a> {
    /// The client asks whether we are there.
    Ping(&'a str),
    /// The client is there.
    Pong,
    /// The client ends the connection.
    Close,
    /// The client asks for a namespace.
    Connect(&'a str),
    /// The client leaves the namespace.
    Disconnect,
    /// An event.
    Event(Event<'a>),
    /// What was sent with this number has arrived.
    Ack(u64),
    /// Nothing that matters.
    Nothing,
}

/// An event of a client.
#[derive(Debug)]
pub(super) struct Event<'a> {
    pub(super) name: String,
    /// Its first argument, a text of JSON.
    pub(super) argument: Option<&'a RawValue>,
}

/// A frame that is no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Reads a text frame.
pub(super) fn read(text: &str, revision: Revision) -> Result<Packet<'_>, Malformed> {
    let (kind, rest) = split_first(text)?;
    match (kind, revision) {
        ('1', _) => Ok(Packet::Close),
        ('2', Revision::Three) => Ok(Packet::Ping(rest)),
        ('3', Revision::Four) => Ok(Packet::Pong),
        ('4', _) => message(rest),
        ('6', _) => Ok(Packet::Nothing),
        (_, Revision::Three | Revision::Four) => Err(Malformed),
    }
}

fn message(text: &str) -> Result<Packet<'_>, Malformed> {
    let (kind, rest) = split_first(text)?;
    let (namespace, rest) = namespace(rest);
    match (kind, namespace) {
        ('0', _) => Ok(Packet::Connect(namespace)),
        // What is sent to a namespace that the client is not in means nothing.
        ('1' | '2' | '3', other) if other != "/" => Ok(Packet::Nothing),
        ('1', _) => Ok(Packet::Disconnect),
        ('2', _) => {
            // Nobody here answers by number.
            let (_, arguments) = number(rest);
            event(arguments).map(Packet::Event)
        }
        ('3', _) => match number(rest) {
            (Some(number), _) => Ok(Packet::Ack(number)),
            (None, _) => Err(Malformed),
        },
        _ => Err(Malformed),
    }
}

fn event(text: &str) -> Result<Event<'_>, Malformed> {
    let arguments: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| Malformed)?;
    let name = arguments.first().ok_or(Malformed)?.get();
    Ok(Event {
        name: serde_json::from_str(name).map_err(|_| Malformed)?,
        argument: arguments.get(1).copied(),
    })
}

fn split_first(text: &str) -> Result<(char, &str), Malformed> {
    let mut characters = text.chars();
    let first = characters.next().ok_or(Malformed)?;
    Ok((first, characters.as_str()))
}

/// The namespace before the comma, without its query; `/` where there is none.
fn namespace(text: &str) -> (&str, &str) {
    if !text.starts_with('/') {
        return ("/", text);
    }
    let (namespace, rest) = text.split_once(',').unwrap_or((text, ""));
    let (namespace, _) = namespace.split_once('?').unwrap_or((namespace, ""));
    (namespace, rest)
}

fn number(text: &str) -> (Option<u64>, &str) {
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (digits.parse().ok(), rest)
}

/// The first packet of a connection.
pub(super) fn open(sid: &str, revision: Revision, payload_max: usize) -> String {
    let mut text = format!(
        r#"0{{"sid":"{sid}","upgrades":[],"pingInterval":{PING_MS},"pingTimeout":{PING_TIMEOUT_MS}"#
    );
    if revision == Revision::Four {
        // Writing to a text cannot fail.
        let _ = write!(text, r#","maxPayload":{payload_max}"#);
    }
    text.push('}');
    text
}

/// The client is in the namespace `/`.
pub(super) fn connected(sid: &str, revision: Revision) -> String {
    match revision {
        Revision::Three => "40".to_owned(),
        Revision::Four => format!(r#"40{{"sid":"{sid}"}}"#),
    }
}

/// There is no namespace but `/`.
pub(super) fn no_namespace(namespace: &str, revision: Revision) -> String {
    match revision {
        Revision::Three => format!(r#"44{namespace},"Invalid namespace""#),
        Revision::Four => format!(r#"44{namespace},{{"message":"Invalid namespace"}}"#),
    }
}

/// The client is not in the namespace any more.
pub(super) const DISCONNECT: &str = "41";
/// Asks a client of revision 4 whether it is there.
pub(super) const PING: &str = "2";

/// Answers a ping.
pub(super) fn pong(data: &str) -> String {
    format!("3{data}")
}

/// An event, whose arguments are an array's text; with a number, the client
/// says when it has arrived.
pub(super) fn event_of(number: Option<u64>, arguments: &str) -> String {
    match number {
        Some(number) => format!("42{number}{arguments}"),
        None => format!("42{arguments}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, revision: Revision) -> String {
        match read(text, revision) {
            Ok(Packet::Ping(data)) => format!("ping {data}"),
            Ok(Packet::Pong) => "pong".to_owned(),
            Ok(Packet::Close) => "close".to_owned(),
            Ok(Packet::Connect(namespace)) => format!("connect {namespace}"),
            Ok(Packet::Disconnect) => "disconnect".to_owned(),
            Ok(Packet::Event(event)) => {
                let argument = event.argument.map_or("none", RawValue::get);
                format!("event {} {argument}", event.name)
            }
            Ok(Packet::Ack(number)) => format!("ack {number}"),
            Ok(Packet::Nothing) => "nothing".to_owned(),
            Err(Malformed) => "malformed".to_owned(),
        }
    }

    #[test]
    fn a_frame_is_a_packet_or_malformed() {
        let four = Revision::Four;
        for (text, expected) in [
            ("3", "pong"),
            ("2", "malformed"),
            ("1", "close"),
            ("6", "nothing"),
            ("40", "connect /"),
            (r#"40{"token":"x"}"#, "connect /"),
            ("40/admin,", "connect /admin"),
            ("40/admin", "connect /admin"),
            ("40/?a=b,", "connect /"),
            ("41", "disconnect"),
            ("41/admin,", "nothing"),
            (r#"42["a"]"#, "event a none"),
            (r#"42["a",{"b":[1, 2]},3]"#, r#"event a {"b":[1, 2]}"#),
            (r#"427["a"]"#, "event a none"),
            (r#"42/,["a"]"#, "event a none"),
            (r#"42/x,["a"]"#, "nothing"),
            (r#"42["\u0061"]"#, "event a none"),
            ("437[]", "ack 7"),
            ("43[]", "malformed"),
            ("4399999999999999999999999[]", "malformed"),
            ("", "malformed"),
            ("4", "malformed"),
            ("42", "malformed"),
            ("42[]", "malformed"),
            ("42[1]", "malformed"),
            ("42{}", "malformed"),
            (r#"42["a""#, "malformed"),
            ("44", "malformed"),
            (r#"451-["a",{"_placeholder":true,"num":0}]"#, "malformed"),
            ("5", "malformed"),
            ("0{}", "malformed"),
            ("bAAAA", "malformed"),
            ("\u{20ac}", "malformed"),
            ("4\u{20ac}", "malformed"),
        ] {
            assert_eq!(told(text, four), expected, "{text}");
        }
        assert_eq!(told("2probe", Revision::Three), "ping probe");
        assert_eq!(told("3", Revision::Three), "malformed");
    }

    #[test]
    fn each_revision_is_told_in_its_own_way() {
        assert_eq!(
            open("s", Revision::Four, 7),
            r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":7}"#
        );
        assert_eq!(
            open("s", Revision::Three, 7),
            r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#
        );
        assert_eq!(connected("s", Revision::Four), r#"40{"sid":"s"}"#);
        assert_eq!(connected("s", Revision::Three), "40");
        assert_eq!(event_of(None, r#"["a"]"#), r#"42["a"]"#);
        assert_eq!(event_of(Some(3), r#"["a"]"#), r#"423["a"]"#);
    }
}
