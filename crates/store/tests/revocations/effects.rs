//! What a covered session is left out of, and what is not written after a revocation.

use countersign_core::id::{ApiKeyId, ApplicationId, UserId};
use countersign_core::model::revocation::Target;
use countersign_core::model::session::{EndReason, Session, Timeouts};
use countersign_core::model::user::User;
use countersign_core::ports::change::{Change, Expectation, LateSessions, Visitor};
use countersign_core::ports::store::Store;

use crate::world::*;

#[tokio::test]
async fn a_covered_session_is_in_no_list_and_goes_on_to_nothing() {
    for target in [
        Target::Session(id_at(10, 1)),
        jti("jti-1"),
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

#[tokio::test]
async fn what_a_revocation_covers_is_not_written_after_it() {
    let world = World::new().await;
    let expect = |targets: &[Target], issued| Change::ExpectUncovered {
        targets: targets.to_vec(),
        at: at(issued),
    };
    let alice = alice()[0].clone();
    let jti = jti("jti-1");
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
        let late = Change::EndOpenedAfter(LateSessions {
            user: of_user.then_some(world.user.id),
            moment: at(10),
            why: EndReason::Revoked,
            at: at(20),
        });
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
