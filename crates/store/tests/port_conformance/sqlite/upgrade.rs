//! A database of an earlier schema, made by hand, and what the domain reads of it.

use super::open;
use crate::world::{Port, World, window};
use countersign_core::audit_chain::Head;
use countersign_core::id::{ApplicationId, AttachmentId, ConversationId, MemberId, UserId};
use countersign_core::model::audit::AuditRecord;
use countersign_core::model::event::{Author, EventKind};
use countersign_core::model::member::{Member, MemberState};
use countersign_core::model::page::Order;
use countersign_core::ports::change::{Change, Expectation, NewEvent, Touch};
use countersign_core::ports::store::{CommitError, Store as _};
use countersign_core::ports::upkeep::{Piece, Remains, Salted, Sealing, Upkeep as _};
use countersign_credential::time::Timestamp;
use countersign_store::migrate::MIGRATIONS;
use countersign_store::sqlite::inspection::schema;
use countersign_store::sqlite::{DATABASE_FILE, Options, Sqlite};
use rusqlite::{Connection, params};
use std::path::Path;
use std::sync::Arc;

/// The schema before profiles.
const BEFORE: usize = 4;
const CONVERSATION: [u8; 16] = [0xC1; 16];
const FILE: [u8; 16] = [0xF1; 16];

/// A place as the earlier schema has it, and what tells of it.
struct Place {
    number: u8,
    state: &'static str,
    changed_at: i64,
    /// Kind, author and time.
    events: &'static [(&'static str, &'static [u8], i64)],
}

/// The creator; who was asked in by them, came and went; whom a backend has asked; a visitor's
/// place that was merged into another, and that other, of which no event tells that it came in.
const PLACES: [Place; 5] = [
    Place {
        number: 1,
        state: "joined",
        changed_at: 1_000,
        events: &[("member:joined", &[1; 16], 1_000)],
    },
    Place {
        number: 2,
        state: "left",
        changed_at: 4_000,
        events: &[
            ("member:invited", &[1; 16], 2_000),
            ("member:joined", &[2; 16], 3_000),
            ("member:left", &[2; 16], 4_000),
        ],
    },
    Place {
        number: 3,
        state: "invited",
        changed_at: 5_000,
        events: &[("member:invited", &[], 5_000)],
    },
    Place {
        number: 4,
        state: "left",
        changed_at: 7_000,
        events: &[("member:joined", &[4; 16], 6_000)],
    },
    Place {
        number: 5,
        state: "joined",
        changed_at: 8_000,
        events: &[("member:invited", &[4; 16], 6_500)],
    },
];

async fn made_before(folder: &Path, application: [u8; 16]) {
    let engine = Sqlite::open(folder, Options::default(), &MIGRATIONS[..BEFORE])
        .await
        .unwrap();
    engine.close().await;
    let database = Connection::open(folder.join(DATABASE_FILE)).unwrap();
    let conversation = "INSERT INTO conversations (application_id, id, name, creator_member_id, \
         last_event_id, created_at, updated_at, author) VALUES (?1, ?2, 'room', ?3, 7, 1, 1, x'03')";
    let key = params![application, CONVERSATION, [1u8; 16]];
    database.execute(conversation, key).unwrap();
    let mut number = 0;
    for place in PLACES {
        let id = [place.number; 16];
        let user = "INSERT INTO users (application_id, id, name, anonymous, blocked, created_at) \
             VALUES (?1, ?2, ?3, 0, 0, 1)";
        let name = format!("user-{}", place.number);
        database
            .execute(user, params![application, id, name])
            .unwrap();
        let member = "INSERT INTO members (application_id, conversation_id, id, user_id, state, \
             delivered, seen, changed_at) VALUES (?1, ?2, ?3, ?3, ?4, 0, 0, ?5)";
        let parameters = params![application, CONVERSATION, id, place.state, place.changed_at];
        database.execute(member, parameters).unwrap();
        for (kind, author, at) in place.events {
            number += 1;
            let event = "INSERT INTO events (application_id, conversation_id, id, author_id, \
                 kind, body, subject_id, assurance, counted, created_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, '{}', ?6, 'verified', 0, ?7)";
            let parameters = params![application, CONVERSATION, number, author, kind, id, at];
            database.execute(event, parameters).unwrap();
        }
    }
    let file = "INSERT INTO attachments (application_id, id, conversation_id, author, media_type, \
         bytes, created_at, content) VALUES (?1, ?2, ?3, ?4, 'image/png', 3, 9, x'010203')";
    // The kind of an author who is a user, and the id.
    let author = [&[1_u8][..], &[1; 16]].concat();
    let parameters = params![application, FILE, CONVERSATION, author];
    database.execute(file, parameters).unwrap();
}

