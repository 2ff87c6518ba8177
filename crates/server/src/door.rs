//! The doors, as the node's numbers tell them apart.

/// A protocol on a listener of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Native,
    Nexmo,
    Kustomer,
    Sinch,
    SinchMessaging,
}

/// Something for each door.
#[derive(Debug, Default)]
pub(crate) struct EachDoor<T>([T; Door::ALL.len()]);

// === impl Door ===

impl Door {
    pub(crate) const ALL: [Self; 5] = [
        Self::Native,
        Self::Nexmo,
        Self::Kustomer,
        Self::Sinch,
        Self::SinchMessaging,
    ];

    /// Its name in the metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Nexmo => "nexmo",
            Self::Kustomer => "kustomer",
            Self::Sinch => "sinch",
            Self::SinchMessaging => "sinch_messaging",
        }
    }
}

// === impl EachDoor ===

impl<T> EachDoor<T> {
    pub(crate) fn of(&self, door: Door) -> &T {
        &self.0[door as usize]
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (Door, &T)> {
        Door::ALL.into_iter().zip(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_door_has_its_own() {
        let doors = EachDoor(Door::ALL);
        for door in Door::ALL {
            assert_eq!(*doors.of(door), door);
        }
    }
}
