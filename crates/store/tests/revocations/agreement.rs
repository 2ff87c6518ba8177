//! A node drops what it remembers by the domain's rule; a miss asks the store by its own. They
//! are the same.

use countersign_core::id::{ApiKeyId, UserId};
use countersign_core::model::revocation::{Revocation, Target};
use countersign_core::model::session::Session;
use countersign_core::ports::change::Change;
use countersign_core::ports::store::Store;
use countersign_credential::key::Kid;

use crate::world::*;

/// A node drops what it remembers by the domain's rule, and a miss asks the store by its own.
#[tokio::test]
async fn the_domain_and_the_store_agree_on_what_is_covered() {
    let other = || UserId::from_bytes([6; 16]);
    let targets = [
        Target::Session(id_at(10, 1)),
        Target::Session(id_at(10, 2)),
        jti("jti-1"),
        jti("jti-2"),
        Target::Digest([1; 32]),
        Target::Digest([2; 32]),
        Target::Kid("kid-1".to_owned()),
        Target::Kid("kid-2".to_owned()),
        Target::ApiKey(ApiKeyId::from_bytes([9; 16])),
        Target::ApiKey(ApiKeyId::from_bytes([8; 16])),
        Target::User(UserId::from_bytes([5; 16])),
        Target::User(other()),
        alice()[0].clone(),
        alice()[1].clone(),
        alice()[2].clone(),
        Target::Application(application()),
    ];
    let mut covered = 0;
    for target in targets {
        for before in [9, 10, 11] {
            for has_credential in [true, false] {
                let world = World::new().await;
                let mut session = session(world.user.id, 1, 10, 5);
                if !has_credential {
                    (session.credential, session.api_key) = (None, None);
                }
                let row = Revocation {
                    target: target.clone(),
                    before: at(before),
                    made_at: at(before),
                    forget_at: at(before + 86_400),
                };
                let changes = vec![
                    Change::OpenSession(session.clone()),
                    Change::Revoke(row.clone()),
                ];
                world.commit(changes).await.unwrap();
                let expected = row.covers(&session.marks(application()));
                assert_eq!(!world.lives(session.id).await, expected, "{row:?}");
                covered += usize::from(expected);
            }
        }
    }
    // Of six rounds each: a session in all, of its credential and key in half, of user and
    // application in those that are not before it.
    assert_eq!(covered, 6 + 4 * 3 + 2 * 4);
}

/// A number below the bound that differs from call to call (SplitMix64).
fn below(state: &mut u64, bound: u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % bound
}

/// A target that some of the generated sessions have, and some do not.
fn any_target(dice: &mut u64, sessions: &[Session], user: UserId) -> Target {
    let one = &sessions[below(dice, sessions.len() as u64) as usize];
    let number = below(dice, 40) as u8;
    match below(dice, 10) {
        0 => Target::Session(one.id),
        1 => jti(&format!("jti-{number}")),
        2 => Target::Digest([number; 32]),
        3 => Target::Kid(format!("kid-{}", below(dice, 3))),
        4 => Target::ApiKey(ApiKeyId::from_bytes([below(dice, 3) as u8; 16])),
        5 => Target::User(if below(dice, 2) == 0 {
            user
        } else {
            UserId::from_bytes([6; 16])
        }),
        6 => Target::Application(application()),
        7 => alice()[0].clone(),
        8 => alice()[1].clone(),
        _ => alice()[2].clone(),
    }
}

#[tokio::test]
async fn memory_says_what_the_store_says_of_what_is_covered() {
    let mut dice = 7;
    let (mut covered, mut spared) = (0, 0);
    for _ in 0..60 {
        let world = World::new().await;
        let mut sessions = Vec::new();
        for number in 0..20 {
            let opened = below(&mut dice, 20) as i64;
            let mut session = session(world.user.id, number, opened, 0);
            session.api_key = (below(&mut dice, 2) == 0)
                .then(|| ApiKeyId::from_bytes([below(&mut dice, 3) as u8; 16]));
            let visitor = below(&mut dice, 5) == 0;
            if let Some(credential) = session.credential.as_mut().filter(|_| !visitor) {
                credential.kid = Kid::parse(&format!("kid-{}", below(&mut dice, 3))).unwrap();
                credential.jti = credential.jti.take().filter(|_| below(&mut dice, 3) > 0);
            } else {
                session.credential = None;
            }
            let open = Change::OpenSession(session.clone());
            world.commit(vec![open]).await.unwrap();
            sessions.push(session);
        }
        let revocation = Revocation {
            target: any_target(&mut dice, &sessions, world.user.id),
            before: at(below(&mut dice, 20) as i64),
            made_at: at(30),
            forget_at: at(90),
        };
        let revoke = Change::Revoke(revocation.clone());
        world.commit(vec![revoke]).await.unwrap();
        for session in &sessions {
            let view = world.store.session(application(), session.id).await;
            let by_store = view.unwrap().unwrap().revoked;
            let by_memory = revocation.covers(&session.marks(application()));
            assert_eq!(by_memory, by_store, "{revocation:?} {session:?}");
            if by_store {
                covered += 1;
            } else {
                spared += 1;
            }
        }
    }
    assert!(covered > 100 && spared > 100, "{covered} and {spared}");
}

/// However many targets are asked for at once, and wherever the covered one stands among them.
#[tokio::test]
async fn one_covered_target_is_found_among_any_number_of_others() {
    let world = World::new().await;
    let [name, external_id, email] = alice();
    let of_moment = [name, external_id, email, Target::User(world.user.id)];
    let for_ever = [Target::Kid("kid-1".to_owned()), Target::Digest([1; 32])];
    for target in of_moment.iter().chain(&for_ever) {
        let row = revocation(target.clone(), 10);
        world.commit(vec![row]).await.unwrap();
    }
    for target in of_moment.iter().chain(&for_ever) {
        for count in 1..=16 {
            for place in 0..count {
                let other = |number| jti(&format!("jti-{number}"));
                let mut targets: Vec<Target> = (0..count).map(other).collect();
                targets[place] = target.clone();
                for issued in [10, 11] {
                    let covered = issued == 10 || for_ever.contains(target);
                    let by_read = world
                        .store
                        .covered(application(), targets.clone(), at(issued))
                        .await;
                    assert_eq!(by_read.unwrap(), covered, "{target:?} {place} of {count}");
                    let targets = targets.clone();
                    let at = at(issued);
                    let expect = Change::ExpectUncovered { targets, at };
                    let written = world.commit(vec![expect]).await;
                    assert_eq!(written.is_err(), covered, "{target:?} {place} of {count}");
                }
            }
        }
    }
}
