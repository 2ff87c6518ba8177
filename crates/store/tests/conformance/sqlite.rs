//! SQLite is given the suite, and what only a database of files has to prove.

mod disk;
mod grouping;
mod kill;
mod opening;

use crate::schema::{MIGRATIONS, TEXTS};
use countersign_store::portable::lint;
use countersign_store::sqlite::{DATABASE_FILE, Options, Sqlite};
use std::path::PathBuf;
use tempfile::TempDir;

crate::suite::suite!(crate::sqlite::Opened::new());

/// An engine in a temporary folder.
pub(crate) struct Opened {
    engine: Sqlite,
    folder: TempDir,
}

impl Opened {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Sqlite::open(folder.path(), options, MIGRATIONS)
            .await
            .unwrap();
        Self { engine, folder }
    }

    pub(crate) fn engine(&self) -> &Sqlite {
        &self.engine
    }

    pub(crate) async fn close(&self) {
        self.engine.close().await;
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join(DATABASE_FILE)
    }
}

#[test]
fn the_texts_of_the_suite_are_portable() {
    for sql in TEXTS {
        assert_eq!(lint(sql), [], "{sql}");
    }
}
