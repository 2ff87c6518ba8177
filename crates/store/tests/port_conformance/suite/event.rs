//! Events.

use crate::world::{World, window};
use countersign_core::id::{ApiKeyId, ConversationId, MemberId};
use countersign_core::limit::EVENT_KINDS_MAX;
use countersign_core::model::api_key::{ApiKey, Role, Roles};
use countersign_core::model::conversation::Creator;
use countersign_core::model::event::{
    Assurance, Author, EventFilter, EventKind, KindFilter, Range,
};
use countersign_core::model::member::MemberState;
use countersign_core::model::page::{Order, Window};
use countersign_core::model::person::Person;
use countersign_core::model::user::User;
use countersign_core::ports::change::{Change, Expectation, NewEvent, NewMember, Touch};
use countersign_core::ports::store::CommitError;
use std::sync::Arc;

fn append(new: NewEvent) -> [Change; 1] {
    [Change::Append(Box::new(new))]
}

pub(crate) fn key(world: &World, name: &str) -> ApiKey {
    ApiKey {
        id: world.id(ApiKeyId::new),
        application: Some(world.application),
        name: name.to_owned(),
        roles: Roles::new([Role::User]).unwrap(),
        digest: [1; 32],
        text: None,
        last_characters: "abcd".to_owned(),
        created_at: world.at(0),
        expires_at: None,
        cidr: None,
        last_used_at: None,
        revoked: false,
    }
}

