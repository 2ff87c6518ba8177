//! What a rule returns when it does not hold.

use std::fmt;

/// One thing that is not as it should be. Orders by place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// The file to open, relative to the workspace's root, with `:line` where one line is meant.
    pub(crate) place: String,
    /// What is wrong there and what to do about it.
    pub(crate) sentence: String,
}

// === impl Problem ===

impl Problem {
    pub(crate) fn new(place: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            sentence: sentence.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.sentence)
    }
}
