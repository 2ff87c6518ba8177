//! What a node is for. All that development and production differ in, for the
//! same parts, stands here; the demo application is [`crate::development`]'s.

use countersign_server::operations::{Operations, Rates};

use crate::data_folder::DataFolder;
use crate::exit::Failure;
use crate::setting::Setting;

/// What a node is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// `dev` and `demo`: one developer, keys that lie around.
    Development,
    /// `serve`.
    Production,
}

// === impl Purpose ===

impl Purpose {
    /// How often callers may call.
    pub(crate) fn rates(self) -> Rates {
        match self {
            Self::Development => Rates::for_development(),
            Self::Production => Rates::default(),
        }
    }

    /// Which pages may call, beside those that the applications' settings name: a
    /// developer's own, on whatever port they are served.
    pub(crate) fn allow_pages(self, operations: Operations) -> Operations {
        match self {
            Self::Development => operations.with_loopback_origins(),
            Self::Production => operations,
        }
    }

    /// Refuses the data folder of the other purpose: keys of development must
    /// not open production, and a demo application must not get into it.
    ///
    /// # Errors
    /// If the folder is the other one's.
    pub(crate) fn accept(self, folder: &Setting<DataFolder>) -> Result<(), Failure> {
        let for_development = folder.value.is_for_development();
        let other = match self {
            Self::Development if !for_development && folder.value.has_database() => {
                "holds a database that `countersign dev` did not make, or whose dev.json is gone; \
                 choose another folder, in which a demo application may be made"
            }
            Self::Production if for_development => {
                "was made by `countersign dev`, and its keys are for development; choose a new \
                 folder, in which production begins with keys of its own"
            }
            Self::Development | Self::Production => return Ok(()),
        };
        let path = folder.value.path().display();
        Err(Failure::usage(format!(
            "{}: {path} {other}",
            folder.label()
        )))
    }
}
