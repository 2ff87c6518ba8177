//! SQLite as an engine: one thread writes, some read, one moves the log.
//!
//! ```text
//! write(batch) → queue → writer: BEGIN, each waiting batch, COMMIT ─┐
//!                                                        answers ←─┘ one sync
//! read_to_write(batch) → the same queue → writer: before the group that it waits with
//! read(batch)  → queue → readers, each with its own connection, never behind the writer
//!                        checkpointer: told of the log's length at each commit
//! ```
//!
//! Invariants: only the writer's connection changes rows; another one may wipe what is left between
//! them ([`forget`]). A batch is answered after the sync that
//! covers it, never before. No connection is opened, used or closed on a thread of the async
//! runtime. A panic or an I/O error ends a connection, never a thread.

mod activity;
mod checkpoint;
mod connection;
mod constraint;
mod copy;
pub mod folder;
mod forget;
pub mod inspection;
pub mod look;
#[cfg(target_os = "linux")]
mod mounts;
mod page;
mod pseudonyms;
mod queue;
mod reader;
pub mod snapshot;
mod statement;
mod statistics;
mod upgrade;
mod worker;
mod writer;

use crate::engine::{Batch, Engine, Statement};
use crate::error::{StoreError, Unavailable};
use crate::limit;
use crate::migrate::Migration;
use crate::rows::Rows;
use activity::Counters;
use checkpoint::Checkpoints;
use folder::Folder;
use queue::Queue;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;
use tokio::sync::oneshot;

pub use activity::Activity;
pub use folder::Space;

/// The database's name in the data folder.
pub const DATABASE_FILE: &str = "countersign.db";

/// The oldest SQLite that cannot corrupt a database when its log starts anew.
const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// A database in a data folder that this process alone has open.
///
/// [`close`](Self::close) it at the end. Where it is dropped instead, its threads finish what
/// waits and end on their own, and the folder stays locked until then.
#[derive(Debug)]
pub struct Sqlite {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What may be chosen for an engine.
#[derive(Debug, Clone)]
pub struct Options {
    /// Threads that read.
    pub readers: usize,
    /// How long a caller waits for its answer, in tokio's time. A runtime with paused time does
    /// not see threads at work, and jumps to this at once: there it is better `None`.
    pub answer_timeout: Option<Duration>,
    /// The size that the database file may reach; past it a write finds the disk full.
    pub database_bytes_max: Option<u64>,
}

/// What the threads share.
#[derive(Debug)]
struct Shared {
    folder: Folder,
    database: PathBuf,
    options: Options,
    batches: Arc<Queue<Work, Vec<Rows>>>,
    queries: Arc<Queue<Batch, Vec<Rows>>>,
    checkpoints: Checkpoints,
    connections: Connections,
    /// Held by who has something forgotten: there is one log to be cut.
    forgetting: Mutex<()>,
    counters: Counters,
}

/// What the writer is asked to do.
#[derive(Debug)]
enum Work {
    /// Queries, by the connection whose pages are those of the last commit: another one forgets
    /// all of its pages whenever something was committed.
    Read(Batch),
    /// A batch to be committed.
    Write(Batch),
}

/// Who has a connection open: each thread holds on to this for as long as it has.
#[derive(Debug, Default)]
struct Connections(RwLock<()>);

// === impl Work ===

impl Work {
    fn batch(&self) -> &Batch {
        let (Self::Read(batch) | Self::Write(batch)) = self;
        batch
    }
}

// === impl Sqlite ===

impl Sqlite {
    /// Opens the database of a data folder, making both where they are missing, and applies the
    /// migrations that it lacks.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`Network`](StoreError::Network), [`Foreign`](StoreError::Foreign),
    /// [`Newer`](StoreError::Newer), [`EngineTooOld`](StoreError::EngineTooOld) and
    /// [`Open`](StoreError::Open): the database is then as it was. So it is after
    /// [`Migration`](StoreError::Migration) about one that was applied before. After
    /// [`Upgrade`](StoreError::Upgrade) nothing is left of the one that failed, and those before
    /// it stay applied.
    pub async fn open(
        folder: &Path,
        options: Options,
        migrations: &'static [Migration],
    ) -> Result<Self, StoreError> {
        let path = folder.to_owned();
        apart("store-open", folder, move || {
            open_blocking(&path, options, migrations)
        })
        .await
    }

    /// Copies the database of a data folder into a new file, as it is at one moment, while this or
    /// another process may write to it. The copy is durable when this returns, is one file alone,
    /// and its owner's alone to read; after a failure there is none.
    ///
    /// # Errors
    /// [`StoreError::Foreign`] and [`StoreError::Open`] about the database,
    /// [`StoreError::Copy`] about the copy.
    pub async fn copy(database: &Path, to: &Path) -> Result<(), StoreError> {
        let (from, file) = (database.to_owned(), to.to_owned());
        apart("store-copy", to, move || copy::copy(&from, &file)).await
    }

    /// What was done so far and what waits, for metrics.
    pub fn activity(&self) -> Activity {
        let Shared {
            counters,
            batches,
            queries,
            ..
        } = &*self.shared;
        counters.read(batches.len(), queries.len())
    }

    /// What the database occupies.
    ///
    /// # Errors
    /// If the disk does not tell.
    pub fn space(&self) -> io::Result<Space> {
        self.shared.folder.space()
    }

