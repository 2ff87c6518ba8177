//! Sessions, devices and revocations.

use crate::world::{World, permit, window};
use countersign_core::id::{ApiKeyId, DeviceId, SessionId, UserId};
use countersign_core::model::page::Window;
use countersign_core::model::password::PasswordHash;
use countersign_core::model::revocation::{Revocation, Target};
use countersign_core::model::session::{EndReason, Ended, Session, SessionCredential, Timeouts};
use countersign_core::model::user::{Identifier, User, UserPatch};
use countersign_core::ports::change::{
    Change, Expectation, LateSessions, PasswordChange, Rotation, SessionEnd, Visitor,
};
use countersign_core::ports::store::{LoginQuery, SessionView};
use countersign_credential::acl::Acl;
use countersign_credential::dialect::Dialect;
use countersign_credential::key::Kid;
use countersign_credential::time::Timestamp;
use std::sync::Arc;

async fn view(world: &World, id: SessionId) -> SessionView {
    let found = world.store.session(world.application, id).await;
    found.unwrap().unwrap()
}

fn end(session: SessionId, visitor: Option<Visitor>, at: Timestamp) -> Change {
    Change::EndSession(Box::new(SessionEnd {
        session,
        visitor,
        why: EndReason::LoggedOut,
        at,
    }))
}

fn rotation(session: SessionId, from: u32, at: Timestamp) -> Rotation {
    Rotation {
        session,
        from,
        nonce_digest: Some([from.to_be_bytes()[3]; 32]),
        at,
        credential: None,
    }
}

pub(crate) fn revocation(target: Target, before: Timestamp) -> Revocation {
    Revocation {
        target,
        before,
        made_at: before,
        forget_at: before.plus_seconds(86_400),
    }
}

pub(crate) async fn comes_back_as_it_was(world: Arc<World>) {
    let user = world.person("jay").await;
    for dialect in Dialect::ALL {
        let mut session = world.new_session(user.id);
        if let Some(credential) = &mut session.credential {
            credential.dialect = dialect;
            if dialect == Dialect::Nexmo {
                credential.acl = Some(Acl::full_client_set());
                credential.jti = None;
                credential.one_time_id = None;
            }
        }
        if dialect == Dialect::Sinch {
            session.device_name = None;
            session.api_key = None;
            session.nonce_digest = None;
        }
        world.commit([Change::OpenSession(session.clone())]).await;
        let view = view(&world, session.id).await;
        assert_eq!(view.session, session);
        assert_eq!(view.user, user);
        assert!(!view.revoked);
    }
    let visitor = world.visitor().await;
    let view = view(&world, visitor.session.id).await;
    assert_eq!((view.session, view.user), (visitor.session, visitor.user));
    let none = world.id(SessionId::new);
    let found = world.store.session(world.application, none).await;
    assert!(found.unwrap().is_none());
}

pub(crate) async fn a_credential_opens_one(world: Arc<World>) {
    let user = world.person("jay").await;
    let first = world.log_in(&user).await;
    let again = Session {
        credential: first.credential.clone(),
        ..world.new_session(user.id)
    };
    world
        .refuse(
            Expectation::CredentialUnused,
            [Change::OpenSession(again.clone())],
        )
        .await;
    // Where it may open several, it does.
    let mut many = again;
    if let Some(credential) = &mut many.credential {
        credential.one_time_id = None;
    }
    world.commit([Change::OpenSession(many)]).await;
}

pub(crate) async fn nobody_blocked_or_deleted_gets_in(world: Arc<World>) {
    let blocked = world.person("blocked").await;
    let deleted = world.person("deleted").await;
    let patch = UserPatch {
        blocked: Some(true),
        ..UserPatch::default()
    };
    let at = world.at(1);
    world
        .commit([
            Change::ChangeUser(blocked.id, patch),
            Change::DeleteUser(deleted.id, at),
        ])
        .await;
    for user in [blocked.id, deleted.id, world.id(UserId::new)] {
        let session = world.new_session(user);
        world
            .refuse(Expectation::User, [Change::OpenSession(session)])
            .await;
    }
}

