//! Providers: where credentials come from, which is the application's own
//! backend.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use countersign_wire::secret::Secret;

/// How long a provider may take.
const PROVIDER: Duration = Duration::from_secs(30);

/// Asks the application's backend to sign who the user is.
///
/// A client asks only while it logs in, once, and once more if the server says
/// that the credential is too old or was used before. It never asks by itself
/// because a session was ended: whoever ended it meant it.
#[async_trait]
pub trait Provider: Send + Sync {
    /// A fresh credential.
    ///
    /// # Errors
    /// Whatever keeps the backend from signing one.
    async fn credential(&self) -> Result<Secret, ProviderError>;
}

/// Why a provider gave no credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ProviderError(pub String);

/// A credential, or who gives one.
#[derive(Clone)]
pub enum Source {
    /// This one.
    Credential(Secret),
    /// A fresh one each time.
    Provider(Arc<dyn Provider>),
}

// === impl Source ===

impl Source {
    /// Whether asking again may give another one.
    pub(crate) fn is_renewable(&self) -> bool {
        matches!(self, Self::Provider(_))
    }

    /// Asks, but not for ever.
    pub(crate) async fn credential(&self) -> Result<Secret, ProviderError> {
        match self {
            Self::Credential(credential) => Ok(credential.clone()),
            Self::Provider(provider) => {
                let asked = tokio::time::timeout(PROVIDER, provider.credential()).await;
                asked.unwrap_or_else(|_| {
                    Err(ProviderError(format!(
                        "the provider did not answer in {} s",
                        PROVIDER.as_secs()
                    )))
                })
            }
        }
    }
}

impl From<Secret> for Source {
    fn from(credential: Secret) -> Self {
        Self::Credential(credential)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Credential(_) => "Credential",
            Self::Provider(_) => "Provider",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Silent;

    #[async_trait]
    impl Provider for Silent {
        async fn credential(&self) -> Result<Secret, ProviderError> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_hangs_is_given_up() {
        let source = Source::Provider(Arc::new(Silent));
        let error = source.credential().await.unwrap_err();
        assert_eq!(error.to_string(), "the provider did not answer in 30 s");
    }
}
