//! Users.

use crate::world::{World, window};
use countersign_core::id::UserId;
use countersign_core::model::event::EventKind;
use countersign_core::model::member::MemberState;
use countersign_core::model::page::{Order, Window};
use countersign_core::model::password::PasswordHash;
use countersign_core::model::user::{Identifier, User, UserPatch};
use countersign_core::ports::change::{Change, Expectation, PasswordChange};
use countersign_core::ports::store::UserFilter;
use countersign_credential::subject::{Email, ExternalId, UserName};
use std::sync::Arc;

fn identifiers(user: &User) -> [Identifier; 4] {
    [
        Identifier::Id(user.id),
        Identifier::Name(user.name.clone().unwrap()),
        Identifier::ExternalId(user.external_id.clone().unwrap()),
        Identifier::Email(user.email.clone().unwrap()),
    ]
}

pub(crate) async fn is_found_by_each_identifier(world: Arc<World>) {
    let user = User {
        display_name: Some("Jay Doe".to_owned()),
        image_url: Some("https://pictures.example/jay".to_owned()),
        custom_data: Some(r#"{"level":7}"#.to_owned()),
        described: Some(r#"{"emails":[]}"#.to_owned()),
        ..world.new_user(Some("jay"))
    };
    world.commit([Change::AddUser(user.clone())]).await;
    world.person("ann").await;
    for identifier in identifiers(&user) {
        let filter = UserFilter {
            identifier: Some(identifier.clone()),
            ..UserFilter::default()
        };
        let found = world.store.user(world.application, identifier).await;
        assert_eq!(found.unwrap(), Some(user.clone()));
        let page = world
            .store
            .users(world.application, filter, window(10))
            .await;
        assert_eq!(page.unwrap().items, std::slice::from_ref(&user));
    }
}

pub(crate) async fn identifiers_are_unique(world: Arc<World>) {
    let jay = world.person("jay").await;
    let ann = world.person("ann").await;
    let name = User {
        name: jay.name.clone(),
        ..world.new_user(None)
    };
    let external_id = User {
        external_id: jay.external_id.clone(),
        ..world.new_user(None)
    };
    let email = User {
        email: jay.email.clone(),
        ..world.new_user(None)
    };
    for (user, missed) in [
        (name, Expectation::NameFree),
        (external_id, Expectation::ExternalIdFree),
        (email, Expectation::EmailFree),
    ] {
        let patch = UserPatch {
            name: user.name.clone().map(Some),
            external_id: user.external_id.clone().map(Some),
            email: user.email.clone().map(Some),
            ..UserPatch::default()
        };
        world.refuse(missed, [Change::AddUser(user)]).await;
        world
            .refuse(missed, [Change::ChangeUser(ann.id, patch)])
            .await;
    }
    assert_eq!(world.user(ann.id).await, Some(ann));
}

pub(crate) async fn changes_what_the_patch_names(world: Arc<World>) {
    let jay = world.person("jay").await;
    let patch = UserPatch {
        name: Some(None),
        external_id: Some(Some(ExternalId::parse("42").unwrap())),
        display_name: Some(Some("Jay".to_owned())),
        image_url: Some(Some("https://pictures.example/jay".to_owned())),
        custom_data: Some(Some(r#"{"level":7}"#.to_owned())),
        described: Some(Some(r#"{"emails":[]}"#.to_owned())),
        blocked: Some(true),
        ..UserPatch::default()
    };
    world.commit([Change::ChangeUser(jay.id, patch)]).await;
    let changed = User {
        name: None,
        external_id: Some(ExternalId::parse("42").unwrap()),
        display_name: Some("Jay".to_owned()),
        image_url: Some("https://pictures.example/jay".to_owned()),
        custom_data: Some(r#"{"level":7}"#.to_owned()),
        described: Some(r#"{"emails":[]}"#.to_owned()),
        blocked: true,
        ..jay.clone()
    };
    assert_eq!(world.user(jay.id).await, Some(changed.clone()));
    world
        .commit([Change::ChangeUser(jay.id, UserPatch::default())])
        .await;
    assert_eq!(world.user(jay.id).await, Some(changed.clone()));
    let patch = UserPatch {
        image_url: Some(None),
        custom_data: Some(None),
        described: Some(None),
        ..UserPatch::default()
    };
    world.commit([Change::ChangeUser(jay.id, patch)]).await;
    let changed = User {
        image_url: None,
        custom_data: None,
        described: None,
        ..changed
    };
    assert_eq!(world.user(jay.id).await, Some(changed));
    let patch = UserPatch {
        name: Some(Some(UserName::parse("new").unwrap())),
        email: Some(Some(Email::parse("new@example.com").unwrap())),
        ..UserPatch::default()
    };
    let nobody = world.new_user(None).id;
    world
        .refuse(Expectation::User, [Change::ChangeUser(nobody, patch)])
        .await;
}

pub(crate) async fn a_deleted_one_is_found_by_nothing(world: Arc<World>) {
    let ann = world.person("ann").await;
    let jay = world.person("jay").await;
    let conversation = world.conversation(&ann).await;
    world.join(conversation, &jay).await;
    world.say(conversation, &jay, "bye").await;
    let patch = UserPatch {
        image_url: Some(Some("https://pictures.example/jay".to_owned())),
        custom_data: Some(Some(r#"{"of":"jay"}"#.to_owned())),
        ..UserPatch::default()
    };
    world.commit([Change::ChangeUser(jay.id, patch)]).await;
    let session = world.log_in(&jay).await;
    let at = world.at(5_000);
    world.commit([Change::DeleteUser(jay.id, at)]).await;
    for identifier in identifiers(&jay) {
        let found = world.store.user(world.application, identifier).await;
        assert_eq!(found.unwrap(), None);
    }
    let page = world
        .store
        .users(world.application, UserFilter::default(), window(10))
        .await
        .unwrap();
    assert_eq!(page.items, std::slice::from_ref(&ann));
    let found = world.store.session(world.application, session.id).await;
    assert!(found.unwrap().is_none());
    // The place is left, an event tells of it, and nothing names the user any more.
    assert_eq!(
        world.place(conversation, jay.id).await.state,
        MemberState::Left
    );
    let history = world.history(conversation).await;
    assert_eq!(history.last().unwrap().kind, EventKind::MemberLeft);
    assert!(
        history
            .iter()
            .zip(1..)
            .all(|(event, number)| event.id == number)
    );
    for event in &history {
        assert!(!event.body.contains("jay"), "{}", event.body);
        let person = &event.from.person;
        assert_ne!(person.names.shown(), "jay");
        assert_eq!((&person.image_url, &person.custom_data), (&None, &None));
    }
    world
        .refuse(Expectation::User, [Change::DeleteUser(jay.id, at)])
        .await;
    world
        .refuse(
            Expectation::User,
            [Change::ChangeUser(jay.id, UserPatch::default())],
        )
        .await;
    // Who comes back is a new one.
    let again = world.person("jay").await;
    assert_ne!(again.id, jay.id);
}

pub(crate) async fn pages_have_each_once(world: Arc<World>) {
    let mut users = Vec::new();
    for turn in 0..11 {
        users.push(world.person(&format!("user{turn}")).await);
        world.visitor().await;
    }
    for order in [Order::OldestFirst, Order::NewestFirst] {
        for limit in [1, 3, 11, 100] {
            let mut found = Vec::new();
            let mut after = None;
            loop {
                let window = Window { after, limit };
                let filter = UserFilter {
                    order,
                    ..UserFilter::default()
                };
                let page = world.store.users(world.application, filter, window).await;
                let page = page.unwrap();
                assert!(page.items.len() <= limit);
                found.extend(page.items);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found, users, "{limit} a page, {order:?}");
        }
        users.reverse();
    }
}

pub(crate) async fn sharing_a_conversation(world: Arc<World>) {
    let ann = world.person("ann").await;
    let jay = world.person("jay").await;
    let shares = || async {
        let found = world
            .store
            .share_conversation(world.application, ann.id, jay.id)
            .await;
        found.unwrap()
    };
    let conversation = world.conversation(&ann).await;
    assert!(!shares().await);
    let invited = world.new_member(conversation, jay.id, MemberState::Invited);
    world.commit([Change::AddMember(Box::new(invited))]).await;
    assert!(shares().await);
    world
        .commit([Change::DeleteUser(jay.id, world.at(1))])
        .await;
    assert!(!shares().await);
}

pub(crate) async fn each_is_found_in_its_place(world: Arc<World>) {
    let ann = world.person("ann").await;
    let jay = world.person("jay").await;
    let gone = world.person("bob").await;
    let visitor = world.visitor().await.user;
    world
        .commit([Change::DeleteUser(gone.id, world.at(1))])
        .await;
    let name = |user: &User| Identifier::Name(user.name.clone().unwrap());
    let asked = vec![
        name(&jay),
        name(&gone),
        Identifier::Id(ann.id),
        Identifier::Id(gone.id),
        Identifier::Id(visitor.id),
        name(&jay),
        Identifier::Email(ann.email.clone().unwrap()),
    ];
    let found = world.store.users_of(world.application, asked.clone()).await;
    let ids = found
        .unwrap()
        .into_iter()
        .map(|user| user.map(|user| user.id));
    let (ann, jay, visitor) = (Some(ann.id), Some(jay.id), Some(visitor.id));
    let expected = [jay, None, ann, None, visitor, jay, ann];
    assert_eq!(ids.collect::<Vec<_>>(), expected);
    let foreign = world.store.users_of(world.other, asked).await;
    assert_eq!(foreign.unwrap(), vec![None; 7]);
    let none = world.store.users_of(world.application, Vec::new()).await;
    assert_eq!(none.unwrap(), []);
}

pub(crate) async fn a_password_is_set_replaced_and_taken_away(world: Arc<World>) {
    let hash = |text: &str| PasswordHash::from_text(text.to_owned());
    let kept = async |user: UserId| {
        let by_id = Identifier::Id(user);
        let found = world.store.password(world.application, by_id).await;
        found.unwrap().map(|(_, hash)| hash)
    };
    let jay = world.person("jay").await;
    let ann = world.person("ann").await;
    assert_eq!(kept(jay.id).await, None);
    for text in ["one", "two"] {
        let set = Change::Password(jay.id, PasswordChange::Set(hash(text)));
        world.commit([set]).await;
        assert_eq!(kept(jay.id).await, Some(hash(text)));
    }
    assert_eq!(kept(ann.id).await, None);
    for identifier in identifiers(&jay) {
        let found = world
            .store
            .password(world.application, identifier.clone())
            .await;
        assert_eq!(found.unwrap(), Some((jay.clone(), hash("two"))));
        let elsewhere = world.store.password(world.other, identifier).await;
        assert_eq!(elsewhere.unwrap(), None);
    }
    world
        .commit([Change::Password(
            jay.id,
            PasswordChange::Expect(hash("two")),
        )])
        .await;
    for (user, text) in [(jay.id, "one"), (ann.id, "two")] {
        let expected = [Change::Password(user, PasswordChange::Expect(hash(text)))];
        world.refuse(Expectation::Password, expected).await;
    }
    world
        .commit([Change::Password(jay.id, PasswordChange::Remove)])
        .await;
    assert_eq!(kept(jay.id).await, None);
    let again = [Change::Password(jay.id, PasswordChange::Remove)];
    world.refuse(Expectation::Password, again).await;

    // Nobody who is no user, or none any more, has one.
    let visitor = world.new_visitor();
    let nobody = world.new_user(None);
    world
        .commit([Change::KeepVisitor(Box::new(visitor.clone()))])
        .await;
    world
        .commit([Change::Password(ann.id, PasswordChange::Set(hash("three")))])
        .await;
    world
        .commit([Change::DeleteUser(ann.id, world.at(1))])
        .await;
    assert_eq!(kept(ann.id).await, None);
    for user in [visitor.user.id, nobody.id, ann.id] {
        let set = [Change::Password(user, PasswordChange::Set(hash("four")))];
        world.refuse(Expectation::User, set).await;
    }
}
