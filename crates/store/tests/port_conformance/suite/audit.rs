//! The audit log: numbered, sealed, and never changed but by an erasure.

use crate::world::{World, entry, permit, window};
use countersign_core::audit_chain::Head;
use countersign_core::id::{ApplicationId, AuditId, UserId};
use countersign_core::model::audit::{Actor, AuditEntry, AuditRecord, Details};
use countersign_core::model::page::{Order, Window};
use countersign_core::ports::change::{Change, Expectation};
use countersign_core::ports::store::CommitError;
use countersign_core::ports::upkeep::Sealing;
use std::sync::Arc;
use tokio::task::JoinSet;

/// An entry that has everything.
fn full(world: &World, turn: i64) -> AuditEntry {
    AuditEntry {
        id: world.id(AuditId::new),
        at: world.at(turn),
        actor: Actor::Backend,
        action: "test.done",
        target: format!("target {turn}"),
        user: Some(UserId::from_bytes([7; 16])),
        details: Details {
            before: Some("{}".to_owned()),
            after: Some(format!("{{\"turn\":{turn}}}")),
            remark: Some("more".to_owned()),
        },
        salt: [u8::try_from(turn).unwrap(); 32],
    }
}

async fn log(world: &World, application: ApplicationId, order: Order) -> Vec<AuditRecord> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let window = Window { after, limit: 2 };
        let page = world.store.audit(application, order, window).await.unwrap();
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

async fn ascending(world: &World) -> Vec<AuditRecord> {
    log(world, world.application, Order::OldestFirst).await
}

fn heads(from: Head, count: u64) -> Vec<Head> {
    let head = |number| Head {
        number,
        digest: [u8::try_from(number).unwrap(); 32],
    };
    (from.number + 1..=from.number + count).map(head).collect()
}

async fn seal(world: &World, from: Head, count: u64) -> Result<(), CommitError> {
    let sealing = Sealing {
        from,
        heads: heads(from, count),
        salted: Vec::new(),
    };
    world.store.seal(world.application, sealing).await
}

pub(crate) async fn is_read_in_both_orders(world: Arc<World>) {
    let mut entries = Vec::new();
    for turn in 0..5 {
        entries.push(full(&world, turn));
        let audit = Change::Audit(entries.last().unwrap().clone());
        world.commit([audit]).await;
    }
    let found = ascending(&world).await;
    let first = &found[0];
    assert_eq!(first.action, "application.create", "as the world began");
    assert_eq!(
        (first.number, first.user, &first.details),
        (1, None, &Details::default())
    );
    for (place, (record, entry)) in found[1..].iter().zip(&entries).enumerate() {
        let number = u64::try_from(place).unwrap() + 2;
        let expected = AuditRecord {
            number,
            id: entry.id,
            at: entry.at,
            actor: "backend".to_owned(),
            action: entry.action.to_owned(),
            target: entry.target.clone(),
            user: entry.user,
            details: entry.details.clone(),
            salt: Some(entry.salt),
            details_digest: Some(entry.details_digest()),
            digest: None,
        };
        assert_eq!(*record, expected);
    }
    let mut descending = log(&world, world.application, Order::NewestFirst).await;
    descending.reverse();
    assert_eq!(descending, found);
    let last = Some(5_u64.to_be_bytes().to_vec());
    let rest = Window {
        after: last,
        limit: 9,
    };
    let page = world
        .store
        .audit(world.application, Order::OldestFirst, rest)
        .await;
    assert_eq!(page.unwrap().items, found[5..]);
}

pub(crate) async fn counts_each_entry_of_a_batch(world: Arc<World>) {
    let jay = world.person("jay").await;
    // Wherever they stand among the other changes.
    world
        .commit([
            Change::Audit(full(&world, 1)),
            Change::DeleteUser(jay.id, world.at(2)),
            Change::Audit(full(&world, 3)),
        ])
        .await;
    let missed = [
        Change::Audit(full(&world, 4)),
        Change::DeleteUser(jay.id, world.at(5)),
    ];
    world.refuse(Expectation::User, missed).await;
    world.commit([Change::Audit(full(&world, 6))]).await;
    let found = ascending(&world).await;
    let told: Vec<_> = found
        .iter()
        .map(|record| (record.number, record.target.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (1, "a case"),
            (2, "target 1"),
            (3, "target 3"),
            (4, "target 6")
        ]
    );
}

