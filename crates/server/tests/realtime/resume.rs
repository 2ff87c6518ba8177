//! Going on after what the client has.

use serde_json::{Value, json};

use crate::client::in_short;
use crate::world::World;

#[tokio::test]
async fn what_was_missed_comes_first_and_what_is_new_follows() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.shared(&[&alice, &bob]).await;
    let other = world.conversation(&bob).await;
    for what in ["a", "b", "c"] {
        world.say(&alice.access, &id, what).await;
    }
    let have = json!({id.as_str(): 3, other.as_str(): 1});
    let (mut client, welcome) = world.resume(&bob, have).await;
    assert_eq!(welcome["resumed"], true);
    world.say(&alice.access, &id, "d").await;
    let told = client.told().await;
    assert_eq!(in_short(&told), ["event 4 b", "event 5 c", "event 6 d"]);
    // Who has nothing of it is told of the conversation, and all of it.
    let (mut client, _) = world.resume(&bob, json!({other.as_str(): 1})).await;
    let told = in_short(&client.told().await);
    assert_eq!(told.len(), 7);
    assert_eq!(told[0], "conversation added");
    assert_eq!(told[1], "event 1 member:joined");
    // Who claims more than there is has what there is.
    let have = json!({id.as_str(): 999, other.as_str(): 999});
    let (mut client, _) = world.resume(&bob, have).await;
    world.say(&alice.access, &id, "e").await;
    assert_eq!(in_short(&client.told().await), ["event 7 e"]);
}

#[tokio::test]
async fn without_have_only_what_is_new_is_told() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let id = world.conversation(&alice).await;
    world.say(&alice.access, &id, "old").await;
    let authenticate = json!({"type": "authenticate", "token": alice.access});
    let (mut client, welcome) = world.connect_with(authenticate).await;
    assert_eq!(welcome["resumed"], false);
    world.say(&alice.access, &id, "new").await;
    assert_eq!(in_short(&client.told().await), ["event 3 new"]);
}

#[tokio::test]
async fn what_is_of_another_history_is_void() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let id = world.conversation(&alice).await;
    world.say(&alice.access, &id, "old").await;
    let epoch = world.ctx.epoch();
    for (epoch, resumed) in [(epoch, true), (epoch + 1, false)] {
        let (mut client, welcome) = world
            .connect_with(json!({"type": "authenticate", "token": alice.access,
                "epoch": epoch, "have": {id.as_str(): 1}}))
            .await;
        assert_eq!(welcome["resumed"], resumed);
        assert_eq!(welcome["epoch"], json!(world.ctx.epoch()));
        let expected: &[&str] = if resumed { &["event 2 old"] } else { &[] };
        assert_eq!(in_short(&client.told().await), expected);
    }
}

#[tokio::test]
async fn too_much_is_left_to_be_paged() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let id = world.conversation(&alice).await;
    for number in 2..=503 {
        world.say(&alice.access, &id, &number.to_string()).await;
    }
    let (mut client, _) = world.resume(&alice, json!({id.as_str(): 3})).await;
    for number in 4..=503 {
        let told = in_short(&[client.frame().await]);
        assert_eq!(told, [format!("event {number} {number}")]);
    }
    assert!(client.told().await.is_empty());
    let (mut client, _) = world.resume(&alice, json!({id.as_str(): 2})).await;
    world.say(&alice.access, &id, "new").await;
    let told = in_short(&client.told().await);
    assert_eq!(told, ["gap 2 503", "event 504 new"]);
}

#[tokio::test]
async fn what_was_lost_meanwhile_is_told_so() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.conversation(&alice).await;
    let member = world.add(&id, &bob, "joined").await;
    let gone = world.conversation(&bob).await;
    let path = format!("/v1/conversations/{id}/members/{member}");
    assert_eq!(world.call("DELETE", &path, &world.key, None).await.0, 204);
    let path = format!("/v1/conversations/{gone}");
    assert_eq!(world.call("DELETE", &path, &bob.access, None).await.0, 204);
    let have = json!({id.as_str(): 1, gone.as_str(): 1});
    let (mut client, welcome) = world.resume(&bob, have).await;
    assert_eq!(welcome["resumed"], true);
    world.say(&alice.access, &id, "secret").await;
    let told = client.told().await;
    assert_eq!(
        in_short(&told),
        ["conversation removed", "conversation removed"]
    );
    let mut lost: Vec<&Value> = told.iter().map(|it| &it["conversation"]["id"]).collect();
    lost.sort_by_key(|id| id.to_string());
    let mut expected = [&id, &gone];
    expected.sort();
    assert_eq!(json!(lost), json!(expected));
}
