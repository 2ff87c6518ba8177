//! The doors beside the native one, each on a listener of its own.

/// A door where a vendor's paths stand at the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum VendorDoor {
    Nexmo,
    Kustomer,
    Sinch,
    SinchMessaging,
}

// === impl VendorDoor ===

impl VendorDoor {
    /// All of them, in the order of the ports that `dev` gives them.
    pub(crate) const ALL: [Self; 4] = [
        Self::Nexmo,
        Self::Kustomer,
        Self::Sinch,
        Self::SinchMessaging,
    ];

    /// What it is called in configuration and in ready lines.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nexmo => "nexmo",
            Self::Kustomer => "kustomer",
            Self::Sinch => "sinch",
            Self::SinchMessaging => "sinch_messaging",
        }
    }

    /// What a door that is open cannot do yet; nothing of one that is built.
    pub(crate) fn lacks(self) -> Option<&'static str> {
        match self {
            Self::Nexmo | Self::Sinch | Self::SinchMessaging => None,
            Self::Kustomer => Some("customers log in and chat; not built yet: its socket"),
        }
    }
}
