//! All of a person goes, some at a time, and what is others' stays.

use crate::world::World;
use countersign_core::id::{AttachmentId, ConversationId, MemberId, UserId};
use countersign_core::model::erasure::Erasure;
use countersign_core::model::event::{Assurance, Author, Event, EventKind};
use countersign_core::model::member::{MemberState, Reason};
use countersign_core::model::password::PasswordHash;
use countersign_core::model::session::{EndReason, Session, Timeouts};
use countersign_core::model::user::{Identifier, User, UserPatch};
use countersign_core::ports::Clock;
use countersign_core::ports::change::{
    Change, ClientId, Expectation, FileChange, MemberChange, PasswordChange, SessionEnd, Touch,
};
use countersign_core::ports::upkeep::ErasurePiece;
use countersign_credential::time::Timestamp;
use std::sync::Arc;

/// Pieces that are as small as they can be, so that everything takes several.
const SMALL: ErasurePiece = ErasurePiece {
    places: 1,
    scanned: 3,
    events: 1,
    files: 1,
    sessions: 1,
};
const LARGE: ErasurePiece = ErasurePiece {
    places: 50,
    scanned: 20_000,
    events: 500,
    files: 4,
    sessions: 500,
};
/// More than any case needs.
const PIECES_MAX: usize = 200;

/// A clock that stands.
#[derive(Debug)]
struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// Erases, and answers what is told of it.
async fn erase(world: &World, user: UserId, piece: ErasurePiece) -> Erasure {
    world
        .commit([Change::EraseUser(user, world.at(1_000))])
        .await;
    let mut pieces = 0;
    while let Some(done) = world
        .store
        .erase_piece(piece, world.at(2_000))
        .await
        .unwrap()
    {
        assert_eq!(done.application, world.application);
        for (conversation, last) in done.conversations {
            let view = world.view(conversation, user).await.unwrap();
            assert!(last <= view.conversation.last_event_id);
        }
        pieces += 1;
        assert!(pieces < PIECES_MAX, "it never ends");
    }
    assert!(world.store.has_erased().await.unwrap());
    let clock = At(world.at(3_000));
    world.store.forget_erased(&clock).await.unwrap();
    assert!(!world.store.has_erased().await.unwrap());
    let told = world.store.erasure(world.application, user).await;
    told.unwrap().unwrap()
}

async fn send(
    world: &World,
    conversation: ConversationId,
    user: &User,
    kind: EventKind,
    body: &str,
    touches: Option<Touch>,
) -> u64 {
    let mut new = world.new_event(conversation, Author::User(user.id), kind, body);
    new.touches = touches;
    let committed = world.commit([Change::Append(Box::new(new))]).await;
    committed.events[0].1
}

async fn put_out(
    world: &World,
    conversation: ConversationId,
    member: MemberId,
    by: &User,
    why: Option<&str>,
) {
    let out = MemberChange {
        conversation,
        member,
        from: MemberState::Joined,
        to: MemberState::Left,
        reason: why.map(|why| Reason {
            code: None,
            text: Some(why.to_owned()),
        }),
        author: Author::User(by.id),
        assurance: Assurance::Verified,
        at: world.at(800),
    };
    world.commit([Change::ChangeMember(Box::new(out))]).await;
}

/// Number, type and body of each event.
fn told(events: &[Event]) -> Vec<(u64, String, &str)> {
    let of = |event: &Event| (event.id, event.kind.name().into_owned());
    events
        .iter()
        .map(|event| {
            let (id, kind) = of(event);
            (id, kind, event.body.as_str())
        })
        .collect()
}

/// What jay and kay said to each other, and what of it is to be looked at.
struct Talk {
    jay: User,
    kay: User,
    stays: Session,
    talk: ConversationId,
    first: u64,
    others: u64,
    mood: u64,
    files: Vec<AttachmentId>,
    kept: AttachmentId,
    before: Vec<Event>,
}

