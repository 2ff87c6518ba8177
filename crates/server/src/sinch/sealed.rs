//! What a message says, sealed by the key of a transport. Pure: text in, text
//! out; the bytes that must not repeat come in.
//!
//! A client seals by AES-CBC, which hides and does not prove: what comes out is
//! as true as whoever has the key. So the key of a transport is of one session
//! alone, and who sent a message is known by the session that brought it, never
//! by what the message says.

use std::fmt;

use aws_lc_rs::cipher::{
    AES_128, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_credential::json;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::limit::SINCH_SEALED_BYTES_MAX;

/// Bytes of a transport's key.
pub const KEY_BYTES: usize = 16;
/// Bytes by which equal messages differ once they are sealed.
pub const IV_BYTES: usize = 16;

/// What a payload is: a message, or that one has arrived.
const MESSAGE: u8 = 1;
const ACK: u8 = 2;
/// The one kind of body that messages have, and its version.
const BODY_TYPE: &str = "msg";
const BODY_VERSION: u8 = 10;

/// The key of a transport, for one session.
#[derive(Clone)]
pub struct TransportKey(Zeroizing<[u8; KEY_BYTES]>);

/// What is in a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    /// What it says.
    pub content: Content,
    /// Who says it.
    pub writer: Writer,
}

/// What a message says.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// A text, and what an app wants to go with it.
    Message {
        /// The text.
        text: String,
        /// Headers: a text that only apps understand.
        headers: Option<String>,
    },
    /// The message with this frame's id has arrived.
    Ack,
}

/// Who says it, by what the message says itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Writer {
    /// The user, by name.
    pub user: String,
    /// The instance, with what tells its parts.
    pub instance: String,
    /// The instance.
    pub device: String,
    /// The channel to which an answer goes.
    pub channel: String,
}

/// The text was not sealed by this key, or is no message. Which of both, nobody
/// is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message cannot be opened")]
pub struct CannotOpen;

/// A payload, as it stands in JSON, its members in the order that clients write.
#[derive(Serialize, Deserialize)]
struct Shown {
    #[serde(skip_serializing_if = "Option::is_none")]
    bd: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nvps: Option<Extras>,
    md: u8,
    bt: String,
    bv: u8,
    // Nobody believes these, so that a client may leave them out.
    #[serde(default)]
    fu: String,
    #[serde(default)]
    fi: String,
    #[serde(default)]
    fd: String,
    /// Of calls; messages have nothing there.
    #[serde(default)]
    fc: String,
    #[serde(default)]
    fs: String,
}

#[derive(Serialize, Deserialize)]
struct Extras {
    ph: Option<String>,
}

/// A message's body, which is a text of JSON within the JSON.
#[derive(Serialize, Deserialize)]
struct Body {
    t: String,
}

// === impl TransportKey ===

impl TransportKey {
    /// The key of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key, as a client is told it.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(*self.0)
    }

    /// Seals a payload. The bytes are random, and of this one payload.
    #[must_use]
    pub fn seal(&self, iv: [u8; IV_BYTES], payload: &Payload) -> String {
        let mut sealed = payload.to_json();
        let key = PaddedBlockEncryptingKey::cbc_pkcs7(self.cipher_key());
        let context = EncryptionContext::Iv128(FixedLength::from(iv));
        let done = key.and_then(|key| key.less_safe_encrypt(&mut sealed, context));
        done.expect("any bytes can be encrypted");
        STANDARD.encode([&iv[..], &sealed].concat())
    }

    /// Opens what a client has sealed.
    ///
    /// # Errors
    /// One, whatever is wrong.
    pub fn open(&self, sealed: &str) -> Result<Payload, CannotOpen> {
        if sealed.len() > SINCH_SEALED_BYTES_MAX {
            return Err(CannotOpen);
        }
        let mut bytes = STANDARD.decode(sealed).map_err(|_| CannotOpen)?;
        let (iv, sealed) = bytes
            .split_first_chunk_mut::<IV_BYTES>()
            .ok_or(CannotOpen)?;
        let context = DecryptionContext::Iv128(FixedLength::from(*iv));
        let key = PaddedBlockDecryptingKey::cbc_pkcs7(self.cipher_key());
        let opened = key.and_then(|key| key.decrypt(sealed, context).map(|opened| &*opened));
        Payload::from_json(opened.map_err(|_| CannotOpen)?)
    }

    fn cipher_key(&self) -> UnboundCipherKey {
        UnboundCipherKey::new(&AES_128, self.0.as_slice()).expect("the key has 16 bytes")
    }
}

