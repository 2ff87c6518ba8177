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
}
