//! What a node asks of the store by itself.

use super::session::revocation;
use crate::world::{World, permit, window};
use countersign_core::id::{ApplicationId, ConversationId, SessionId, UserId};
use countersign_core::model::conversation::ConversationList;
use countersign_core::model::event::{Assurance, Author};
use countersign_core::model::member::MemberState;
use countersign_core::model::page::Order;
use countersign_core::model::pseudonym::Pseudonym;
use countersign_core::model::revocation::{Kind, Revocation, Target};
use countersign_core::model::session::{EndReason, Session};
use countersign_core::model::user::User;
use countersign_core::ports::change::{
    Change, Committed, Expectation, FileChange, MemberChange, Rotation,
};
use countersign_core::ports::upkeep::{Piece, Remains, Visitors};
use countersign_credential::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

const LATE_MS: i64 = 1_000_000;

fn by_jti(jti: &str, made_at: Timestamp) -> Revocation {
    let jti = Pseudonym::of(ApplicationId::INSTALLATION, Kind::Jti, jti);
    revocation(Target::Jti(jti), made_at)
}

/// What was removed, without what there was none of.
fn removed(rows: &[(Remains, u64)]) -> BTreeMap<Remains, u64> {
    let mut sums = BTreeMap::new();
    for (what, rows) in rows.iter().filter(|(_, rows)| *rows > 0) {
        *sums.entry(*what).or_default() += rows;
    }
    sums
}

async fn remove_session(world: &World, session: &Session, at: Timestamp) -> Committed {
    let change = Change::RemoveSession(Box::new(session.clone()), at);
    world.commit([change]).await
}

async fn is_there(world: &World, session: SessionId) -> bool {
    let found = world.store.session(world.application, session).await;
    found.unwrap().is_some()
}

pub(crate) async fn revocations_since_a_moment(world: Arc<World>) {
    let made = |jti, at| by_jti(jti, world.at(at));
    for (jti, at) in [("a", 1), ("b", 3), ("c", 5), ("a", 7)] {
        world.commit([Change::Revoke(made(jti, at))]).await;
    }
    let foreign = permit(world.other);
    let changes = vec![Change::Revoke(made("c", 6))];
    world.store.commit(&foreign, changes).await.unwrap();
    let [home, other] = [world.application, world.other];
    let all = [
        (home, made("a", 7)),
        (other, made("c", 6)),
        (home, made("c", 5)),
        (home, made("b", 3)),
    ];
    for (since, limit, expected) in [
        (0, 9, 0..4),
        (3, 4, 0..4),
        (4, 9, 0..3),
        (0, 2, 0..2),
        (8, 9, 0..0),
    ] {
        let found = world.store.revocations_since(world.at(since), limit).await;
        assert_eq!(found.unwrap(), all[expected], "{since} {limit}");
    }
}

pub(crate) async fn a_deleted_conversation_goes_in_pieces(world: Arc<World>) {
    let jay = world.person("jay").await;
    let author = Author::User(jay.id);
    let stays = world.conversation(&jay).await;
    world.say(stays, &jay, "hello").await;
    let empty = world.new_conversation(Author::Backend);
    let mut deleted = vec![empty.conversation.id];
    world
        .commit([Change::AddConversation(Box::new(empty))])
        .await;
    for events in [7, 2] {
        let id = world.conversation(&jay).await;
        for _ in 1..events {
            world.say(id, &jay, "hello").await;
        }
        for bytes in [2, 3] {
            let file = world.new_file(id, author, bytes);
            world
                .commit([Change::File(FileChange::Add(Box::new(file)))])
                .await;
        }
        deleted.push(id);
    }
    let piece = Piece {
        conversations: 9,
        events: 4,
        files: 3,
    };
    let next = || async { world.store.remove_leftovers(piece).await.unwrap() };
    assert_eq!(next().await, [], "nothing is deleted yet");
    for id in &deleted {
        world.commit([Change::DeleteConversation(*id)]).await;
    }
    // They count for the quota until they are gone.
    let quota = |bytes| {
        let file = world.new_file(stays, author, bytes);
        [Change::File(FileChange::Add(Box::new(file)))]
    };
    world.refuse(Expectation::Quota, quota(91)).await;
    let (events, files) = (Remains::Event, Remains::File);
    for expected in [
        BTreeMap::from([(events, 4), (files, 3)]),
        BTreeMap::from([(events, 4), (files, 1)]),
        BTreeMap::from([(events, 1)]),
    ] {
        assert_eq!(removed(&next().await), expected);
    }
    assert_eq!(next().await, []);
    world.commit(quota(91)).await;
    assert_eq!(world.history(stays).await.len(), 2);
    // Nor does an application leave anything of them.
    world.commit([Change::DeleteConversation(stays)]).await;
    let deleted = world
        .store
        .delete_application(&permit(world.application), crate::world::entry("x"))
        .await;
    deleted.unwrap();
    assert_eq!(next().await, []);
}

