//! A store with an application and its user alice, and what revocations are made of.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use countersign_core::access::action::Action;
use countersign_core::access::principal::{Principal, Who};
use countersign_core::access::{Permit, authorize};
use countersign_core::id::{ApiKeyId, ApplicationId, AuditId, DeviceId, SessionId, UserId};
use countersign_core::model::application::Application;
use countersign_core::model::audit::{Actor, AuditEntry, Details};
use countersign_core::model::page::Window;
use countersign_core::model::pseudonym::Pseudonym;
use countersign_core::model::revocation::{Kind, Revocation, Target};
use countersign_core::model::session::{Session, SessionCredential, Timeouts};
use countersign_core::model::settings::Settings;
use countersign_core::model::user::{Identifier, User};
use countersign_core::ports::Random;
use countersign_core::ports::change::{Change, Expectation, Rotation};
use countersign_core::ports::store::{CommitError, LoginQuery, LoginView, Registry, Store};
use countersign_credential::dialect::Dialect;
use countersign_credential::key::Kid;
use countersign_credential::subject::{Email, ExternalId, UserName};
use countersign_credential::time::Timestamp;
use countersign_store::SqlStore;
use countersign_store::migrate::MIGRATIONS;
use countersign_store::secrets::{KeyEncryptionKey, Keyring};
use countersign_store::sqlite::{Options, Sqlite};
use tempfile::TempDir;

/// 2027-01-15T08:00:00Z.
pub(crate) const BEGIN_MS: i64 = 1_800_000_000_000;
pub(crate) const WINDOW: Window = Window {
    after: None,
    limit: 100,
};

/// Bytes that differ from call to call.
struct Counting(AtomicU8);

pub(crate) struct World {
    pub(crate) store: SqlStore<Sqlite>,
    pub(crate) user: User,
    _folder: TempDir,
}

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
    }
}

pub(crate) fn application() -> ApplicationId {
    ApplicationId::from_bytes([0xA1; 16])
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(BEGIN_MS).plus_seconds(seconds)
}

pub(crate) fn id_at(seconds: i64, number: u8) -> SessionId {
    SessionId::new(at(seconds), &Counting(AtomicU8::new(number)))
}

pub(crate) fn device(number: u8) -> DeviceId {
    DeviceId::from_bytes([number; 16])
}

pub(crate) fn jti(text: &str) -> Target {
    Target::jti(application(), text)
}

/// Whoever has alice's name, external id or e-mail address.
pub(crate) fn alice() -> [Target; 3] {
    [
        Identifier::Name(UserName::parse("alice").unwrap()),
        Identifier::ExternalId(ExternalId::parse("alice").unwrap()),
        Identifier::Email(Email::parse("alice@example.com").unwrap()),
    ]
    .map(|identifier| Target::whoever(application(), &identifier))
}

/// A session that was opened at a second, by a credential that was issued at
/// one; its digest, jti and device are the number.
pub(crate) fn session(user: UserId, number: u8, opened: i64, issued: i64) -> Session {
    Session {
        id: id_at(opened, number),
        user,
        device: device(number),
        device_name: None,
        api_key: Some(ApiKeyId::from_bytes([9; 16])),
        credential: Some(SessionCredential {
            dialect: Dialect::Nexmo,
            kid: Kid::parse("kid-1").unwrap(),
            jti: Some(Pseudonym::of(
                application(),
                Kind::Jti,
                &format!("jti-{number}"),
            )),
            digest: [number; 32],
            one_time_id: Some([number; 32]),
            issued_at: at(issued),
            expires_at: at(issued + 900),
            acl: None,
        }),
        generation: 0,
        nonce_digest: None,
        rotated_at: at(opened),
        expires_at: at(opened + 86_400),
        ended: None,
    }
}

pub(crate) fn revocation(target: Target, before: i64) -> Change {
    Change::Revoke(Revocation {
        target,
        before: at(before),
        made_at: at(before),
        forget_at: at(before + 86_400),
    })
}

pub(crate) fn rotation(session: SessionId) -> Change {
    Change::Rotate(Box::new(Rotation {
        session,
        from: 0,
        nonce_digest: None,
        at: at(1),
        credential: None,
    }))
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Sqlite::open(folder.path(), Options::default(), MIGRATIONS)
            .await
            .unwrap();
        let keyring = Keyring::new(KeyEncryptionKey::from_bytes([1; 32].into()), Vec::new());
        let random = Arc::new(Counting(AtomicU8::new(0)));
        let store = SqlStore::new(engine, keyring, random);
        let demo = Application {
            id: application(),
            slug: "demo".parse().unwrap(),
            name: "Demo".to_owned(),
            created_at: at(0),
            alias: None,
            settings: Settings::default(),
            keys: Vec::new(),
        };
        let audit = AuditEntry {
            id: AuditId::from_bytes([0xA0; 16]),
            at: Timestamp::from_milliseconds(BEGIN_MS),
            actor: Actor::System,
            action: "application.create",
            target: "demo".to_owned(),
            user: None,
            details: Details::default(),
            salt: [5; 32],
        };
        store.add_application(&permit(), demo, audit).await.unwrap();
        let user = User {
            name: Some(UserName::parse("alice").unwrap()),
            ..User::new(UserId::from_bytes([5; 16]), at(0))
        };
        let world = Self {
            store,
            user: user.clone(),
            _folder: folder,
        };
        world.commit(vec![Change::AddUser(user)]).await.unwrap();
        world
    }

    pub(crate) async fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        self.store.commit(&permit(), changes).await.map(|_| ())
    }

    /// Commits what misses an expectation.
    pub(crate) async fn refuse(&self, expected: Expectation, change: Change) {
        match self.commit(vec![change]).await {
            Err(CommitError::Missed(missed)) => assert_eq!(missed, expected),
            other => panic!("expected {expected:?} to be missed: {other:?}"),
        }
    }

    pub(crate) async fn open(&self, number: u8, opened: i64, issued: i64) -> Session {
        let session = session(self.user.id, number, opened, issued);
        self.commit(vec![Change::OpenSession(session.clone())])
            .await
            .unwrap();
        session
    }

    /// Whether the row is there, not ended and not covered.
    pub(crate) async fn lives(&self, id: SessionId) -> bool {
        let view = self
            .store
            .session(application(), id)
            .await
            .unwrap()
            .unwrap();
        !view.revoked && view.session.ended.is_none()
    }

    pub(crate) async fn listed(&self) -> Vec<SessionId> {
        let page = self
            .store
            .sessions(application(), self.user.id, Timeouts::NONE, WINDOW)
            .await;
        page.unwrap().items.iter().map(|s| s.id).collect()
    }

    pub(crate) async fn covered(&self, target: Target) -> bool {
        self.store
            .covered(application(), vec![target], at(0))
            .await
            .unwrap()
    }

    pub(crate) async fn login_view(&self, one_time_id: [u8; 32]) -> LoginView {
        let query = LoginQuery {
            identifier: Identifier::Id(self.user.id),
            other: None,
            targets: Vec::new(),
            issued_at: at(1_000),
            one_time_id: Some(one_time_id),
            current: None,
            device: None,
            sessions_max: 1,
            timeouts: Timeouts::NONE,
        };
        self.store.login_view(application(), query).await.unwrap()
    }
}

pub(crate) fn permit() -> Permit {
    let operator = Principal {
        application: Some(application()),
        who: Who::Operator {
            api_key: ApiKeyId::from_bytes([9; 16]),
        },
        acl: None,
        parameters: Vec::new(),
    };
    let conditional = authorize(&operator, &Action::ManageApplication).unwrap();
    conditional.outright().unwrap()
}
