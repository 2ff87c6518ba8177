//! What a revocation covers, in the store: sessions in every read, and what is
//! about to be written.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers fail by panicking, as its tests do"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use countersign_core::access::action::Action;
use countersign_core::access::principal::{Principal, Who};
use countersign_core::access::{Permit, authorize};
use countersign_core::id::{ApiKeyId, ApplicationId, AuditId, DeviceId, SessionId, UserId};
use countersign_core::model::application::Application;
use countersign_core::model::audit::{Actor, AuditEntry};
use countersign_core::model::page::Window;
use countersign_core::model::revocation::{Revocation, Target};
use countersign_core::model::session::{EndReason, Session, SessionCredential, Timeouts};
use countersign_core::model::settings::Settings;
use countersign_core::model::user::{Identifier, User};
use countersign_core::ports::Random;
use countersign_core::ports::change::{Change, Expectation, Rotation, Visitor};
use countersign_core::ports::store::{CommitError, LoginQuery, LoginView, Registry, Store};
use countersign_credential::dialect::Dialect;
use countersign_credential::key::Kid;
use countersign_credential::subject::UserName;
use countersign_credential::time::Timestamp;
use countersign_store::SqlStore;
use countersign_store::migrate::MIGRATIONS;
use countersign_store::secrets::{KeyEncryptionKey, Keyring};
use countersign_store::sqlite::{Options, Sqlite};
use tempfile::TempDir;

/// 2027-01-15T08:00:00Z.
const BEGIN_MS: i64 = 1_800_000_000_000;
const WINDOW: Window = Window {
    after: None,
    limit: 100,
};

/// Bytes that differ from call to call.
struct Counting(AtomicU8);

struct World {
    store: SqlStore<Sqlite>,
    user: User,
    _folder: TempDir,
}

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
    }
}

fn application() -> ApplicationId {
    ApplicationId::from_bytes([0xA1; 16])
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(BEGIN_MS).plus_seconds(seconds)
}

fn id_at(seconds: i64, number: u8) -> SessionId {
    SessionId::new(at(seconds), &Counting(AtomicU8::new(number)))
}

fn device(number: u8) -> DeviceId {
    DeviceId::from_bytes([number; 16])
}

