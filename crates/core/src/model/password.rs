//! What is kept of a password.

use std::fmt;

/// A hash of a password, as text that says by itself how it was made (PHC string
/// format). Whoever has it can guess, and so it is shown to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

// === impl PasswordHash ===

impl PasswordHash {
    /// Takes the text of a hash.
    #[must_use]
    pub fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The text, for who compares and who stores.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PasswordHash")
    }
}
