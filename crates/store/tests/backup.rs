//! Copies of a database in use, what is found in them, and a history that begins from one.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use countersign_core::model::audit::{Actor, AuditEntry, Details};
use countersign_core::model::epoch::Epochs;
use countersign_core::model::page::{Order, Window};
use countersign_core::ports::Random;
use countersign_core::ports::store::{Registry as _, Store as _};
use countersign_credential::time::Timestamp;
use countersign_store::error::StoreError;
use countersign_store::migrate::{MIGRATIONS, Migration};
use countersign_store::secrets::{KEY_BYTES, KeyEncryptionKey, Keyring, SecretError};
use countersign_store::sqlite::inspection::{Depth, count, inspect};
use countersign_store::sqlite::snapshot::Snapshot;
use countersign_store::sqlite::{DATABASE_FILE, Options, Sqlite};
use countersign_store::{Engine as _, SqlStore, Statement};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

const NOW: Timestamp = Timestamp::from_milliseconds(1_800_000_000_000);
const ADD: &str = "INSERT INTO meta (name, value) VALUES ($1, $2)";
const COUNT: &str = "SELECT count(*) FROM meta WHERE name >= $1";

/// Always the same bytes: nothing here is told apart by chance.
struct Same;

impl Random for Same {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

fn keyring(byte: u8) -> Keyring {
    let material = zeroize::Zeroizing::new([byte; KEY_BYTES]);
    Keyring::new(KeyEncryptionKey::from_bytes(material), Vec::new())
}

/// A folder with a database that has a sealed secret, and its store.
async fn store() -> (TempDir, SqlStore<Sqlite>) {
    let folder = tempfile::tempdir().unwrap();
    let engine = Sqlite::open(folder.path(), Options::default(), MIGRATIONS)
        .await
        .unwrap();
    let store = SqlStore::new(engine, keyring(1), Arc::new(Same));
    assert_eq!(store.token_keys().await.unwrap().len(), 1);
    (folder, store)
}

fn copy_in(folder: &Path) -> (PathBuf, PathBuf) {
    (folder.join(DATABASE_FILE), folder.join("copy.db"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_of_one_moment_while_others_write() {
    let (folder, store) = store().await;
    let (database, copy) = copy_in(folder.path());
    let store = Arc::new(store);
    // Each batch adds two rows, so that half of one would be seen. The text makes it many pages.
    let add = |index: usize| {
        let row = |half: &str| {
            let name = format!("row {index:06} {half}");
            Statement::new(ADD, [name.into(), "x".repeat(3_000).into()])
        };
        [row("a"), row("b")].into()
    };
    for index in 0..500 {
        store.engine().write(add(index)).await.unwrap();
    }
    let writer = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for index in 500..1_000 {
                store.engine().write(add(index)).await.unwrap();
            }
        })
    };
    Sqlite::copy(&database, &copy).await.unwrap();
    writer.await.unwrap();

    let mode = fs::metadata(&copy).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let contents = inspect(&copy, MIGRATIONS, Depth::Everything).await.unwrap();
    assert_eq!((contents.epoch, contents.applications), (1, 0));
    assert_eq!(contents.open_secrets(&keyring(1)), Ok(1));
    assert!(matches!(
        contents.open_secrets(&keyring(2)),
        Err(SecretError::UnknownKey(_))
    ));
    assert_eq!(count(&copy).await.unwrap().events, 0);
    let snapshot = Snapshot::open(&copy).unwrap();
    let query = Statement::new(COUNT, ["row".into()]);
    let rows = snapshot.read(query.into()).await.unwrap();
    let rows = rows[0].first().unwrap().integer(0).unwrap();
    assert!((1_000..=2_000).contains(&rows) && rows % 2 == 0, "{rows}");
    let write = Statement::new(ADD, ["a".into(), "b".into()]);
    assert!(snapshot.write(write.into()).await.is_err());
    snapshot.close().await;
    let names = fs::read_dir(folder.path()).unwrap();
    let beside = names.map(|entry| entry.unwrap().file_name());
    let beside: Vec<_> = beside
        .filter(|name| name.to_string_lossy().contains("copy"))
        .collect();
    assert_eq!(beside, ["copy.db"], "it is one file alone");
    assert!(matches!(
        Sqlite::copy(&database, &copy).await,
        Err(StoreError::Copy { .. })
    ));
    store.engine().close().await;
}

#[tokio::test]
async fn what_is_no_whole_database_of_ours_is_told() {
    let (folder, store) = store().await;
    let (database, copy) = copy_in(folder.path());
    Sqlite::copy(&database, &copy).await.unwrap();
    store.engine().close().await;
    let whole = fs::read(&copy).unwrap();
    let check = async |content: &[u8], expected: &str| {
        fs::write(&copy, content).unwrap();
        let error = inspect(&copy, MIGRATIONS, Depth::Everything).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains(expected), "{error} lacks {expected}");
    };
    check(b"", "is not a database of countersign").await;
    check(&[b'x'; 5_000], "is not a database of countersign").await;
    check(&whole[..whole.len() / 2], "is damaged: ").await;
    let mut changed = whole.clone();
    changed[40_000..60_000].fill(0xA5);
    check(&changed, "is damaged: ").await;
    fs::write(&copy, &whole).unwrap();
    const OLDER: &[Migration] = &[MIGRATIONS[0], MIGRATIONS[1]];
    let newer = inspect(&copy, OLDER, Depth::Readable).await;
    assert!(matches!(newer, Err(StoreError::Newer { known: 2, .. })));
    let nowhere = Sqlite::copy(&database, Path::new("/nowhere/copy.db")).await;
    assert!(matches!(nowhere, Err(StoreError::Copy { .. })));
    let missing = Sqlite::copy(Path::new("/nowhere/it.db"), &folder.path().join("other")).await;
    assert!(matches!(missing, Err(StoreError::Open { .. })));
    assert!(!folder.path().join("other").exists(), "half a copy is none");
}

#[tokio::test]
async fn an_epoch_begins_with_its_entry_in_the_log() {
    let (folder, store) = store().await;
    assert_eq!(store.epochs().await.unwrap(), Epochs::FIRST);
    let mut epochs = Epochs::FIRST;
    for (keep_sessions, second) in [(false, 0), (true, 10), (false, 20)] {
        let now = NOW.plus_seconds(second);
        epochs = epochs.restored(now, keep_sessions);
        let number = epochs.present.number;
        let details = Details::default();
        let entry = AuditEntry::new(
            now,
            &Same,
            Actor::System,
            "history.restore",
            &number,
            details,
        );
        assert_eq!(store.begin_epoch(&epochs, now, entry).await.unwrap(), 0);
        assert_eq!(store.epochs().await.unwrap(), epochs);
    }
    let window = Window {
        after: None,
        limit: 10,
    };
    let installation = countersign_core::id::ApplicationId::INSTALLATION;
    let log = store.audit(installation, Order::NewestFirst, window).await;
    let log = log.unwrap().items;
    assert_eq!(log.len(), 3);
    assert_eq!(log[0].action, "history.restore");
    let found = inspect(&folder.path().join(DATABASE_FILE), MIGRATIONS, Depth::Pages).await;
    assert_eq!(found.unwrap().epoch, epochs.present.number);
    store.engine().close().await;
}
