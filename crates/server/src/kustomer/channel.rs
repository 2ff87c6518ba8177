//! Channels: what a socket can be told of, by the names that clients make of ids.

use std::fmt;

use countersign_core::id::{ApplicationId, ConversationId, SessionId, UserId};

/// A channel of an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Channel {
    pub(super) application: ApplicationId,
    pub(super) of: Of,
}

/// What is told in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Of {
    /// The messages of all chats, and which of them ended, to one device.
    Tracking(SessionId),
    /// Who types in a chat.
    Chat(ConversationId),
    /// That the customer is there.
    Customer(UserId),
}

const TRACKING: &str = "-tracking-";
const CHAT: &str = "-chat-activity-";
const CUSTOMER: &str = "-customer-activity-";
const PRESENCE: &str = "presence-external-";
const PRIVATE: &str = "private-external-";

// === impl Channel ===

impl Channel {
    /// The channel of a name, where it is written as [`Channel`] writes it.
    pub(super) fn of(name: &str) -> Option<Self> {
        let channel = if let Some(rest) = name.strip_prefix(PRIVATE) {
            let (application, chat) = rest.split_once(CHAT)?;
            Self {
                application: application.parse().ok()?,
                of: Of::Chat(chat.parse().ok()?),
            }
        } else {
            let rest = name.strip_prefix(PRESENCE)?;
            let (application, of) = if let Some((application, id)) = rest.split_once(TRACKING) {
                (application, Of::Tracking(id.parse().ok()?))
            } else {
                let (application, id) = rest.split_once(CUSTOMER)?;
                (application, Of::Customer(id.parse().ok()?))
            };
            Self {
                application: application.parse().ok()?,
                of,
            }
        };
        (channel.to_string() == name).then_some(channel)
    }

    /// Whether it is one that tells who is there.
    pub(super) fn has_presence(self) -> bool {
        match self.of {
            Of::Tracking(_) | Of::Customer(_) => true,
            Of::Chat(_) => false,
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let application = self.application;
        match self.of {
            Of::Tracking(id) => write!(formatter, "{PRESENCE}{application}{TRACKING}{id}"),
            Of::Chat(id) => write!(formatter, "{PRIVATE}{application}{CHAT}{id}"),
            Of::Customer(id) => write!(formatter, "{PRESENCE}{application}{CUSTOMER}{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let application = ApplicationId::from_bytes([1; 16]);
        for of in [
            Of::Tracking(SessionId::from_bytes([2; 16])),
            Of::Chat(ConversationId::from_bytes([3; 16])),
            Of::Customer(UserId::from_bytes([4; 16])),
        ] {
            let channel = Channel { application, of };
            let name = channel.to_string();
            assert_eq!(Channel::of(&name), Some(channel), "{name}");
            for other in [
                name.replace("external", "internal"),
                name.replacen("pr", "Pr", 1),
                format!("x{name}"),
                format!("{name} "),
                format!(" {name}"),
                name[..name.len() - 1].to_owned(),
            ] {
                assert_eq!(Channel::of(&other), None, "{other}");
            }
        }
        for name in ["", "x", PRIVATE, PRESENCE, "presence-external--tracking-"] {
            assert_eq!(Channel::of(name), None, "{name}");
        }
    }
}
