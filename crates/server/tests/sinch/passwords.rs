//! Who signed up under a name need not be the person whom the application calls
//! so: a signed credential of that name takes the password away.

use countersign_core::access::action::Action;
use countersign_core::access::authorize;
use countersign_core::access::principal::{Principal, Who};
use countersign_core::model::password::PasswordHash;
use countersign_core::model::user::Identifier;
use countersign_core::ports::change::{Change, PasswordChange};

use crate::world::{Instance, World};

/// Gives a user a password, as if it had signed up with it.
async fn give(world: &World, name: &str) {
    let backend = Principal {
        application: Some(world.application),
        who: Who::Backend {
            api_key: None,
            admin: false,
        },
        acl: None,
        parameters: Vec::new(),
    };
    let permit = authorize(&backend, &Action::CreateUser).unwrap();
    let permit = permit.outright().unwrap();
    let id = world.user(name).await.parse().unwrap();
    let hash = PasswordHash::from_text("hash".to_owned());
    let changes = vec![Change::Password(id, PasswordChange::Set(hash))];
    world.ctx.store.commit(&permit, changes).await.unwrap();
}

async fn has_password(world: &World, name: &str) -> bool {
    let id = Identifier::Id(world.user(name).await.parse().unwrap());
    let found = world.ctx.store.password(world.application, id).await;
    found.unwrap().is_some()
}

async fn removals(world: &World) -> usize {
    world.audit("user.password_removed").await.len()
}

#[tokio::test]
async fn a_signed_credential_takes_the_password_and_ends_its_sessions() {
    let world = World::new().await;
    for again in [false, true] {
        let name = if again { "alice" } else { "bob" };
        let before = world.instance(name).await;
        give(&world, name).await;
        world.profile(&before).await.expect(200);
        let ticket = world.ticket(name);
        let reply = if again {
            world.enter_again(&ticket, &before.id).await
        } else {
            world.enter(&ticket).await
        };
        let after = Instance::of(reply);
        assert_ne!(after.id, before.id);
        assert!(!has_password(&world, name).await);
        world.profile(&after).await.expect(200);
        world.profile(&before).await.refused(40_400);
        assert_eq!(world.sessions(name).await.len(), 1);
    }
    assert_eq!(removals(&world).await, 2);
}

#[tokio::test]
async fn a_login_that_fails_takes_nothing() {
    let world = World::new().await;
    let alice = world.instance("alice").await;
    give(&world, "alice").await;
    let ticket = world.ticket("alice");
    let (fields, _) = ticket.split_once(':').unwrap();
    let forged = format!("{fields}:{}=", "A".repeat(43));
    world.enter(&forged).await.refused(40_102);
    world.instance("bob").await;
    assert!(has_password(&world, "alice").await);
    world.profile(&alice).await.expect(200);
    assert_eq!(removals(&world).await, 0);
}

#[tokio::test]
async fn of_many_logins_one_takes_it_and_all_stay() {
    let world = World::new().await;
    world.instance("alice").await;
    give(&world, "alice").await;
    let ticket = world.ticket("alice");
    let logins = (0..20).map(|_| world.enter(&ticket));
    let entered = futures_util::future::join_all(logins).await;
    for reply in entered {
        world.profile(&Instance::of(reply)).await.expect(200);
    }
    assert_eq!(removals(&world).await, 1);
}