    /// Refuses further work, finishes what waits, moves the log into the database, and lets the
    /// folder go. To close again does nothing.
    pub async fn close(&self) {
        self.shared.close_queues();
        let threads = {
            let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *threads)
        };
        if threads.is_empty() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let (ended, waiting) = oneshot::channel();
        let joiner = Builder::new()
            .name("store-close".to_owned())
            .spawn(move || {
                for thread in threads {
                    // A thread that panicked is no reason to leave the others.
                    drop(thread.join());
                }
                shared.folder.release();
                // Where nobody waits any more, nobody has to know.
                let _ = ended.send(());
            });
        if joiner.is_ok() {
            // An error would mean that the thread has ended, too.
            let _ = waiting.await;
        }
    }

    async fn by_writer(
        &self,
        batch: Batch,
        work: impl FnOnce(Batch) -> Work,
    ) -> Result<Vec<Rows>, StoreError> {
        batch.check()?;
        if batch.statements().is_empty() {
            return Ok(Vec::new());
        }
        let bytes = batch.bytes();
        let timeout = self.shared.options.answer_timeout;
        self.shared.batches.ask(work(batch), bytes, timeout).await
    }
}

impl Engine for Sqlite {
    async fn read(&self, queries: Batch) -> Result<Vec<Rows>, StoreError> {
        queries.check()?;
        if queries.statements().is_empty() {
            return Ok(Vec::new());
        }
        let bytes = queries.bytes();
        let timeout = self.shared.options.answer_timeout;
        self.shared.queries.ask(queries, bytes, timeout).await
    }

    async fn read_to_write(&self, queries: Batch) -> Result<Vec<Rows>, StoreError> {
        self.by_writer(queries, Work::Read).await
    }

    async fn write(&self, batch: Batch) -> Result<Vec<Rows>, StoreError> {
        self.by_writer(batch, Work::Write).await
    }

    async fn forget(&self) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.shared);
        let (done, waiting) = oneshot::channel();
        let thread = Builder::new()
            .name("store-forget".to_owned())
            .spawn(move || {
                let forgetting = shared.forgetting.lock();
                let _alone = forgetting.unwrap_or_else(PoisonError::into_inner);
                // Where nobody waits any more, nobody has to know.
                drop(done.send(forget::run(&shared)));
            });
        thread.map_err(|error| no_thread(&self.shared.database, &error))?;
        waiting.await.unwrap_or(Err(Unavailable::Failed.into()))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let query = Statement::new("SELECT 1", []).expecting(1, "one row");
        self.read(query.into()).await.map(drop)
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.shared.close_queues();
    }
}

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: limit::READERS,
            answer_timeout: Some(limit::ANSWER_TIMEOUT),
            database_bytes_max: None,
        }
    }
}

// === impl Shared ===

impl Shared {
    /// Has every connection closed at once, the caller's being closed already. The next one finds
    /// nobody, reads the log from its beginning, and forgets how much of it was moved.
    fn reopen_all(&self) {
        self.batches.recall();
        self.queries.recall();
        let alone = self.connections.wait_until_closed();
        self.batches.end_recall();
        self.queries.end_recall();
        drop(alone);
    }

    /// Lets every thread end: the checkpointer is stopped by the writer, after its last commit.
    fn close_queues(&self) {
        self.batches.close();
        self.queries.close();
    }
}

// === impl Connections ===

impl Connections {
    /// Before a connection is opened, and until it is closed.
    fn hold(&self) -> RwLockReadGuard<'_, ()> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until none is open, and keeps others from being opened.
    fn wait_until_closed(&self) -> RwLockWriteGuard<'_, ()> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_blocking(
    path: &Path,
    options: Options,
    migrations: &[Migration],
) -> Result<Sqlite, StoreError> {
    if rusqlite::version_number() < SQLITE_VERSION_MIN {
        return Err(StoreError::EngineTooOld {
            version: rusqlite::version(),
        });
    }
    let folder = Folder::open(path)?;
    let database = folder.database();
    upgrade::upgrade(&database, migrations)?;
    folder.sync()?;
    let readers = options.readers.max(1);
    let shared = Arc::new(Shared {
        folder,
        database,
        options,
        batches: Queue::new(),
        queries: Queue::new(),
        checkpoints: Checkpoints::default(),
        connections: Connections::default(),
        forgetting: Mutex::new(()),
        counters: Counters::default(),
    });
    // From here on a failure drops the engine, and that ends the threads that run.
    let sqlite = Sqlite {
        shared,
        threads: Mutex::new(Vec::new()),
    };
    let start = |name: &str, run: fn(&Arc<Shared>)| -> Result<(), StoreError> {
        let shared = Arc::clone(&sqlite.shared);
        let thread = Builder::new()
            .name(name.to_owned())
            .spawn(move || run(&shared));
        let thread = thread.map_err(|error| no_thread(path, &error))?;
        let mut threads = sqlite
            .threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        threads.push(thread);
        Ok(())
    };
    start("store-write", writer::run)?;
    for _ in 0..readers {
        start("store-read", |shared| reader::run(shared))?;
    }
    start("store-checkpoint", |shared| shared.checkpoints.run(shared))?;
    Ok(sqlite)
}

/// Does something on a thread of its own. Where nobody waits for its outcome any more, that is
/// dropped.
async fn apart<T: Send + 'static>(
    name: &str,
    path: &Path,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (done, waiting) = oneshot::channel();
    let thread = Builder::new().name(name.to_owned()).spawn(move || {
        drop(done.send(work()));
    });
    thread.map_err(|error| no_thread(path, &error))?;
    waiting.await.unwrap_or(Err(Unavailable::Failed.into()))
}

fn no_thread(folder: &Path, error: &io::Error) -> StoreError {
    StoreError::Open {
        path: folder.to_owned(),
        reason: format!("a thread cannot be started: {error}"),
    }
}