#[tokio::test]
async fn places_of_before_tell_when_they_went_where() {
    let folder = tempfile::tempdir().unwrap();
    let application = [0xA1; 16];
    made_before(folder.path(), application).await;
    let store = open(folder.path()).await;
    let world = World::again(Arc::clone(&store) as Arc<dyn Port>);
    assert_eq!(world.application.bytes(), application);
    let id = ConversationId::from_bytes(CONVERSATION);
    let times = |member: &Member| {
        let milliseconds = |at: Option<_>| at.map(Timestamp::milliseconds);
        (
            milliseconds(member.invited_at),
            milliseconds(member.joined_at),
            milliseconds(member.left_at),
        )
    };
    let first = Some(MemberId::from_bytes([1; 16]));
    let fourth = Some(MemberId::from_bytes([4; 16]));
    for (number, expected, invited_by) in [
        (1, (None, Some(1_000), None), None),
        (2, (Some(2_000), Some(3_000), Some(4_000)), first),
        (3, (Some(5_000), None, None), None),
        (4, (None, Some(6_000), Some(7_000)), None),
        (5, (Some(6_500), Some(8_000), None), fourth),
    ] {
        let place = MemberId::from_bytes([number; 16]);
        let found = store.member(world.application, id, place).await;
        let member = found.unwrap().unwrap();
        assert_eq!(times(&member), expected, "{number}");
        assert_eq!(member.invited_by, invited_by, "{number}");
    }
    // What is new is absent, and can be written.
    let user = world.user(UserId::from_bytes([1; 16])).await.unwrap();
    assert_eq!((user.image_url, user.custom_data), (None, None));
    assert_eq!(user.described, None);
    let view = world.view(id, user.id).await.unwrap();
    assert_eq!(view.member.unwrap().state, MemberState::Joined);
    let room = view.conversation;
    assert_eq!((room.image_url, room.custom_data), (None, None));
    assert_eq!(world.history(id).await.len(), 7);
    let (file, content) = world.file(AttachmentId::from_bytes(FILE)).await.unwrap();
    assert_eq!((file.conversation, content), (Some(id), vec![1, 2, 3]));
    assert_eq!(file.author, Author::User(user.id));
    let swept = store.remove_waiting_files(Timestamp::from_seconds(i64::MAX), 9);
    assert_eq!(swept.await.unwrap(), 0, "it waits for nothing");
    store.engine().close().await;
}

/// Entries of two logs from before there was a chain, the newest of one first.
async fn log_before(folder: &Path, application: [u8; 16]) {
    let engine = Sqlite::open(folder, Options::default(), &MIGRATIONS[..8]);
    engine.await.unwrap().close().await;
    let database = Connection::open(folder.join(DATABASE_FILE)).unwrap();
    for (owner, id, remark) in [
        (application, 3_u8, None),
        (application, 1, Some("first")),
        ([0; 16], 9, None),
        (application, 2, Some("second")),
    ] {
        let entry = "INSERT INTO audit (application_id, id, happened_at, actor, action, target, \
             detail) VALUES (?1, ?2, ?3, 'system', 'test.done', 'it', ?4)";
        let parameters = params![owner, [id; 16], i64::from(id), remark];
        database.execute(entry, parameters).unwrap();
    }
}

#[tokio::test]
async fn entries_of_before_are_numbered_by_age_and_wait_to_be_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let application = [0xA1; 16];
    log_before(folder.path(), application).await;
    let store = open(folder.path()).await;
    let application = ApplicationId::from_bytes(application);
    let both = [ApplicationId::INSTALLATION, application];
    assert_eq!(store.unsealed_logs(9).await.unwrap(), both);
    let unsealed = store.unsealed(application, 9).await.unwrap();
    assert_eq!(unsealed.head, Head::START);
    let told = |record: &AuditRecord| {
        (
            record.number,
            record.at.milliseconds(),
            record.details.remark.clone(),
        )
    };
    let found: Vec<_> = unsealed.records.iter().map(told).collect();
    let remark = |text: &str| Some(text.to_owned());
    assert_eq!(
        found,
        [
            (1, 1, remark("first")),
            (2, 2, remark("second")),
            (3, 3, None)
        ]
    );
    assert!(
        unsealed
            .records
            .iter()
            .all(|record| record.details_digest.is_none())
    );
    let head = Head {
        number: 1,
        digest: [1; 32],
    };
    let sealing = |remark: Option<&str>| Sealing {
        from: Head::START,
        heads: vec![head],
        salted: vec![Salted {
            number: 1,
            remark: remark.map(str::to_owned),
            salt: [2; 32],
            details_digest: [3; 32],
        }],
    };
    // It was erased since it was read, or has changed.
    for wrong in [None, Some("other")] {
        let missed = store.seal(application, sealing(wrong)).await;
        assert!(matches!(
            missed,
            Err(CommitError::Missed(Expectation::AuditHead))
        ));
    }
    store
        .seal(application, sealing(Some("first")))
        .await
        .unwrap();
    let page = store
        .audit(application, Order::OldestFirst, window(1))
        .await;
    let first = &page.unwrap().items[0];
    let bound = (first.salt, first.details_digest, first.digest);
    assert_eq!(bound, (Some([2; 32]), Some([3; 32]), Some([1; 32])));
    store.engine().close().await;
}

