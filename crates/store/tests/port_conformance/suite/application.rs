//! Applications, keys, settings, files and the audit log.

use crate::world::{World, entry, permit, window};
use countersign_core::id::{ApiKeyId, ApplicationId, ConversationId};
use countersign_core::key_use::{KeyUse, UsedKey};
use countersign_core::model::api_key::{ApiKey, Role, Roles};
use countersign_core::model::application::{Application, ApplicationName};
use countersign_core::model::epoch::Epochs;
use countersign_core::model::event::{Assurance, Author, Range};
use countersign_core::model::member::MemberState;
use countersign_core::model::page::Window;
use countersign_core::model::password::PasswordHash;
use countersign_core::model::settings::{MergePolicy, Settings};
use countersign_core::model::signing_key::{KeyMaterial, SigningKey};
use countersign_core::model::user::{Identifier, User};
use countersign_core::ports::change::{
    Change, Expectation, FileChange, MemberChange, NewAttachment, PasswordChange,
};
use countersign_core::ports::store::CommitError;
use countersign_credential::key::{KeyAlgorithm, KeyState, Kid};
use std::collections::BTreeMap;
use std::sync::Arc;
use zeroize::Zeroizing;

fn kid(text: &str) -> Kid {
    Kid::parse(text).unwrap()
}

fn key(world: &World, name: &str, state: KeyState) -> SigningKey {
    SigningKey {
        kid: kid(name),
        algorithm: KeyAlgorithm::Hs256,
        state,
        material: KeyMaterial::Secret(Zeroizing::new(name.repeat(20).into_bytes())),
        created_at: world.at(0),
        last_used_at: None,
    }
}

async fn find(world: &World, name: ApplicationName) -> Option<Application> {
    world.store.application(name).await.unwrap()
}

async fn states(world: &World) -> BTreeMap<String, KeyState> {
    let application = find(world, ApplicationName::Id(world.application)).await;
    let keys = application.unwrap().keys;
    let states = keys.iter().map(|k| (k.kid.as_str().to_owned(), k.state));
    states.collect()
}

