//! What calls are about: the document's chapters.

use utoipa::openapi::tag::{Tag as Chapter, TagBuilder};

/// What a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    Sessions,
    Devices,
    Users,
    Conversations,
    Members,
    Events,
    Delivery,
    Attachments,
    Revocations,
    Tokens,
    Applications,
    Keys,
    Audit,
    Node,
}

// === impl Tag ===

impl Tag {
    pub(super) const ALL: [Self; 14] = [
        Self::Sessions,
        Self::Devices,
        Self::Users,
        Self::Conversations,
        Self::Members,
        Self::Events,
        Self::Delivery,
        Self::Attachments,
        Self::Revocations,
        Self::Tokens,
        Self::Applications,
        Self::Keys,
        Self::Audit,
        Self::Node,
    ];

    pub(super) fn name(self) -> &'static str {
        self.texts().0
    }

    pub(super) fn described(self) -> Chapter {
        let (name, about) = self.texts();
        TagBuilder::new()
            .name(name)
            .description(Some(about))
            .build()
    }

    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Sessions => (
                "Sessions",
                "One login on one device: open, renew, list, end.",
            ),
            Self::Devices => ("Devices", "The installations that a user is logged in on."),
            Self::Users => ("Users", "Who talks; a backend keeps them."),
            Self::Conversations => ("Conversations", "Histories, and who is in them."),
            Self::Members => ("Members", "Users' places in a conversation."),
            Self::Events => (
                "Events",
                "The entries of a conversation: 1, 2, 3 … without holes.",
            ),
            Self::Delivery => (
                "Delivery",
                "What is new, told without being asked: over a socket, or by long poll.",
            ),
            Self::Attachments => ("Attachments", "Files of a conversation."),
            Self::Revocations => ("Revocations", "End what should not be trusted any more."),
            Self::Tokens => ("Tokens", "What a token is worth, and why one is refused."),
            Self::Applications => ("Applications", "What owns users, conversations and keys."),
            Self::Keys => (
                "Keys",
                "Signing keys, which verify credentials, and API keys.",
            ),
            Self::Audit => ("Audit", "Who did what, to whom, and when."),
            Self::Node => ("Node", "The program itself."),
        }
    }
}