/// Two conversations, and what is left of a third: each with a message of a client, another,
/// and an edit of the first.
async fn histories_before(folder: &Path, application: [u8; 16]) {
    let engine = Sqlite::open(folder, Options::default(), &MIGRATIONS[..11]);
    engine.await.unwrap().close().await;
    let database = Connection::open(folder.join(DATABASE_FILE)).unwrap();
    let user = "INSERT INTO users (application_id, id, name, anonymous, blocked, created_at) \
         VALUES (?1, ?1, 'jay', 0, 0, 1)";
    database.execute(user, [application]).unwrap();
    for number in [3_u8, 1, 2] {
        let id = [number; 16];
        if number == 3 {
            let left = "INSERT INTO leftovers (application_id, conversation_id) VALUES (?1, ?2)";
            database.execute(left, [application, id]).unwrap();
        } else {
            let conversation = "INSERT INTO conversations (application_id, id, creator_member_id, \
                 last_event_id, created_at, updated_at, author) VALUES (?1, ?2, ?2, 3, 1, 1, x'03')";
            database.execute(conversation, [application, id]).unwrap();
            let member = "INSERT INTO members (application_id, conversation_id, id, user_id, \
                 state, delivered, seen, changed_at) VALUES (?1, ?2, ?2, ?1, 'joined', 0, 0, 1)";
            database.execute(member, [application, id]).unwrap();
        }
        for (event, kind, counted, touches, client_id) in [
            (1, "text", 1, None, Some("client-1")),
            (2, "text", 1, None, None),
            (3, "edit", 0, Some(1), None),
        ] {
            let body = format!(r#"{{"text":"{number}.{event}"}}"#);
            let text = "INSERT INTO events (application_id, conversation_id, id, author_id, kind, \
                 body, assurance, counted, created_at, touches, client_id, client_digest) \
                 VALUES (?1, ?2, ?3, ?2, ?4, ?5, 'verified', ?6, ?3, ?7, ?8, ?9)";
            let digest = client_id.map(|_| [number; 32]);
            let parameters = params![
                application,
                id,
                event,
                kind,
                body,
                counted,
                touches,
                client_id,
                digest
            ];
            database.execute(text, parameters).unwrap();
        }
    }
}

#[tokio::test]
async fn histories_of_before_are_whole_and_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let application = [0xA1; 16];
    let database = folder.path().join(DATABASE_FILE);
    let newest = || async { schema(&database, MIGRATIONS).await.unwrap() };
    assert_eq!(newest().await, None);
    histories_before(folder.path(), application).await;
    assert_eq!(newest().await, Some(11));
    let store = open(folder.path()).await;
    assert_eq!(newest().await, Some(12));
    let world = World::again(Arc::clone(&store) as Arc<dyn Port>);
    let jay = world.user(UserId::from_bytes(application)).await.unwrap();
    let author = Author::User(jay.id);
    for number in [1, 2] {
        let id = ConversationId::from_bytes([number; 16]);
        let history = world.history(id).await;
        let told: Vec<_> = history
            .iter()
            .map(|event| {
                (
                    event.id,
                    event.body.as_str(),
                    event.timestamp.milliseconds(),
                )
            })
            .collect();
        let body = |event: u8| format!(r#"{{"text":"{number}.{event}"}}"#);
        let bodies = [body(1), body(2), body(3)];
        let expected = [
            (1, bodies[0].as_str(), 1),
            (2, bodies[1].as_str(), 2),
            (3, bodies[2].as_str(), 3),
        ];
        assert_eq!(told, expected);
        let client_id = "client-1".to_owned();
        let sent = store.event_of_client(world.application, id, author, client_id);
        let (event, digest) = sent.await.unwrap().unwrap();
        assert_eq!((event.id, digest), (1, [number; 32]));
        // Its edit goes with it, and numbers go on.
        let delete = NewEvent {
            touches: Some(Touch::Delete { event: 1 }),
            ..world.new_event(id, author, EventKind::Delete, "{}")
        };
        world.commit([Change::Append(Box::new(delete))]).await;
        let history = world.history(id).await;
        assert_eq!(history.len(), 4);
        assert_eq!(history[2].body, r#"{"event_id":1}"#);
    }
    // A new one takes nothing from what is left of the third.
    let next = world.conversation(&jay).await;
    assert_eq!(world.history(next).await.len(), 1);
    let piece = Piece {
        conversations: 9,
        events: 9,
        files: 9,
    };
    let gone = store.remove_leftovers(piece).await.unwrap();
    assert_eq!(gone, [(Remains::Event, 3), (Remains::File, 0)]);
    assert_eq!(world.history(next).await.len(), 1);
    store.engine().close().await;
}
