//! The versions in a path, and what differs by them: how an error looks, and a page.

/// The first segment of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Beta,
    V0_1,
    Beta2,
    V0_2,
    V0_3,
    V1,
}

/// What an error says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ErrorShape {
    /// `code`, `description` and `rid`.
    Plain,
    /// A problem document, with a `code` of its own.
    Problem,
}

/// Where the entries of a page stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageShape {
    /// Nothing but the entries.
    Bare,
    /// `_embedded.data.NOUN`.
    Data,
    /// `_embedded.NOUN`; of events in the newest version `_embedded` itself.
    Embedded {
        /// Whether events stand in `_embedded` itself.
        bare_events: bool,
    },
}

// === impl Version ===

impl Version {
    pub(super) const ALL: [Self; 6] = [
        Self::Beta,
        Self::V0_1,
        Self::Beta2,
        Self::V0_2,
        Self::V0_3,
        Self::V1,
    ];

    /// As a path has it.
    pub(super) fn segment(self) -> &'static str {
        match self {
            Self::Beta => "beta",
            Self::V0_1 => "v0.1",
            Self::Beta2 => "beta2",
            Self::V0_2 => "v0.2",
            Self::V0_3 => "v0.3",
            Self::V1 => "v1",
        }
    }

    /// The version that a segment names.
    pub(super) fn from_segment(segment: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|version| version.segment() == segment)
    }

    /// The version of a path; the newest, where it has none that is known.
    pub(super) fn of_path(path: &str) -> Self {
        let first = path.split('/').nth(1).unwrap_or_default();
        Self::from_segment(first).unwrap_or(Self::V1)
    }

    /// Whether its objects are those of the oldest versions.
    pub(super) fn is_old(self) -> bool {
        match self {
            Self::Beta | Self::V0_1 | Self::Beta2 | Self::V0_2 => true,
            Self::V0_3 | Self::V1 => false,
        }
    }

    pub(super) fn error_shape(self) -> ErrorShape {
        if self.is_old() {
            ErrorShape::Plain
        } else {
            ErrorShape::Problem
        }
    }

    pub(super) fn page_shape(self) -> PageShape {
        match self {
            Self::Beta | Self::V0_1 => PageShape::Bare,
            Self::Beta2 | Self::V0_2 => PageShape::Data,
            Self::V0_3 => PageShape::Embedded { bare_events: false },
            Self::V1 => PageShape::Embedded { bare_events: true },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_begins_with_its_version() {
        for (path, expected) in [
            ("/beta/conversations", Version::Beta),
            ("/v0.1/conversations", Version::V0_1),
            ("/beta2/users", Version::Beta2),
            ("/v0.2/sessions/SES-1", Version::V0_2),
            ("/v0.3/users", Version::V0_3),
            ("/v1/users", Version::V1),
            ("/v9/users", Version::V1),
            ("/", Version::V1),
            ("/BETA/users", Version::V1),
        ] {
            assert_eq!(Version::of_path(path), expected, "{path}");
        }
    }
}