pub(crate) async fn comes_back_with_its_keys(world: Arc<World>) {
    let id = world.id(ApplicationId::new);
    let public = SigningKey {
        algorithm: KeyAlgorithm::Rs256,
        material: KeyMaterial::Public("a PEM".to_owned()),
        last_used_at: Some(world.at(3)),
        ..key(&world, "public", KeyState::Current)
    };
    let application = Application {
        alias: Some("an imported KEY".to_owned()),
        settings: Settings {
            merge: MergePolicy::Discard,
            ..Settings::default()
        },
        keys: vec![public, key(&world, "secret", KeyState::Current)],
        ..world.new_application(id, "third")
    };
    world
        .store
        .add_application(
            &permit(id),
            application.clone(),
            entry("application.create"),
        )
        .await
        .unwrap();
    for name in [
        ApplicationName::Id(id),
        ApplicationName::Slug("third".parse().unwrap()),
        ApplicationName::Alias("an imported KEY".to_owned()),
    ] {
        let found = find(&world, name).await.unwrap();
        // The debug form shows no secret, and everything else.
        assert_eq!(format!("{found:?}"), format!("{application:?}"));
        let secret = match &found.keys[1].material {
            KeyMaterial::Secret(secret) => secret.as_slice(),
            KeyMaterial::Public(_) => panic!("a secret has become public"),
        };
        assert_eq!(secret, "secret".repeat(20).as_bytes());
    }
    let none = ApplicationName::Alias("an imported key".to_owned());
    assert!(find(&world, none).await.is_none());
    let mut slugs = Vec::new();
    let mut after = None;
    loop {
        let window = Window { after, limit: 1 };
        let page = world.store.applications(window).await.unwrap();
        slugs.extend(page.items.iter().map(|found| found.slug.to_string()));
        assert!(page.items.iter().all(|found| found.keys.is_empty()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    slugs.sort_unstable();
    assert_eq!(slugs, ["demo", "other", "third"]);
}

pub(crate) async fn names_stand_for_one(world: Arc<World>) {
    let id = world.id(ApplicationId::new);
    let first = Application {
        alias: Some("alias-of-one".to_owned()),
        ..world.new_application(id, "one")
    };
    world
        .store
        .add_application(&permit(id), first, entry("application.create"))
        .await
        .unwrap();
    let other = || world.id(ApplicationId::new);
    let of = |id, slug: &str, alias: Option<String>| Application {
        alias,
        ..world.new_application(id, slug)
    };
    for (application, missed) in [
        (of(other(), "one", None), Expectation::SlugFree),
        (of(id, "two", None), Expectation::SlugFree),
        (of(other(), "alias-of-one", None), Expectation::SlugFree),
        (
            of(other(), "two", Some("alias-of-one".to_owned())),
            Expectation::AliasFree,
        ),
        (
            of(other(), "two", Some("one".to_owned())),
            Expectation::AliasFree,
        ),
        (
            of(other(), "two", Some(id.to_string())),
            Expectation::AliasFree,
        ),
    ] {
        let permit = permit(application.id);
        let refused = world
            .store
            .add_application(&permit, application, entry("application.create"))
            .await;
        match refused {
            Err(CommitError::Missed(found)) => assert_eq!(found, missed),
            other => panic!("{other:?}"),
        }
    }
    let page = world.store.applications(window(100)).await.unwrap();
    assert_eq!(page.items.len(), 3);
}

pub(crate) async fn settings_are_replaced(world: Arc<World>) {
    let settings = Settings {
        sessions_max: 3,
        allowed_origins: vec!["https://a.example".to_owned()],
        ..Settings::default()
    };
    world.commit([Change::SetSettings(settings.clone())]).await;
    let found = find(&world, ApplicationName::Id(world.application)).await;
    assert_eq!(found.unwrap().settings, settings);
    let nowhere = permit(world.id(ApplicationId::new));
    let refused = world
        .store
        .commit(&nowhere, vec![Change::SetSettings(settings)])
        .await;
    assert!(matches!(
        refused,
        Err(CommitError::Missed(Expectation::Application))
    ));
}

pub(crate) async fn the_ring_keeps_its_rules(world: Arc<World>) {
    use KeyState::{Current, Previous, Revoked, Standby};
    let add = |name: &str, state| Change::AddSigningKey(key(&world, name, state));
    let set = |name: &str, state| Change::SetKeyState(kid(name), state);
    let steps: [(Change, &[(&str, KeyState)]); 8] = [
        (add("a", Current), &[("a", Current)]),
        (add("b", Standby), &[("a", Current), ("b", Standby)]),
        (set("b", Current), &[("a", Previous), ("b", Current)]),
        (
            add("c", Current),
            &[("a", Standby), ("b", Previous), ("c", Current)],
        ),
        (
            set("b", Current),
            &[("a", Standby), ("b", Current), ("c", Previous)],
        ),
        (
            set("a", Previous),
            &[("a", Previous), ("b", Current), ("c", Standby)],
        ),
        (
            set("b", Revoked),
            &[("a", Previous), ("b", Revoked), ("c", Standby)],
        ),
        (
            set("c", Current),
            &[("a", Previous), ("b", Revoked), ("c", Current)],
        ),
    ];
    for (position, (step, expected)) in steps.into_iter().enumerate() {
        world.commit([step]).await;
        let expected = expected
            .iter()
            .map(|(name, state)| ((*name).to_owned(), *state));
        assert_eq!(states(&world).await, expected.collect(), "step {position}");
    }
    // Keys of another algorithm are a matter of their own.
    let sinch = SigningKey {
        algorithm: KeyAlgorithm::SinchHmacSha256,
        ..key(&world, "sinch", Current)
    };
    world.commit([Change::AddSigningKey(sinch)]).await;
    let states = states(&world).await;
    assert_eq!((states["c"], states["sinch"]), (Current, Current));
}

pub(crate) async fn signing_keys_expect(world: Arc<World>) {
    let add = |name: &str| [Change::AddSigningKey(key(&world, name, KeyState::Current))];
    let set = |name: &str| [Change::SetKeyState(kid(name), KeyState::Standby)];
    world.commit(add("a")).await;
    world.refuse(Expectation::KidFree, add("a")).await;
    world.refuse(Expectation::Key, set("b")).await;
    let revoke = Change::SetKeyState(kid("a"), KeyState::Revoked);
    world.commit([revoke]).await;
    world.refuse(Expectation::Key, set("a")).await;
    assert_eq!(states(&world).await["a"], KeyState::Revoked);
}

fn api_key(world: &World, roles: &[Role]) -> ApiKey {
    ApiKey {
        id: world.id(ApiKeyId::new),
        application: Some(world.application),
        name: "a key".to_owned(),
        roles: Roles::new(roles.iter().copied()).unwrap(),
        digest: [6; 32],
        text: None,
        last_characters: "wxyz".to_owned(),
        created_at: world.at(1),
        expires_at: Some(world.at(2)),
        cidr: Some("203.0.113.0/24".parse().unwrap()),
        last_used_at: None,
        revoked: false,
    }
}

pub(crate) async fn api_keys(world: Arc<World>) {
    let mut keys = Vec::new();
    for roles in [
        &[Role::Admin, Role::User][..],
        &[Role::User],
        &[Role::Tracking],
    ] {
        let mut key = api_key(&world, roles);
        if key.roles.is_publishable() {
            key.text = Some("cs_pk_x".to_owned());
            key.cidr = None;
        }
        world.commit([Change::AddApiKey(key.clone())]).await;
        assert_eq!(
            world.store.api_key(key.id).await.unwrap(),
            Some(key.clone())
        );
        keys.push(key);
    }
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let window = Window { after, limit: 2 };
        let page = world.store.api_keys(Some(world.application), window).await;
        let page = page.unwrap();
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, keys);
    let id = keys[0].id;
    world.commit([Change::RevokeApiKey(id)]).await;
    assert!(world.store.api_key(id).await.unwrap().unwrap().revoked);
    let unknown = world.id(ApiKeyId::new);
    for gone in [id, unknown] {
        world
            .refuse(Expectation::Key, [Change::RevokeApiKey(gone)])
            .await;
    }
}

/// What is noted of the use of keys never goes back, is of the named key alone,
/// and is no harm where the key is gone.
pub(crate) async fn key_uses(world: Arc<World>) {
    let used = api_key(&world, &[Role::User]);
    let unused = api_key(&world, &[Role::User]);
    for key in [&used, &unused] {
        world.commit([Change::AddApiKey(key.clone())]).await;
    }
    for name in ["used", "unused"] {
        let key = key(&world, name, KeyState::Standby);
        world.commit([Change::AddSigningKey(key)]).await;
    }
    let signing = |name: &str| UsedKey::Signing(world.application, kid(name));
    let elsewhere = UsedKey::Signing(world.id(ApplicationId::new), kid("unused"));
    for (at, noted) in [(7, 7), (5, 7), (7, 7), (9, 9)] {
        let keys = [
            UsedKey::Api(used.id),
            signing("used"),
            UsedKey::Api(world.id(ApiKeyId::new)),
            signing("gone"),
            elsewhere.clone(),
        ];
        let at = world.at(at);
        let uses = keys.map(|key| KeyUse { key, at });
        world.store.note_used(uses.into()).await.unwrap();
        let expected = Some(world.at(noted));
        for (id, expected) in [(used.id, expected), (unused.id, None)] {
            let key = world.store.api_key(id).await.unwrap().unwrap();
            assert_eq!(key.last_used_at, expected);
        }
        let application = find(&world, ApplicationName::Id(world.application)).await;
        for key in application.unwrap().keys {
            let expected = expected.filter(|_| key.kid == kid("used"));
            assert_eq!(key.last_used_at, expected, "{:?}", key.kid);
        }
    }
}

pub(crate) async fn operator_keys(world: Arc<World>) {
    let key = ApiKey {
        application: None,
        ..api_key(&world, &[Role::Operator])
    };
    world
        .store
        .add_operator_key(key.clone(), entry("api_key.create"))
        .await
        .unwrap();
    world
        .commit([Change::AddApiKey(api_key(&world, &[Role::User]))])
        .await;
    let page = world.store.api_keys(None, window(9)).await.unwrap();
    assert_eq!(page.items, std::slice::from_ref(&key));
    // An application cannot revoke it.
    world
        .refuse(Expectation::Key, [Change::RevokeApiKey(key.id)])
        .await;
    let nowhere = permit(world.id(ApplicationId::new));
    let lost = vec![Change::AddApiKey(api_key(&world, &[Role::User]))];
    let refused = world.store.commit(&nowhere, lost).await;
    assert!(matches!(
        refused,
        Err(CommitError::Missed(Expectation::Application))
    ));
}

pub(crate) async fn attachments_have_a_quota(world: Arc<World>) {
    let jay = world.person("jay").await;
    let conversation = world.conversation(&jay).await;
    let new = |conversation, author, bytes| world.new_file(conversation, author, bytes);
    let add = |new: &NewAttachment| [Change::File(FileChange::Add(Box::new(new.clone())))];
    let own = Author::User(jay.id);
    let one = new(conversation, own, 60);
    world.commit(add(&one)).await;
    let found = world.file(one.attachment.id).await;
    assert_eq!(found, Some((one.attachment.clone(), one.content)));
    let too_much = new(conversation, own, 41);
    world.refuse(Expectation::Quota, add(&too_much)).await;
    world.commit(add(&new(conversation, own, 40))).await;
    world
        .commit(add(&new(conversation, Author::Backend, 99)))
        .await;
    let nowhere = new(world.id(ConversationId::new), Author::Backend, 1);
    world.refuse(Expectation::Conversation, add(&nowhere)).await;
    world
        .commit([Change::DeleteConversation(conversation)])
        .await;
    assert_eq!(world.file(one.attachment.id).await, None);
}

pub(crate) async fn attachments_are_of_who_is_joined(world: Arc<World>) {
    let [jay, ann, bob] = [
        world.person("jay").await,
        world.person("ann").await,
        world.person("bob").await,
    ];
    let conversation = world.conversation(&jay).await;
    let place = world.join(conversation, &ann).await;
    let invited = world.new_member(conversation, bob.id, MemberState::Invited);
    world.commit([Change::AddMember(Box::new(invited))]).await;
    let file = |user: &User| {
        let new = world.new_file(conversation, Author::User(user.id), 2);
        Change::File(FileChange::Add(Box::new(new)))
    };
    let leave = Change::ChangeMember(Box::new(MemberChange {
        conversation,
        member: place,
        from: MemberState::Joined,
        to: MemberState::Left,
        reason: None,
        author: Author::Backend,
        assurance: Assurance::Verified,
        at: world.at(500),
    }));
    let stranger = world.person("eve").await;
    for user in [&bob, &stranger] {
        world.refuse(Expectation::Joined, [file(user)]).await;
    }
    // What comes before it in the batch counts already.
    let batch = [leave.clone(), file(&ann)];
    world.refuse(Expectation::Joined, batch).await;
    world.commit([file(&ann), leave]).await;
    world.refuse(Expectation::Joined, [file(&ann)]).await;
    world.commit([file(&jay)]).await;
}

pub(crate) async fn is_deleted_with_everything(world: Arc<World>) {
    let jay = world.person("jay").await;
    let conversation = world.conversation(&jay).await;
    let session = world.log_in(&jay).await;
    let api_key = api_key(&world, &[Role::User]);
    world
        .commit([
            Change::AddApiKey(api_key.clone()),
            Change::AddSigningKey(key(&world, "a", KeyState::Current)),
            Change::Password(
                jay.id,
                PasswordChange::Set(PasswordHash::from_text("hash".to_owned())),
            ),
        ])
        .await;
    let permit = permit(world.application);
    world
        .store
        .delete_application(&permit, entry("application.delete"))
        .await
        .unwrap();
    let id = world.application;
    assert!(find(&world, ApplicationName::Id(id)).await.is_none());
    let store = &world.store;
    let name = Identifier::Name(jay.name.unwrap());
    assert!(store.user(id, name).await.unwrap().is_none());
    assert!(store.session(id, session.id).await.unwrap().is_none());
    let found = store.conversation(id, conversation, None).await;
    assert!(found.unwrap().is_none());
    let events = store.events(id, conversation, None, Range::Newest, 9).await;
    assert!(events.unwrap().is_none());
    let by_id = Identifier::Id(jay.id);
    assert_eq!(store.password(id, by_id).await.unwrap(), None);
    assert!(store.api_key(api_key.id).await.unwrap().is_none());
    assert!(
        find(&world, ApplicationName::Id(world.other))
            .await
            .is_some()
    );
    let again = store
        .delete_application(&permit, entry("application.delete"))
        .await;
    assert!(matches!(
        again,
        Err(CommitError::Missed(Expectation::Application))
    ));
    let slug = world.new_application(id, "demo");
    store
        .add_application(&permit, slug, entry("application.create"))
        .await
        .unwrap();
    assert_eq!(states(&world).await, BTreeMap::new());
}

pub(crate) async fn epoch_and_ping(world: Arc<World>) {
    assert_eq!(world.store.epochs().await.unwrap(), Epochs::FIRST);
    world.store.ping().await.unwrap();
}
