//! What operators and administrators change, over the engine that ships: names,
//! settings, keys, and the logs that tell of it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use countersign_core::access::action::Action;
use countersign_core::access::principal::{Principal, Who};
use countersign_core::access::{Permit, authorize};
use countersign_core::id::{ApiKeyId, ApplicationId, AuditId};
use countersign_core::model::api_key::{ApiKey, Role, Roles};
use countersign_core::model::application::{Application, ApplicationName, ApplicationPatch};
use countersign_core::model::audit::{Actor, AuditEntry, Details};
use countersign_core::model::page::{Order, Window};
use countersign_core::model::settings::Settings;
use countersign_core::ports::Random;
use countersign_core::ports::change::{Change, Expectation};
use countersign_core::ports::store::{CommitError, Registry as _, Store as _};
use countersign_credential::time::Timestamp;
use countersign_store::SqlStore;
use countersign_store::migrate::MIGRATIONS;
use countersign_store::secrets::{KeyEncryptionKey, Keyring};
use countersign_store::sqlite::{Options, Sqlite};
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tempfile::TempDir;

const NOW: Timestamp = Timestamp::from_milliseconds(1_800_000_000_000);
fn one() -> ApplicationId {
    id(1)
}

fn two() -> ApplicationId {
    id(2)
}

fn id(byte: u8) -> ApplicationId {
    ApplicationId::from_bytes([byte; 16])
}

/// Bytes that differ from call to call.
#[derive(Debug, Default)]
struct Counting(AtomicU8);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
    }
}

/// A store with two applications, `one` and `two`.
struct World {
    store: SqlStore<Sqlite>,
    random: Counting,
    _folder: TempDir,
}

// === impl World ===

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyEncryptionKey::create(&folder.path().join("key"), |bytes| bytes.fill(7));
        let engine = Sqlite::open(folder.path(), Options::default(), MIGRATIONS);
        let keyring = Keyring::new(key.unwrap(), Vec::new());
        let world = Self {
            store: SqlStore::new(
                engine.await.unwrap(),
                keyring,
                Arc::new(Counting::default()),
            ),
            random: Counting::default(),
            _folder: folder,
        };
        for (id, slug) in [(one(), "one"), (two(), "two")] {
            let application = Application {
                id,
                slug: slug.parse().unwrap(),
                name: slug.to_uppercase(),
                created_at: NOW,
                alias: (id == two()).then(|| "shipped-key".to_owned()),
                settings: Settings::default(),
                keys: Vec::new(),
            };
            let audit = world.entry("application.create");
            let permit = permit(id);
            let added = world.store.add_application(&permit, application, audit);
            added.await.unwrap();
        }
        world
    }

    fn entry(&self, action: &'static str) -> AuditEntry {
        AuditEntry {
            id: AuditId::new(NOW, &self.random),
            at: NOW,
            actor: Actor::System,
            action,
            target: "it".to_owned(),
            user: None,
            details: Details::default(),
            salt: [5; 32],
        }
    }

    fn operator_key(&self) -> ApiKey {
        let id = ApiKeyId::new(NOW, &self.random);
        ApiKey {
            id,
            application: None,
            name: "operator".to_owned(),
            roles: Roles::new([Role::Operator]).unwrap(),
            digest: [1; 32],
            text: None,
            last_characters: "abcd".to_owned(),
            created_at: NOW,
            expires_at: None,
            cidr: None,
            last_used_at: None,
            revoked: false,
        }
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        self.store.commit(&permit(one()), changes).await.map(|_| ())
    }

    async fn actions(&self, application: ApplicationId) -> Vec<String> {
        let page = self
            .store
            .audit(application, Order::OldestFirst, window())
            .await
            .unwrap();
        let actions = page.items.into_iter().map(|record| record.action);
        let mut actions: Vec<String> = actions.collect();
        actions.sort();
        actions
    }
}

fn window() -> Window {
    Window {
        after: None,
        limit: 100,
    }
}

fn permit(application: ApplicationId) -> Permit {
    let operator = Principal {
        application: Some(application),
        who: Who::Operator {
            api_key: ApiKeyId::from_bytes([9; 16]),
        },
        acl: None,
        parameters: Vec::new(),
    };
    let right = authorize(&operator, &Action::ManageApplication).unwrap();
    right.outright().unwrap()
}

fn assert_missed<T: Debug>(result: Result<T, CommitError>, expected: Expectation) {
    match result {
        Err(CommitError::Missed(missed)) => assert_eq!(missed, expected),
        other => panic!("{expected:?} was not missed: {other:?}"),
    }
}

fn alias(text: &str) -> Change {
    Change::ChangeApplication(ApplicationPatch {
        name: None,
        alias: Some(Some(text.to_owned())),
    })
}

