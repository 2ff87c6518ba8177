//! Hashes passwords and compares them, apart from everything else.
//!
//! Argon2id (RFC 9106) with the least that OWASP recommends: 19 MiB and two passes,
//! on one lane. It occupies a core for some hundredths of a second, and as long the
//! memory; so there are as many at once as cores, on threads that may block, a
//! bounded number waits for them, and what comes on top is refused.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;

use argon2::password_hash::Error as HashError;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use countersign_core::limit::PASSWORDS_WAITING_MAX;
use countersign_core::model::password::{Password, PasswordHash};
use countersign_core::ports::Random;
use countersign_core::ports::passwords::{Passwords, PasswordsError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// In KiB.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// What a node hashes passwords with.
pub(crate) struct HashingPool {
    random: Arc<dyn Random>,
    /// One permit for each that is worked on or waits.
    places: Arc<Semaphore>,
    places_max: usize,
    /// Those for whom there was no place.
    refused: AtomicU64,
    /// One permit for each that is worked on.
    working: Arc<Semaphore>,
    /// The hash of no password: it was drawn, and never made.
    nobodys: PasswordHash,
}

/// How much the pool has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    /// What is worked on or waits.
    pub(crate) waiting: u64,
    /// What may be.
    pub(crate) waiting_max: u64,
    /// What came on top so far.
    pub(crate) refused: u64,
}

/// Held as long as the work takes, even where nobody waits for it any more: its
/// memory is in use.
struct Place {
    _place: OwnedSemaphorePermit,
    _working: OwnedSemaphorePermit,
}

// === impl HashingPool ===

impl HashingPool {
    /// A pool for this machine's cores.
    pub(crate) fn new(random: impl Random + 'static) -> Self {
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        Self::of(cores, PASSWORDS_WAITING_MAX, random)
    }

    fn of(at_once: usize, waiting: usize, random: impl Random + 'static) -> Self {
        let mut drawn = [0; SALT_BYTES + HASH_BYTES];
        random.fill(&mut drawn);
        let (salt, hash) = drawn.split_at(SALT_BYTES);
        let [salt, hash] = [salt, hash].map(|bytes| STANDARD_NO_PAD.encode(bytes));
        let nobodys = format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${hash}");
        Self {
            random: Arc::new(random),
            places: Arc::new(Semaphore::new(at_once + waiting)),
            places_max: at_once + waiting,
            refused: AtomicU64::new(0),
            working: Arc::new(Semaphore::new(at_once)),
            nobodys: PasswordHash::from_text(nobodys),
        }
    }

    /// How much it has to do.
    pub(crate) fn load(&self) -> Load {
        Load {
            waiting: (self.places_max - self.places.available_permits()) as u64,
            waiting_max: self.places_max as u64,
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    async fn place(&self) -> Result<Place, PasswordsError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            PasswordsError::Busy
        })?;
        let working = Arc::clone(&self.working).acquire_owned().await;
        Ok(Place {
            _place: place,
            _working: working.map_err(failed)?,
        })
    }

    async fn does<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'_>) -> Result<T, PasswordsError> + Send + 'static,
    ) -> Result<T, PasswordsError> {
        let place = self.place().await?;
        let worked = tokio::task::spawn_blocking(move || {
            let _place = place;
            work(&argon2()?)
        });
        worked.await.map_err(failed)?
    }
}

#[async_trait]
impl Passwords for HashingPool {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, PasswordsError> {
        let mut salt = [0; SALT_BYTES];
        self.random.fill(&mut salt);
        let password = password.clone();
        self.does(move |argon2| {
            let hashed = argon2.hash_password_with_salt(password.as_bytes(), &salt);
            let hashed = hashed.map_err(failed)?;
            Ok(PasswordHash::from_text(hashed.to_string()))
        })
        .await
    }

    async fn verify(
        &self,
        password: &Password,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, PasswordsError> {
        let hash = hash.unwrap_or(&self.nobodys).clone();
        let password = password.clone();
        self.does(
            move |argon2| match argon2.verify_password(password.as_bytes(), hash.as_str()) {
                Ok(()) => Ok(true),
                Err(HashError::PasswordInvalid) => Ok(false),
                Err(error) => Err(failed(error)),
            },
        )
        .await
    }
}

/// A hash says by itself with how much it was made; this is for new ones.
fn argon2() -> Result<Argon2<'static>, PasswordsError> {
    let parameters = Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH_BYTES));
    let parameters = parameters.map_err(failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> PasswordsError {
    PasswordsError::Failed(Box::new(error))
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::system::System;

    fn password(text: &str) -> Password {
        Password::new(Zeroizing::new(text.to_owned())).unwrap()
    }

    fn pool(at_once: usize, waiting: usize) -> HashingPool {
        HashingPool::of(at_once, waiting, System)
    }

    #[tokio::test]
    async fn a_password_is_its_own_and_no_other() {
        let pool = pool(2, 8);
        let hash = pool.hash(&password("hunter2")).await.unwrap();
        let made = "$argon2id$v=19$m=19456,t=2,p=1$";
        assert!(hash.as_str().starts_with(made), "{}", hash.as_str());
        for (text, expected) in [("hunter2", true), ("hunter3", false), ("Hunter2", false)] {
            let is_right = pool.verify(&password(text), Some(&hash)).await;
            assert_eq!(is_right.unwrap(), expected, "{text}");
        }
        let again = pool.hash(&password("hunter2")).await.unwrap();
        assert_ne!(again, hash, "each has a salt of its own");
    }

    /// Made by the reference implementation, and in RFC 9106's own form.
    #[tokio::test]
    async fn a_hash_made_elsewhere_is_read() {
        let made_elsewhere = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$\
                              CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let hash = PasswordHash::from_text(made_elsewhere.to_owned());
        let pool = pool(1, 0);
        let right = pool.verify(&password("password"), Some(&hash)).await;
        assert!(right.unwrap());
    }

    #[tokio::test]
    async fn nobodys_hash_is_like_any_and_fits_nothing() {
        let pool = pool(1, 0);
        for text in ["hunter2", " "] {
            assert!(!pool.verify(&password(text), None).await.unwrap());
        }
        let some = pool.hash(&password("hunter2")).await.unwrap();
        let parts = |hash: &PasswordHash| -> Vec<usize> {
            hash.as_str().split('$').map(str::len).collect()
        };
        assert_eq!(parts(&some), parts(&pool.nobodys));
    }

    #[tokio::test]
    async fn a_hash_that_is_none_is_a_fault_of_ours() {
        let hash = PasswordHash::from_text("hunter2".to_owned());
        let found = pool(1, 0).verify(&password("hunter2"), Some(&hash)).await;
        assert!(matches!(found, Err(PasswordsError::Failed(_))));
    }

    #[tokio::test]
    async fn some_wait_and_more_are_refused() {
        let pool = pool(1, 1);
        let working = pool.place().await.unwrap();
        let waits = password("waits");
        let waiting = pool.hash(&waits);
        let mut waiting = std::pin::pin!(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        let refused = pool.hash(&password("comes too late")).await;
        assert!(matches!(refused, Err(PasswordsError::Busy)));
        drop(working);
        waiting.await.unwrap();
        pool.hash(&password("comes again")).await.unwrap();
    }
}
