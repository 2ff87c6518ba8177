//! What the driver says over a socket, to us and to who is measured beside us,
//! and what it makes of what it hears.
//!
//! A message is 200 bytes that begin with its number. So what arrives is told
//! from everything else by its text, and no delivery is counted that was not sent.

use std::borrow::Cow;
use std::fmt::Write as _;

use countersign_wire::frame::{Authenticate, ClientFrame, SUBPROTOCOL, Welcome};
use countersign_wire::secret::Secret;
use serde::Deserialize;

use crate::exit::Failure;

/// A message's text.
const TEXT_BYTES: usize = 200;
const NUMBER_BEGINS: &str = "N=";
const NUMBER_ENDS: char = ';';

/// Who is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// The native API.
    Countersign,
    /// Our nexmo door, as its clients come in.
    Nexmo,
    /// The yardstick: the least that a server of the same parts can do.
    Floor,
    /// Socket.IO 4, with the events of the yardstick's server.
    SocketIo,
}

/// What opens a session.
#[derive(Clone)]
pub(super) struct Proof {
    /// The credential.
    pub(super) token: String,
    /// The publishable key, where it is ours.
    pub(super) key: Option<String>,
}

/// Where a message goes.
#[derive(Debug, Clone)]
pub(super) enum Destination {
    /// A conversation of ours.
    Conversation(String),
    /// A user of a peer, by the place of its token.
    User(usize),
    /// The one room of a peer.
    Room,
}

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// A message of this number has come.
    Delivery(u64),
    /// A message of ours was accepted.
    Accepted,
    /// It asks whether we are there, and this is the answer.
    Heartbeat(&'static str),
    /// It refuses.
    Refused(String),
    /// Something that nobody waits for.
    Nothing,
}

/// How far a login is.
#[derive(Debug)]
pub(super) enum Entering {
    /// The session is usable; a server of ours has told whose it is.
    Entered(Option<Box<Welcome>>),
    /// There is something to say first.
    Say(String),
    /// There is more to hear.
    Listen,
}

/// What we read of a frame of ours.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(default)]
    code: Option<&'a str>,
}

// === impl Protocol ===

