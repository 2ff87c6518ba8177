//! A database that a test can take away and give back: what reaches it is done
//! by SQLite, and while it is away nothing reaches it. Nothing of it is there at
//! once, however fast SQLite is: who looks a single time finds that it is to come.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use countersign_store::error::Unavailable;
use countersign_store::sqlite::Sqlite;
use countersign_store::{Batch, Engine, Rows, StoreError};

/// SQLite behind a switch.
#[derive(Debug)]
pub(crate) struct Switched {
    sqlite: Sqlite,
    away: AtomicBool,
    refused: AtomicU64,
}

// === impl Switched ===

impl Switched {
    pub(crate) fn new(sqlite: Sqlite) -> Self {
        Self {
            sqlite,
            away: AtomicBool::new(false),
            refused: AtomicU64::new(0),
        }
    }

    pub(crate) fn take_away(&self) {
        self.away.store(true, Ordering::SeqCst);
    }

    pub(crate) fn give_back(&self) {
        self.away.store(false, Ordering::SeqCst);
    }

    /// How often something asked in vain.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::SeqCst)
    }

    async fn check(&self) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        if self.away.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Err(StoreError::Unavailable(Unavailable::Io));
        }
        Ok(())
    }
}

impl Deref for Switched {
    type Target = Sqlite;

    fn deref(&self) -> &Sqlite {
        &self.sqlite
    }
}

impl Engine for Switched {
    async fn read(&self, queries: Batch) -> Result<Vec<Rows>, StoreError> {
        self.check().await?;
        self.sqlite.read(queries).await
    }

    async fn read_to_write(&self, queries: Batch) -> Result<Vec<Rows>, StoreError> {
        self.check().await?;
        self.sqlite.read_to_write(queries).await
    }

    async fn write(&self, batch: Batch) -> Result<Vec<Rows>, StoreError> {
        self.check().await?;
        self.sqlite.write(batch).await
    }

    async fn forget(&self) -> Result<(), StoreError> {
        self.check().await?;
        self.sqlite.forget().await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.check().await?;
        self.sqlite.ping().await
    }
}