pub(crate) async fn what_is_left_of_a_conversation_is_no_others(world: Arc<World>) {
    let jay = world.person("jay").await;
    let deleted = world.conversation(&jay).await;
    for _ in 0..4 {
        world.say(deleted, &jay, "before").await;
    }
    world.commit([Change::DeleteConversation(deleted)]).await;
    let next = world.conversation(&jay).await;
    world.say(next, &jay, "after").await;
    assert_eq!(world.history(next).await.len(), 2);
    let piece = Piece {
        conversations: 9,
        events: 9,
        files: 9,
    };
    let gone = world.store.remove_leftovers(piece).await.unwrap();
    assert_eq!(removed(&gone), BTreeMap::from([(Remains::Event, 5)]));
    assert_eq!(world.history(next).await.len(), 2);
}

pub(crate) async fn old_tombstones_go(world: Arc<World>) {
    // Each may be forgotten a day after it was made.
    const DAY_MS: i64 = 86_400_000;
    let jtis = ["a", "b", "c", "d"];
    for (place, jti) in jtis.iter().enumerate() {
        let made_at = world.at(i64::try_from(place).unwrap());
        world.commit([Change::Revoke(by_jti(jti, made_at))]).await;
    }
    let foreign = vec![Change::Revoke(by_jti("a", world.at(9)))];
    let other = permit(world.other);
    world.store.commit(&other, foreign).await.unwrap();
    let left = || async {
        let found = world.store.revocations_since(world.at(0), 9).await;
        found.unwrap().len()
    };
    for (due, made_by, limit, expected) in [
        (DAY_MS - 1, 99, 9, 0),
        (DAY_MS + 99, -1, 9, 0),
        (DAY_MS, 99, 9, 1),
        (DAY_MS + 99, 1, 9, 1),
        (DAY_MS + 99, 99, 2, 2),
        (DAY_MS + 9, 99, 9, 1),
        (DAY_MS + 9, 99, 9, 0),
    ] {
        let before = left().await;
        let (due_at, made_by) = (world.at(due), world.at(made_by));
        let gone = world.store.remove_tombstones(due_at, made_by, limit).await;
        assert_eq!(gone.unwrap(), expected, "{due}");
        assert_eq!(before - left().await, usize::try_from(expected).unwrap());
    }
    assert_eq!(left().await, 0);
    // One that moved ahead is due later.
    for at in [0, 5] {
        world
            .commit([Change::Revoke(by_jti("a", world.at(at)))])
            .await;
    }
    let due = world.at(DAY_MS + 4);
    let gone = world.store.remove_tombstones(due, world.at(99), 9).await;
    assert_eq!(gone.unwrap(), 0);
}

pub(crate) async fn sessions_are_looked_at_in_pages(world: Arc<World>) {
    let jay = world.person("jay").await;
    let mut opened = Vec::new();
    for _ in 0..5 {
        opened.push(world.log_in(&jay).await);
    }
    let visitor = world.visitor().await.session;
    opened.push(visitor);
    let ended = Change::EndIfOpen {
        session: opened[1].id,
        why: EndReason::LoggedOut,
        at: world.at(5),
    };
    let covered = Target::Session(opened[2].id);
    world
        .commit([ended, Change::Revoke(revocation(covered, world.at(5)))])
        .await;
    let mut found = Vec::new();
    loop {
        let after = found.last().map(|(id, _, _)| *id);
        let page = world.store.sessions_after(world.application, after, 4);
        let page = page.await.unwrap();
        if page.is_empty() {
            break;
        }
        found.extend(page.into_iter().map(|swept| {
            let session = swept.session;
            (session.id, session.ended.is_some(), swept.revoked)
        }));
    }
    let expected = opened.iter().enumerate();
    let expected = expected.map(|(place, session)| (session.id, place == 1, place == 2));
    assert_eq!(found, expected.collect::<Vec<_>>());
    let foreign = world.store.sessions_after(world.other, None, 9).await;
    assert_eq!(foreign.unwrap(), []);
}