pub(crate) async fn rotation_tells_generation_from_end(world: Arc<World>) {
    let user = world.person("jay").await;
    let session = world.log_in(&user).await;
    let at = world.at(1_000);
    let rotate = |from| Change::Rotate(Box::new(rotation(session.id, from, at)));
    world.commit([rotate(0)]).await;
    let expected = Session {
        generation: 1,
        nonce_digest: Some([0; 32]),
        rotated_at: at,
        ..session.clone()
    };
    assert_eq!(view(&world, session.id).await.session, expected);
    for stale in [0, 2] {
        world.refuse(Expectation::Generation, [rotate(stale)]).await;
    }
    world.commit([end(session.id, None, at)]).await;
    world.refuse(Expectation::SessionOpen, [rotate(1)]).await;
    assert_eq!(view(&world, session.id).await.session.generation, 1);
}

pub(crate) async fn a_rotation_can_bring_a_credential(world: Arc<World>) {
    let user = world.person("jay").await;
    let one = world.log_in(&user).await;
    let other = world.log_in(&user).await;
    let with = |from, credential: Option<SessionCredential>| {
        let rotation = Rotation {
            credential,
            ..rotation(one.id, from, world.at(9))
        };
        Change::Rotate(Box::new(rotation))
    };
    let new = world.new_session(user.id).credential;
    world.commit([with(0, new.clone())]).await;
    assert_eq!(view(&world, one.id).await.session.credential, new);
    world
        .refuse(
            Expectation::CredentialUnused,
            [with(1, other.credential.clone())],
        )
        .await;
}

pub(crate) async fn ends_once(world: Arc<World>) {
    let user = world.person("jay").await;
    let session = world.log_in(&user).await;
    let at = world.at(7);
    world.commit([end(session.id, None, at)]).await;
    let ended = view(&world, session.id).await.session.ended;
    let why = EndReason::LoggedOut;
    assert_eq!(ended, Some(Ended { at, why }));
    let again = end(session.id, None, world.at(8));
    world.refuse(Expectation::SessionOpen, [again]).await;
    let unknown = end(world.id(SessionId::new), None, at);
    world.refuse(Expectation::SessionOpen, [unknown]).await;
}

pub(crate) async fn a_visitor_is_kept_once_and_ended_for_good(world: Arc<World>) {
    let keep = |visitor: &Visitor| Change::KeepVisitor(Box::new(visitor.clone()));
    let visitor = world.visitor().await;
    world.commit([keep(&visitor)]).await;
    let end_it = || {
        let kept = Some(visitor.clone());
        end(visitor.session.id, kept, world.at(5))
    };
    world.commit([end_it()]).await;
    world
        .refuse(Expectation::SessionOpen, [keep(&visitor)])
        .await;
    world.refuse(Expectation::SessionOpen, [end_it()]).await;
    // One without rows gets them, ended.
    let minted = world.new_visitor();
    let at = world.at(6);
    world
        .commit([end(minted.session.id, Some(minted.clone()), at)])
        .await;
    let view = view(&world, minted.session.id).await;
    assert_eq!(view.session.ended.map(|ended| ended.at), Some(at));
    assert_eq!(view.user, minted.user);
    world
        .refuse(Expectation::SessionOpen, [keep(&minted)])
        .await;
}

pub(crate) async fn ending_the_others(world: Arc<World>) {
    let user = world.person("jay").await;
    let stranger = world.person("ann").await;
    let stays = world.log_in(&stranger).await;
    let one = world.log_in(&user).await;
    let other = world.log_in(&user).await;
    let end_others = |keep| Change::EndOtherSessions {
        user: user.id,
        keep,
        why: EndReason::Revoked,
        at: world.at(3),
    };
    let open = |user: UserId| {
        let world = &world;
        async move {
            let page = world
                .store
                .sessions(world.application, user, Timeouts::NONE, window(100));
            let ids: Vec<SessionId> = page.await.unwrap().items.iter().map(|s| s.id).collect();
            ids
        }
    };
    assert_eq!(open(user.id).await, [other.id, one.id]);
    world.commit([end_others(Some(one.id))]).await;
    assert_eq!(open(user.id).await, [one.id]);
    world.commit([end_others(None)]).await;
    assert_eq!(open(user.id).await, []);
    assert_eq!(open(stranger.id).await, [stays.id]);
}

