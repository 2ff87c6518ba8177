//! Two applications that have the same of everything, and never each other's.

use crate::world::{World, permit, window};
use countersign_core::id::ConversationId;
use countersign_core::model::conversation::ConversationList;
use countersign_core::model::event::{Author, EventFilter, Range};
use countersign_core::model::member::MemberState;
use countersign_core::model::page::Order;
use countersign_core::model::revocation::Target;
use countersign_core::model::session::Timeouts;
use countersign_core::model::session::{EndReason, Session};
use countersign_core::model::user::{Identifier, User, UserPatch};
use countersign_core::ports::change::{Change, SessionEnd};
use countersign_core::ports::store::{CommitError, LoginQuery, UserFilter};
use std::sync::Arc;

pub(crate) async fn two_applications_do_not_see_each_other(world: Arc<World>) {
    let jay = world.person("jay").await;
    let conversation = world.conversation(&jay).await;
    let session = world.log_in(&jay).await;
    world.say(conversation, &jay, "hello").await;
    let foreign = world.other;
    let store = &world.store;
    for identifier in [
        Identifier::Id(jay.id),
        Identifier::Name(jay.name.clone().unwrap()),
        Identifier::ExternalId(jay.external_id.clone().unwrap()),
        Identifier::Email(jay.email.clone().unwrap()),
    ] {
        let found = store.user(foreign, identifier.clone()).await;
        assert_eq!(found.unwrap(), None);
        let query = LoginQuery {
            identifier,
            other: None,
            targets: Vec::new(),
            issued_at: world.at(0),
            one_time_id: session.credential.as_ref().and_then(|c| c.one_time_id),
            current: Some(session.id),
            device: Some(session.device),
            sessions_max: 1,
            timeouts: Timeouts::NONE,
        };
        let view = store.login_view(foreign, query).await.unwrap();
        assert!(view.user.is_none() && view.used_by.is_none() && view.current.is_none());
        assert!(!view.device_known && view.open_sessions.is_empty());
        assert!(view.visitor_conversations.is_empty());
    }
    sees_no_conversation(&world, &jay, conversation).await;
    let users = store.users(foreign, UserFilter::default(), window(9)).await;
    assert_eq!(users.unwrap().items, []);
    assert!(store.session(foreign, session.id).await.unwrap().is_none());
    let sessions = store
        .sessions(foreign, jay.id, Timeouts::NONE, window(9))
        .await;
    assert_eq!(sessions.unwrap().items, []);
    assert_eq!(
        store
            .devices(foreign, jay.id, Timeouts::NONE)
            .await
            .unwrap(),
        []
    );
    assert!(!store.device_known(foreign, session.device).await.unwrap());
    writes_nothing(&world, &jay, conversation, &session).await;
    // What covers one does not cover the other, and the same names are free.
    let target = Target::Session(session.id);
    let row = super::session::revocation(target.clone(), world.at(1));
    let changes = vec![Change::Revoke(row), Change::AddUser(jay.clone())];
    store.commit(&permit(foreign), changes).await.unwrap();
    let targets = vec![target];
    let covered = store.covered(world.application, targets, world.at(0)).await;
    assert!(!covered.unwrap());
    let view = store.session(world.application, session.id).await.unwrap();
    assert!(!view.unwrap().revoked);
    let all = Change::EndOtherSessions {
        user: jay.id,
        keep: None,
        why: EndReason::Revoked,
        at: world.at(1),
    };
    store.commit(&permit(foreign), vec![all]).await.unwrap();
    let open = store
        .sessions(world.application, jay.id, Timeouts::NONE, window(9))
        .await;
    assert_eq!(open.unwrap().items.len(), 1);
    assert_eq!(world.history(conversation).await.len(), 2);
}

async fn sees_no_conversation(world: &World, jay: &User, conversation: ConversationId) {
    let (store, foreign) = (&world.store, world.other);
    let member = world.place(conversation, jay.id).await.id;
    let found = store
        .conversation(foreign, conversation, Some(jay.id))
        .await;
    assert!(found.unwrap().is_none());
    let order = Order::OldestFirst;
    let of_jay = |state| ConversationList::OfUser {
        user: jay.id,
        state,
        ages: order.into(),
    };
    for list in [
        ConversationList::All(order.into()),
        ConversationList::Following(jay.id),
        of_jay(None),
        of_jay(Some(MemberState::Joined)),
    ] {
        let page = store.conversations(foreign, list, window(9)).await;
        assert_eq!(page.unwrap().items, []);
    }
    let members = store.members(foreign, conversation, order, window(9)).await;
    let filter = EventFilter::default();
    let page = store.event_page(foreign, conversation, Some(jay.id), filter, window(9));
    assert!(page.await.unwrap().is_none());
    assert_eq!(members.unwrap().items, []);
    let found = store.member(foreign, conversation, member).await;
    assert!(found.unwrap().is_none());
    let range = Range::Newest;
    let events = store
        .events(foreign, conversation, Some(jay.id), range, 9)
        .await;
    assert!(events.unwrap().is_none());
    let shared = store.share_conversation(foreign, jay.id, jay.id).await;
    assert!(!shared.unwrap());
}

async fn writes_nothing(
    world: &World,
    jay: &User,
    conversation: ConversationId,
    session: &Session,
) {
    let end = SessionEnd {
        session: session.id,
        visitor: None,
        why: EndReason::Revoked,
        at: world.at(1),
    };
    for change in [
        Change::ChangeUser(jay.id, UserPatch::default()),
        Change::DeleteUser(jay.id, world.at(1)),
        Change::EndSession(Box::new(end)),
        Change::NameDevice(jay.id, session.device, "x".to_owned()),
        Change::DeleteConversation(conversation),
        world.text(conversation, Author::Backend, "x", None),
        world.text(conversation, Author::User(jay.id), "x", None),
    ] {
        let refused = world.store.commit(&permit(world.other), vec![change]).await;
        assert!(
            matches!(refused, Err(CommitError::Missed(_))),
            "{refused:?}"
        );
    }
}