pub(crate) async fn a_session_goes_as_it_was_read(world: Arc<World>) {
    let jay = world.person("jay").await;
    let at = world.at(LATE_MS);
    let went_on = world.log_in(&jay).await;
    let rotation = Rotation {
        session: went_on.id,
        from: 0,
        nonce_digest: None,
        at: world.at(9_000),
        credential: None,
    };
    world.commit([Change::Rotate(Box::new(rotation))]).await;
    let committed = remove_session(&world, &went_on, at).await;
    assert_eq!(removed(&committed.removed), BTreeMap::new());
    assert!(is_there(&world, went_on.id).await);

    // One that somebody ended since it was read is not counted as timed out.
    let open = world.log_in(&jay).await;
    let end = Change::EndIfOpen {
        session: open.id,
        why: EndReason::LoggedOut,
        at,
    };
    world.commit([end]).await;
    let committed = remove_session(&world, &open, at).await;
    assert_eq!(committed.ended, [(EndReason::TimedOut, 0)]);
    assert!(is_there(&world, open.id).await);
    let view = world.store.session(world.application, open.id).await;
    let ended = view.unwrap().unwrap().session;
    let committed = remove_session(&world, &ended, at).await;
    let expected = BTreeMap::from([(Remains::Session, 1), (Remains::UsedCredential, 1)]);
    assert_eq!(removed(&committed.removed), expected);
    assert_eq!(committed.ended, []);
    assert!(!is_there(&world, open.id).await);
    // Another janitor's work is no error.
    let committed = remove_session(&world, &ended, at).await;
    assert_eq!(removed(&committed.removed), BTreeMap::new());

    let mut bearer = world.new_session(jay.id);
    if let Some(credential) = &mut bearer.credential {
        credential.one_time_id = None;
    }
    world.commit([Change::OpenSession(bearer.clone())]).await;
    let committed = remove_session(&world, &bearer, at).await;
    assert_eq!(committed.ended, [(EndReason::TimedOut, 1)]);
    let expected = BTreeMap::from([(Remains::Session, 1)]);
    assert_eq!(removed(&committed.removed), expected);
    // A credential whose use is forgotten opens a session again.
    let again = Session {
        credential: ended.credential,
        ..world.new_session(jay.id)
    };
    world.commit([Change::OpenSession(again)]).await;
}

pub(crate) async fn a_visitors_session_leaves_a_revocation(world: Arc<World>) {
    for (before_end_ms, leaves) in [(1, true), (0, false)] {
        let visitor = world.visitor().await;
        let session = &visitor.session;
        let at = session.expires_at.plus_milliseconds(-before_end_ms);
        let committed = remove_session(&world, session, at).await;
        let expected = BTreeMap::from([(Remains::Session, 1)]);
        assert_eq!(removed(&committed.removed), expected);
        let target = Target::Session(session.id);
        let found = world.store.revocations_since(session.rotated_at, 9).await;
        let found = found.unwrap().into_iter();
        let mut of_session = found.filter(|(_, revocation)| revocation.target == target);
        let expected = leaves.then(|| Revocation {
            target: target.clone(),
            before: session.rotated_at,
            made_at: session.rotated_at,
            forget_at: session.expires_at,
        });
        assert_eq!(
            of_session.next().map(|(_, revocation)| revocation),
            expected
        );
        if leaves {
            let keep = Change::KeepVisitor(Box::new(visitor.clone()));
            world.refuse(Expectation::SessionOpen, [keep]).await;
        }
    }
}

/// A visitor without a session, and the conversations that they began.
async fn silent(world: &World, conversations: usize) -> (User, Vec<ConversationId>) {
    let visitor = world.visitor().await;
    let mut own = Vec::new();
    for _ in 0..conversations {
        let id = world.conversation(&visitor.user).await;
        world.say(id, &visitor.user, "hello?").await;
        own.push(id);
    }
    remove_session(world, &visitor.session, visitor.session.expires_at).await;
    (visitor.user, own)
}

async fn are_removable(world: &World, silent_since: Timestamp) -> BTreeMap<UserId, bool> {
    let wanted = Visitors {
        after: None,
        silent_since,
        limit: 99,
    };
    let found = world.store.visitors_after(world.application, wanted).await;
    let found = found.unwrap().into_iter();
    found
        .map(|visitor| (visitor.user, visitor.removable))
        .collect()
}

async fn remove_visitor(world: &World, user: UserId, silent_since: Timestamp) -> Committed {
    let change = Change::RemoveVisitor { user, silent_since };
    world.commit([change]).await
}

