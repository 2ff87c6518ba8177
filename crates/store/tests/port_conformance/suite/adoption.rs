//! A visitor logs in, and their places go to the user.

use crate::world::World;
use countersign_core::id::{ConversationId, UserId};
use countersign_core::model::event::{Author, EventKind};
use countersign_core::model::member::MemberState;
use countersign_core::model::page::{Order, Window};
use countersign_core::ports::change::{Change, Expectation, Touch};
use std::sync::Arc;

fn adopt(world: &World, conversation: ConversationId, from: UserId, to: UserId) -> [Change; 1] {
    [Change::Adopt {
        conversation,
        from,
        to,
        at: world.at(800),
    }]
}

pub(crate) async fn a_place_moves(world: Arc<World>) {
    let visitor = world.visitor().await.user;
    let jay = world.person("jay").await;
    let id = world.conversation(&visitor).await;
    let said = world.say(id, &visitor, "hello").await;
    let place = world.place(id, visitor.id).await;
    assert_eq!(
        world.event(id, said).await.from.person.names.shown(),
        "visitor"
    );
    let committed = world.commit(adopt(&world, id, visitor.id, jay.id)).await;
    assert_eq!(committed.events, [(id, 3)]);
    let event = world.event(id, 3).await;
    assert_eq!(event.kind, EventKind::MemberAdopted);
    let expected = format!(
        r#"{{"member_id":"{}","user_id":"{}","name":"jay"}}"#,
        place.id, jay.id
    );
    assert_eq!(event.body, expected);
    let view = world.view(id, jay.id).await.unwrap();
    assert!(view.is_creator());
    let moved = view.member.unwrap();
    assert_eq!((moved.id, moved.state), (place.id, MemberState::Joined));
    assert_eq!(view.unread, 0, "what the visitor said is the user's own");
    assert!(world.view(id, visitor.id).await.unwrap().member.is_none());
    for event in world.history(id).await {
        assert_eq!(event.from.user, Some(jay.id));
        assert_eq!(
            (event.from.person.names.shown(), event.from.member),
            ("jay", Some(place.id))
        );
    }
    // It is the user's to edit now.
    let mut edit = world.new_event(id, Author::User(jay.id), EventKind::Edit, "{}");
    edit.touches = Some(Touch::Edit {
        event: said,
        body: "{}".to_owned(),
    });
    world.commit([Change::Append(Box::new(edit))]).await;
}

pub(crate) async fn a_place_is_merged(world: Arc<World>) {
    let visitor = world.visitor().await.user;
    let jay = world.person("jay").await;
    let id = world.conversation(&visitor).await;
    let own = world.join(id, &jay).await;
    let said = world.say(id, &visitor, "hello").await;
    world.say(id, &jay, "hello myself").await;
    let place = world.place(id, visitor.id).await;
    let seen = Change::MovePosition {
        conversation: id,
        user: visitor.id,
        delivered: 4,
        seen: 3,
    };
    world.commit([seen]).await;
    let committed = world.commit(adopt(&world, id, visitor.id, jay.id)).await;
    assert_eq!(committed.events, [(id, 5)]);
    let left = world.store.member(world.application, id, place.id).await;
    assert_eq!(left.unwrap().unwrap().state, MemberState::Left);
    let view = world.view(id, jay.id).await.unwrap();
    assert!(view.is_creator(), "the creator's place is the user's now");
    let member = view.member.unwrap();
    assert_eq!((member.id, member.state), (own, MemberState::Joined));
    assert_eq!((member.delivered, member.seen, view.unread), (4, 3, 0));
    for event in world.history(id).await {
        if let Some(user) = event.from.user {
            assert_eq!(
                (user, event.from.member),
                (jay.id, Some(own)),
                "{}",
                event.id
            );
        }
    }
    let mut delete = world.new_event(id, Author::User(jay.id), EventKind::Delete, "{}");
    delete.touches = Some(Touch::Delete { event: said });
    world.commit([Change::Append(Box::new(delete))]).await;
    let window = Window {
        after: None,
        limit: 9,
    };
    let members = world
        .store
        .members(world.application, id, Order::OldestFirst, window)
        .await;
    assert_eq!(members.unwrap().items.len(), 2);
}

pub(crate) async fn an_invited_user_comes_in(world: Arc<World>) {
    let visitor = world.visitor().await.user;
    let jay = world.person("jay").await;
    let id = world.conversation(&visitor).await;
    let invited = world.new_member(id, jay.id, MemberState::Invited);
    let own = invited.member;
    world.commit([Change::AddMember(Box::new(invited))]).await;
    world.commit(adopt(&world, id, visitor.id, jay.id)).await;
    let member = world.place(id, jay.id).await;
    assert_eq!((member.id, member.state), (own, MemberState::Joined));
    world.say(id, &jay, "here I am").await;
}

pub(crate) async fn is_done_once(world: Arc<World>) {
    let visitor = world.visitor().await.user;
    let jay = world.person("jay").await;
    let id = world.conversation(&visitor).await;
    world.commit(adopt(&world, id, visitor.id, jay.id)).await;
    let again = adopt(&world, id, visitor.id, jay.id);
    world.refuse(Expectation::VisitorPlace, again).await;
    assert_eq!(world.history(id).await.len(), 2);
}

pub(crate) async fn of_no_place(world: Arc<World>) {
    let visitor = world.visitor().await.user;
    let jay = world.person("jay").await;
    let id = world.conversation(&jay).await;
    let nothing = adopt(&world, id, visitor.id, jay.id);
    world.refuse(Expectation::VisitorPlace, nothing).await;
    let nowhere = adopt(&world, world.id(ConversationId::new), visitor.id, jay.id);
    world.refuse(Expectation::VisitorPlace, nowhere).await;
}

pub(crate) async fn none_is_left_behind(world: Arc<World>) {
    let visitor = world.visitor().await.user;
    let jay = world.person("jay").await;
    let known = world.conversation(&visitor).await;
    let since = world.conversation(&visitor).await;
    let move_one = |id| {
        let [adopt] = adopt(&world, id, visitor.id, jay.id);
        adopt
    };
    let none_left = Change::ExpectNoPlace(visitor.id);
    world
        .refuse(
            Expectation::VisitorPlace,
            [move_one(known), none_left.clone()],
        )
        .await;
    assert!(world.view(known, jay.id).await.unwrap().member.is_none());
    world
        .commit([move_one(known), move_one(since), none_left])
        .await;
    assert!(world.view(since, jay.id).await.unwrap().member.is_some());
}
