//! Many at once.

use crate::world::World;
use countersign_core::id::UserId;
use countersign_core::model::event::{Assurance, Author};
use countersign_core::model::member::MemberState;
use countersign_core::model::session::Timeouts;
use countersign_core::model::user::{Identifier, User};
use countersign_core::ports::change::{
    Change, Committed, Expectation, FileChange, MemberChange, Rotation,
};
use countersign_core::ports::store::CommitError;
use std::sync::Arc;
use tokio::task::JoinSet;

type Outcome = Result<Committed, CommitError>;

/// Commits each list of changes in a task of its own.
async fn at_once(world: &Arc<World>, batches: Vec<Vec<Change>>) -> Vec<Outcome> {
    let mut tasks = JoinSet::new();
    for batch in batches {
        let world = Arc::clone(world);
        tasks.spawn(async move { world.try_commit(batch).await });
    }
    tasks.join_all().await
}

/// One has won, and all others have missed one of these.
fn one_winner(outcomes: &[Outcome], missed: &[Expectation]) {
    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(won, 1, "{outcomes:?}");
    for outcome in outcomes {
        match outcome {
            Ok(_) => {}
            Err(CommitError::Missed(found)) => assert!(missed.contains(found), "{found:?}"),
            Err(CommitError::Store(error)) => panic!("{error:?}"),
        }
    }
}

pub(crate) async fn twenty_first_logins_are_one_user(world: Arc<World>) {
    let first = world.new_user(Some("jay"));
    let external_id = first.external_id.clone().unwrap();
    let batches = (0..20).map(|_| {
        let user = User {
            id: world.id(UserId::new),
            name: None,
            email: None,
            ..first.clone()
        };
        let session = world.new_session(user.id);
        vec![Change::AddUser(user), Change::OpenSession(session)]
    });
    let outcomes = at_once(&world, batches.collect()).await;
    one_winner(&outcomes, &[Expectation::ExternalIdFree]);
    let found = world
        .store
        .user(world.application, Identifier::ExternalId(external_id))
        .await;
    let user = found.unwrap().unwrap();
    let window = crate::world::window(100);
    let sessions = world
        .store
        .sessions(world.application, user.id, Timeouts::NONE, window);
    assert_eq!(sessions.await.unwrap().items.len(), 1);
}

pub(crate) async fn two_adoptions_are_one(world: Arc<World>) {
    let visitor = world.visitor().await.user;
    let jay = world.person("jay").await;
    let ann = world.person("ann").await;
    let id = world.conversation(&visitor).await;
    let adopt = |to| {
        vec![Change::Adopt {
            conversation: id,
            from: visitor.id,
            to,
            at: world.at(9),
        }]
    };
    let outcomes = at_once(&world, vec![adopt(jay.id), adopt(ann.id)]).await;
    one_winner(&outcomes, &[Expectation::VisitorPlace]);
    assert_eq!(world.history(id).await.len(), 2);
}

pub(crate) async fn fifty_rotations_have_one_winner(world: Arc<World>) {
    let jay = world.person("jay").await;
    let session = world.log_in(&jay).await;
    let batches = (0..50).map(|turn| {
        let rotation = Rotation {
            session: session.id,
            from: 0,
            nonce_digest: Some([turn; 32]),
            at: world.at(1),
            credential: None,
        };
        vec![Change::Rotate(Box::new(rotation))]
    });
    let outcomes = at_once(&world, batches.collect()).await;
    one_winner(&outcomes, &[Expectation::Generation]);
    let view = world.store.session(world.application, session.id).await;
    assert_eq!(view.unwrap().unwrap().session.generation, 1);
}

/// Eight writers, of whom some fail now and then, and one who sends everything twice.
pub(crate) async fn events_have_no_holes(world: Arc<World>) {
    const WRITERS: u64 = 8;
    const EACH: u64 = 40;
    let jay = world.person("jay").await;
    let id = world.conversation(&jay).await;
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        let world = Arc::clone(&world);
        let author = Author::User(jay.id);
        tasks.spawn(async move {
            let mut sent = 0;
            for turn in 0..EACH {
                let client_id = format!("{writer} {turn}");
                let event = || world.text(id, author, "x", Some(&client_id));
                sent += world.commit([event()]).await.events.len();
                if turn % 4 == writer % 4 {
                    let again = world.try_commit([event()]).await;
                    let missed = Expectation::ClientIdUnused;
                    assert!(matches!(again, Err(CommitError::Missed(m)) if m == missed));
                }
            }
            sent
        });
    }
    let sent: usize = tasks.join_all().await.into_iter().sum();
    let numbers: Vec<u64> = world
        .history(id)
        .await
        .iter()
        .map(|event| event.id)
        .collect();
    let last = WRITERS * EACH + 1;
    assert_eq!(numbers, (1..=last).collect::<Vec<u64>>());
    assert_eq!(u64::try_from(sent).unwrap() + 1, last);
    let view = world.view(id, jay.id).await.unwrap();
    assert_eq!(view.conversation.last_event_id, last);
}

/// Whoever is removed first has stored nothing, in whichever order the two arrive.
pub(crate) async fn a_removal_meets_an_upload(world: Arc<World>) {
    let jay = world.person("jay").await;
    for round in 0..40 {
        let id = world.conversation(&jay).await;
        let place = world.place(id, jay.id).await.id;
        let new = world.new_file(id, Author::User(jay.id), 1);
        let file = new.attachment.id;
        let upload = vec![Change::File(FileChange::Add(Box::new(new)))];
        let removal = vec![Change::ChangeMember(Box::new(MemberChange {
            conversation: id,
            member: place,
            from: MemberState::Joined,
            to: MemberState::Left,
            reason: None,
            author: Author::Backend,
            assurance: Assurance::Verified,
            at: world.at(9),
        }))];
        let batches = if round % 2 == 0 {
            vec![upload, removal]
        } else {
            vec![removal, upload]
        };
        let outcomes = at_once(&world, batches).await;
        let stored = world.store.attachment(world.application, file).await;
        let stored = stored.unwrap().is_some();
        let missed = outcomes.iter().filter_map(|outcome| match outcome {
            Ok(_) => None,
            Err(CommitError::Missed(missed)) => Some(*missed),
            Err(CommitError::Store(error)) => panic!("{error:?}"),
        });
        let expected: &[Expectation] = if stored { &[] } else { &[Expectation::Joined] };
        assert_eq!(missed.collect::<Vec<_>>(), expected, "round {round}");
        let late = world.new_file(id, Author::User(jay.id), 1);
        let late = Change::File(FileChange::Add(Box::new(late)));
        world.refuse(Expectation::Joined, [late]).await;
    }
}
