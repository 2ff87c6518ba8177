//! A password, and what is kept of one.

use std::fmt;

use zeroize::Zeroizing;

use super::session::Session;
use crate::error::{Code, Error};
use crate::limit::PASSWORD_BYTES_MAX;

/// The key's name that a session remembers whose user has shown a password. No
/// signing key of an application can have it.
pub const PASSWORD_KID: &str = "countersign.password";

/// What a user types. It is compared byte for byte, and wiped when it is dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// A hash of a password, as text that says by itself how it was made (PHC string
/// format). Whoever has it can guess, and so it is shown to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// Whether a session was opened, or gone on with, by a password.
pub(crate) fn is_by_password(session: &Session) -> bool {
    let credential = session.credential.as_ref();
    credential.is_some_and(|credential| credential.kid.as_str() == PASSWORD_KID)
}

// === impl Password ===

impl Password {
    /// A password of 1 to [`PASSWORD_BYTES_MAX`] bytes: one that is longer only
    /// costs.
    ///
    /// # Errors
    /// `bad_request` for any other.
    pub fn new(text: Zeroizing<String>) -> Result<Self, Error> {
        if (1..=PASSWORD_BYTES_MAX).contains(&text.len()) {
            return Ok(Self(text));
        }
        let detail = format!("a password has 1 to {PASSWORD_BYTES_MAX} bytes");
        Err(Error::new(Code::BadRequest, detail))
    }

    /// Its bytes, for who hashes them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password")
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_neither_empty_nor_long_nor_shown() {
        let read = |text: &str| Password::new(Zeroizing::new(text.to_owned()));
        for (text, expected) in [
            (String::new(), false),
            (" ".to_owned(), true),
            ("x".repeat(PASSWORD_BYTES_MAX), true),
            ("x".repeat(PASSWORD_BYTES_MAX + 1), false),
            // Bytes count, not letters.
            ("é".repeat(PASSWORD_BYTES_MAX / 2), true),
            ("é".repeat(PASSWORD_BYTES_MAX / 2 + 1), false),
        ] {
            let found = read(&text);
            assert_eq!(found.is_ok(), expected, "{} bytes", text.len());
            if let Ok(password) = found {
                assert_eq!(password.as_bytes(), text.as_bytes());
            }
        }
        let hash = PasswordHash::from_text("hunter2".to_owned());
        let shown = format!("{:?} {hash:?}", read("hunter2").unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