/// A session that was opened at a second, by a credential that was issued at
/// one; its digest, jti and device are the number.
fn session(user: UserId, number: u8, opened: i64, issued: i64) -> Session {
    Session {
        id: id_at(opened, number),
        user,
        device: device(number),
        device_name: None,
        api_key: Some(ApiKeyId::from_bytes([9; 16])),
        credential: Some(SessionCredential {
            dialect: Dialect::Nexmo,
            kid: Kid::parse("kid-1").unwrap(),
            jti: Some(format!("jti-{number}")),
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

fn revocation(target: Target, before: i64) -> Change {
    Change::Revoke(Revocation {
        target,
        before: at(before),
        made_at: at(before),
        forget_at: at(before + 86_400),
    })
}

fn rotation(session: SessionId) -> Change {
    Change::Rotate(Box::new(Rotation {
        session,
        from: 0,
        nonce_digest: None,
        at: at(1),
        credential: None,
    }))
}

impl World {
    async fn new() -> Self {
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
            detail: None,
        };
        store.add_application(&permit(), demo, audit).await.unwrap();
        let user = User {
            id: UserId::from_bytes([5; 16]),
            name: Some(UserName::parse("alice").unwrap()),
            external_id: None,
            email: None,
            display_name: None,
            anonymous: false,
            blocked: false,
            created_at: at(0),
        };
        let world = Self {
            store,
            user: user.clone(),
            _folder: folder,
        };
        world.commit(vec![Change::AddUser(user)]).await.unwrap();
        world
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        self.store.commit(&permit(), changes).await.map(|_| ())
    }

    /// Commits what misses an expectation.
    async fn refuse(&self, expected: Expectation, change: Change) {
        match self.commit(vec![change]).await {
            Err(CommitError::Missed(missed)) => assert_eq!(missed, expected),
            other => panic!("expected {expected:?} to be missed: {other:?}"),
        }
    }

    async fn open(&self, number: u8, opened: i64, issued: i64) -> Session {
        let session = session(self.user.id, number, opened, issued);
        self.commit(vec![Change::OpenSession(session.clone())])
            .await
            .unwrap();
        session
    }

    /// Whether the row is there, not ended and not covered.
    async fn lives(&self, id: SessionId) -> bool {
        let view = self
            .store
            .session(application(), id)
            .await
            .unwrap()
            .unwrap();
        !view.revoked && view.session.ended.is_none()
    }

    async fn listed(&self) -> Vec<SessionId> {
        let page = self
            .store
            .sessions(application(), self.user.id, Timeouts::NONE, WINDOW)
            .await;
        page.unwrap().items.iter().map(|s| s.id).collect()
    }

    async fn covered(&self, target: Target) -> bool {
        self.store
            .covered(application(), vec![target], at(0))
            .await
            .unwrap()
    }

    async fn login_view(&self, one_time_id: [u8; 32]) -> LoginView {
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

fn permit() -> Permit {
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

#[tokio::test]
async fn a_covered_session_is_in_no_list_and_goes_on_to_nothing() {
    for target in [
        Target::Session(id_at(10, 1)),
        Target::Jti("jti-1".to_owned()),
        Target::Digest([1; 32]),
        Target::Kid("kid-1".to_owned()),
        Target::ApiKey(ApiKeyId::from_bytes([9; 16])),
        Target::User(UserId::from_bytes([5; 16])),
        Target::Application(application()),
    ] {
        let world = World::new().await;
        let one = world.open(1, 10, 5).await;
        assert_eq!(world.listed().await, [one.id], "{target:?}");
        let view = world.login_view([1; 32]).await;
        assert_eq!(view.open_sessions, [one.id]);
        assert!(view.used_by.is_some() && !view.used_by_revoked);

        world
            .commit(vec![revocation(target.clone(), 10)])
            .await
            .unwrap();
        assert!(!world.lives(one.id).await, "{target:?}");
        assert!(world.listed().await.is_empty(), "{target:?}");
        let devices = world
            .store
            .devices(application(), world.user.id, Timeouts::NONE)
            .await;
        assert!(devices.unwrap().is_empty(), "{target:?}");
        let view = world.login_view([1; 32]).await;
        assert!(view.open_sessions.is_empty(), "{target:?}");
        assert!(view.used_by_revoked, "{target:?}");
        world
            .refuse(Expectation::SessionOpen, rotation(one.id))
            .await;
    }
}

#[tokio::test]
async fn a_revocation_up_to_a_moment_leaves_what_was_opened_later() {
    for by in [
        Target::User(UserId::from_bytes([5; 16])),
        Target::Application(application()),
    ] {
        let world = World::new().await;
        let sessions = [
            world.open(1, 9, 5).await,
            world.open(2, 10, 5).await,
            world.open(3, 11, 5).await,
        ];
        world.commit(vec![revocation(by, 10)]).await.unwrap();
        assert_eq!(world.listed().await, [sessions[2].id]);
        world.commit(vec![rotation(sessions[2].id)]).await.unwrap();
    }
}

/// A node drops what it remembers by the domain's rule, and a miss asks the store by its own.
#[tokio::test]
async fn the_domain_and_the_store_agree_on_what_is_covered() {
    let other = || UserId::from_bytes([6; 16]);
    let targets = [
        Target::Session(id_at(10, 1)),
        Target::Session(id_at(10, 2)),
        Target::Jti("jti-1".to_owned()),
        Target::Jti("jti-2".to_owned()),
        Target::Digest([1; 32]),
        Target::Digest([2; 32]),
        Target::Kid("kid-1".to_owned()),
        Target::Kid("kid-2".to_owned()),
        Target::ApiKey(ApiKeyId::from_bytes([9; 16])),
        Target::ApiKey(ApiKeyId::from_bytes([8; 16])),
        Target::User(UserId::from_bytes([5; 16])),
        Target::User(other()),
        Target::Name("alice".to_owned()),
        Target::ExternalId("alice".to_owned()),
        Target::Email("alice@example.com".to_owned()),
        Target::Application(application()),
    ];
    let mut covered = 0;
    for target in targets {
        for before in [9, 10, 11] {
            for has_credential in [true, false] {
                let world = World::new().await;
                let mut session = session(world.user.id, 1, 10, 5);
                if !has_credential {
                    (session.credential, session.api_key) = (None, None);
                }
                let row = Revocation {
                    target: target.clone(),
                    before: at(before),
                    made_at: at(before),
                    forget_at: at(before + 86_400),
                };
                let changes = vec![
                    Change::OpenSession(session.clone()),
                    Change::Revoke(row.clone()),
                ];
                world.commit(changes).await.unwrap();
                let expected = row.covers(&session.marks(application()));
                assert_eq!(!world.lives(session.id).await, expected, "{row:?}");
                covered += usize::from(expected);
            }
        }
    }
    // Of six rounds each: a session in all, of its credential and key in half, of user and
    // application in those that are not before it.
    assert_eq!(covered, 6 + 4 * 3 + 2 * 4);
}

#[tokio::test]
async fn what_a_revocation_covers_is_not_written_after_it() {
    let world = World::new().await;
    let expect = |targets: &[Target], issued| Change::ExpectUncovered {
        targets: targets.to_vec(),
        at: at(issued),
    };
    let alice = Target::Name("alice".to_owned());
    let jti = Target::Jti("jti-1".to_owned());
    let both = [alice.clone(), jti.clone()];
    world.commit(vec![expect(&both, 5)]).await.unwrap();
    world.commit(vec![revocation(alice, 10)]).await.unwrap();
    world
        .refuse(Expectation::Uncovered, expect(&both, 10))
        .await;
    world.commit(vec![expect(&both, 11)]).await.unwrap();
    world.commit(vec![revocation(jti, 10)]).await.unwrap();
    world
        .refuse(Expectation::Uncovered, expect(&both, 11))
        .await;
    world.commit(vec![expect(&[], 5)]).await.unwrap();
}

#[tokio::test]
async fn a_visitor_who_is_revoked_before_the_first_write_writes_nothing() {
    let world = World::new().await;
    let user = User {
        id: UserId::from_bytes([6; 16]),
        name: None,
        anonymous: true,
        ..world.user.clone()
    };
    let session = Session {
        credential: None,
        ..session(user.id, 7, 10, 10)
    };
    let id = session.id;
    world
        .commit(vec![revocation(Target::Session(id), 10)])
        .await
        .unwrap();
    let keep = Change::KeepVisitor(Box::new(Visitor { user, session }));
    world.refuse(Expectation::SessionOpen, keep).await;
    assert!(
        world
            .store
            .session(application(), id)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn credentials_issued_after_the_moment_are_reached_by_digest_of_covered_sessions_alone() {
    for (opened_by, expected) in [
        (Some(at(10)), [false, true, false, false]),
        (None, [false, true, false, true]),
    ] {
        let world = World::new().await;
        for (number, opened, issued) in [(1, 9, 9), (2, 9, 11), (3, 11, 10), (4, 11, 12)] {
            world.open(number, opened, issued).await;
        }
        let revoke = Change::RevokeDigestsOf {
            user: world.user.id,
            opened_by,
            issued_after: at(10),
            at: at(20),
            forget_at: at(1_000),
        };
        world.commit(vec![revoke]).await.unwrap();
        for (number, expected) in (1..).zip(expected) {
            let covered = world.covered(Target::Digest([number; 32])).await;
            assert_eq!(covered, expected, "{number}, opened by {opened_by:?}");
        }
    }
}

#[tokio::test]
async fn one_session_gives_its_digest() {
    let world = World::new().await;
    let (one, _) = (world.open(1, 9, 9).await, world.open(2, 9, 9).await);
    let revoke = |session| Change::RevokeDigestOf {
        session,
        at: at(20),
        forget_at: at(1_000),
    };
    world.commit(vec![revoke(id_at(9, 77))]).await.unwrap();
    assert!(!world.covered(Target::Digest([1; 32])).await);
    world
        .commit(vec![revoke(one.id), revoke(one.id)])
        .await
        .unwrap();
    assert!(world.covered(Target::Digest([1; 32])).await);
    assert!(!world.covered(Target::Digest([2; 32])).await);
}

#[tokio::test]
async fn what_was_opened_after_a_moment_ends_and_an_ended_one_keeps_its_end() {
    for of_user in [true, false] {
        let world = World::new().await;
        let sessions = [
            world.open(1, 9, 9).await.id,
            world.open(2, 10, 9).await.id,
            world.open(3, 11, 9).await.id,
            world.open(4, 12, 9).await.id,
        ];
        let first_end = Change::EndIfOpen {
            session: sessions[3],
            why: EndReason::TooMany,
            at: at(12),
        };
        world.commit(vec![first_end]).await.unwrap();
        let late = Change::EndOpenedAfter {
            user: of_user.then_some(world.user.id),
            moment: at(10),
            why: EndReason::Revoked,
            at: at(20),
        };
        world.commit(vec![late]).await.unwrap();
        let again = Change::EndIfOpen {
            session: sessions[2],
            why: EndReason::TooMany,
            at: at(30),
        };
        world.commit(vec![again]).await.unwrap();
        let mut ends = Vec::new();
        for id in sessions {
            let view = world.store.session(application(), id).await.unwrap();
            let ended = view.unwrap().session.ended;
            ends.push(ended.map(|ended| (ended.why, ended.at)));
        }
        let expected = [
            None,
            None,
            Some((EndReason::Revoked, at(20))),
            Some((EndReason::TooMany, at(12))),
        ];
        assert_eq!(ends, expected, "of a user: {of_user}");
    }
}

#[tokio::test]
async fn a_device_tells_its_open_sessions_of_every_user() {
    let world = World::new().await;
    let bob = User {
        id: UserId::from_bytes([6; 16]),
        name: None,
        ..world.user.clone()
    };
    let [one, two, three] = [
        session(world.user.id, 1, 9, 9),
        session(bob.id, 2, 10, 9),
        session(bob.id, 3, 11, 9),
    ];
    let shared = Session {
        device: one.device,
        ..two
    };
    let changes = vec![
        Change::AddUser(bob),
        Change::OpenSession(one.clone()),
        Change::OpenSession(shared.clone()),
        Change::OpenSession(three),
    ];
    world.commit(changes).await.unwrap();
    let on = world.store.sessions_on(application(), device(1)).await;
    assert_eq!(on.unwrap(), [one.id, shared.id]);
    let end = Change::EndIfOpen {
        session: one.id,
        why: EndReason::Revoked,
        at: at(20),
    };
    world.commit(vec![end]).await.unwrap();
    let on = world.store.sessions_on(application(), device(1)).await;
    assert_eq!(on.unwrap(), [shared.id]);
    let foreign = ApplicationId::from_bytes([0xB2; 16]);
    let on = world.store.sessions_on(foreign, device(1)).await;
    assert!(on.unwrap().is_empty());
}

/// A number below the bound that differs from call to call (SplitMix64).
fn below(state: &mut u64, bound: u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % bound
}

/// A target that some of the generated sessions have, and some do not.
fn any_target(dice: &mut u64, sessions: &[Session], user: UserId) -> Target {
    let one = &sessions[below(dice, sessions.len() as u64) as usize];
    let number = below(dice, 40) as u8;
    match below(dice, 10) {
        0 => Target::Session(one.id),
        1 => Target::Jti(format!("jti-{number}")),
        2 => Target::Digest([number; 32]),
        3 => Target::Kid(format!("kid-{}", below(dice, 3))),
        4 => Target::ApiKey(ApiKeyId::from_bytes([below(dice, 3) as u8; 16])),
        5 => Target::User(if below(dice, 2) == 0 {
            user
        } else {
            UserId::from_bytes([6; 16])
        }),
        6 => Target::Application(application()),
        7 => Target::Name("alice".to_owned()),
        8 => Target::ExternalId("alice".to_owned()),
        _ => Target::Email("alice@example.com".to_owned()),
    }
}

#[tokio::test]
async fn memory_says_what_the_store_says_of_what_is_covered() {
    let mut dice = 7;
    let (mut covered, mut spared) = (0, 0);
    for _ in 0..60 {
        let world = World::new().await;
        let mut sessions = Vec::new();
        for number in 0..20 {
            let opened = below(&mut dice, 20) as i64;
            let mut session = session(world.user.id, number, opened, 0);
            session.api_key = (below(&mut dice, 2) == 0)
                .then(|| ApiKeyId::from_bytes([below(&mut dice, 3) as u8; 16]));
            let visitor = below(&mut dice, 5) == 0;
            if let Some(credential) = session.credential.as_mut().filter(|_| !visitor) {
                credential.kid = Kid::parse(&format!("kid-{}", below(&mut dice, 3))).unwrap();
                credential.jti = credential.jti.take().filter(|_| below(&mut dice, 3) > 0);
            } else {
                session.credential = None;
            }
            let open = Change::OpenSession(session.clone());
            world.commit(vec![open]).await.unwrap();
            sessions.push(session);
        }
        let revocation = Revocation {
            target: any_target(&mut dice, &sessions, world.user.id),
            before: at(below(&mut dice, 20) as i64),
            made_at: at(30),
            forget_at: at(90),
        };
        let revoke = Change::Revoke(revocation.clone());
        world.commit(vec![revoke]).await.unwrap();
        for session in &sessions {
            let view = world.store.session(application(), session.id).await;
            let by_store = view.unwrap().unwrap().revoked;
            let by_memory = revocation.covers(&session.marks(application()));
            assert_eq!(by_memory, by_store, "{revocation:?} {session:?}");
            if by_store {
                covered += 1;
            } else {
                spared += 1;
            }
        }
    }
    assert!(covered > 100 && spared > 100, "{covered} and {spared}");
}
