//! The upkeep port, in SQL.

use crate::engine::Engine;
use crate::read;
use crate::store::SqlStore;
use async_trait::async_trait;
use countersign_core::id::ApplicationId;
use countersign_core::model::revocation::Revocation;
use countersign_core::ports::store::StoreError;
use countersign_core::ports::upkeep::Upkeep;
use countersign_credential::time::Timestamp;

#[async_trait]
impl<E: Engine + 'static> Upkeep for SqlStore<E> {
    async fn revocations_since(
        &self,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<(ApplicationId, Revocation)>, StoreError> {
        Ok(read::revocation::since(&self.engine, since, limit).await?)
    }
}