pub(crate) async fn names_everyone_of_many(world: Arc<World>) {
    const MANY: usize = 20;
    let creator = world.person("creator").await;
    let id = world.conversation(&creator).await;
    let mut expected = vec!["creator".to_owned()];
    let mut joined = expected.clone();
    for number in 0..MANY {
        let name = format!("member-{number:02}");
        let user = world.person(&name).await;
        world.join(id, &user).await;
        world.say(id, &user, "hello").await;
        expected.extend(["backend".to_owned(), name.clone()]);
        joined.push(name);
        let name = format!("desk {number:02}");
        let key = key(&world, &name);
        let said = world.text(id, Author::ApiKey(key.id), "hello", None);
        world.commit([Change::AddApiKey(key), said]).await;
        expected.push(name);
    }
    let events = world.history(id).await;
    let names: Vec<_> = events
        .iter()
        .map(|event| event.from.person.names.shown())
        .collect();
    assert_eq!(names, expected);
    let told = events
        .iter()
        .filter(|event| event.kind == EventKind::MemberJoined);
    for (event, name) in told.zip(&joined) {
        assert!(
            event.body.contains(&format!(r#""name":"{name}""#)),
            "{}",
            event.body
        );
    }
    for event in &events {
        assert_eq!(world.event(id, event.id).await, *event);
    }
}

pub(crate) async fn has_its_sender(world: Arc<World>) {
    let jay = world.person("jay").await;
    let id = world.conversation(&jay).await;
    let key = key(&world, "support desk");
    world.commit([Change::AddApiKey(key.clone())]).await;
    let place = world.place(id, jay.id).await.id;
    for (author, member, user, name) in [
        (Author::User(jay.id), Some(place), Some(jay.id), "jay"),
        (Author::ApiKey(key.id), None, None, "support desk"),
        (Author::Backend, None, None, "backend"),
    ] {
        for (kind, assurance) in [
            (EventKind::Text, Assurance::Anonymous),
            (EventKind::Message, Assurance::Described),
            (EventKind::Image, Assurance::Verified),
            (EventKind::Custom("a:b".to_owned()), Assurance::Verified),
        ] {
            let new = NewEvent {
                assurance,
                ..world.new_event(id, author, kind.clone(), r#"{"a":"ä\u0000"}"#)
            };
            let at = new.at;
            let committed = world.commit(append(new)).await;
            let event = world.event(id, committed.events[0].1).await;
            assert_eq!(committed.senders.first(), Some(&event.from));
            assert_eq!((event.kind, event.timestamp), (kind, at));
            assert_eq!(event.body, r#"{"a":"ä\u0000"}"#);
            assert_eq!((event.from.member, event.from.user), (member, user));
            assert_eq!(event.from.person.names.shown(), name);
            assert_eq!(event.from.assurance, assurance);
            assert_eq!((event.edited_at, event.deleted_at), (None, None));
        }
    }
    let view = world.view(id, jay.id).await.unwrap();
    assert_eq!(view.conversation.last_event_id, 13);
}

pub(crate) async fn a_backend_sends_for_a_joined_member(world: Arc<World>) {
    let jay = world.person("jay").await;
    let ann = world.person("ann").await;
    let id = world.conversation(&jay).await;
    let place = world.place(id, jay.id).await.id;
    let speak = |member, client_id| [world.text(id, Author::Member(member), "x", client_id)];
    let committed = world.commit(speak(place, Some("c-1"))).await;
    let sender = &committed.senders[0];
    assert_eq!((sender.member, sender.user), (Some(place), Some(jay.id)));
    let event = world.event(id, committed.events[0].1).await;
    assert_eq!(event.from, *sender);
    // It is the member's, in every way.
    assert_eq!(world.view(id, jay.id).await.unwrap().unread, 0);
    for author in [Author::Member(place), Author::User(jay.id)] {
        let again = [world.text(id, author, "x", Some("c-1"))];
        world.refuse(Expectation::ClientIdUnused, again).await;
        let found = world
            .store
            .event_of_client(world.application, id, author, "c-1".to_owned());
        assert_eq!(found.await.unwrap().unwrap().0, event);
    }
    let invited = NewMember {
        author: Author::Member(place),
        ..world.new_member(id, ann.id, MemberState::Invited)
    };
    let anns = invited.member;
    world.commit([Change::AddMember(Box::new(invited))]).await;
    assert_eq!(world.place(id, ann.id).await.invited_by, Some(place));
    let told = world.history(id).await.pop().unwrap();
    assert_eq!(told.from.user, Some(jay.id));
    // Nobody speaks for who is not joined, or joined elsewhere.
    let elsewhere = world.conversation(&ann).await;
    let elsewhere = world.place(elsewhere, ann.id).await.id;
    for member in [anns, elsewhere, world.id(MemberId::new)] {
        let refused = speak(member, None);
        world.refuse(Expectation::Joined, refused).await;
    }
}

pub(crate) async fn shows_who_and_whom_it_tells_of(world: Arc<World>) {
    let picture = Some("https://pictures.example/jay".to_owned());
    let jay = User {
        display_name: Some("Jay Doe".to_owned()),
        image_url: picture.clone(),
        custom_data: Some(r#"{"level":7}"#.to_owned()),
        ..world.new_user(Some("jay"))
    };
    world.commit([Change::AddUser(jay.clone())]).await;
    let ann = world.person("ann").await;
    let id = world.conversation(&jay).await;
    let invited = world.new_member(id, ann.id, MemberState::Invited);
    let place = invited.member;
    world.commit([Change::AddMember(Box::new(invited))]).await;
    let said = world.text(id, Author::User(jay.id), "one", None);
    let committed = world.commit([said]).await;
    assert_eq!(*committed.senders[0].person, Person::of(&jay));
    world.say(id, &jay, "two").await;
    let events = world.history(id).await;
    let [joined, asked, one, two] = events.as_slice() else {
        panic!("{events:?}");
    };
    for event in [joined, one, two] {
        assert_eq!(*event.from.person, Person::of(&jay));
        // Read once, and shared.
        assert!(Arc::ptr_eq(&event.from.person, &joined.from.person));
    }
    let subject = asked.subject.as_ref().unwrap();
    assert_eq!((subject.member, subject.user), (place, ann.id));
    assert_eq!(*subject.person, Person::of(&ann));
    assert_eq!(asked.from.person.names.shown(), "backend");
    let own = joined.subject.as_ref().unwrap();
    assert_eq!((own.user, Some(own.member)), (jay.id, joined.from.member));
    assert_eq!((&one.subject, &two.subject), (&None, &None));
}

pub(crate) async fn needs_a_joined_author(world: Arc<World>) {
    let jay = world.person("jay").await;
    let ann = world.person("ann").await;
    let id = world.conversation(&jay).await;
    let by_ann = || [world.text(id, Author::User(ann.id), "x", None)];
    world.refuse(Expectation::Joined, by_ann()).await;
    let invited = world.new_member(id, ann.id, MemberState::Invited);
    world.commit([Change::AddMember(Box::new(invited))]).await;
    world.refuse(Expectation::Joined, by_ann()).await;
    let nowhere = world.id(ConversationId::new);
    let lost = [world.text(nowhere, Author::User(jay.id), "x", None)];
    world.refuse(Expectation::Conversation, lost).await;
    // Nothing was burned.
    assert_eq!(world.say(id, &jay, "x").await, 3);
}

pub(crate) async fn a_client_id_is_used_once(world: Arc<World>) {
    let jay = world.person("jay").await;
    let ann = world.person("ann").await;
    let id = world.conversation(&jay).await;
    let elsewhere = world.conversation(&jay).await;
    world.join(id, &ann).await;
    let key = ApiKeyId::from_bytes([5; 16]);
    for author in [
        Author::User(jay.id),
        Author::User(ann.id),
        Author::ApiKey(key),
        Author::Backend,
    ] {
        let send = |text| [world.text(id, author, text, Some("client-1"))];
        let number = world.commit(send("first")).await.events[0].1;
        world
            .refuse(Expectation::ClientIdUnused, send("other"))
            .await;
        let found = world
            .store
            .event_of_client(world.application, id, author, "client-1".to_owned())
            .await;
        let (event, digest) = found.unwrap().unwrap();
        assert_eq!((event.id, digest), (number, [5; 32]));
        assert_eq!(event.client_id.as_deref(), Some("client-1"));
        // The next event has the next number.
        let next = world.commit([world.text(id, author, "next", None)]).await;
        assert_eq!(next.events, [(id, number + 1)]);
        let none = world
            .store
            .event_of_client(world.application, id, author, "client-2".to_owned())
            .await;
        assert!(none.unwrap().is_none());
    }
    let there = [world.text(elsewhere, Author::User(jay.id), "x", Some("client-1"))];
    world.commit(there).await;
}

pub(crate) async fn is_edited_and_deleted_by_its_author(world: Arc<World>) {
    let jay = world.person("jay").await;
    let ann = world.person("ann").await;
    let id = world.conversation(&jay).await;
    world.join(id, &ann).await;
    let said = world.say(id, &jay, "first").await;
    let edit = |author, event| NewEvent {
        touches: Some(Touch::Edit {
            event,
            body: r#"{"text":"second"}"#.to_owned(),
        }),
        ..world.new_event(id, author, EventKind::Edit, r#"{"own":1}"#)
    };
    let delete = |author, event| NewEvent {
        touches: Some(Touch::Delete { event }),
        ..world.new_event(id, author, EventKind::Delete, r#"{"event_id":0}"#)
    };
    let missed = Expectation::EventTouchable;
    let (own, other) = (Author::User(jay.id), Author::User(ann.id));
    for event in [1, said, said + 5] {
        world.refuse(missed, append(edit(other, event))).await;
        world.refuse(missed, append(delete(other, event))).await;
    }
    // A member event is nobody's to change.
    world.refuse(missed, append(edit(own, 1))).await;
    world
        .refuse(missed, append(delete(Author::Backend, 1)))
        .await;
    let new = edit(own, said);
    let at = new.at;
    let number = world.commit(append(new)).await.events[0].1;
    let event = world.event(id, said).await;
    assert_eq!(event.body, r#"{"text":"second"}"#);
    assert_eq!((event.edited_at, event.deleted_at), (Some(at), None));
    assert_eq!(world.event(id, number).await.body, r#"{"own":1}"#);
    // An edit itself is not to be edited.
    world.refuse(missed, append(edit(own, number))).await;
    let new = delete(own, said);
    let at = new.at;
    world.commit(append(new)).await;
    let event = world.event(id, said).await;
    assert_eq!((event.body.as_str(), event.deleted_at), ("{}", Some(at)));
    world.refuse(missed, append(edit(own, said))).await;
    world.refuse(missed, append(delete(own, said))).await;
    world
        .refuse(missed, append(delete(Author::Backend, said)))
        .await;
    // A backend changes anybody's.
    let said = world.say(id, &ann, "third").await;
    world.commit(append(edit(Author::Backend, said))).await;
    world.commit(append(delete(Author::Backend, said))).await;
    assert_eq!(world.event(id, said).await.body, "{}");
}

pub(crate) async fn deletion_blanks_edits(world: Arc<World>) {
    let jay = world.person("jay").await;
    let id = world.conversation(&jay).await;
    let author = Author::User(jay.id);
    let said = world.say(id, &jay, "secret one").await;
    let stays = world.say(id, &jay, "other").await;
    for event in [said, stays, said] {
        let body = r#"{"text":"secret two"}"#.to_owned();
        let own = format!(r#"{{"event_id":{event},"body":{body}}}"#);
        let edit = NewEvent {
            touches: Some(Touch::Edit { event, body }),
            ..world.new_event(id, author, EventKind::Edit, &own)
        };
        world.commit(append(edit)).await;
    }
    let delete = NewEvent {
        touches: Some(Touch::Delete { event: said }),
        ..world.new_event(id, author, EventKind::Delete, r#"{"event_id":2}"#)
    };
    world.commit(append(delete)).await;
    let history = world.history(id).await;
    let bodies: Vec<&str> = history[1..]
        .iter()
        .map(|event| event.body.as_str())
        .collect();
    let of_other = format!(r#"{{"event_id":{stays},"body":{{"text":"secret two"}}}}"#);
    assert_eq!(
        bodies,
        [
            "{}",
            r#"{"text":"secret two"}"#,
            r#"{"event_id":2}"#,
            of_other.as_str(),
            r#"{"event_id":2}"#,
            r#"{"event_id":2}"#,
        ]
    );
}

pub(crate) async fn pages_by_number_and_kind(world: Arc<World>) {
    let jay = world.person("jay").await;
    let id = world.conversation(&jay).await;
    of_many_kinds(&world, id, &jay).await;
    let one = |kind| KindFilter::One(kind);
    let many = |kind: EventKind| vec![KindFilter::One(kind); EVENT_KINDS_MAX];
    let custom = |name: &str| EventKind::Custom(name.to_owned());
    for (first, last, kinds, deleted, expected) in [
        (0, u64::MAX, vec![], true, vec![1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (1, 9, vec![], false, vec![1, 3, 4, 5, 6, 7, 8, 9]),
        (3, 5, vec![], true, vec![3, 4, 5]),
        (5, 5, vec![], true, vec![5]),
        (5, 4, vec![], true, vec![]),
        (10, 99, vec![], true, vec![]),
        (0, 99, vec![one(EventKind::Text)], true, vec![2, 7]),
        (0, 99, vec![one(EventKind::Text)], false, vec![7]),
        (0, 99, many(EventKind::Text), true, vec![2, 7]),
        (0, 99, vec![KindFilter::Member], true, vec![1, 8]),
        (2, 99, vec![KindFilter::Member], true, vec![8]),
        (0, 99, vec![KindFilter::Custom], true, vec![4, 5]),
        (0, 99, vec![one(custom("a"))], true, vec![4]),
        (0, 99, vec![one(custom("z"))], true, vec![]),
        (0, 99, vec![one(EventKind::MemberInvited)], true, vec![]),
        (
            0,
            99,
            vec![
                one(EventKind::Image),
                KindFilter::Custom,
                KindFilter::Member,
            ],
            true,
            vec![1, 4, 5, 6, 8],
        ),
        (0, 99, vec![one(EventKind::Delete)], true, vec![9]),
    ] {
        for limit in [1, 2, 100] {
            let filter = |order| EventFilter {
                first,
                last,
                kinds: kinds.clone(),
                deleted,
                order,
            };
            let oldest = numbers_of(&world, id, &jay, filter(Order::OldestFirst), limit).await;
            assert_eq!(oldest, expected, "{first} to {last}, {kinds:?}, {limit}");
            let mut newest = numbers_of(&world, id, &jay, filter(Order::NewestFirst), limit).await;
            newest.reverse();
            assert_eq!(newest, expected, "{first} to {last}, {kinds:?}, {limit}");
        }
    }
    let nowhere = world.id(ConversationId::new);
    let filter = EventFilter::default();
    let none = world
        .store
        .event_page(world.application, nowhere, None, filter, window(9));
    assert!(none.await.unwrap().is_none());
}

/// Fills a conversation whose event 1 is there: a deleted text, one of each kind, and a join.
async fn of_many_kinds(world: &World, id: ConversationId, user: &User) {
    let by_jay = Author::User(user.id);
    for kind in [
        EventKind::Text,
        EventKind::Message,
        EventKind::Custom("a".to_owned()),
        EventKind::Custom("z:~".to_owned()),
        EventKind::Image,
        EventKind::Text,
    ] {
        let new = world.new_event(id, by_jay, kind, "{}");
        world.commit(append(new)).await;
    }
    world.join(id, &world.person("ann").await).await;
    let delete = NewEvent {
        touches: Some(Touch::Delete { event: 2 }),
        ..world.new_event(id, by_jay, EventKind::Delete, r#"{"event_id":2}"#)
    };
    world.commit(append(delete)).await;
}

/// The numbers of all events of a filter, read in pages.
async fn numbers_of(
    world: &World,
    conversation: ConversationId,
    viewer: &User,
    filter: EventFilter,
    limit: usize,
) -> Vec<u64> {
    let mut numbers = Vec::new();
    let mut after = None;
    loop {
        let window = Window { after, limit };
        let viewer = Some(viewer.id);
        let filter = filter.clone();
        let page = world
            .store
            .event_page(world.application, conversation, viewer, filter, window);
        let page = page.await.unwrap().unwrap();
        let place = page.place.map(|place| Creator::Member(place.id));
        assert_eq!(place, page.creator);
        assert!(page.events.items.len() <= limit);
        numbers.extend(page.events.items.iter().map(|event| event.id));
        after = page.events.next;
        if after.is_none() {
            return numbers;
        }
    }
}

pub(crate) async fn ranges(world: Arc<World>) {
    let jay = world.person("jay").await;
    let ann = world.person("ann").await;
    let id = world.conversation(&jay).await;
    for turn in 2..=10 {
        assert_eq!(world.say(id, &jay, "x").await, turn);
    }
    let numbers = |range, limit| {
        let world = &world;
        let viewer = Some(jay.id);
        async move {
            let view = world
                .store
                .events(world.application, id, viewer, range, limit);
            let view = view.await.unwrap().unwrap();
            let place = view.place.map(|place| Creator::Member(place.id));
            assert_eq!(place, view.creator);
            let numbers: Vec<u64> = view.events.iter().map(|event| event.id).collect();
            numbers
        }
    };
    for (range, limit, expected) in [
        (Range::Newest, 3, vec![8, 9, 10]),
        (Range::Newest, 100, (1..=10).collect()),
        (Range::After(0), 2, vec![1, 2]),
        (Range::After(8), 9, vec![9, 10]),
        (Range::After(10), 9, vec![]),
        (Range::After(u64::MAX), 9, vec![]),
        (Range::Before(4), 2, vec![2, 3]),
        (Range::Before(1), 2, vec![]),
        (Range::Before(u64::MAX), 1, vec![10]),
    ] {
        assert_eq!(numbers(range, limit).await, expected, "{range:?} {limit}");
    }
    let viewer = Some(ann.id);
    let range = Range::Newest;
    let view = world
        .store
        .events(world.application, id, viewer, range, 1)
        .await;
    assert_eq!(view.unwrap().unwrap().place, None);
}

/// The store may keep the events of all conversations in one line, one conversation's behind
/// another's.
pub(crate) async fn no_number_reaches_another_conversation(world: Arc<World>) {
    const NEXT: u64 = 1 << 32;
    let jay = world.person("jay").await;
    let mut rooms = Vec::new();
    for _ in 0..3 {
        let id = world.conversation(&jay).await;
        world.say(id, &jay, "x").await;
        world.say(id, &jay, "y").await;
        rooms.push(id);
    }
    let all: &[u64] = &[1, 2, 3];
    let author = Author::User(jay.id);
    for id in rooms {
        for (range, expected) in [
            (Range::Newest, all),
            (Range::Before(NEXT + 2), all),
            (Range::Before(u64::MAX), all),
            (Range::Before(0), &[]),
            (Range::After(0), all),
            (Range::After(NEXT), &[]),
            (Range::After(u64::MAX), &[]),
        ] {
            let found = world.store.events(world.application, id, None, range, 9);
            let events = found.await.unwrap().unwrap().events;
            let numbers: Vec<u64> = events.iter().map(|event| event.id).collect();
            assert_eq!(numbers, expected, "{range:?}");
        }
        for order in [Order::OldestFirst, Order::NewestFirst] {
            for (first, last, expected) in [(0, u64::MAX, all), (4, NEXT + 3, &[])] {
                let filter = EventFilter {
                    first,
                    last,
                    order,
                    ..EventFilter::default()
                };
                let found = world
                    .store
                    .event_page(world.application, id, None, filter, window(9));
                let events = found.await.unwrap().unwrap().events.items;
                let mut numbers: Vec<u64> = events.iter().map(|event| event.id).collect();
                numbers.sort_unstable();
                assert_eq!(numbers, expected, "{first} {last}");
            }
        }
        for event in [0, 4, NEXT, NEXT + 1, NEXT + 2, u64::MAX] {
            let edit = NewEvent {
                touches: Some(Touch::Edit {
                    event,
                    body: "{}".to_owned(),
                }),
                ..world.new_event(id, author, EventKind::Edit, "{}")
            };
            world
                .refuse(Expectation::EventTouchable, append(edit))
                .await;
        }
    }
}

/// Locks are taken in the order of ids; what was appended is told in the order of the changes.
pub(crate) async fn a_batch_on_several_conversations(world: Arc<World>) {
    let jay = world.person("jay").await;
    let one = world.conversation(&jay).await;
    let two = world.conversation(&jay).await;
    let author = Author::User(jay.id);
    let say = |id, text: &str| world.text(id, author, text, None);
    let committed = world
        .commit([say(two, "a"), say(one, "b"), say(two, "c"), say(one, "d")])
        .await;
    assert_eq!(committed.events, [(two, 2), (one, 2), (two, 3), (one, 3)]);
    assert_eq!(committed.senders.len(), 4);
    assert!(world.event(two, 2).await.body.contains("\"a\""));
    assert!(world.event(one, 3).await.body.contains("\"d\""));
    let nowhere = world.id(ConversationId::new);
    let failed = world.try_commit([say(one, "e"), say(nowhere, "f")]).await;
    assert!(matches!(
        failed,
        Err(CommitError::Missed(Expectation::Conversation))
    ));
    assert_eq!(world.history(one).await.len(), 3);
    assert_eq!(world.try_commit([]).await.unwrap().events, []);
}
