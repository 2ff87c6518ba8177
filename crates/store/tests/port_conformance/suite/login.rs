//! What a login reads.

use super::session::revocation;
use crate::world::World;
use countersign_core::id::{DeviceId, SessionId};
use countersign_core::model::password::PasswordHash;
use countersign_core::model::revocation::Target;
use countersign_core::model::session::{EndReason, Timeouts};
use countersign_core::model::user::Identifier;
use countersign_core::ports::change::{Change, PasswordChange, SessionEnd};
use countersign_core::ports::store::{LoginQuery, LoginView};
use std::sync::Arc;

fn query(world: &World, identifier: Identifier) -> LoginQuery {
    LoginQuery {
        identifier,
        other: None,
        targets: Vec::new(),
        issued_at: world.at(50),
        one_time_id: None,
        current: None,
        device: None,
        sessions_max: 1,
        timeouts: Timeouts::NONE,
    }
}

async fn ask(world: &World, query: LoginQuery) -> LoginView {
    let view = world.store.login_view(world.application, query).await;
    view.unwrap()
}

pub(crate) async fn everything_is_read_at_once(world: Arc<World>) {
    let jay = world.person("jay").await;
    let ann = world.person("ann").await;
    let oldest = world.log_in(&jay).await;
    let ended = world.log_in(&jay).await;
    let newest = world.log_in(&jay).await;
    let end = SessionEnd {
        session: ended.id,
        visitor: None,
        why: EndReason::LoggedOut,
        at: world.at(1),
    };
    let hash = PasswordHash::from_text("hash".to_owned());
    world
        .commit([Change::Password(jay.id, PasswordChange::Set(hash))])
        .await;
    world.commit([Change::EndSession(Box::new(end))]).await;
    for identifier in [
        Identifier::Id(jay.id),
        Identifier::Name(jay.name.clone().unwrap()),
        Identifier::ExternalId(jay.external_id.clone().unwrap()),
        Identifier::Email(jay.email.clone().unwrap()),
    ] {
        let view = ask(
            &world,
            LoginQuery {
                other: ann.external_id.clone().map(Identifier::ExternalId),
                one_time_id: ended.credential.as_ref().and_then(|c| c.one_time_id),
                current: Some(newest.id),
                device: Some(oldest.device),
                ..query(&world, identifier.clone())
            },
        )
        .await;
        assert_eq!(view.user, Some(jay.clone()));
        assert_eq!(view.other, Some(ann.clone()));
        assert_eq!(view.used_by.map(|session| session.id), Some(ended.id));
        assert_eq!(view.current, Some((newest.clone(), jay.clone())));
        assert!(!view.revoked && !view.current_revoked && view.device_known);
        assert_eq!(view.open_sessions, [oldest.id, newest.id]);
        let by_name = matches!(identifier, Identifier::Name(_));
        assert_eq!(view.has_password, by_name, "it is asked by name alone");
        for (sessions_max, told) in [(2, 2), (3, 0)] {
            let query = LoginQuery {
                sessions_max,
                ..query(&world, identifier.clone())
            };
            let view = ask(&world, query).await;
            assert_eq!(view.open_sessions.len(), told, "{sessions_max}");
        }
        assert_eq!(view.visitor_conversations, []);
    }
}

pub(crate) async fn nothing_is_there(world: Arc<World>) {
    let nobody = world.new_user(Some("nobody"));
    let view = ask(
        &world,
        LoginQuery {
            other: nobody.email.map(Identifier::Email),
            one_time_id: Some([1; 32]),
            current: Some(world.id(SessionId::new)),
            device: Some(world.id(DeviceId::new)),
            targets: vec![Target::Kid("kid-1".to_owned())],
            ..query(&world, Identifier::Name(nobody.name.unwrap()))
        },
    )
    .await;
    assert!(view.user.is_none() && view.other.is_none() && view.used_by.is_none());
    assert!(view.current.is_none() && view.open_sessions.is_empty());
    assert!(!view.revoked && !view.current_revoked && !view.device_known);
}

pub(crate) async fn revocations_cover_a_credential(world: Arc<World>) {
    let jay = world.person("jay").await;
    let session = world.log_in(&jay).await;
    let name = jay.name.clone().unwrap();
    let target = Target::whoever(world.application, &Identifier::Name(name.clone()));
    let with = |issued| LoginQuery {
        issued_at: world.at(issued),
        targets: vec![Target::jti(world.application, "unknown"), target.clone()],
        current: Some(session.id),
        ..query(&world, Identifier::Name(name.clone()))
    };
    assert!(!ask(&world, with(50)).await.revoked);
    let row = revocation(target.clone(), world.at(50));
    world.commit([Change::Revoke(row)]).await;
    assert!(ask(&world, with(50)).await.revoked);
    assert!(!ask(&world, with(51)).await.revoked);
    // The user who is found is looked at, too.
    let row = revocation(Target::User(jay.id), world.at(60));
    world.commit([Change::Revoke(row)]).await;
    let view = ask(&world, with(60)).await;
    assert!(view.revoked && view.current_revoked);
    let view = ask(&world, with(61)).await;
    assert!(!view.revoked && view.current_revoked);
}

pub(crate) async fn a_visitors_conversations(world: Arc<World>) {
    let jay = world.person("jay").await;
    let visitor = world.visitor().await;
    let mut conversations = Vec::new();
    for _ in 0..3 {
        conversations.push(world.conversation(&visitor.user).await);
    }
    world
        .commit([Change::DeleteConversation(conversations.remove(1))])
        .await;
    let identifier = Identifier::Name(jay.name.clone().unwrap());
    let with = LoginQuery {
        current: Some(visitor.session.id),
        ..query(&world, identifier)
    };
    let view = ask(&world, with).await;
    assert_eq!(view.visitor_conversations, conversations);
    assert_eq!(view.current, Some((visitor.session, visitor.user)));
}
