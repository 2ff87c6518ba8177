//! Passwords that cost nothing to guess: SHA-256 over a number and the password.
//! What is slow on purpose is tested where it is done.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use countersign_core::model::password::{Password, PasswordHash};
use countersign_core::ports::passwords::{Passwords, PasswordsError};

/// Each hash has a number of its own, as others have a salt.
#[derive(Debug, Default)]
pub(crate) struct QuickPasswords(AtomicU64);

#[async_trait]
impl Passwords for QuickPasswords {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, PasswordsError> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        Ok(hash_of(&number.to_string(), password))
    }

    async fn verify(
        &self,
        password: &Password,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, PasswordsError> {
        let number = hash.and_then(|hash| hash.as_str().split('$').next());
        Ok(number.is_some_and(|number| Some(&hash_of(number, password)) == hash))
    }
}

fn hash_of(number: &str, password: &Password) -> PasswordHash {
    let hashed = digest(&SHA256, &[number.as_bytes(), password.as_bytes()].concat());
    PasswordHash::from_text(format!("{number}${hashed:?}"))
}
