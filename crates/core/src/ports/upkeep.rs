//! The upkeep port: what a node asks of the store by itself, over all applications.
//!
//! Nothing here answers a request. Each call is bounded by its arguments, so
//! that whoever waits for the store does not wait for upkeep.

use async_trait::async_trait;
use countersign_credential::time::Timestamp;

use crate::id::ApplicationId;
use crate::model::revocation::Revocation;
use crate::ports::store::StoreError;

/// What a node does by itself.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// The revocations that were made since a moment, that one included: the
    /// newest first, and at most so many.
    async fn revocations_since(
        &self,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<(ApplicationId, Revocation)>, StoreError>;
}
