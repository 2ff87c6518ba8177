//! Files that wait for the events that will name them. Those of a conversation are with the
//! application's cases.

use crate::world::{World, permit};
use countersign_core::id::{ApplicationId, AttachmentId, ConversationId};
use countersign_core::model::event::{Author, EventKind};
use countersign_core::model::user::User;
use countersign_core::ports::change::{Change, Expectation, FileChange, NewAttachment, Touch};
use std::sync::Arc;

fn add(new: &NewAttachment) -> Change {
    Change::File(FileChange::Add(Box::new(new.clone())))
}

fn attach(file: AttachmentId, conversation: ConversationId, author: Author) -> Change {
    Change::File(FileChange::Attach {
        file,
        conversation,
        author,
    })
}

/// A file of a user that waits.
async fn stored(world: &World, user: &User, bytes: u8) -> AttachmentId {
    let new = world.waiting_file(Author::User(user.id), bytes);
    world.commit([add(&new)]).await;
    new.attachment.id
}

/// Sends a text that names a file, and answers its number.
async fn named(
    world: &World,
    user: &User,
    conversation: ConversationId,
    file: AttachmentId,
) -> u64 {
    let author = Author::User(user.id);
    let text = world.text(conversation, author, "look", None);
    let committed = world
        .commit([text, attach(file, conversation, author)])
        .await;
    committed.events[0].1
}

pub(crate) async fn waits_for_the_event_that_names_it(world: Arc<World>) {
    let (jay, ann) = (world.person("jay").await, world.person("ann").await);
    let (here, there) = (
        world.conversation(&jay).await,
        world.conversation(&jay).await,
    );
    world.join(here, &ann).await;
    let new = world.waiting_file(Author::User(jay.id), 6);
    let file = new.attachment.id;
    world.commit([add(&new)]).await;
    let expected = Some((new.attachment.clone(), new.content.clone()));
    assert_eq!(world.file(file).await, expected);
    let elsewhere = world.id(ApplicationId::new);
    let found = world.store.attachment(elsewhere, file).await;
    assert_eq!(found.unwrap(), None);
    // Nobody gives away what is another's, a backend neither.
    for author in [Author::User(ann.id), Author::Backend] {
        let text = world.text(here, author, "mine", None);
        let batch = [text, attach(file, here, author)];
        world.refuse(Expectation::File, batch).await;
    }
    assert_eq!(world.file(file).await, expected);
    assert_eq!(world.history(here).await.len(), 2, "nothing was sent");
    let number = named(&world, &jay, here, file).await;
    let (known, content) = world.file(file).await.unwrap();
    assert_eq!(known.conversation, Some(here));
    assert_eq!((known.author, content), (Author::User(jay.id), new.content));
    // It is this conversation's now: whoever is in it may name it again, and
    // nobody may name it in another.
    assert!(named(&world, &ann, here, file).await > number);
    let text = world.text(there, Author::User(jay.id), "there", None);
    let batch = [text, attach(file, there, Author::User(jay.id))];
    world.refuse(Expectation::File, batch).await;
    let nothing = attach(world.id(AttachmentId::new), here, Author::User(jay.id));
    world.refuse(Expectation::File, [nothing]).await;
}

pub(crate) async fn goes_with_its_event(world: Arc<World>) {
    let (jay, ann) = (world.person("jay").await, world.person("ann").await);
    let id = world.conversation(&jay).await;
    world.join(id, &ann).await;
    let (one, other) = (stored(&world, &jay, 1).await, stored(&world, &jay, 2).await);
    let of_conversation = world.new_file(id, Author::User(jay.id), 3);
    world.commit([add(&of_conversation)]).await;
    let first = named(&world, &jay, id, one).await;
    let second = named(&world, &jay, id, other).await;
    let again = named(&world, &ann, id, one).await;
    let delete = |event, user: &User| {
        let author = Author::User(user.id);
        let mut new = world.new_event(id, author, EventKind::Delete, "{}");
        new.touches = Some(Touch::Delete { event });
        [Change::Append(Box::new(new))]
    };
    // Who named it after its owner does not take it away.
    world.commit(delete(again, &ann)).await;
    assert!(world.file(one).await.is_some());
    world.commit(delete(first, &jay)).await;
    assert_eq!(world.file(one).await, None);
    for stays in [other, of_conversation.attachment.id] {
        assert!(world.file(stays).await.is_some());
    }
    world
        .commit([Change::File(FileChange::Remove(other))])
        .await;
    assert_eq!(world.file(other).await, None);
    let gone = [Change::File(FileChange::Remove(other))];
    world.refuse(Expectation::File, gone).await;
    world.commit(delete(second, &jay)).await;
}

