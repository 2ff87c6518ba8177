//! What a login reads.

use super::session::revocation;
use crate::world::{World, window};
use countersign_core::id::{ApiKeyId, DeviceId, SessionId, UserId};
use countersign_core::model::conversation::ConversationList;
use countersign_core::model::event::{Assurance, Author};
use countersign_core::model::member::MemberState;
use countersign_core::model::password::PasswordHash;
use countersign_core::model::pseudonym::Pseudonym;
use countersign_core::model::revocation::{Kind, Target};
use countersign_core::model::session::{EndReason, Session, Timeouts};
use countersign_core::model::user::{Identifier, User, UserPatch};
use countersign_core::ports::change::{
    Change, MemberChange, PasswordChange, SessionEnd, TriedLogin,
};
use countersign_core::ports::store::{LoginQuery, LoginView};
use countersign_credential::time::Timestamp;
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

/// The same as the list of a reader, or nothing at all.
pub(crate) async fn what_few_conversations_its_user_follows_comes_with_a_session(
    world: Arc<World>,
) {
    let ann = world.person("ann").await;
    let (mut told, mut untold) = (0, 0);
    for (number, (places, left, unread)) in [
        (0, 0, 0),
        (1, 0, 1),
        (1, 1, 1),
        (3, 0, 0),
        // Two came before that tell who is there.
        (3, 2, 7),
        (3, 0, 8),
        (4, 0, 0),
        (4, 4, 0),
        (7, 1, 1),
    ]
    .into_iter()
    .enumerate()
    {
        let jay = world.person(&format!("jay-{number}")).await;
        for place in 0..places {
            let conversation = world.conversation(&ann).await;
            let member = world.join(conversation, &jay).await;
            for _ in 0..unread {
                world.say(conversation, &ann, "hello").await;
            }
            if place < left {
                let change = MemberChange {
                    conversation,
                    member,
                    from: MemberState::Joined,
                    to: MemberState::Left,
                    reason: None,
                    author: Author::User(jay.id),
                    assurance: Assurance::Verified,
                    at: world.at(60),
                };
                world.commit([Change::ChangeMember(Box::new(change))]).await;
            }
        }
        let by_reader = world
            .store
            .conversations(
                world.application,
                ConversationList::Following(jay.id),
                window(100),
            )
            .await
            .unwrap();
        let session = world.new_session(jay.id);
        let list = Change::ListFollowed(session.id);
        let committed = world.commit([Change::OpenSession(session), list]).await;
        if places < 4 && (left == places || unread < 8) {
            assert_eq!(committed.followed, Some(by_reader.items), "{number}");
            told += 1;
        } else {
            assert_eq!(committed.followed, None, "{number}");
            untold += 1;
        }
    }
    assert_eq!((told, untold), (5, 4));
    let nobody = Change::ListFollowed(world.id(SessionId::new));
    assert_eq!(world.commit([nobody]).await.followed, Some(Vec::new()));
    assert_eq!(world.commit([]).await.followed, None);
}

fn identifiers(user: &User) -> [Identifier; 4] {
    [
        Identifier::Id(user.id),
        Identifier::Name(user.name.clone().unwrap()),
        Identifier::ExternalId(user.external_id.clone().unwrap()),
        Identifier::Email(user.email.clone().unwrap()),
    ]
}

/// A login as of 50 milliseconds, which nothing is against; its session has a user who is not there.
fn tried(world: &World, identifier: Identifier) -> TriedLogin {
    TriedLogin {
        identifier,
        session: world.new_session(world.id(UserId::new)),
        targets: vec![Target::Kid("kid-1".to_owned())],
        at: world.at(50),
        sessions_max: 50,
    }
}

/// Who has logged in; of nobody there is a session either.
async fn attempt(world: &World, tried: TriedLogin) -> Option<User> {
    let id = tried.session.id;
    let change = Change::TryLogin(Box::new(tried));
    let user = world.commit([change]).await.logged_in;
    let view = world.store.session(world.application, id).await.unwrap();
    assert_eq!(view.map(|view| view.user), user.as_deref().cloned());
    user.map(|user| *user)
}

pub(crate) async fn a_try_opens_a_session_of_whomever_the_identifier_names(world: Arc<World>) {
    let jay = world.person("jay").await;
    world.person("ann").await;
    for identifier in identifiers(&jay) {
        let one = tried(&world, identifier);
        let session = one.session.clone();
        assert_eq!(attempt(&world, one).await, Some(jay.clone()));
        let view = world.store.session(world.application, session.id).await;
        let expected = Session {
            user: jay.id,
            ..session
        };
        assert_eq!(view.unwrap().unwrap().session, expected);
    }
}

