//! Members.

use crate::world::{World, window};
use countersign_core::id::{ConversationId, MemberId, UserId};
use countersign_core::limit;
use countersign_core::model::conversation::ConversationList;
use countersign_core::model::event::{Assurance, Author, EventKind, Range};
use countersign_core::model::member::{MemberState, Reason};
use countersign_core::model::page::{Order, Window};
use countersign_core::ports::change::{Change, Expectation, Guard, MemberChange, NewMember};
use std::sync::Arc;

fn add(new: NewMember) -> [Change; 1] {
    [Change::AddMember(Box::new(new))]
}

fn change(
    world: &World,
    conversation: ConversationId,
    member: MemberId,
    from: MemberState,
    to: MemberState,
    author: Author,
) -> [Change; 1] {
    [Change::ChangeMember(Box::new(MemberChange {
        conversation,
        member,
        from,
        to,
        reason: None,
        author,
        assurance: Assurance::Verified,
        at: world.at(500),
    }))]
}

pub(crate) async fn joined_ones_are_found_the_oldest_first(world: Arc<World>) {
    let mut people = Vec::new();
    for name in ["jay", "ann", "bob", "cay", "dee"] {
        people.push(world.person(name).await);
    }
    let id = world.conversation(&people[0]).await;
    let mut places = vec![world.place(id, people[0].id).await.id];
    for person in &people[1..4] {
        places.push(world.join(id, person).await);
    }
    let invited = world.new_member(id, people[4].id, MemberState::Invited);
    world.commit(add(invited)).await;
    let left = [MemberState::Joined, MemberState::Left];
    let leave = change(&world, id, places[1], left[0], left[1], Author::Backend);
    world.commit(leave).await;
    let joined = async |application, most| {
        let found = world.store.joined_members(application, id, most).await;
        let ids = found.unwrap().into_iter().map(|member| member.id);
        ids.collect::<Vec<_>>()
    };
    let expected = [places[0], places[2], places[3]];
    assert_eq!(joined(world.application, 9).await, expected);
    assert_eq!(joined(world.application, 2).await, expected[..2]);
    assert_eq!(joined(world.other, 9).await, []);
}

pub(crate) async fn a_place_is_the_one_that_is_not_left(world: Arc<World>) {
    let jay = world.person("jay").await;
    let ann = world.person("ann").await;
    let id = world.conversation(&jay).await;
    let place = async |application, user| {
        let found = world.store.place(application, id, user).await.unwrap();
        let found = found.map(|member| (member.id, member.state));
        // Who reads the history is judged by the same place.
        let range = Range::Newest;
        let view = world.store.events(application, id, Some(user), range, 1);
        let judged = view.await.unwrap().and_then(|view| view.place);
        assert_eq!(judged.map(|place| (place.id, place.state)), found);
        found
    };
    assert_eq!(place(world.application, ann.id).await, None);
    let first = world.join(id, &ann).await;
    let joined = MemberState::Joined;
    let expected = Some((first, joined));
    assert_eq!(place(world.application, ann.id).await, expected);
    assert_eq!(place(world.other, ann.id).await, None);
    let left = MemberState::Left;
    world
        .commit(change(&world, id, first, joined, left, Author::Backend))
        .await;
    let expected = Some((first, left));
    assert_eq!(place(world.application, ann.id).await, expected);
    let again = world.join(id, &ann).await;
    let expected = Some((again, joined));
    assert_eq!(place(world.application, ann.id).await, expected);
}

