//! Ids: one type each, one text form everywhere.
//!
//! An id is a UUIDv7 (RFC 9562 section 5.7), so that it sorts by the time of
//! its making, and a session's id tells when the session was opened. Its text
//! is a prefix that says what it names, and the UUID in lower case. Another
//! spelling of the same UUID is refused: two texts for one id would make two
//! cache entries and two ACL paths.
//!
//! Version 7 tells its time of making to whoever holds it. Where that must not
//! show (tokens, keys), [`Secret`](crate::ports::Random) bytes are used instead.

use std::fmt;
use std::str::FromStr;

use countersign_credential::time::Timestamp;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::ports::Random;

/// A text that is not an id of the kind that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id that starts with {expected}")]
pub struct IdError {
    /// The prefix that an id of this kind has, or `a UUID` for an application.
    pub expected: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Makes an id of this moment.
            pub fn new(now: Timestamp, random: &dyn Random) -> Self {
                Self(uuid_v7(now, random))
            }

            /// The id as the store keeps it.
            #[must_use]
            pub fn bytes(&self) -> [u8; 16] {
                self.0
            }

            /// Takes an id back from the store or from a token that we made.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// When the id was made, to the millisecond.
            #[must_use]
            pub fn made_at(&self) -> Timestamp {
                made_at(&self.0)
            }

            /// Writes the id behind a text: what `Display` writes, without the way there.
            pub fn append_to(&self, text: &mut String) {
                text.push_str($prefix);
                let uuid = Uuid::from_bytes(self.0).hyphenated();
                text.push_str(uuid.encode_lower(&mut Uuid::encode_buffer()));
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                const PREFIX: usize = $prefix.len();
                let mut text = [0; PREFIX + Hyphenated::LENGTH];
                text[..PREFIX].copy_from_slice($prefix.as_bytes());
                // In one piece: ids are most of what is written.
                let uuid = Uuid::from_bytes(self.0).hyphenated();
                uuid.encode_lower(&mut text[PREFIX..]);
                formatter.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let expected = if $prefix.is_empty() { "a UUID" } else { $prefix };
                text.strip_prefix($prefix)
                    .and_then(canonical_uuid)
                    .map(Self)
                    .ok_or(IdError { expected })
            }
        }
    )*};
}

ids! {
    /// An application: the owner of users, conversations, keys and settings.
    ///
    /// Its text has no prefix: it is nexmo's `application_id` and sinch's key.
    ApplicationId = "";
    /// A user, identified or anonymous.
    UserId = "USR-";
    /// A conversation.
    ConversationId = "CON-";
    /// A user's place in a conversation.
    MemberId = "MEM-";
    /// One login on one device.
    SessionId = "SES-";
    /// One installation.
    DeviceId = "DEV-";
    /// An API key.
    ApiKeyId = "KEY-";
    /// A file that was attached to a conversation.
    AttachmentId = "ATT-";
    /// One entry of the audit log.
    AuditId = "AUD-";
}

impl ApplicationId {
    /// What stands for the whole installation where an application stands
    /// otherwise, as in the log of what operators do: no id that is made here
    /// is all zeros.
    pub const INSTALLATION: Self = Self([0; 16]);

    /// Whether it has the form that ids have which are made here.
    #[must_use]
    pub fn is_as_made_here(&self) -> bool {
        Uuid::from_bytes(self.0).get_version_num() == 7
    }
}

fn uuid_v7(now: Timestamp, random: &dyn Random) -> [u8; 16] {
    let mut tail = [0; 10];
    random.fill(&mut tail);
    let milliseconds = u64::try_from(now.milliseconds()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &tail)
        .into_uuid()
        .into_bytes()
}

fn made_at(bytes: &[u8; 16]) -> Timestamp {
    let mut milliseconds = [0; 8];
    milliseconds[2..].copy_from_slice(&bytes[..6]);
    Timestamp::from_milliseconds(i64::from_be_bytes(milliseconds))
}

fn canonical_uuid(text: &str) -> Option<[u8; 16]> {
    let uuid = Uuid::try_parse(text).ok()?;
    let mut buffer = Uuid::encode_buffer();
    (uuid.hyphenated().encode_lower(&mut buffer) == text).then(|| uuid.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Random for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0xab);
        }
    }

    #[test]
    fn an_id_says_what_it_is_and_when_it_was_made() {
        let now = Timestamp::from_milliseconds(1_800_000_000_123);
        let id = SessionId::new(now, &Fixed);
        assert_eq!(id.to_string(), "SES-01a3185c-507b-7bab-abab-abababababab");
        assert_eq!(id.made_at(), now);
        assert_eq!(id.to_string().parse(), Ok(id));
        let mut text = "in /".to_owned();
        id.append_to(&mut text);
        assert_eq!(text, format!("in /{id}"));
        assert_eq!(SessionId::from_bytes(id.bytes()), id);
    }

    #[test]
    fn another_spelling_is_refused() {
        let id = UserId::new(Timestamp::from_milliseconds(1), &Fixed).to_string();
        let uuid = id.strip_prefix("USR-").unwrap();
        for text in [
            "",
            "USR-",
            uuid,
            &id.to_uppercase(),
            &id.replace("USR-", "CON-"),
            &format!(" {id}"),
            &format!("USR-{{{uuid}}}"),
            &format!("USR-urn:uuid:{uuid}"),
            &format!("USR-{}", uuid.replace('-', "")),
        ] {
            assert_eq!(
                text.parse::<UserId>(),
                Err(IdError { expected: "USR-" }),
                "{text}"
            );
        }
    }
}