pub(crate) async fn ending_what_a_key_opened(world: Arc<World>) {
    let kid = Kid::parse("by-password").unwrap();
    let open = async |user: &User, kid: &Kid| {
        let mut session = world.new_session(user.id);
        if let Some(credential) = &mut session.credential {
            credential.kid = kid.clone();
        }
        world.commit([Change::OpenSession(session.clone())]).await;
        session.id
    };
    let with = world.person("jay").await;
    let hash = PasswordHash::from_text("hash".to_owned());
    world
        .commit([Change::Password(with.id, PasswordChange::Set(hash))])
        .await;
    let without = world.person("ann").await;
    let ended = [open(&with, &kid).await, open(&with, &kid).await];
    let stay = [
        open(&with, &Kid::parse("another").unwrap()).await,
        open(&without, &kid).await,
    ];
    let end = || Change::EndSessionsByKey {
        kid: kid.clone(),
        why: EndReason::Revoked,
        at: world.at(3),
    };
    let elsewhere = world.store.commit(&permit(world.other), vec![end()]).await;
    assert_eq!(elsewhere.unwrap().ended, [(EndReason::Revoked, 0)]);
    for times in [2, 0] {
        let committed = world.commit([end()]).await;
        assert_eq!(committed.ended, [(EndReason::Revoked, times)]);
    }
    for (ids, is_ended) in [(ended, true), (stay, false)] {
        for id in ids {
            let view = world.store.session(world.application, id).await.unwrap();
            assert_eq!(view.unwrap().session.ended.is_some(), is_ended);
        }
    }
}

pub(crate) async fn devices_are_named_and_listed(world: Arc<World>) {
    let user = world.person("jay").await;
    let phone = world.log_in(&user).await;
    let tablet = world.log_in(&user).await;
    let device = phone.device;
    let second = Session {
        device,
        device_name: None,
        ..world.new_session(user.id)
    };
    world.commit([Change::OpenSession(second.clone())]).await;
    let at = world.at(90_000);
    world
        .commit([Change::Rotate(Box::new(rotation(phone.id, 0, at)))])
        .await;
    let devices = world
        .store
        .devices(world.application, user.id, Timeouts::NONE)
        .await
        .unwrap();
    let listed: Vec<_> = devices.iter().map(|d| (d.id, d.last_seen_at)).collect();
    assert_eq!(listed, [(device, at), (tablet.device, tablet.rotated_at)]);
    assert_eq!(devices[0].name.as_deref(), Some("a phone"));
    let name = |user, device| Change::NameDevice(user, device, "mine".to_owned());
    world.commit([name(user.id, device)]).await;
    let devices = world
        .store
        .devices(world.application, user.id, Timeouts::NONE)
        .await
        .unwrap();
    assert_eq!(devices[0].name.as_deref(), Some("mine"));
    assert_eq!(devices[1].name.as_deref(), Some("a phone"));
    let stranger = world.person("ann").await;
    world
        .refuse(Expectation::Device, [name(stranger.id, device)])
        .await;
    let known = |device| {
        let world = &world;
        async move {
            let known = world.store.device_known(world.application, device).await;
            known.unwrap()
        }
    };
    assert!(known(device).await);
    assert!(!known(world.id(DeviceId::new)).await);
}