impl fmt::Debug for TransportKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TransportKey")
    }
}

// === impl Payload ===

impl Payload {
    fn to_json(&self) -> Vec<u8> {
        let (md, bd, nvps) = match &self.content {
            Content::Message { text, headers } => {
                let body = serde_json::to_string(&Body { t: text.clone() });
                let extras = headers.clone().map(|ph| Extras { ph: Some(ph) });
                (MESSAGE, Some(body.expect("a text is JSON")), extras)
            }
            Content::Ack => (ACK, None, None),
        };
        let Writer {
            user,
            instance,
            device,
            channel,
        } = self.writer.clone();
        let shown = Shown {
            bd,
            nvps,
            md,
            bt: BODY_TYPE.to_owned(),
            bv: BODY_VERSION,
            fu: user,
            fi: instance,
            fd: device,
            fc: String::new(),
            fs: channel,
        };
        serde_json::to_vec(&shown).expect("texts and numbers are JSON")
    }

    fn from_json(text: &[u8]) -> Result<Self, CannotOpen> {
        let shown: Shown = strict(text)?;
        if shown.bt != BODY_TYPE || shown.bv != BODY_VERSION {
            return Err(CannotOpen);
        }
        let content = match shown.md {
            MESSAGE => {
                let body: Body = strict(shown.bd.ok_or(CannotOpen)?.as_bytes())?;
                Content::Message {
                    text: body.t,
                    headers: shown.nvps.and_then(|extras| extras.ph),
                }
            }
            ACK => Content::Ack,
            _ => return Err(CannotOpen),
        };
        Ok(Self {
            content,
            writer: Writer {
                user: shown.fu,
                instance: shown.fi,
                device: shown.fd,
                channel: shown.fs,
            },
        })
    }
}

/// An object that every reader of JSON reads the same.
fn strict<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, CannotOpen> {
    json::read_object(text).map_err(|_| CannotOpen)?;
    serde_json::from_slice(text).map_err(|_| CannotOpen)
}

impl fmt::Debug for Payload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Payload")
            .field("content", &self.content)
            .finish_non_exhaustive()
    }
}

// === impl Content ===

