//! A signing key: verifies credentials, and stands in the application's key ring.

use std::fmt;

use countersign_credential::key::{KeyAlgorithm, KeyState, Kid};
use countersign_credential::time::Timestamp;
use zeroize::Zeroizing;

/// A key as the application keeps it.
#[derive(Debug, Clone)]
pub struct SigningKey {
    /// Its name, exact.
    pub kid: Kid,
    /// The one algorithm that it is used with.
    pub algorithm: KeyAlgorithm,
    /// Its state in the ring.
    pub state: KeyState,
    /// What it is made of.
    pub material: KeyMaterial,
    /// When it was created or imported.
    pub created_at: Timestamp,
    /// When it last verified a credential. Written once a minute at most, so
    /// that a node which is killed loses a minute of it.
    pub last_used_at: Option<Timestamp>,
}

/// What a key is made of.
#[derive(Clone)]
pub enum KeyMaterial {
    /// A public key, as SPKI in PEM.
    Public(String),
    /// A secret that the backend has too. Sealed wherever it is stored.
    Secret(Zeroizing<Vec<u8>>),
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Public(_) => "Public",
            Self::Secret(_) => "Secret",
        })
    }
}
