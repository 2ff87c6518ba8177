//! An engine that only reads, beside whoever has the database open.
//!
//! It locks no folder, applies no migration and writes nothing, so that a database can be looked
//! at while a server runs on it.

use super::connection::open_to_inspect;
use super::queue::{Portion, Queue};
use super::reader;
use super::worker::{Ended, run_sessions};
use super::{apart, no_thread};
use crate::engine::{Batch, Engine, Statement};
use crate::error::{StoreError, Unavailable};
use crate::limit;
use crate::rows::Rows;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

/// A database that is read and not written.
///
/// [`close`](Self::close) it at the end; where it is dropped instead, its thread ends on its own.
#[derive(Debug)]
pub struct Snapshot {
    queries: Arc<Queue<Batch, Vec<Rows>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

// === impl Snapshot ===

impl Snapshot {
    /// Begins to read a database, which must have the schema that this program knows. It is opened
    /// with the first query.
    ///
    /// # Errors
    /// [`StoreError::Open`] where there is no thread for it.
    pub fn open(database: &Path) -> Result<Self, StoreError> {
        let queries = Queue::new();
        let (asked, path) = (Arc::clone(&queries), database.to_owned());
        let thread = Builder::new()
            .name("store-snapshot".to_owned())
            .spawn(move || run_sessions(|| session(&asked, &path)))
            .map_err(|error| no_thread(database, &error))?;
        Ok(Self {
            queries,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Lets the database go.
    pub async fn close(&self) {
        self.queries.close();
        let thread = {
            let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
            thread.take()
        };
        let Some(thread) = thread else {
            return;
        };
        let joined = apart("store-close", Path::new(""), move || {
            drop(thread.join());
            Ok(())
        });
        // Where no thread can be had to wait with, nobody waits.
        drop(joined.await);
    }
}

impl Engine for Snapshot {
    async fn read(&self, queries: Batch) -> Result<Vec<Rows>, StoreError> {
        queries.check()?;
        let bytes = queries.bytes();
        let timeout = Some(limit::ANSWER_TIMEOUT);
        self.queries.ask(queries, bytes, timeout).await
    }

    async fn read_to_write(&self, queries: Batch) -> Result<Vec<Rows>, StoreError> {
        self.read(queries).await
    }

    async fn write(&self, _: Batch) -> Result<Vec<Rows>, StoreError> {
        // To whoever writes it is as if the store were gone.
        Err(Unavailable::Closed.into())
    }

    async fn forget(&self) -> Result<(), StoreError> {
        // Nor does it forget.
        Err(Unavailable::Closed.into())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let query = Statement::new("SELECT 1", []).expecting(1, "one row");
        self.read(query.into()).await.map(drop)
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.queries.close();
    }
}

fn session(queries: &Queue<Batch, Vec<Rows>>, database: &Path) -> Ended {
    const ONE: Portion = Portion {
        requests: 1,
        bytes: usize::MAX,
        threads: 1,
    };
    let open = || {
        let connection = open_to_inspect(database)?;
        connection.busy_timeout(limit::LOCK_TIMEOUT)?;
        Ok(connection)
    };
    reader::session(queries, ONE, || (), open)
}