pub(crate) async fn a_silent_visitor_goes_with_what_is_theirs_alone(world: Arc<World>) {
    let late = world.at(LATE_MS);
    let agent = world.person("agent").await;
    let (alone, own) = silent(&world, 2).await;
    let (answered, theirs) = silent(&world, 4).await;
    // A backend told of a member, which is no message.
    let [told, by_backend, by_member, invited] = *theirs else {
        panic!("there are four");
    };
    let place = world.place(told, answered.id).await.id;
    let text = world.text(by_backend, Author::Backend, "yes?", None);
    world.commit([text]).await;
    world.join(by_member, &agent).await;
    world.say(by_member, &agent, "yes?").await;
    let new = world.new_member(invited, agent.id, MemberState::Invited);
    world.commit([Change::AddMember(Box::new(new))]).await;
    let left = Change::ChangeMember(Box::new(MemberChange {
        conversation: told,
        member: place,
        from: MemberState::Joined,
        to: MemberState::Left,
        reason: None,
        author: Author::Backend,
        assurance: Assurance::Verified,
        at: world.at(10_000),
    }));
    world.commit([left]).await;

    let both = BTreeMap::from([(alone.id, true), (answered.id, true)]);
    assert_eq!(are_removable(&world, late).await, both);
    let committed = remove_visitor(&world, alone.id, late).await;
    let expected = BTreeMap::from([(Remains::Conversation, 2), (Remains::Visitor, 1)]);
    assert_eq!(removed(&committed.removed), expected);
    assert_eq!(world.user(alone.id).await, None);
    for id in own {
        assert!(world.view(id, alone.id).await.is_none());
    }
    let committed = remove_visitor(&world, answered.id, late).await;
    let expected = BTreeMap::from([(Remains::Conversation, 1)]);
    assert_eq!(removed(&committed.removed), expected);
    assert!(world.view(told, answered.id).await.is_none());
    for id in [by_backend, by_member, invited] {
        let history = world.history(id).await;
        assert_eq!(history[0].from.user, Some(answered.id), "{history:?}");
    }
    let stays = BTreeMap::from([(answered.id, false)]);
    assert_eq!(are_removable(&world, late).await, stays);
    let again = remove_visitor(&world, answered.id, late).await;
    assert_eq!(removed(&again.removed), BTreeMap::new());
    // Their events go later, with those of all that is deleted.
    let piece = Piece {
        conversations: 9,
        events: 99,
        files: 9,
    };
    let gone = world.store.remove_leftovers(piece).await.unwrap();
    assert_eq!(removed(&gone), BTreeMap::from([(Remains::Event, 7)]));
    // Once the others are deleted, nothing names the visitor any more.
    for id in [by_backend, by_member, invited] {
        world.commit([Change::DeleteConversation(id)]).await;
    }
    let committed = remove_visitor(&world, answered.id, late).await;
    let expected = BTreeMap::from([(Remains::Visitor, 1)]);
    assert_eq!(removed(&committed.removed), expected);
    assert_eq!(are_removable(&world, late).await, BTreeMap::new());
}

pub(crate) async fn who_is_not_silent_stays(world: Arc<World>) {
    let late = world.at(LATE_MS);
    let living = world.visitor().await.user;
    world.conversation(&living).await;
    let (talking, own) = silent(&world, 2).await;
    let last = world.text(own[1], Author::Backend, "are you there?", None);
    world.commit([last]).await;
    let view = world.view(own[1], talking.id).await.unwrap();
    let changed_at = view.conversation.updated_at;
    let identified = world.person("jay").await;
    let (nobody, _) = silent(&world, 0).await;
    for (silent_since, expected) in [
        (
            late,
            vec![(living.id, false), (talking.id, true), (nobody.id, true)],
        ),
        (changed_at, vec![(living.id, false), (talking.id, true)]),
        (
            changed_at.plus_milliseconds(-1),
            vec![(living.id, false), (talking.id, false)],
        ),
        (world.at(0), vec![]),
    ] {
        let found = are_removable(&world, silent_since).await;
        assert_eq!(found, expected.into_iter().collect(), "{silent_since}");
    }
    let just_before = changed_at.plus_milliseconds(-1);
    for (user, silent_since) in [
        (living.id, late),
        (talking.id, just_before),
        (identified.id, late),
    ] {
        let committed = remove_visitor(&world, user, silent_since).await;
        assert_eq!(removed(&committed.removed), BTreeMap::new());
        assert!(world.user(user).await.is_some());
    }
    assert_eq!(world.history(own[0]).await.len(), 2);
    let page = world
        .store
        .conversations(
            world.application,
            ConversationList::All(Order::NewestFirst.into()),
            window(9),
        )
        .await;
    assert_eq!(page.unwrap().items.len(), 3);
    // A page ends, and the next one begins after it.
    let mut seen = Vec::new();
    loop {
        let wanted = Visitors {
            after: seen.last().copied(),
            silent_since: late,
            limit: 2,
        };
        let page = world.store.visitors_after(world.application, wanted).await;
        let page = page.unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page.into_iter().map(|visitor| visitor.user));
    }
    assert_eq!(seen, [living.id, talking.id, nobody.id]);
}
