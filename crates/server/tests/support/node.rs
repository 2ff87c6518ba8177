//! What every world of these tests stands on: a real store on a disk, under a clock
//! that the test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use countersign_core::context::Parts;
use countersign_core::limit;
use countersign_core::ports::passwords::Passwords;
use countersign_core::ports::{Clock, Random};
use countersign_core::token::TokenKeys;
use countersign_credential::time::Timestamp;
use countersign_fanout::in_process::InProcess;
use countersign_store::SqlStore;
use countersign_store::engine::Engine;
use countersign_store::migrate::MIGRATIONS;
use countersign_store::secrets::{KeyEncryptionKey, Keyring};
use countersign_store::sqlite::{Options, Sqlite};
use tempfile::TempDir;

/// The time, in milliseconds since 1970.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicI64);

struct Unguessable;

/// A database in a folder.
pub(crate) async fn sqlite(folder: &TempDir) -> Sqlite {
    let opened = Sqlite::open(folder.path(), Options::default(), MIGRATIONS);
    opened.await.unwrap()
}

/// The store on an engine.
pub(crate) fn store_on<E: Engine + 'static>(engine: E) -> Arc<SqlStore<E>> {
    let keyring = Keyring::new(KeyEncryptionKey::from_bytes([1; 32].into()), Vec::new());
    Arc::new(SqlStore::new(engine, keyring, Arc::new(Unguessable)))
}

/// The parts of a node on a store.
pub(crate) async fn parts<E: Engine + 'static>(
    store: &Arc<SqlStore<E>>,
    clock: &Arc<TestClock>,
    passwords: Arc<dyn Passwords>,
) -> Parts {
    let keys = store.token_keys().await.unwrap();
    Parts {
        registry: Arc::clone(store) as _,
        store: Arc::clone(store) as _,
        fanout: Arc::new(InProcess::new(limit::NOTICES_MAX)),
        clock: Arc::clone(clock) as _,
        random: Arc::new(Unguessable),
        passwords,
        tokens: TokenKeys::new(&keys),
    }
}

// === impl TestClock ===

impl TestClock {
    pub(crate) fn at(milliseconds: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(milliseconds)))
    }

    pub(crate) fn advance_s(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_milliseconds(self.0.load(Ordering::Relaxed))
    }
}

// === impl Unguessable ===

impl Random for Unguessable {
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).unwrap();
    }
}