impl Protocol {
    /// The WebSocket subprotocol, where there is one.
    pub(super) fn subprotocol(self) -> Option<&'static str> {
        match self {
            Self::Countersign => Some(SUBPROTOCOL),
            Self::Nexmo | Self::Floor | Self::SocketIo => None,
        }
    }

    /// The address of a socket, where the login is a part of it.
    pub(super) fn address<'a>(self, url: &'a str, proof: &Proof) -> Cow<'a, str> {
        match self {
            Self::Nexmo => Cow::Owned(format!("{url}?token={}&{NEXMO_QUERY}", proof.token)),
            Self::Countersign | Self::Floor | Self::SocketIo => Cow::Borrowed(url),
        }
    }

    /// What is said as soon as the socket is open.
    pub(super) fn greeting(self, proof: &Proof) -> Result<Option<String>, Failure> {
        match self {
            Self::Countersign => {
                let frame = ClientFrame::Authenticate(Box::new(Authenticate {
                    token: Secret(proof.token.clone()),
                    epoch: None,
                    have: None,
                    key: proof.key.clone().map(Secret),
                    application_id: None,
                    device: None,
                    current_token: None,
                    switch: None,
                    nonce: None,
                }));
                serde_json::to_string(&frame)
                    .map(Some)
                    .map_err(|error| Failure::usage(format!("cannot write a frame: {error}")))
            }
            Self::Floor => Ok(Some(proof.token.clone())),
            Self::Nexmo | Self::SocketIo => Ok(None),
        }
    }

    /// What an answer means for the login.
    ///
    /// # Errors
    /// If it was refused.
    pub(super) fn enter(self, text: &str, proof: &Proof) -> Result<Entering, Failure> {
        match self {
            Self::Countersign => {
                let welcome = serde_json::from_str(text).map_err(|error| {
                    Failure::refused(format!("the first frame is no welcome: {error}"))
                })?;
                Ok(Entering::Entered(Some(Box::new(welcome))))
            }
            Self::Nexmo if text.starts_with("0{") => Ok(Entering::Say("40".to_owned())),
            Self::Nexmo if text.starts_with(NEXMO_SUCCESS) => Ok(Entering::Entered(None)),
            // Its first event decides, and so does an end before one.
            Self::Nexmo if text.starts_with("42") || text.starts_with("41") => {
                Err(Failure::refused(format!(
                    "the nexmo door refused a login: {}",
                    first_word(text).unwrap_or("no word of why")
                )))
            }
            Self::Nexmo => Ok(Entering::Listen),
            Self::Floor if text == "ok" => Ok(Entering::Entered(None)),
            Self::Floor => Err(Failure::refused("floor refused a token").hint(TOKENS_HINT)),
            Self::SocketIo if text.starts_with("0{") => Ok(Entering::Say(format!(
                "40{}",
                serde_json::json!({"token": proof.token})
            ))),
            Self::SocketIo if text.starts_with("40") => Ok(Entering::Entered(None)),
            Self::SocketIo if text.starts_with("44") => {
                Err(Failure::refused("socket.io refused a token").hint(TOKENS_HINT))
            }
            Self::SocketIo => Ok(Entering::Listen),
        }
    }

    /// What makes a session hear of a room.
    pub(super) fn join(self) -> Option<&'static str> {
        match self {
            Self::Countersign | Self::Nexmo => None,
            Self::Floor => Some(r#"{"join":"room"}"#),
            Self::SocketIo => Some(r#"42["join","room"]"#),
        }
    }

    /// Whether the sender gets its own message, as everybody in a room does.
    pub(super) fn echoes(self) -> bool {
        match self {
            Self::Countersign => false,
            Self::Nexmo | Self::Floor | Self::SocketIo => true,
        }
    }

    /// Whether a receiver is promised the order of sending.
    pub(super) fn keeps_order(self) -> bool {
        match self {
            Self::Countersign | Self::Nexmo => true,
            Self::Floor | Self::SocketIo => false,
        }
    }

    /// A message of this number.
    ///
    /// # Errors
    /// Where sockets only hear.
    pub(super) fn message(self, destination: &Destination, number: u64) -> Result<String, Failure> {
        let text = text(number);
        Ok(match (self, destination) {
            (Self::Nexmo, _) => {
                let sentence = "at the nexmo door messages are sent over HTTP";
                return Err(Failure::usage(sentence));
            }
            (Self::Countersign, Destination::Conversation(id)) => send_frame(id, number, &text),
            (Self::Floor, Destination::User(user)) => {
                format!(r#"{{"to":"u{user}","id":{number},"body":"{text}"}}"#)
            }
            (Self::SocketIo, Destination::User(user)) => {
                format!(r#"42{number}["send",{{"to":"u{user}","body":"{text}"}}]"#)
            }
            (Self::SocketIo, _) => {
                format!(r#"42{number}["post",{{"room":"room","body":"{text}"}}]"#)
            }
            (Self::Countersign | Self::Floor, _) => {
                format!(r#"{{"room":"room","id":{number},"body":"{text}"}}"#)
            }
        })
    }

    /// What a text means to a session that is open.
    pub(super) fn hear(self, text: &str) -> Said {
        match self {
            Self::Countersign => match serde_json::from_str::<Head<'_>>(text) {
                Ok(head) => match head.kind {
                    "event" => number_in(text).map_or(Said::Nothing, Said::Delivery),
                    "sent" => Said::Accepted,
                    "error" => Said::Refused(head.code.unwrap_or("no code").to_owned()),
                    _ => Said::Nothing,
                },
                Err(_) => Said::Refused("a frame is no JSON of ours".to_owned()),
            },
            Self::Floor if text.starts_with(r#"{"ack""#) => Said::Accepted,
            Self::Nexmo | Self::SocketIo if text == "2" => Said::Heartbeat("3"),
            Self::SocketIo if text.starts_with("43") => Said::Accepted,
            Self::Nexmo | Self::Floor | Self::SocketIo => {
                number_in(text).map_or(Said::Nothing, Said::Delivery)
            }
        }
    }
}

/// What a client of the door says about itself, beside the token.
const NEXMO_QUERY: &str = "SDK_version=9.5.1&session_version=0.0.1&acknowledge_events=true\
     &OS_family=js&OS_revision=bench&EIO=4&transport=websocket";
/// How the event begins that says that a session is open.
const NEXMO_SUCCESS: &str = r#"42["session:success","#;
const TOKENS_HINT: &str = "--tokens names the file that the yardstick's `lg tokens` has written";

/// What an event of ours says: 200 bytes that begin with the message's number.
pub(super) fn text(number: u64) -> String {
    let mut text = String::with_capacity(TEXT_BYTES);
    write!(text, "{NUMBER_BEGINS}{number}{NUMBER_ENDS}").expect("a text takes all that is written");
    text.extend(std::iter::repeat_n(
        'x',
        TEXT_BYTES.saturating_sub(text.len()),
    ));
    text
}

/// The frame that sends a text into a conversation.
pub(super) fn send_frame(conversation: &str, reference: u64, text: &str) -> String {
    format!(
        r#"{{"type":"send","ref":{reference},"conversation_id":"{conversation}","event":{{"type":"text","body":{{"text":"{text}"}}}}}}"#
    )
}

/// What an event of Socket.IO is called.
fn first_word(text: &str) -> Option<&str> {
    let after = text.split_once(r#"[""#)?.1;
    Some(after.split_once('"')?.0)
}

fn number_in(text: &str) -> Option<u64> {
    let after = text.split_once(NUMBER_BEGINS)?.1;
    after.split_once(NUMBER_ENDS)?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_its_size_and_its_number() {
        for number in [0, 7, u64::MAX] {
            let text = text(number);
            assert_eq!(text.len(), TEXT_BYTES);
            assert_eq!(number_in(&text), Some(number));
        }
        for none in ["", "N=", "N=;", "N=x;", "N=12", "12;"] {
            assert_eq!(number_in(none), None, "{none}");
        }
    }

    #[test]
    fn what_we_send_is_a_frame_of_the_wire() {
        let id = "CON-0190d1c4-0000-7000-8000-000000000001";
        let destination = Destination::Conversation(id.to_owned());
        let frame = Protocol::Countersign.message(&destination, 7).unwrap();
        let ClientFrame::Send(send) = serde_json::from_str(&frame).unwrap() else {
            panic!("{frame}");
        };
        assert_eq!((send.reference, send.conversation_id.as_str()), (7, id));
        assert_eq!(send.event.kind, "text");
    }

    #[test]
    fn each_protocol_tells_its_deliveries_from_the_rest() {
        use Protocol::{Countersign, Floor, SocketIo};
        let cases = [
            (
                Countersign,
                r#"{"type":"event","conversation_id":"C","event":{"id":2,"type":"text","body":{"text":"N=5;xx"}}}"#,
                Said::Delivery(5),
            ),
            (
                Countersign,
                r#"{"type":"event","conversation_id":"C","event":{"id":1,"type":"member:joined","body":{}}}"#,
                Said::Nothing,
            ),
            (
                Countersign,
                r#"{"type":"sent","ref":5,"event":{"id":2,"body":{"text":"N=5;"}}}"#,
                Said::Accepted,
            ),
            (
                Countersign,
                r#"{"type":"error","ref":5,"code":"rate_limited","detail":"d"}"#,
                Said::Refused("rate_limited".to_owned()),
            ),
            (
                Countersign,
                r#"{"type":"expiring","in_seconds":60}"#,
                Said::Nothing,
            ),
            (
                Countersign,
                "N=5;",
                Said::Refused("a frame is no JSON of ours".to_owned()),
            ),
            (Floor, r#"{"seq":1,"body":"N=5;xx"}"#, Said::Delivery(5)),
            (Floor, r#"{"ack":5,"seq":1}"#, Said::Accepted),
            (SocketIo, "2", Said::Heartbeat("3")),
            (
                SocketIo,
                r#"42["msg",{"id":1,"from":"u0","body":"N=5;xx"}]"#,
                Said::Delivery(5),
            ),
            (SocketIo, r#"435[{"id":1}]"#, Said::Accepted),
        ];
        for (protocol, text, expected) in cases {
            assert_eq!(protocol.hear(text), expected, "{text}");
        }
    }

    #[test]
    fn a_login_at_socket_io_takes_two_turns() {
        let proof = Proof {
            token: "T".to_owned(),
            key: None,
        };
        let enter = |text| Protocol::SocketIo.enter(text, &proof);
        assert!(
            matches!(enter(r#"0{"sid":"a"}"#), Ok(Entering::Say(text)) if text == r#"40{"token":"T"}"#)
        );
        assert!(matches!(
            enter(r#"40{"sid":"b"}"#),
            Ok(Entering::Entered(None))
        ));
        assert!(enter(r#"44{"message":"no"}"#).is_err());
        assert!(Protocol::Floor.enter("no", &proof).is_err());
    }

    #[test]
    fn a_login_at_the_nexmo_door_is_decided_by_the_first_event() {
        let proof = Proof {
            token: "T".to_owned(),
            key: None,
        };
        let address = Protocol::Nexmo.address("ws://127.0.0.1:1/v2/rtc/", &proof);
        assert!(
            address.starts_with("ws://127.0.0.1:1/v2/rtc/?token=T&"),
            "{address}"
        );
        let enter = |text| Protocol::Nexmo.enter(text, &proof);
        assert!(matches!(enter(r#"0{"sid":"a"}"#), Ok(Entering::Say(text)) if text == "40"));
        assert!(matches!(enter(r#"40{"sid":"b"}"#), Ok(Entering::Listen)));
        assert!(matches!(
            enter(r#"42["session:success",{"body":{"id":"SES-1"}}]"#),
            Ok(Entering::Entered(None))
        ));
        let refused = enter(r#"42["user:error:not-found",{"body":{}}]"#).unwrap_err();
        assert!(refused.sentence.ends_with(": user:error:not-found"));
        assert!(enter("41").is_err());
        assert_eq!(Protocol::Nexmo.hear("2"), Said::Heartbeat("3"));
        let destination = Destination::Room;
        assert!(Protocol::Nexmo.message(&destination, 1).is_err());
    }
}