pub(crate) async fn takes_all_of_a_person_and_nothing_of_others(world: Arc<World>) {
    for (round, piece) in [SMALL, LARGE].into_iter().enumerate() {
        let said = talk_of_two(&world, round).await;
        let Talk { jay, talk, .. } = &said;
        let delete = Change::DeleteUser(jay.id, world.at(900));
        world.commit([delete]).await;
        let erasure = erase(&world, jay.id, piece).await;

        check_history(&said, &world.history(*talk).await);
        for file in &said.files {
            assert!(world.file(*file).await.is_none());
        }
        assert!(world.file(said.kept).await.is_some());
        assert_eq!(world.user(jay.id).await, None);
        let view = world.store.session(world.application, said.stays.id).await;
        assert!(view.unwrap().is_some());
        assert_eq!((erasure.files, erasure.sessions), (3, 3));
        assert_eq!(erasure.done_at, Some(world.at(3_000)));
        assert_eq!(erasure.taken_at, Some(world.at(2_000)));
        assert_eq!(erasure.begun_at, world.at(1_000));
        let again = world.history(*talk).await;
        erase_again(&world, jay.id).await;
        assert_eq!(world.history(*talk).await, again);
    }
}

async fn two_people(world: &World, round: usize) -> (User, User, Session) {
    let jay = world.person(&format!("jay-{round}")).await;
    let kay = world.person(&format!("kay-{round}")).await;
    let patch = UserPatch {
        display_name: Some(Some("Jay".to_owned())),
        image_url: Some(Some("https://example.com/jay".to_owned())),
        custom_data: Some(Some(r#"{"of":"jay"}"#.to_owned())),
        ..UserPatch::default()
    };
    let hash = PasswordHash::from_text("a hash".to_owned());
    world
        .commit([
            Change::ChangeUser(jay.id, patch),
            Change::Password(jay.id, PasswordChange::Set(hash)),
        ])
        .await;
    for _ in 0..3 {
        world.log_in(&jay).await;
    }
    let stays = world.log_in(&kay).await;
    (jay, kay, stays)
}

async fn talk_of_two(world: &World, round: usize) -> Talk {
    let (jay, kay, stays) = two_people(world, round).await;
    let talk = world.conversation(&kay).await;
    world.join(talk, &jay).await;
    let first = world.say(talk, &jay, "one").await;
    let others = world.say(talk, &kay, "two").await;
    let text = world.text(talk, Author::User(jay.id), "three", Some("my own id"));
    world.commit([text]).await;
    let edit = Touch::Edit {
        event: first,
        body: r#"{"text":"ONE"}"#.to_owned(),
    };
    let body = r#"{"event_id":3,"body":{"text":"ONE"}}"#;
    send(world, talk, &jay, EventKind::Edit, body, Some(edit)).await;
    let gone = world.say(talk, &jay, "four").await;
    let delete = Touch::Delete { event: gone };
    let body = format!(r#"{{"event_id":{gone}}}"#);
    send(world, talk, &jay, EventKind::Delete, &body, Some(delete)).await;
    let custom = EventKind::custom("mood").unwrap();
    let mood = send(world, talk, &jay, custom, r#"{"is":"good"}"#, None).await;
    let mut files = Vec::new();
    for bytes in [2, 3, 4] {
        let given = world.waiting_file(Author::User(jay.id), bytes);
        let file = given.attachment.id;
        files.push(file);
        let attach = FileChange::Attach {
            file,
            conversation: talk,
            author: Author::User(jay.id),
        };
        let text = world.text(talk, Author::User(jay.id), "a file", None);
        let add = Change::File(FileChange::Add(Box::new(given)));
        world.commit([add, text, Change::File(attach)]).await;
    }
    let kept = world.new_file(talk, Author::User(kay.id), 5);
    let kept_id = kept.attachment.id;
    world
        .commit([Change::File(FileChange::Add(Box::new(kept)))])
        .await;
    let before = world.history(talk).await;

    Talk {
        jay,
        kay,
        stays,
        talk,
        first,
        others,
        mood,
        files,
        kept: kept_id,
        before,
    }
}

/// Numbers have no holes, what jay wrote is empty, and told of as deleted; kay's is there.
fn check_history(said: &Talk, after: &[Event]) {
    let Talk {
        jay,
        kay,
        before,
        first,
        others,
        mood,
        ..
    } = said;
    let numbers: Vec<u64> = after.iter().map(|event| event.id).collect();
    let expected: Vec<u64> = (1..=numbers.len() as u64).collect();
    assert_eq!(numbers, expected, "numbers have holes");
    let left = told(&after[..before.len()]);
    for (was, is) in told(before).iter().zip(&left) {
        let body = match (was.0, was.1.as_str()) {
            (id, "text") if id == *others => was.2,
            (_, "edit") => r#"{"event_id":3}"#,
            (_, "delete") => was.2,
            // It is made when it is read.
            (_, "member:joined") => is.2,
            _ => "{}",
        };
        assert_eq!(*is, (was.0, was.1.clone(), body));
        assert!(!is.2.contains("Jay"));
    }
    let deletions = &after[before.len() + 1..];
    let of: Vec<&str> = deletions.iter().map(|event| event.body.as_str()).collect();
    let six = [*first, 5, *mood, mood + 1, mood + 2, mood + 3];
    let six: Vec<String> = six
        .iter()
        .map(|id| format!(r#"{{"event_id":{id}}}"#))
        .collect();
    assert_eq!(of, six);
    assert!(
        deletions
            .iter()
            .all(|event| event.kind == EventKind::Delete)
    );
    for event in after {
        let mine = event.from.user == Some(jay.id);
        assert_eq!(mine && event.kind.is_counted(), event.deleted_at.is_some());
        assert!(event.client_id.is_none() || !mine);
        assert!(!mine || !event.from.person.names.shown().contains("ay"));
    }
    assert!(after.iter().any(|event| event.from.user == Some(kay.id)));
}

async fn erase_again(world: &World, user: UserId) {
    world
        .commit([Change::EraseUser(user, world.at(5_000))])
        .await;
    let next = world.store.erase_piece(LARGE, world.at(6_000)).await;
    assert_eq!(next.unwrap(), None, "it is erased already");
}

pub(crate) async fn takes_the_visitors_that_a_user_was(world: Arc<World>) {
    let jay = world.person("jay").await;
    let kay = world.person("kay").await;
    let visitor = world.visitor().await;
    let own = world.conversation(&visitor.user).await;
    world.say(own, &visitor.user, "as a visitor").await;
    let shared = world.conversation(&kay).await;
    world.join(shared, &jay).await;
    world.join(shared, &visitor.user).await;
    let said = world.say(shared, &visitor.user, "as a visitor, too").await;
    let left = world.conversation(&kay).await;
    let place = world.join(left, &visitor.user).await;
    let hello = world.say(left, &visitor.user, "hello").await;
    put_out(&world, left, place, &kay, None).await;
    let patch = UserPatch {
        custom_data: Some(Some(r#"{"says":"I am Jay"}"#.to_owned())),
        ..UserPatch::default()
    };
    let mut opened = world.new_session(jay.id);
    opened.device = visitor.session.device;
    let end = SessionEnd {
        session: visitor.session.id,
        visitor: Some(visitor.clone()),
        why: EndReason::Adopted,
        at: opened.opened_at(),
    };
    let adopt = |conversation| Change::Adopt {
        conversation,
        from: visitor.user.id,
        to: jay.id,
        at: opened.opened_at(),
    };
    world
        .commit([
            Change::ChangeUser(visitor.user.id, patch),
            Change::EndSession(Box::new(end)),
            Change::OpenSession(opened.clone()),
            adopt(own),
            adopt(shared),
        ])
        .await;
    world
        .commit([Change::DeleteUser(jay.id, world.at(900))])
        .await;
    erase(&world, jay.id, LARGE).await;
    for (conversation, id) in [(own, 2), (shared, said), (left, hello)] {
        let event = world.event(conversation, id).await;
        assert_eq!(
            (event.body.as_str(), event.deleted_at),
            ("{}", Some(world.at(2_000)))
        );
    }
    assert_eq!(world.user(visitor.user.id).await, None);
    let timeouts = Timeouts::NONE;
    let devices = world
        .store
        .devices(world.application, jay.id, timeouts)
        .await;
    assert_eq!(devices.unwrap(), []);
    let of_visitor = world
        .store
        .erasure(world.application, visitor.user.id)
        .await;
    assert!(of_visitor.unwrap().unwrap().done_at.is_some());
}

pub(crate) async fn who_is_deleted_is_erased_still(world: Arc<World>) {
    let jay = world.person("jay").await;
    let talk = world.conversation(&jay).await;
    let said = world.say(talk, &jay, "long ago").await;
    world
        .commit([Change::DeleteUser(jay.id, world.at(900))])
        .await;
    assert_ne!(world.event(talk, said).await.body, "{}");
    let erasure = erase(&world, jay.id, LARGE).await;
    assert_eq!(world.event(talk, said).await.body, "{}");
    assert_eq!(erasure.sessions, 0);
    let nobody = world.id(UserId::new);
    world
        .refuse(Expectation::User, [Change::EraseUser(nobody, world.at(1))])
        .await;
    let none = world.store.erasure(world.application, nobody).await;
    assert_eq!(none.unwrap(), None);
    let elsewhere = world.store.erasure(world.other, jay.id).await;
    assert_eq!(elsewhere.unwrap(), None);
}

/// What a conversation is called stays with those who are in it.
pub(crate) async fn takes_what_nobody_else_has_seen(world: Arc<World>) {
    let jay = world.person("jay").await;
    let kay = world.person("kay").await;
    let mut conversations = Vec::new();
    for (with, name) in [(None, "of jay alone"), (Some(&kay), "of both")] {
        let mut new = world.new_conversation(Author::User(jay.id));
        new.conversation.name = Some(name.to_owned());
        new.conversation.display_name = Some(name.to_owned());
        new.client_id = Some(ClientId {
            id: name.to_owned(),
            digest: [1; 32],
        });
        let id = new.conversation.id;
        world.commit([Change::AddConversation(Box::new(new))]).await;
        if let Some(with) = with {
            world.join(id, with).await;
            let place = world.place(id, jay.id).await.id;
            put_out(&world, id, place, with, Some("jay was rude")).await;
        }
        conversations.push(id);
    }
    let reason = |events: &[Event]| events.iter().any(|event| event.reason.is_some());
    assert!(reason(&world.history(conversations[1]).await));
    world
        .commit([Change::DeleteUser(jay.id, world.at(900))])
        .await;
    erase(&world, jay.id, LARGE).await;
    let names = |id| {
        let world = Arc::clone(&world);
        async move {
            let found = world.store.conversation(world.application, id, None).await;
            let conversation = found.unwrap().unwrap().conversation;
            (conversation.name, conversation.display_name)
        }
    };
    let both = Some("of both".to_owned());
    assert_eq!(names(conversations[0]).await, (None, None));
    assert_eq!(names(conversations[1]).await, (both.clone(), both));
    assert!(!reason(&world.history(conversations[1]).await));
    for name in ["of jay alone", "of both"] {
        let author = Author::User(jay.id);
        let name = name.to_owned();
        let found = world
            .store
            .conversation_of_client(world.application, author, name);
        assert_eq!(found.await.unwrap(), None);
    }
    let by_name = world
        .store
        .user(world.application, Identifier::Name(jay.name.unwrap()));
    assert_eq!(by_name.await.unwrap(), None);
}
