//! The suite on SQLite, and what only a database of files has to prove.

mod hops;
mod upgrade;

use crate::world::{Counting, Port, World};
use countersign_core::model::application::ApplicationName;
use countersign_core::model::event::Range;
use countersign_core::model::signing_key::{KeyMaterial, SigningKey};
use countersign_core::ports::change::Change;
use countersign_core::ports::store::{Registry, Store};
use countersign_credential::key::{KeyAlgorithm, KeyState, Kid};
use countersign_store::SqlStore;
use countersign_store::migrate::MIGRATIONS;
use countersign_store::secrets::{KeyEncryptionKey, Keyring};
use countersign_store::sqlite::{Options, Sqlite};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use zeroize::Zeroizing;

crate::suite::suite!(crate::sqlite::fresh());

/// A world on a new database, and the folder that goes with it.
pub(crate) async fn fresh() -> (World, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    (World::new(store as Arc<dyn Port>).await, folder)
}

async fn open(folder: &Path) -> Arc<SqlStore<Sqlite>> {
    let random = Arc::new(Counting::default());
    Arc::new(SqlStore::new(engine(folder).await, keyring(), random))
}

async fn engine(folder: &Path) -> Sqlite {
    Sqlite::open(folder, Options::default(), MIGRATIONS)
        .await
        .unwrap()
}

fn keyring() -> Keyring {
    let key = KeyEncryptionKey::from_bytes(Zeroizing::new([7; 32]));
    Keyring::new(key, Vec::new())
}

#[tokio::test]
async fn reopening_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let world = World::new(Arc::clone(&store) as Arc<dyn Port>).await;
    let user = world.person("jay").await;
    let conversation = world.conversation(&user).await;
    world.say(conversation, &user, "hello").await;
    let session = world.log_in(&user).await;
    let keys = store.token_keys().await.unwrap();
    let before = world.history(conversation).await;
    store.engine().close().await;
    drop((world, store));

    let store = open(folder.path()).await;
    let world = World::again(Arc::clone(&store) as Arc<dyn Port>);
    assert_eq!(world.history(conversation).await, before);
    assert_eq!(before.len(), 2);
    let view = store.session(world.application, session.id).await.unwrap();
    assert_eq!(view.unwrap().session, session);
    assert_eq!(store.token_keys().await.unwrap(), keys);
    let events = store
        .events(world.application, conversation, None, Range::Newest, 1)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(events.events[0].body, r#"{"text":"hello"}"#);
    store.engine().close().await;
}

#[tokio::test]
async fn the_token_keys_are_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let (one, other) = tokio::join!(store.token_keys(), store.token_keys());
    let keys = one.unwrap();
    assert_eq!(keys, other.unwrap());
    assert_eq!(keys, store.token_keys().await.unwrap());
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].0, 1);
    assert_ne!(keys[0].1, [0; 32]);
    store.engine().close().await;
}

#[tokio::test]
async fn no_secret_is_in_any_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let world = World::new(Arc::clone(&store) as Arc<dyn Port>).await;
    let secret = b"this secret is thirty-five bytes ok".to_vec();
    let public = "-----BEGIN PUBLIC KEY----- of thirty-five bytes";
    let key = |kid: &str, material| SigningKey {
        kid: Kid::parse(kid).unwrap(),
        algorithm: KeyAlgorithm::Hs256,
        state: KeyState::Standby,
        material,
        created_at: world.at(0),
        last_used_at: None,
    };
    let sealed = key(
        "sealed",
        KeyMaterial::Secret(Zeroizing::new(secret.clone())),
    );
    let open_key = key("open", KeyMaterial::Public(public.to_owned()));
    world
        .commit([
            Change::AddSigningKey(sealed),
            Change::AddSigningKey(open_key),
        ])
        .await;
    let token_key = store.token_keys().await.unwrap()[0].1;
    for closed in [false, true] {
        if closed {
            store.engine().close().await;
        }
        let mut files = Vec::new();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            files.extend(std::fs::read(file.unwrap().path()).unwrap());
        }
        let holds = |bytes: &[u8]| files.windows(bytes.len()).any(|window| window == bytes);
        assert!(holds(public.as_bytes()), "the scan finds what is there");
        assert!(!holds(&secret));
        assert!(!holds(&token_key));
        assert!(!holds(&[7; 32]), "the key-encryption key");
    }
    drop((world, store));
    let store = open(folder.path()).await;
    let name = ApplicationName::Slug("demo".parse().unwrap());
    let application = store.application(name).await.unwrap().unwrap();
    let found = application.keys.iter().any(|key| match &key.material {
        KeyMaterial::Secret(opened) => **opened == secret,
        KeyMaterial::Public(_) => false,
    });
    assert!(found, "the secret is opened again");
    store.engine().close().await;
}