#[tokio::test]
async fn an_alias_stands_for_one_application() {
    let world = World::new().await;
    for taken in ["two", "shipped-key", &two().to_string()] {
        let changed = world.commit(vec![alias(taken)]).await;
        assert_missed(changed, Expectation::AliasFree);
    }
    world.commit(vec![alias("my-key")]).await.unwrap();
    let by_alias = || ApplicationName::Alias("my-key".to_owned());
    let found = world.store.application(by_alias()).await.unwrap().unwrap();
    assert_eq!((found.id, found.name.as_str()), (one(), "ONE"));
    let patch = ApplicationPatch {
        name: Some("First".to_owned()),
        alias: Some(None),
    };
    let change = Change::ChangeApplication(patch);
    world.commit(vec![change.clone()]).await.unwrap();
    assert!(world.store.application(by_alias()).await.unwrap().is_none());
    let by_id = world.store.application(ApplicationName::Id(one())).await;
    assert_eq!(by_id.unwrap().unwrap().name, "First");
    let nowhere = world.store.commit(&permit(id(3)), vec![change]).await;
    assert_missed(nowhere, Expectation::Application);
}

#[tokio::test]
async fn settings_are_replaced_only_as_they_were_read() {
    let world = World::new().await;
    let (mut settings, version) = world.store.settings(one()).await.unwrap().unwrap();
    assert_eq!(settings, Settings::default());
    settings.access_s = 60;
    let change = |access_s| {
        let mut settings = settings.clone();
        settings.access_s = access_s;
        vec![
            Change::ExpectSettings(version.clone()),
            Change::SetSettings(settings),
        ]
    };
    world.commit(change(60)).await.unwrap();
    assert_missed(
        world.commit(change(70)).await,
        Expectation::SettingsUnchanged,
    );
    let (after, newer) = world.store.settings(one()).await.unwrap().unwrap();
    assert_eq!(after.access_s, 60);
    assert_ne!(newer, version);
    let (other, _) = world.store.settings(two()).await.unwrap().unwrap();
    assert_eq!(other, Settings::default());
    assert!(world.store.settings(id(3)).await.unwrap().is_none());
}

#[tokio::test]
async fn operator_keys_are_added_listed_and_revoked() {
    let world = World::new().await;
    let key = world.operator_key();
    let of_application = ApiKey {
        id: ApiKeyId::from_bytes([5; 16]),
        application: Some(one()),
        roles: Roles::new([Role::User]).unwrap(),
        ..world.operator_key()
    };
    world
        .commit(vec![Change::AddApiKey(of_application.clone())])
        .await
        .unwrap();
    let audit = world.entry("api_key.create");
    world
        .store
        .add_operator_key(key.clone(), audit)
        .await
        .unwrap();
    let list = |of| world.store.api_keys(of, window());
    assert_eq!(list(None).await.unwrap().items, std::slice::from_ref(&key));
    let own = [of_application.clone()];
    assert_eq!(list(Some(one())).await.unwrap().items, own);
    for (other, expected) in [(of_application.id, 1), (ApiKeyId::from_bytes([6; 16]), 1)] {
        let audit = world.entry("api_key.revoke");
        let revoked = world.store.revoke_operator_key(other, audit).await;
        assert_missed(revoked, Expectation::Key);
        assert_eq!(list(None).await.unwrap().items.len(), expected);
    }
    let revoke = || {
        let audit = world.entry("api_key.revoke");
        world.store.revoke_operator_key(key.id, audit)
    };
    revoke().await.unwrap();
    assert_missed(revoke().await, Expectation::Key);
    assert!(list(None).await.unwrap().items.is_empty());
    assert!(world.store.api_key(key.id).await.unwrap().unwrap().revoked);
    let revoked = vec![Change::RevokeApiKey(of_application.id)];
    world.commit(revoked).await.unwrap();
    assert!(list(Some(one())).await.unwrap().items.is_empty());
    let logged = world.actions(ApplicationId::INSTALLATION).await;
    assert_eq!(logged, ["api_key.create", "api_key.revoke"]);
}

#[tokio::test]
async fn a_deleted_application_is_told_of_in_the_log_that_stays() {
    let world = World::new().await;
    assert_eq!(world.actions(one()).await, ["application.create"]);
    let delete = || {
        let audit = world.entry("application.delete");
        async { world.store.delete_application(&permit(one()), audit).await }
    };
    delete().await.unwrap();
    assert_missed(delete().await, Expectation::Application);
    assert!(world.actions(one()).await.is_empty());
    assert_eq!(world.actions(two()).await, ["application.create"]);
    let logged = world.actions(ApplicationId::INSTALLATION).await;
    assert_eq!(logged, ["application.delete"]);
}
