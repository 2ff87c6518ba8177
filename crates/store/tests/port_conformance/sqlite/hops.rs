//! How often the engine is asked.

use super::{engine, keyring};
use crate::suite::event::key;
use crate::world::{Counting, Port, World};
use countersign_core::model::event::Author;
use countersign_core::ports::change::Change;
use countersign_store::SqlStore;
use countersign_store::engine::{Batch, Engine};
use countersign_store::error::StoreError;
use countersign_store::rows::Rows;
use countersign_store::sqlite::Sqlite;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// An engine that counts what is read.
struct Counted {
    engine: Sqlite,
    reads: Arc<AtomicU32>,
}

impl Engine for Counted {
    async fn read(&self, queries: Batch) -> Result<Vec<Rows>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.engine.read(queries).await
    }

    async fn read_to_write(&self, queries: Batch) -> Result<Vec<Rows>, StoreError> {
        self.engine.read_to_write(queries).await
    }

    async fn write(&self, batch: Batch) -> Result<Vec<Rows>, StoreError> {
        self.engine.write(batch).await
    }

    async fn forget(&self) -> Result<(), StoreError> {
        self.engine.forget().await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.engine.ping().await
    }
}

#[tokio::test]
async fn a_page_is_one_even_where_a_key_has_sent() {
    let folder = tempfile::tempdir().unwrap();
    let reads = Arc::new(AtomicU32::new(0));
    let counted = Counted {
        engine: engine(folder.path()).await,
        reads: Arc::clone(&reads),
    };
    let store = SqlStore::new(counted, keyring(), Arc::new(Counting::default()));
    let world = World::new(Arc::new(store) as Arc<dyn Port>).await;
    let jay = world.person("jay").await;
    let id = world.conversation(&jay).await;
    world.say(id, &jay, "hello").await;
    let page = async || {
        let before = reads.load(Ordering::Relaxed);
        let events = world.history(id).await;
        // The page, and the empty one behind it.
        let asked = reads.load(Ordering::Relaxed) - before - 2;
        (
            asked,
            events.last().unwrap().from.person.names.shown().to_owned(),
        )
    };
    assert_eq!(page().await, (0, "jay".to_owned()));
    let desk = key(&world, "support desk");
    let said = world.text(id, Author::ApiKey(desk.id), "good day", None);
    world.commit([Change::AddApiKey(desk), said]).await;
    assert_eq!(page().await, (1, "support desk".to_owned()));
    assert_eq!(page().await, (0, "support desk".to_owned()));
}