pub(crate) async fn a_try_comes_to_nothing_where_something_is_against_it(world: Arc<World>) {
    let nobody = world.new_user(Some("nobody"));
    for identifier in identifiers(&nobody) {
        assert_eq!(attempt(&world, tried(&world, identifier)).await, None);
    }
    let blocked = UserPatch {
        blocked: Some(true),
        ..UserPatch::default()
    };
    let renamed = UserPatch {
        name: Some(None),
        external_id: Some(None),
        email: Some(None),
        ..UserPatch::default()
    };
    type Against = fn(UserId, UserPatch, UserPatch) -> Change;
    let all: [(&str, Against); 3] = [
        ("bo", |id, blocked, _| Change::ChangeUser(id, blocked)),
        ("cy", |id, _, renamed| Change::ChangeUser(id, renamed)),
        ("di", |id, _, _| {
            Change::DeleteUser(id, Timestamp::from_milliseconds(1))
        }),
    ];
    for (name, against) in all {
        let user = world.person(name).await;
        world
            .commit([against(user.id, blocked.clone(), renamed.clone())])
            .await;
        for identifier in identifiers(&user) {
            let by_id = matches!(identifier, Identifier::Id(_));
            let found = attempt(&world, tried(&world, identifier)).await;
            assert_eq!(found.is_some(), by_id && name == "cy", "{name}");
        }
    }
    // A name that somebody took over names them.
    let before = world.person("eve").await;
    world.commit([Change::ChangeUser(before.id, renamed)]).await;
    let after = world.person("eve").await;
    let by_name = Identifier::Name(after.name.clone().unwrap());
    assert_eq!(attempt(&world, tried(&world, by_name)).await, Some(after));
    // A password belongs to the name alone.
    let fay = world.person("fay").await;
    let hash = PasswordHash::from_text("hash".to_owned());
    world
        .commit([Change::Password(fay.id, PasswordChange::Set(hash))])
        .await;
    for identifier in identifiers(&fay) {
        let by_name = matches!(identifier, Identifier::Name(_));
        let found = attempt(&world, tried(&world, identifier)).await;
        assert_eq!(found.is_none(), by_name);
    }
    let gil = world.person("gil").await;
    world.log_in(&gil).await;
    for number in 1..5 {
        let with = |sessions_max| TriedLogin {
            sessions_max,
            ..tried(&world, Identifier::Id(gil.id))
        };
        assert_eq!(attempt(&world, with(number)).await, None, "{number}");
        assert!(
            attempt(&world, with(number + 1)).await.is_some(),
            "{number}"
        );
    }
}

pub(crate) async fn a_try_goes_by_every_target_and_up_to_its_moment(world: Arc<World>) {
    let pseudonym = |kind, text| Pseudonym::of(world.application, kind, text);
    let all = [
        Target::Session(world.id(SessionId::new)),
        Target::Jti(pseudonym(Kind::Jti, "jti")),
        Target::Digest([1; 32]),
        Target::Kid("kid".to_owned()),
        Target::ApiKey(ApiKeyId::from_bytes([8; 16])),
        Target::User(world.id(UserId::new)),
        Target::Name(pseudonym(Kind::Name, "name")),
        Target::ExternalId(pseudonym(Kind::ExternalId, "external id")),
        Target::Email(pseudonym(Kind::Email, "e-mail")),
        Target::Application(world.application),
    ];
    for (number, target) in all.into_iter().enumerate() {
        let (world, _kept) = crate::sqlite::fresh().await;
        let jay = world.person(&format!("jay-{number}")).await;
        let row = revocation(target.clone(), world.at(50));
        world.commit([Change::Revoke(row)]).await;
        for count in 1..=8 {
            for place in 0..count {
                let other = |number| Target::Kid(format!("kid-{number}"));
                let mut targets: Vec<Target> = (0..count).map(other).collect();
                targets[place] = target.clone();
                for at in [50, 51] {
                    let one = TriedLogin {
                        targets: targets.clone(),
                        at: world.at(at),
                        sessions_max: 1_000,
                        ..tried(&world, Identifier::Id(jay.id))
                    };
                    // More than any login has: such a one is looked at the long way.
                    let free = at == 51 && !target.kind().is_for_ever() && count < 8;
                    let found = attempt(&world, one).await;
                    assert_eq!(found.is_some(), free, "{target:?} {place} of {count}");
                }
            }
        }
    }
    let jay = world.person("jay").await;
    let row = revocation(Target::User(jay.id), world.at(50));
    world.commit([Change::Revoke(row)]).await;
    for (at, free) in [(49, false), (50, false), (51, true)] {
        let one = TriedLogin {
            at: world.at(at),
            ..tried(&world, Identifier::Id(jay.id))
        };
        assert_eq!(attempt(&world, one).await.is_some(), free, "{at}");
    }
}
