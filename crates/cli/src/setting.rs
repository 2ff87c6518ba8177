//! A value that a person chose, and where: so that whoever finds it unusable,
//! however late, can say which line to change.

use std::fmt;
use std::path::PathBuf;

/// A value, its key, and where it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting<T> {
    /// What it is called in the configuration file.
    pub(crate) key: &'static str,
    /// Who said so.
    pub(crate) origin: Origin,
    /// What was said.
    pub(crate) value: T,
}

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// On the command line, by this flag.
    Flag(String),
    /// In the environment, by this variable.
    Variable(String),
    /// In a configuration file, on this line; the first one is 1.
    File {
        /// The file, as it was named.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// Nowhere.
    Default,
}

// === impl Setting ===

impl<T> Setting<T> {
    /// The setting as messages name it, such as `listen (countersign.toml:3)`.
    pub(crate) fn label(&self) -> String {
        format!("{} ({})", self.key, self.origin)
    }

    /// The same setting, read as something else.
    pub(crate) fn with<U>(&self, value: U) -> Setting<U> {
        Setting {
            key: self.key,
            origin: self.origin.clone(),
            value,
        }
    }
}

// === impl Origin ===

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => formatter.write_str(name),
            Self::File { path, line } => write!(formatter, "{}:{line}", path.display()),
            Self::Default => formatter.write_str("by default"),
        }
    }
}
