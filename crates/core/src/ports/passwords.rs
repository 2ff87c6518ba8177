//! The passwords port: what is slow on purpose, and so done apart from everything
//! else.

use std::error::Error as StdError;

use async_trait::async_trait;

use crate::error::Error;
use crate::model::password::{Password, PasswordHash};

/// Why a password was neither hashed nor compared.
#[derive(Debug, thiserror::Error)]
pub enum PasswordsError {
    /// As many wait as may.
    #[error("as many passwords wait to be hashed as may")]
    Busy,
    /// It cannot be done, now or ever.
    #[error("a password could not be hashed")]
    Failed(#[source] Box<dyn StdError + Send + Sync>),
}

/// Hashes passwords and compares them. Each takes long, and much memory; so only
/// some are worked on at once, some wait, and more are refused.
#[async_trait]
pub trait Passwords: Send + Sync {
    /// A hash of a password, with a salt of its own.
    async fn hash(&self, password: &Password) -> Result<PasswordHash, PasswordsError>;

    /// Whether a password is the one that was hashed. Without a hash it is not, and
    /// to find that out takes the same work: nobody can tell by the time that an
    /// answer takes whether there is a user.
    async fn verify(
        &self,
        password: &Password,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, PasswordsError>;
}

// === impl PasswordsError ===

impl From<PasswordsError> for Error {
    fn from(error: PasswordsError) -> Self {
        match error {
            PasswordsError::Busy => Self::unavailable(error),
            PasswordsError::Failed(_) => Self::internal(error),
        }
    }
}
