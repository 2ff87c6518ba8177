//! Conversations.

use crate::world::{World, window};
use countersign_core::id::{ApiKeyId, ConversationId, MemberId};
use countersign_core::model::conversation::{
    Ages, Conversation, ConversationList, ConversationPatch, Creator,
};
use countersign_core::model::event::{Assurance, Author, EventKind, Range};
use countersign_core::model::member::MemberState;
use countersign_core::model::page::{Order, Window};
use countersign_core::model::user::User;
use countersign_core::ports::change::{
    Change, ClientId, Committed, Expectation, Guard, MemberChange, NewConversation, NewMember,
};
use countersign_credential::time::Timestamp;
use std::sync::Arc;

fn add(new: NewConversation) -> [Change; 1] {
    [Change::AddConversation(Box::new(new))]
}

pub(crate) async fn its_creator_is_joined(world: Arc<World>) {
    let jay = world.person("jay").await;
    let mut new = world.new_conversation(Author::User(jay.id));
    new.conversation.name = Some("the name".to_owned());
    new.conversation.display_name = Some("The Name".to_owned());
    new.conversation.image_url = Some("https://pictures.example/room".to_owned());
    new.conversation.custom_data = Some(r#"{"a":[1]}"#.to_owned());
    let (id, creator) = (new.conversation.id, new.creator);
    let committed = world.commit(add(new.clone())).await;
    assert_eq!(committed.events, [(id, 1)]);
    assert_eq!(committed.senders, []);
    let view = world.view(id, jay.id).await.unwrap();
    let expected = Conversation {
        creator: creator.map(Creator::Member),
        last_event_id: 1,
        ..new.conversation
    };
    assert_eq!(view.conversation, expected);
    assert!(view.is_creator());
    let member = view.member.unwrap();
    assert_eq!((member.user, member.state), (jay.id, MemberState::Joined));
    assert_eq!((member.names.shown(), view.unread), ("jay", 0));
    let event = world.event(id, 1).await;
    assert_eq!(event.kind, EventKind::MemberJoined);
    let expected = format!(
        r#"{{"member_id":"{}","user_id":"{}","name":"jay"}}"#,
        member.id, jay.id
    );
    assert_eq!(event.body, expected);
    assert_eq!(event.from.member, creator);
}

pub(crate) async fn its_creator_can_enter_later(world: Arc<World>) {
    let jay = world.person("jay").await;
    let ann = world.person("ann").await;
    let by_jay = Author::User(jay.id);
    let without_place = || NewConversation {
        creator: None,
        ..world.new_conversation(by_jay)
    };
    let new = without_place();
    let id = new.conversation.id;
    assert_eq!(world.commit(add(new)).await, Committed::default());
    let view = world.view(id, jay.id).await.unwrap();
    assert_eq!(view.conversation.creator, Some(Creator::User(jay.id)));
    assert_eq!((view.is_creator(), &view.member), (true, &None));
    assert!(!world.view(id, ann.id).await.unwrap().is_creator());
    let of_jay = Some(jay.id);
    let range = Range::Newest;
    let read = world.store.events(world.application, id, of_jay, range, 5);
    let read = read.await.unwrap().unwrap();
    assert_eq!(read.creator, Some(Creator::User(jay.id)));
    assert!(read.events.is_empty() && read.place.is_none());
    let listed = world.store.conversations(
        world.application,
        ConversationList::Following(jay.id),
        window(9),
    );
    assert_eq!(listed.await.unwrap().items, []);

    let enters = |id, user: &User| NewMember {
        author: Author::User(user.id),
        guard: Guard::Creator(user.id),
        ..world.new_member(id, user.id, MemberState::Joined)
    };
    let join = |id, user| [Change::AddMember(Box::new(enters(id, user)))];
    world.refuse(Expectation::PlaceFree, join(id, &ann)).await;
    world.join(id, &ann).await;
    let committed = world.commit(join(id, &jay)).await;
    assert_eq!(committed.events, [(id, 2)]);
    world.refuse(Expectation::PlaceFree, join(id, &jay)).await;
    let view = world.view(id, jay.id).await.unwrap();
    let place = view.member.as_ref().unwrap().id;
    assert_eq!(view.conversation.creator, Some(Creator::Member(place)));
    assert!(view.is_creator());
    assert_eq!(world.event(id, 2).await.from.member, Some(place));
    assert!(!world.view(id, ann.id).await.unwrap().is_creator());

    // However the creator gets in.
    let new = without_place();
    let id = new.conversation.id;
    world.commit(add(new)).await;
    let place = world.join(id, &jay).await;
    world.refuse(Expectation::PlaceFree, join(id, &jay)).await;
    let view = world.view(id, jay.id).await.unwrap();
    assert_eq!(view.conversation.creator, Some(Creator::Member(place)));
}

pub(crate) async fn a_backends_has_no_member(world: Arc<World>) {
    let new = world.new_conversation(Author::Backend);
    let id = new.conversation.id;
    assert_eq!(world.commit(add(new)).await, Committed::default());
    let found = world.store.conversation(world.application, id, None).await;
    let view = found.unwrap().unwrap();
    assert_eq!(view.conversation.last_event_id, 0);
    assert_eq!((view.member, view.conversation.creator), (None, None));
    assert_eq!(world.history(id).await, []);
    let unknown = world.id(ConversationId::new);
    let range = Range::Newest;
    let none = world
        .store
        .events(world.application, unknown, None, range, 5);
    assert!(none.await.unwrap().is_none());
}

pub(crate) async fn it_begins_with_all_its_members_or_not_at_all(world: Arc<World>) {
    let jay = world.person("jay").await;
    let ann = world.person("ann").await;
    let bob = world.person("bob").await;
    let with = |users: &[&User]| {
        let mut new = world.new_conversation(Author::User(jay.id));
        new.conversation.name = Some("im:set".to_owned());
        let id = new.conversation.id;
        let mut changes = vec![Change::AddConversation(Box::new(new))];
        changes.extend(users.iter().map(|user| {
            Change::AddMember(Box::new(NewMember {
                author: Author::User(jay.id),
                guard: Guard::Joined(jay.id),
                ..world.new_member(id, user.id, MemberState::Joined)
            }))
        }));
        (id, changes)
    };
    let named = async |application, name| {
        let found = world.store.conversation_named(application, name).await;
        found.unwrap()
    };
    world
        .commit([Change::DeleteUser(bob.id, world.at(1))])
        .await;
    world.refuse(Expectation::User, with(&[&ann, &bob]).1).await;
    assert_eq!(named(world.application, "im:set").await, None);
    let (id, changes) = with(&[&ann]);
    let committed = world.commit(changes).await;
    assert_eq!(committed.events, [(id, 1), (id, 2)]);
    assert_eq!(named(world.application, "im:set").await, Some(id));
    assert_eq!(named(world.application, "im:SET").await, None);
    assert_eq!(named(world.other, "im:set").await, None);
    // Of two who begin the same at once, one has begun it.
    let again = with(&[&ann]).1;
    world.refuse(Expectation::ConversationNameFree, again).await;
    assert_eq!(world.history(id).await.len(), 2);
    for user in [&jay, &ann] {
        let place = world.place(id, user.id).await;
        assert_eq!(place.state, MemberState::Joined);
        assert_eq!((place.invited_at, place.invited_by), (None, None));
    }
    world.commit([Change::DeleteConversation(id)]).await;
    assert_eq!(named(world.application, "im:set").await, None);
}

pub(crate) async fn its_name_and_client_id_are_unique(world: Arc<World>) {
    let jay = world.person("jay").await;
    let ann = world.person("ann").await;
    let key = Author::ApiKey(ApiKeyId::from_bytes([7; 16]));
    let client_id = Some(ClientId {
        id: "c-1".to_owned(),
        digest: [4; 32],
    });
    let mut ids = Vec::new();
    for author in [Author::User(jay.id), Author::User(ann.id), key] {
        let mut new = world.new_conversation(author);
        new.client_id = client_id.clone();
        ids.push(new.conversation.id);
        world.commit(add(new)).await;
        let mut again = world.new_conversation(author);
        again.client_id = client_id.clone();
        world.refuse(Expectation::ClientIdUnused, add(again)).await;
        let found = world
            .store
            .conversation_of_client(world.application, author, "c-1".to_owned())
            .await;
        let (view, digest) = found.unwrap().unwrap();
        assert_eq!(Some(&view.conversation.id), ids.last());
        assert_eq!(digest, [4; 32]);
        assert_eq!(view.is_creator(), matches!(author, Author::User(_)));
    }
    let none = world
        .store
        .conversation_of_client(world.application, Author::Backend, "c-1".to_owned())
        .await;
    assert!(none.unwrap().is_none());

    let named = |name: &str| {
        let mut new = world.new_conversation(Author::Backend);
        new.conversation.name = Some(name.to_owned());
        add(new)
    };
    world.commit(named("taken")).await;
    let missed = Expectation::ConversationNameFree;
    world.refuse(missed, named("taken")).await;
    let patch = ConversationPatch {
        name: Some(Some("taken".to_owned())),
        ..ConversationPatch::default()
    };
    let change = Change::ChangeConversation(ids[0], patch, world.at(1));
    world.refuse(missed, [change]).await;
}

pub(crate) async fn a_visitor_has_room_for_some(world: Arc<World>) {
    let visitor = world.visitor().await;
    let new = || {
        let mut new = world.new_conversation(Author::User(visitor.user.id));
        new.open_max = Some(2);
        new
    };
    let first = new();
    let id = first.conversation.id;
    world.commit(add(first)).await;
    world.commit(add(new())).await;
    world
        .refuse(Expectation::ConversationRoom, add(new()))
        .await;
    world.commit([Change::DeleteConversation(id)]).await;
    world.commit(add(new())).await;
}

pub(crate) async fn changes_and_is_deleted_with_all(world: Arc<World>) {
    let jay = world.person("jay").await;
    let id = world.conversation(&jay).await;
    let stays = world.conversation(&jay).await;
    world.say(id, &jay, "hello").await;
    let change = |name, display_name| {
        let patch = ConversationPatch {
            name,
            display_name,
            ..ConversationPatch::default()
        };
        [Change::ChangeConversation(id, patch, world.at(77))]
    };
    let some = |text: &str| Some(Some(text.to_owned()));
    for (name, display_name, expected) in [
        (some("n"), None, (Some("n"), None)),
        (None, some("d"), (Some("n"), Some("d"))),
        (None, None, (Some("n"), Some("d"))),
        (Some(None), Some(None), (None, None)),
    ] {
        world.commit(change(name, display_name)).await;
        let found = world.view(id, jay.id).await.unwrap().conversation;
        let names = (found.name.as_deref(), found.display_name.as_deref());
        assert_eq!(names, expected);
        assert_eq!(found.updated_at, world.at(77));
    }
    for shown in [Some("x"), None] {
        let patch = ConversationPatch {
            image_url: Some(shown.map(|url| format!("https://{url}"))),
            custom_data: Some(shown.map(|text| format!(r#"{{"{text}":1}}"#))),
            ..ConversationPatch::default()
        };
        let change = Change::ChangeConversation(id, patch.clone(), world.at(78));
        world.commit([change]).await;
        let found = world.view(id, jay.id).await.unwrap().conversation;
        assert_eq!(Some(found.image_url), patch.image_url);
        assert_eq!(Some(found.custom_data), patch.custom_data);
    }
    world.commit([Change::DeleteConversation(id)]).await;
    assert!(world.view(id, jay.id).await.is_none());
    let range = Range::Newest;
    let events = world.store.events(world.application, id, None, range, 9);
    assert!(events.await.unwrap().is_none());
    let members = world
        .store
        .members(world.application, id, Order::OldestFirst, window(9))
        .await;
    assert_eq!(members.unwrap().items, []);
    assert_eq!(world.history(stays).await.len(), 1);
    let missed = Expectation::Conversation;
    world.refuse(missed, change(None, None)).await;
    world.refuse(missed, [Change::DeleteConversation(id)]).await;
    let event = world.text(id, Author::User(jay.id), "late", None);
    world.refuse(missed, [event]).await;
    let event = world.text(id, Author::Backend, "late", None);
    world.refuse(missed, [event]).await;
}

pub(crate) async fn pages_have_what_changed_last_first_or_all_by_age(world: Arc<World>) {
    let jay = world.person("jay").await;
    let mut of_jay = Vec::new();
    let mut all = Vec::new();
    for turn in 0..7 {
        let id = world.conversation(&jay).await;
        of_jay.push(id);
        all.push(id);
        let mut new = world.new_conversation(Author::Backend);
        // Two that changed at one moment are told apart by their ids.
        new.conversation.updated_at = world.at(10_000 + turn / 2);
        all.push(new.conversation.id);
        world.commit(add(new)).await;
    }
    of_jay.reverse();
    world.say(of_jay[3], &jay, "the newest").await;
    let moved = of_jay.remove(3);
    of_jay.insert(0, moved);
    for limit in [1, 3, 100] {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let window = Window { after, limit };
            let list = ConversationList::Following(jay.id);
            let page = world.store.conversations(world.application, list, window);
            let page = page.await.unwrap();
            assert!(page.items.iter().all(|view| view.member.is_some()));
            found.extend(page.items.iter().map(|view| view.conversation.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, of_jay, "{limit} a page");
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let window = Window { after, limit };
            let page = world.store.conversations(
                world.application,
                ConversationList::All(Order::NewestFirst.into()),
                window,
            );
            let page = page.await.unwrap();
            found.extend(page.items.iter().map(|view| view.conversation.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        all.sort_unstable_by(|one, other| other.cmp(one));
        assert_eq!(found, all, "{limit} a page");
    }
}

pub(crate) async fn lists_of_a_user_are_by_age(world: Arc<World>) {
    let (invited, joined, left) = (MemberState::Invited, MemberState::Joined, MemberState::Left);
    let jay = world.person("jay").await;
    let ann = world.person("ann").await;
    let mut expected = Vec::new();
    for states in [
        &[joined][..],
        &[],
        &[invited],
        &[left],
        &[left, joined],
        &[left, left],
        &[left, invited],
    ] {
        let id = world.conversation(&ann).await;
        let newest = had_places(&world, id, &jay, states).await;
        let with_id = |(place, state)| (id, place, state);
        expected.extend(newest.map(with_id));
    }
    for order in [Order::OldestFirst, Order::NewestFirst] {
        for state in [None, Some(joined), Some(invited), Some(left)] {
            for limit in [1, 2, 100] {
                let list = ConversationList::OfUser {
                    user: jay.id,
                    state,
                    ages: order.into(),
                };
                let mut found = Vec::new();
                let mut after = None;
                loop {
                    let window = Window { after, limit };
                    let page = world.store.conversations(world.application, list, window);
                    let page = page.await.unwrap();
                    assert!(page.items.len() <= limit);
                    found.extend(page.items.iter().map(|view| {
                        assert_eq!(view.viewer, Some(jay.id));
                        let place = view.member.as_ref().unwrap();
                        assert_eq!(place.user, jay.id);
                        (view.conversation.id, place.id, place.state)
                    }));
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
                let of_state = |(_, _, of): &&(_, _, _)| state.is_none_or(|state| state == *of);
                let wanted: Vec<_> = expected.iter().filter(of_state).copied().collect();
                assert_eq!(found, wanted, "{order:?} {state:?} {limit}");
            }
        }
        expected.reverse();
    }
    let oldest = ConversationList::All(Order::OldestFirst.into());
    let page = world
        .store
        .conversations(world.application, oldest, window(9));
    let ids = page.await.unwrap().items;
    assert_eq!(ids.len(), 7);
    assert!(ids.is_sorted_by_key(|view| view.conversation.id));
}

pub(crate) async fn pages_by_age_are_of_some_ages(world: Arc<World>) {
    let jay = world.person("jay").await;
    let mut made = Vec::new();
    for _ in 0..6 {
        let id = world.conversation(&jay).await;
        let view = world.view(id, jay.id).await.unwrap();
        made.push((id, view.conversation.created_at));
    }
    assert!(made.is_sorted_by(|one, next| one.1 < next.1));
    let moment = |at: usize| made[at].1;
    for (since, until, expected) in [
        (None, None, 0..6),
        (Some(moment(2)), None, 2..6),
        (None, Some(moment(3)), 0..4),
        (Some(moment(1)), Some(moment(4)), 1..5),
        (Some(moment(2).plus_milliseconds(1)), Some(moment(2)), 0..0),
        (Some(moment(5).plus_milliseconds(1)), None, 0..0),
        (None, Some(moment(0).plus_milliseconds(-1)), 0..0),
        (Some(Timestamp::from_milliseconds(i64::MIN)), None, 0..6),
        (None, Some(Timestamp::from_milliseconds(i64::MAX)), 0..6),
    ] {
        for (order, limit) in [
            (Order::OldestFirst, 9),
            (Order::OldestFirst, 2),
            (Order::NewestFirst, 1),
        ] {
            let ages = Ages {
                order,
                since,
                until,
            };
            let of_jay = ConversationList::OfUser {
                user: jay.id,
                state: Some(MemberState::Joined),
                ages,
            };
            let mut wanted: Vec<_> = made[expected.clone()].iter().map(|(id, _)| *id).collect();
            if order == Order::NewestFirst {
                wanted.reverse();
            }
            for list in [ConversationList::All(ages), of_jay] {
                let found = every_page(&world, list, limit).await;
                assert_eq!(found, wanted, "{list:?} {limit}");
            }
        }
    }
}

async fn every_page(world: &World, list: ConversationList, limit: usize) -> Vec<ConversationId> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let window = Window { after, limit };
        let page = world.store.conversations(world.application, list, window);
        let page = page.await.unwrap();
        found.extend(page.items.iter().map(|view| view.conversation.id));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// Gives a user places, one after the other, that end in these states; answers the last.
async fn had_places(
    world: &World,
    conversation: ConversationId,
    user: &User,
    states: &[MemberState],
) -> Option<(MemberId, MemberState)> {
    let mut newest = None;
    for state in states {
        let begun = match state {
            MemberState::Left => MemberState::Joined,
            MemberState::Invited | MemberState::Joined => *state,
        };
        let new = world.new_member(conversation, user.id, begun);
        let member = new.member;
        world.commit([Change::AddMember(Box::new(new))]).await;
        if *state == MemberState::Left {
            let leave = Change::ChangeMember(Box::new(MemberChange {
                conversation,
                member,
                from: begun,
                to: MemberState::Left,
                reason: None,
                author: Author::Backend,
                assurance: Assurance::Verified,
                at: world.at(1),
            }));
            world.commit([leave]).await;
        }
        newest = Some((member, *state));
    }
    newest
}

pub(crate) async fn unread_are_others_messages(world: Arc<World>) {
    let jay = world.person("jay").await;
    let ann = world.person("ann").await;
    let id = world.conversation(&jay).await;
    world.join(id, &ann).await;
    let unread = |user| {
        let world = &world;
        async move {
            let of_one = world.view(id, user).await.unwrap().unread;
            let page = world.store.conversations(
                world.application,
                ConversationList::Following(user),
                window(9),
            );
            assert_eq!(page.await.unwrap().items[0].unread, of_one);
            of_one
        }
    };
    world.say(id, &ann, "own").await;
    let first = world.say(id, &jay, "one").await;
    let deleted = world.say(id, &jay, "two").await;
    assert_eq!((unread(ann.id).await, unread(jay.id).await), (2, 1));
    let mut delete = world.new_event(id, Author::Backend, EventKind::Delete, "{}");
    delete.touches = Some(countersign_core::ports::change::Touch::Delete { event: deleted });
    world.commit([Change::Append(Box::new(delete))]).await;
    assert_eq!(unread(ann.id).await, 1);
    let seen = Change::MovePosition {
        conversation: id,
        user: ann.id,
        delivered: first,
        seen: first,
    };
    world.commit([seen]).await;
    assert_eq!(unread(ann.id).await, 0);
    world.say(id, &jay, "three").await;
    let backend = world.text(id, Author::Backend, "four", None);
    world.commit([backend]).await;
    assert_eq!(unread(ann.id).await, 2);
    // What came from an earlier place of one's own is one's own.
    let place = world.place(id, jay.id).await;
    let leave = MemberChange {
        conversation: id,
        member: place.id,
        from: MemberState::Joined,
        to: MemberState::Left,
        reason: None,
        author: Author::User(jay.id),
        assurance: Assurance::Verified,
        at: world.at(9),
    };
    world.commit([Change::ChangeMember(Box::new(leave))]).await;
    assert_eq!(world.view(id, jay.id).await.unwrap().unread, 0);
    let again: MemberId = world.join(id, &jay).await;
    assert_ne!(again, place.id);
    // Ann's own, and the backend's.
    assert_eq!(unread(jay.id).await, 2);
}

/// Who writes much, and never says what they have seen, costs no more with each message.
pub(crate) async fn unread_are_looked_for_among_the_newest_ten_thousand(world: Arc<World>) {
    let jay = world.person("jay").await;
    let ann = world.person("ann").await;
    let id = world.conversation(&jay).await;
    world.join(id, &ann).await;
    let first = world.say(id, &jay, "first").await;
    let texts = |count: usize, author: &User| {
        let text = world.text(id, Author::User(author.id), "own", None);
        vec![text; count]
    };
    for _ in 0..9 {
        world.commit(texts(1_000, &ann)).await;
    }
    world.commit(texts(999, &ann)).await;
    let last_seen_of_ann = world.place(id, ann.id).await.seen;
    assert!(last_seen_of_ann < first);
    let unread = async |user: &User| world.view(id, user.id).await.unwrap().unread;
    assert_eq!(
        unread(&ann).await,
        1,
        "jay's is the oldest of the ten thousand"
    );
    assert_eq!(unread(&jay).await, 1_000, "no more are counted");
    world.say(id, &ann, "one more").await;
    assert_eq!(unread(&ann).await, 0);
    world.say(id, &jay, "second").await;
    assert_eq!(unread(&ann).await, 1);
}