pub(crate) async fn is_added_with_an_event(world: Arc<World>) {
    let jay = world.person("jay").await;
    let ann = world.person("ann").await;
    let bob = world.person("bob").await;
    let id = world.conversation(&jay).await;
    let invited = NewMember {
        author: Author::User(jay.id),
        guard: Guard::Joined(jay.id),
        ..world.new_member(id, ann.id, MemberState::Invited)
    };
    let committed = world.commit(add(invited.clone())).await;
    assert_eq!(committed.events, [(id, 2)]);
    let event = world.event(id, 2).await;
    assert_eq!(event.kind, EventKind::MemberInvited);
    assert_eq!(event.from.user, Some(jay.id));
    let expected = format!(
        r#"{{"member_id":"{}","user_id":"{}","name":"ann"}}"#,
        invited.member, ann.id
    );
    assert_eq!(event.body, expected);
    let by_backend = world.join(id, &bob).await;
    let event = world.event(id, 3).await;
    assert_eq!(event.kind, EventKind::MemberJoined);
    assert_eq!(
        (event.from.member, event.from.person.names.shown()),
        (None, "backend")
    );
    let found = world.store.member(world.application, id, by_backend).await;
    let member = found.unwrap().unwrap();
    assert_eq!((member.user, member.names.shown()), (bob.id, "bob"));
    assert_eq!((member.delivered, member.seen), (0, 0));
    let unknown = world.id(MemberId::new);
    let none = world.store.member(world.application, id, unknown).await;
    assert!(none.unwrap().is_none());
    for (order, expected) in [
        (Order::OldestFirst, [jay.id, ann.id, bob.id]),
        (Order::NewestFirst, [bob.id, ann.id, jay.id]),
    ] {
        let mut listed = Vec::new();
        let mut after = None;
        loop {
            let window = Window { after, limit: 2 };
            let page = world
                .store
                .members(world.application, id, order, window)
                .await
                .unwrap();
            listed.extend(page.items.into_iter().map(|member| member.user));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(listed, expected);
    }
}

pub(crate) async fn needs_a_place_a_user_and_a_joined_author(world: Arc<World>) {
    let jay = world.person("jay").await;
    let ann = world.person("ann").await;
    let id = world.conversation(&jay).await;
    let new = |user| world.new_member(id, user, MemberState::Joined);
    world.refuse(Expectation::PlaceFree, add(new(jay.id))).await;
    let nobody = world.id(UserId::new);
    world.refuse(Expectation::User, add(new(nobody))).await;
    let nowhere = NewMember {
        conversation: world.id(ConversationId::new),
        ..new(ann.id)
    };
    world.refuse(Expectation::Conversation, add(nowhere)).await;
    let not_joined = NewMember {
        author: Author::User(ann.id),
        guard: Guard::Joined(ann.id),
        ..new(ann.id)
    };
    world.refuse(Expectation::Joined, add(not_joined)).await;
    assert_eq!(world.history(id).await.len(), 1);
}

pub(crate) async fn there_is_room_for_so_many(world: Arc<World>) {
    let jay = world.person("jay").await;
    let id = world.conversation(&jay).await;
    let mut last = None;
    for _ in 0..6 {
        // As many as fit into a batch.
        let mut batch = Vec::new();
        for _ in 0..500 {
            let user = world.new_user(None);
            batch.push(Change::AddUser(user.clone()));
            let new = world.new_member(id, user.id, MemberState::Joined);
            last = Some(new.member);
            batch.extend(add(new));
        }
        if world.history(id).await.len() > 2_500 {
            // The creator is one of them.
            batch.truncate(batch.len() - 2);
            last = None;
        }
        world.commit(batch).await;
    }
    assert!(last.is_none());
    let user = world.person("late").await;
    let late = || add(world.new_member(id, user.id, MemberState::Invited));
    world.refuse(Expectation::MemberRoom, late()).await;
    let place = world.place(id, jay.id).await.id;
    let (joined, left) = (MemberState::Joined, MemberState::Left);
    world
        .commit(change(&world, id, place, joined, left, Author::Backend))
        .await;
    world.commit(late()).await;
    assert_eq!(limit::MEMBERS_MAX, 3_000);
}

pub(crate) async fn moves_from_state_to_state(world: Arc<World>) {
    let (invited, joined, left) = (MemberState::Invited, MemberState::Joined, MemberState::Left);
    let jay = world.person("jay").await;
    let ann = world.person("ann").await;
    let id = world.conversation(&jay).await;
    let new = world.new_member(id, ann.id, invited);
    let place = new.member;
    world.commit(add(new)).await;
    let own = Author::User(ann.id);
    let to = |from, to, author| change(&world, id, place, from, to, author);
    world
        .refuse(Expectation::MemberState, to(joined, left, own))
        .await;
    let committed = world.commit(to(invited, joined, own)).await;
    assert_eq!(committed.events, [(id, 3)]);
    let event = world.event(id, 3).await;
    assert_eq!(event.kind, EventKind::MemberJoined);
    assert_eq!(event.from.member, Some(place));
    let member = world.place(id, ann.id).await;
    assert_eq!((member.state, member.changed_at), (joined, world.at(500)));
    // Who leaves tells of it, too.
    world.commit(to(joined, left, own)).await;
    let event = world.event(id, 4).await;
    assert_eq!(event.kind, EventKind::MemberLeft);
    assert_eq!(event.from.member, Some(place));
    world
        .refuse(Expectation::MemberState, to(joined, left, own))
        .await;
    // Somebody who has no place cannot do it.
    let again = world.join(id, &ann).await;
    let stranger = Author::User(world.person("bob").await.id);
    world
        .refuse(
            Expectation::Joined,
            change(&world, id, again, joined, left, stranger),
        )
        .await;
    // The creator removes.
    let creator = Author::User(jay.id);
    world
        .commit(change(&world, id, again, joined, left, creator))
        .await;
    let event = world.history(id).await.pop().unwrap();
    assert_eq!(event.from.user, Some(jay.id));
    assert!(event.body.contains(&again.to_string()));
    let nowhere = world.id(ConversationId::new);
    world
        .refuse(
            Expectation::Conversation,
            change(&world, nowhere, place, joined, left, Author::Backend),
        )
        .await;
}

pub(crate) async fn tells_why_it_went_out(world: Arc<World>) {
    let (joined, left) = (MemberState::Joined, MemberState::Left);
    let jay = world.person("jay").await;
    let id = world.conversation(&jay).await;
    let said = |code: Option<&str>, text: Option<&str>| {
        Some(Reason {
            code: code.map(str::to_owned),
            text: text.map(str::to_owned),
        })
    };
    for reason in [
        None,
        said(Some("bye"), Some("done \"for\" today")),
        said(None, Some("ä")),
        said(Some("c"), None),
    ] {
        let name = format!("ann{}", world.history(id).await.len());
        let ann = world.person(&name).await;
        let place = world.join(id, &ann).await;
        let leave = MemberChange {
            conversation: id,
            member: place,
            from: joined,
            to: left,
            reason: reason.clone(),
            author: Author::User(ann.id),
            assurance: Assurance::Verified,
            at: world.at(500),
        };
        world.commit([Change::ChangeMember(Box::new(leave))]).await;
        let mut history = world.history(id).await;
        let went = history.pop().unwrap();
        let came = history.pop().unwrap();
        assert_eq!((came.reason, went.reason), (None, reason.map(Box::new)));
        // What it tells beside is the same as ever.
        assert_eq!(came.body, went.body);
    }
}

pub(crate) async fn tells_when_it_went_where(world: Arc<World>) {
    let (invited, joined, left) = (MemberState::Invited, MemberState::Joined, MemberState::Left);
    let jay = world.person("jay").await;
    let ann = world.person("ann").await;
    let id = world.conversation(&jay).await;
    let creator = world.place(id, jay.id).await;
    let times = (creator.invited_at, creator.joined_at, creator.left_at);
    assert_eq!(times, (None, Some(creator.changed_at), None));
    assert_eq!(creator.invited_by, None);
    let by_jay = NewMember {
        author: Author::User(jay.id),
        ..world.new_member(id, ann.id, invited)
    };
    let (place, asked_at) = (by_jay.member, Some(by_jay.at));
    world.commit(add(by_jay)).await;
    let member = world.place(id, ann.id).await;
    assert_eq!(member.invited_by, Some(creator.id));
    let times = (member.invited_at, member.joined_at, member.left_at);
    assert_eq!(times, (asked_at, None, None));
    let own = Author::User(ann.id);
    world
        .commit(change(&world, id, place, invited, joined, own))
        .await;
    world
        .commit(change(&world, id, place, joined, left, own))
        .await;
    let at = Some(world.at(500));
    let member = world.place(id, ann.id).await;
    let times = (member.invited_at, member.joined_at, member.left_at);
    assert_eq!(times, (asked_at, at, at));
    assert_eq!(member.invited_by, Some(creator.id));
    // Nobody is told to have asked whom a backend did, or who came in at once.
    for state in [invited, joined] {
        let user = world.person(state.as_str()).await;
        let new = world.new_member(id, user.id, state);
        let at = new.at;
        world.commit(add(new)).await;
        let member = world.place(id, user.id).await;
        assert_eq!(member.invited_by, None);
        let times = (member.invited_at, member.joined_at, member.left_at);
        let expected = if state == invited {
            (Some(at), None, None)
        } else {
            (None, Some(at), None)
        };
        assert_eq!(times, expected);
    }
    // Who is deleted has left.
    let at = world.at(9_000);
    world.commit([Change::DeleteUser(jay.id, at)]).await;
    assert_eq!(world.place(id, jay.id).await.left_at, Some(at));
}

pub(crate) async fn positions_move_ahead_only(world: Arc<World>) {
    let jay = world.person("jay").await;
    let id = world.conversation(&jay).await;
    for _ in 0..4 {
        world.say(id, &jay, "x").await;
    }
    let to = |user, delivered, seen| {
        [Change::MovePosition {
            conversation: id,
            user,
            delivered,
            seen,
        }]
    };
    for (delivered, seen, expected) in [
        (3, 2, (3, 2)),
        (1, 1, (3, 2)),
        (0, 3, (3, 3)),
        (u64::MAX, 4, (5, 4)),
        (5, 99, (5, 5)),
    ] {
        world.commit(to(jay.id, delivered, seen)).await;
        let member = world.place(id, jay.id).await;
        assert_eq!((member.delivered, member.seen), expected);
    }
    let ann = world.person("ann").await;
    world.refuse(Expectation::Joined, to(ann.id, 1, 1)).await;
    let invited = world.new_member(id, ann.id, MemberState::Invited);
    world.commit(add(invited)).await;
    world.refuse(Expectation::Joined, to(ann.id, 1, 1)).await;
}

pub(crate) async fn who_comes_back_is_a_new_member(world: Arc<World>) {
    let jay = world.person("jay").await;
    let ann = world.person("ann").await;
    let id = world.conversation(&jay).await;
    let first = world.join(id, &ann).await;
    let (joined, left) = (MemberState::Joined, MemberState::Left);
    let leave = change(&world, id, first, joined, left, Author::Backend);
    world.commit(leave).await;
    let conversations = || async {
        let page = world
            .store
            .conversations(
                world.application,
                ConversationList::Following(ann.id),
                window(9),
            )
            .await;
        page.unwrap().items.len()
    };
    assert_eq!(world.place(id, ann.id).await.id, first);
    assert_eq!(conversations().await, 0);
    let second = world.join(id, &ann).await;
    assert_ne!(first, second);
    assert_eq!(world.place(id, ann.id).await.id, second);
    assert_eq!(conversations().await, 1);
}