pub(crate) async fn waits_within_limits(world: Arc<World>) {
    let (jay, ann) = (world.person("jay").await, world.person("ann").await);
    let id = world.conversation(&jay).await;
    let file = |user: &User, bytes| add(&world.waiting_file(Author::User(user.id), bytes));
    let first = stored(&world, &jay, 10).await;
    world.refuse(Expectation::Quota, [file(&jay, 91)]).await;
    for _ in 0..2 {
        stored(&world, &jay, 10).await;
    }
    world
        .refuse(Expectation::WaitingRoom, [file(&jay, 1)])
        .await;
    world.commit([file(&ann, 1)]).await;
    // One that is named waits no more, and counts for the quota still.
    named(&world, &jay, id, first).await;
    world.refuse(Expectation::Quota, [file(&jay, 71)]).await;
    world.commit([file(&jay, 70)]).await;
    let backend = || add(&world.waiting_file(Author::Backend, 1));
    for _ in 0..3 {
        world.commit([backend()]).await;
    }
    world.refuse(Expectation::WaitingRoom, [backend()]).await;
}

pub(crate) async fn goes_with_its_user(world: Arc<World>) {
    let (jay, ann) = (world.person("jay").await, world.person("ann").await);
    let id = world.conversation(&ann).await;
    world.join(id, &jay).await;
    let shown = stored(&world, &jay, 1).await;
    named(&world, &jay, id, shown).await;
    let (waits, others) = (stored(&world, &jay, 1).await, stored(&world, &ann, 1).await);
    world
        .commit([Change::DeleteUser(jay.id, world.at(50))])
        .await;
    assert_eq!(world.file(waits).await, None);
    for stays in [shown, others] {
        assert!(world.file(stays).await.is_some());
    }
    let late = add(&world.waiting_file(Author::User(jay.id), 1));
    world.refuse(Expectation::User, [late]).await;
    let deleted = world
        .store
        .delete_application(&permit(world.application), crate::world::entry("x"))
        .await;
    deleted.unwrap();
    assert_eq!(world.file(others).await, None);
}

pub(crate) async fn goes_once_it_has_waited_too_long(world: Arc<World>) {
    let jay = world.person("jay").await;
    let id = world.conversation(&jay).await;
    let mut files = Vec::new();
    for at in [10, 20, 30] {
        let mut new = world.waiting_file(Author::User(jay.id), 1);
        new.attachment.created_at = world.at(at);
        world.commit([add(&new)]).await;
        files.push(new.attachment.id);
    }
    let [named_one, old, young] = files[..] else {
        panic!("there are three");
    };
    named(&world, &jay, id, named_one).await;
    let remove = async |by, limit| {
        let removed = world.store.remove_waiting_files(world.at(by), limit).await;
        removed.unwrap()
    };
    assert_eq!(remove(19, 9).await, 0);
    assert_eq!(remove(20, 9).await, 1);
    assert_eq!(world.file(old).await, None);
    assert!(world.file(young).await.is_some());
    let another = stored(&world, &jay, 1).await;
    assert_eq!(
        remove(1_000, 1).await,
        1,
        "the oldest first, some at a time"
    );
    assert_eq!(remove(1_000, 1).await, 1);
    assert_eq!(remove(1_000, 1).await, 0);
    for gone in [young, another] {
        assert_eq!(world.file(gone).await, None);
    }
    assert!(world.file(named_one).await.is_some());
}