pub(crate) async fn numbers_have_no_holes(world: Arc<World>) {
    let mut tasks = JoinSet::new();
    for turn in 0..40 {
        let world = Arc::clone(&world);
        tasks.spawn(async move {
            let audit = Change::Audit(full(&world, turn));
            world.commit([audit]).await;
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let numbers: Vec<u64> = ascending(&world)
        .await
        .iter()
        .map(|record| record.number)
        .collect();
    assert_eq!(numbers, (1..=41).collect::<Vec<u64>>());
    let other = log(&world, world.other, Order::OldestFirst).await;
    assert_eq!(other.len(), 1, "another application's is its own");
}

pub(crate) async fn is_sealed_once_and_in_order(world: Arc<World>) {
    for turn in 0..3 {
        world.commit([Change::Audit(full(&world, turn))]).await;
    }
    let mut logs = world.store.unsealed_logs(9).await.unwrap();
    logs.sort();
    let mut both = [world.application, world.other];
    both.sort();
    assert_eq!(logs, both);
    assert_eq!(world.store.unsealed_logs(1).await.unwrap().len(), 1);
    let unsealed = world.store.unsealed(world.application, 3).await.unwrap();
    assert_eq!(unsealed.head, Head::START);
    assert_eq!(unsealed.records, ascending(&world).await[..3]);
    seal(&world, Head::START, 3).await.unwrap();
    // Another node had read the same.
    let again = seal(&world, Head::START, 2).await;
    assert!(matches!(
        again,
        Err(CommitError::Missed(Expectation::AuditHead))
    ));
    let unsealed = world.store.unsealed(world.application, 9).await.unwrap();
    assert_eq!(unsealed.head, heads(Head::START, 3)[2]);
    assert_eq!(unsealed.records, ascending(&world).await[3..]);
    seal(&world, unsealed.head, 1).await.unwrap();
    assert_eq!(world.store.unsealed_logs(9).await.unwrap(), [world.other]);
    let digests: Vec<_> = ascending(&world)
        .await
        .iter()
        .map(|record| record.digest)
        .collect();
    let expected = heads(Head::START, 4);
    let expected: Vec<_> = expected.iter().map(|head| Some(head.digest)).collect();
    assert_eq!(digests, expected);
    let nothing = world.store.unsealed(world.application, 9).await.unwrap();
    assert_eq!((nothing.head.number, nothing.records.len()), (4, 0));
}

pub(crate) async fn details_of_a_user_are_erased(world: Arc<World>) {
    let other = AuditEntry {
        user: Some(UserId::from_bytes([8; 16])),
        ..full(&world, 2)
    };
    let nobody = AuditEntry {
        user: None,
        ..full(&world, 3)
    };
    for audit in [full(&world, 1), other, nobody] {
        world.commit([Change::Audit(audit)]).await;
    }
    let foreign = vec![Change::Audit(full(&world, 4))];
    world
        .store
        .commit(&permit(world.other), foreign)
        .await
        .unwrap();
    seal(&world, Head::START, 4).await.unwrap();
    let before = ascending(&world).await;
    let erase = || [Change::EraseAuditDetails(UserId::from_bytes([7; 16]))];
    world.commit(erase()).await;
    world.commit(erase()).await;
    let mut expected = before;
    expected[1].details = Details::default();
    expected[1].salt = None;
    assert_eq!(ascending(&world).await, expected);
    let elsewhere = log(&world, world.other, Order::OldestFirst).await;
    assert_eq!(elsewhere[1].details, full(&world, 4).details);
}

pub(crate) async fn begins_anew_with_its_application(world: Arc<World>) {
    world.commit([Change::Audit(full(&world, 1))]).await;
    seal(&world, Head::START, 1).await.unwrap();
    let id = world.application;
    let deleted = entry("application.delete");
    world
        .store
        .delete_application(&permit(id), deleted)
        .await
        .unwrap();
    assert!(ascending(&world).await.is_empty());
    let told = log(&world, ApplicationId::INSTALLATION, Order::OldestFirst).await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].number, told[0].action.as_str()),
        (1, "application.delete")
    );
    let again = world.new_application(id, "demo");
    let created = entry("application.create");
    world
        .store
        .add_application(&permit(id), again, created)
        .await
        .unwrap();
    let unsealed = world.store.unsealed(id, window(9).limit).await.unwrap();
    assert_eq!((unsealed.head, unsealed.records.len()), (Head::START, 1));
    assert_eq!(unsealed.records[0].number, 1);
}