impl fmt::Debug for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Message { .. } => "Message",
            Self::Ack => "Ack",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinch::frame::Frame;
    use countersign_core::limit::EVENT_BODY_BYTES_MAX;

    /// Decoded by the vendor's SDK when it was made.
    const FRAME: &str = "10 0a0b0c0d-1111-4222-8333-000000000001 - 0 1 AAECAwQFBgcICQoLDA0OD8VYAo8DUwM0UUEXxaL07+FQYIZvjZrL4Fo7/JkI9Wpc+LKABzokbwhTmpghSv5YRMpfy40mB9FXa0v4cBXdSJQ43hidvTezATPoUCC4Ls6sTWQdRVTtLD72edkighcMcsTeod/E+N2dsRTGFTirrpQqg0i/AXpc+LD+0cDT2sAC tr1";
    const IV: [u8; IV_BYTES] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    fn key() -> TransportKey {
        TransportKey::new([0x22; KEY_BYTES])
    }

    fn message(text: &str, headers: Option<&str>) -> Payload {
        Payload {
            content: Content::Message {
                text: text.to_owned(),
                headers: headers.map(str::to_owned),
            },
            writer: Writer {
                user: "alice".to_owned(),
                instance: "inst:42".to_owned(),
                device: "inst".to_owned(),
                channel: "T-alice".to_owned(),
            },
        }
    }

    /// What a client with the key could seal, of whatever text.
    fn sealed(text: &[u8]) -> String {
        let mut bytes = text.to_vec();
        let cipher = PaddedBlockEncryptingKey::cbc_pkcs7(key().cipher_key()).unwrap();
        let context = EncryptionContext::Iv128(FixedLength::from(IV));
        cipher.less_safe_encrypt(&mut bytes, context).unwrap();
        STANDARD.encode([&IV[..], &bytes].concat())
    }

    #[test]
    fn what_the_sdk_sealed_is_opened_and_sealed_alike() {
        assert_eq!(key().to_base64(), "IiIiIiIiIiIiIiIiIiIiIg==");
        let chunk = Frame::parse(FRAME).unwrap().chunk;
        assert!(key().open(chunk) == Ok(message("hello", None)));
        assert_eq!(key().seal(IV, &message("hello", None)), chunk);
    }

    #[test]
    fn what_is_sealed_is_opened() {
        let longest = "\"".repeat(EVENT_BODY_BYTES_MAX / 2);
        for (text, headers) in [
            ("", None),
            ("", Some("")),
            ("hello", Some(r#"{"a":"b"}"#)),
            ("zo\u{eb} \u{1f600} \u{202e}\u{feff}", Some("\u{4e2d}")),
            ("a\u{0}\"\\\n\u{2028}{}", None),
            (&longest, None),
        ] {
            let payload = message(text, headers);
            assert!(
                key().open(&key().seal(IV, &payload)) == Ok(payload),
                "{text}"
            );
        }
        let payload = Payload {
            content: Content::Ack,
            ..message("", None)
        };
        assert!(key().open(&key().seal(IV, &payload)) == Ok(payload));
    }

    /// Every length from nothing to two blocks, so that every padding is met.
    #[test]
    fn a_text_of_any_length_is_sealed_and_opened() {
        for length in 0..=32 {
            let payload = message(&"x".repeat(length), None);
            assert!(key().open(&key().seal(IV, &payload)) == Ok(payload));
        }
    }

    #[test]
    fn a_part_of_it_or_another_text_is_not_opened() {
        let whole = key().seal(IV, &message("hello", Some("headers")));
        for length in 0..whole.len() {
            assert!(key().open(&whole[..length]) == Err(CannotOpen), "{length}");
        }
        let bytes = STANDARD.decode(&whole).unwrap();
        for length in 0..bytes.len() {
            let part = STANDARD.encode(&bytes[..length]);
            assert!(key().open(&part) == Err(CannotOpen), "{length}");
        }
        let mut of_another_padding = bytes.clone();
        *of_another_padding.last_mut().unwrap() ^= 1;
        let other_key = TransportKey::new([0x23; KEY_BYTES]);
        assert!(other_key.open(&whole) == Err(CannotOpen));
        for other in [
            STANDARD.encode(&of_another_padding),
            format!("{whole}A"),
            format!(" {whole}"),
            whole.replace('=', ""),
            "é".to_owned(),
            "A".repeat(SINCH_SEALED_BYTES_MAX + 4),
        ] {
            assert!(key().open(&other) == Err(CannotOpen), "{other}");
        }
    }

    fn check_text(text: &str, expected: &Result<Content, CannotOpen>) {
        let opened = key().open(&sealed(text.as_bytes()));
        assert!(opened.map(|payload| payload.content) == *expected, "{text}");
    }

    #[test]
    fn only_messages_and_acks_are_read() {
        let text = |text: &str| Content::Message {
            text: text.to_owned(),
            headers: None,
        };
        for (json, expected) in [
            (
                r#"{"bd":"{\"t\":\"a\"}","md":1,"bt":"msg","bv":10}"#,
                Ok(text("a")),
            ),
            (
                r#"{"bd":"{\"t\":\"a\"}","nvps":{},"md":1,"bt":"msg","bv":10,"x":1}"#,
                Ok(text("a")),
            ),
            (r#"{"md":2,"bt":"msg","bv":10}"#, Ok(Content::Ack)),
            ("", Err(CannotOpen)),
            ("{}", Err(CannotOpen)),
            ("[1]", Err(CannotOpen)),
            ("null", Err(CannotOpen)),
            (r#"{"md":1,"bt":"msg","bv":10}"#, Err(CannotOpen)),
            (r#"{"bd":"a","md":1,"bt":"msg","bv":10}"#, Err(CannotOpen)),
            (
                r#"{"bd":"{\"t\":1}","md":1,"bt":"msg","bv":10}"#,
                Err(CannotOpen),
            ),
            (
                r#"{"bd":"{\"t\":\"a\",\"t\":\"b\"}","md":1,"bt":"msg","bv":10}"#,
                Err(CannotOpen),
            ),
            (
                r#"{"bd":"{\"t\":\"\\ud800\"}","md":1,"bt":"msg","bv":10}"#,
                Err(CannotOpen),
            ),
            (
                r#"{"bd":{"t":"a"},"md":1,"bt":"msg","bv":10}"#,
                Err(CannotOpen),
            ),
            (
                r#"{"bd":"{\"t\":\"a\"}","nvps":{"ph":1},"md":1,"bt":"msg","bv":10}"#,
                Err(CannotOpen),
            ),
            (r#"{"md":2,"md":2,"bt":"msg","bv":10}"#, Err(CannotOpen)),
            (r#"{"md":3,"bt":"sdp","bv":10}"#, Err(CannotOpen)),
            (r#"{"md":3,"bt":"msg","bv":10}"#, Err(CannotOpen)),
            (r#"{"md":2,"bt":"msg","bv":11}"#, Err(CannotOpen)),
            (r#"{"md":257,"bt":"msg","bv":10}"#, Err(CannotOpen)),
            (r#"{"md":2,"bt":"msg","bv":10} "#, Ok(Content::Ack)),
            (r#"{"md":2,"bt":"msg","bv":10}x"#, Err(CannotOpen)),
        ] {
            check_text(json, &expected);
        }
        assert!(
            key()
                .open(&sealed(
                    b"{\"md\":2,\"bt\":\"msg\",\"bv\":10,\"fu\":\"\xff\"}"
                ))
                .is_err()
        );
        let nested = format!(
            r#"{{"md":2,"bt":"msg","bv":10,"x":{}{}}}"#,
            "[".repeat(9_999),
            "]".repeat(9_999)
        );
        check_text(&nested, &Err(CannotOpen));
    }

    /// What a message may hold goes out in as many frames as may come in.
    #[test]
    fn the_longest_text_of_an_event_fits_into_frames() {
        use crate::limit::SINCH_FRAMES_MAX;
        use crate::sinch::frame::split;

        let text = "\"".repeat(EVENT_BODY_BYTES_MAX / 2);
        let mut payload = message(&text, None);
        payload.writer.user = "\"".repeat(countersign_core::limit::NAME_BYTES_MAX);
        let sealed = key().seal(IV, &payload);
        assert!(sealed.len() <= SINCH_SEALED_BYTES_MAX);
        let id = "m".repeat(crate::limit::SINCH_ID_BYTES_MAX);
        let count = split(&id, &id, 1, &sealed).count();
        assert!(count <= SINCH_FRAMES_MAX, "{count}");
    }

    #[test]
    fn nothing_of_it_is_shown() {
        let payload = message("hunter2", Some("hunter2"));
        assert!(!format!("{payload:?} {:?}", payload.content).contains("hunter2"));
        assert_eq!(format!("{:?}", key()), "TransportKey");
    }
}