pub(crate) async fn pages_have_the_newest_first(world: Arc<World>) {
    let user = world.person("jay").await;
    let mut opened = Vec::new();
    for _ in 0..7 {
        opened.push(world.log_in(&user).await);
    }
    opened.reverse();
    let mut found = Vec::new();
    let mut after = None;
    let mut pages = 0;
    loop {
        let window = Window { after, limit: 3 };
        let page = world
            .store
            .sessions(world.application, user.id, Timeouts::NONE, window)
            .await;
        let page = page.unwrap();
        found.extend(page.items);
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((found, pages), (opened, 3));
}

/// Each kind of revocation covers its sessions, and no others.
pub(crate) async fn what_covers_it(world: Arc<World>) {
    let user = world.person("jay").await;
    let opened = world.log_in(&user).await;
    let at = opened.opened_at();
    let credential = opened.credential.clone().unwrap();
    let long_ago = Timestamp::from_milliseconds(1);
    let just_before = at.plus_milliseconds(-1);
    let jti = credential.jti.unwrap();
    let cases = [
        (Target::Session(opened.id), long_ago, true),
        (Target::Session(world.id(SessionId::new)), at, false),
        (Target::Jti(jti), long_ago, true),
        (Target::jti(world.application, "another"), at, false),
        (Target::Digest(credential.digest), long_ago, true),
        (Target::Digest([0; 32]), at, false),
        (Target::Kid("kid-1".to_owned()), long_ago, true),
        (Target::Kid("KID-1".to_owned()), at, false),
        (Target::ApiKey(opened.api_key.unwrap()), long_ago, true),
        (Target::ApiKey(ApiKeyId::from_bytes([8; 16])), at, false),
        (Target::User(user.id), just_before, false),
        (Target::User(user.id), at, true),
        (Target::Application(world.application), just_before, false),
        (Target::Application(world.application), at, true),
        (Target::Application(world.other), at, false),
    ];
    // Each case has an application of its own by being undone: a row is never taken back, so the
    // session of the next case is another one where the last was covered.
    for (position, (target, before, covers)) in cases.into_iter().enumerate() {
        let (fresh, _kept) = crate::sqlite::fresh().await;
        fresh.commit([Change::AddUser(user.clone())]).await;
        fresh.commit([Change::OpenSession(opened.clone())]).await;
        let row = revocation(target.clone(), before);
        fresh.commit([Change::Revoke(row)]).await;
        assert_eq!(view(&fresh, opened.id).await.revoked, covers, "{position}");
        let covered = fresh.store.covered(fresh.application, vec![target], at);
        let of_target = before >= at || before == long_ago;
        assert_eq!(covered.await.unwrap(), of_target, "{position}");
    }
    let none = world.store.covered(world.application, Vec::new(), at).await;
    assert!(!none.unwrap());
}

pub(crate) async fn a_revocation_moves_ahead_only(world: Arc<World>) {
    let user = world.person("jay").await;
    let target = Target::User(user.id);
    let covered = |at: i64| {
        let (world, target) = (&world, target.clone());
        async move {
            let at = world.at(at);
            let covered = world
                .store
                .covered(world.application, vec![target], at)
                .await;
            covered.unwrap()
        }
    };
    for (before, until) in [(10, 10), (5, 10), (20, 20)] {
        let row = revocation(target.clone(), world.at(before));
        world.commit([Change::Revoke(row)]).await;
        assert!(covered(until).await, "equality is included");
        assert!(!covered(until + 1).await);
    }
}

pub(crate) async fn digests_of_later_credentials(world: Arc<World>) {
    let user = world.person("jay").await;
    let moment = world.at(100);
    let mut sessions = Vec::new();
    for issued in [99, 100, 101, 101] {
        let mut session = world.new_session(user.id);
        if let Some(credential) = &mut session.credential {
            credential.issued_at = world.at(issued);
            if issued == 101 {
                // Two sessions of one credential.
                credential.digest = [101; 32];
            }
        }
        world.commit([Change::OpenSession(session.clone())]).await;
        sessions.push(session);
    }
    let revoke = Change::RevokeDigestsOf {
        user: user.id,
        opened_by: None,
        issued_after: moment,
        at: moment,
        forget_at: world.at(1_000),
    };
    world.commit([revoke.clone(), revoke]).await;
    for (session, expected) in sessions.iter().zip([false, false, true, true]) {
        assert_eq!(view(&world, session.id).await.revoked, expected);
        let digest = session.credential.as_ref().unwrap().digest;
        let targets = vec![Target::Digest(digest)];
        let covered = world
            .store
            .covered(world.application, targets, moment)
            .await;
        assert_eq!(covered.unwrap(), expected);
    }
}

/// The edges are those of `Session::is_open`: what is over at a moment is over.
pub(crate) async fn what_is_over_by_time_is_in_no_list(world: Arc<World>) {
    let jay = world.person("jay").await;
    let session = world.log_in(&jay).await;
    let visitor = world.visitor().await;
    let [of_jay, of_visitor] = [&session, &visitor.session];
    let never = Timeouts::NONE;
    let just_before = |moment: Timestamp| moment.plus_milliseconds(-1);
    for (timeouts, lists_jay, lists_visitor) in [
        (never, true, true),
        (
            Timeouts {
                end: just_before(of_jay.expires_at.min(of_visitor.expires_at)),
                idle_since: just_before(of_jay.rotated_at),
                visitor_idle_since: just_before(of_visitor.rotated_at),
            },
            true,
            true,
        ),
        (
            Timeouts {
                end: of_jay.expires_at,
                ..never
            },
            false,
            of_visitor.expires_at > of_jay.expires_at,
        ),
        (
            Timeouts {
                idle_since: of_jay.rotated_at,
                ..never
            },
            false,
            true,
        ),
        (
            Timeouts {
                visitor_idle_since: of_visitor.rotated_at,
                ..never
            },
            true,
            false,
        ),
    ] {
        for (listed, expected) in [(of_jay, lists_jay), (of_visitor, lists_visitor)] {
            let (application, user) = (world.application, listed.user);
            let sessions = world
                .store
                .sessions(application, user, timeouts, window(9))
                .await;
            assert_eq!(sessions.unwrap().items.len(), usize::from(expected));
            let devices = world.store.devices(application, user, timeouts).await;
            assert_eq!(devices.unwrap().len(), usize::from(expected));
            let query = LoginQuery {
                identifier: Identifier::Id(user),
                other: None,
                targets: Vec::new(),
                issued_at: world.at(0),
                one_time_id: None,
                current: None,
                device: None,
                sessions_max: 1,
                timeouts,
            };
            let view = world.store.login_view(application, query).await;
            let open = view.unwrap().open_sessions;
            assert_eq!(open.len(), usize::from(expected), "{timeouts:?}");
        }
    }
}

/// A commit tells how many sessions it has ended, also where it names none.
pub(crate) async fn ends_are_counted(world: Arc<World>) {
    let jay = world.person("jay").await;
    let mut open = Vec::new();
    for _ in 0..7 {
        open.push(world.log_in(&jay).await.id);
    }
    let at = world.at(900);
    let if_open = |session, why| Change::EndIfOpen { session, why, at };
    let minted = world.new_visitor();
    let committed = world
        .commit([
            end(open[0], None, at),
            if_open(open[1], EndReason::TooMany),
            if_open(open[1], EndReason::TooMany),
            end(minted.session.id, Some(minted.clone()), at),
        ])
        .await;
    let expected = [
        (EndReason::LoggedOut, 1),
        (EndReason::TooMany, 1),
        (EndReason::TooMany, 0),
        (EndReason::LoggedOut, 1),
    ];
    assert_eq!(committed.ended, expected);
    let opened_after = |user, moment| {
        Change::EndOpenedAfter(LateSessions {
            user,
            moment,
            why: EndReason::Revoked,
            at,
        })
    };
    for (change, expected) in [
        (opened_after(Some(jay.id), open[5].made_at()), 1),
        (opened_after(None, open[4].made_at()), 1),
        (
            Change::EndOtherSessions {
                user: jay.id,
                keep: Some(open[2]),
                why: EndReason::Revoked,
                at,
            },
            2,
        ),
    ] {
        let committed = world.commit([change]).await;
        assert_eq!(committed.ended, [(EndReason::Revoked, expected)]);
    }
    let committed = world
        .commit([Change::NameDevice(
            jay.id,
            view(&world, open[2]).await.session.device,
            "mine".to_owned(),
        )])
        .await;
    assert_eq!(committed.ended, []);
}
