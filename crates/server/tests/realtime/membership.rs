//! Conversations that are gained, changed and lost while a socket is open.

use countersign_core::op::instant::{Instant, instant_conversation};
use serde_json::json;

use crate::client::in_short;
use crate::world::{World, text};

#[tokio::test]
async fn what_is_gained_is_told_with_its_history() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let mut alices = world.connect(&alice).await;
    let mut bobs = world.connect(&bob).await;
    let id = world.conversation(&alice).await;
    let told = alices.told().await;
    assert_eq!(
        in_short(&told),
        ["conversation added", "event 1 member:joined"]
    );
    assert_eq!(text(&told[0]["conversation"]["id"]), id);
    world.say(&alice.access, &id, "before").await;
    world.add(&id, &bob, "joined").await;
    world.say(&alice.access, &id, "after").await;
    let told = bobs.told().await;
    let history = [
        "event 1 member:joined",
        "event 2 before",
        "event 3 member:joined",
        "event 4 after",
    ];
    assert_eq!(in_short(&told)[0], "conversation added");
    assert_eq!(in_short(&told)[1..], history);
    assert_eq!(in_short(&alices.told().await), history[1..]);
}

#[tokio::test]
async fn who_is_written_to_is_told_of_the_conversation_and_of_what_is_said() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let mut alices = world.connect(&alice).await;
    let mut bobs = world.connect(&bob).await;
    let asker = world.principal(&alice).await;
    let names = [bob.user.clone()];
    let found = instant_conversation(&world.ctx, &asker, &names).await;
    let Ok(Instant::Of { conversation, .. }) = found else {
        panic!("it is of two users who exist: {found:?}");
    };
    let id = conversation.to_string();
    world.say(&bob.access, &id, "hello").await;
    for client in [&mut alices, &mut bobs] {
        let told = client.told().await;
        assert_eq!(text(&told[0]["conversation"]["id"]), id);
        let history = [
            "conversation added",
            "event 1 member:joined",
            "event 2 member:joined",
            "event 3 hello",
        ];
        assert_eq!(in_short(&told), history);
    }
}

#[tokio::test]
async fn who_is_invited_is_told_of_the_conversation_and_on_joining_of_the_rest() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.conversation(&alice).await;
    let mut bobs = world.connect(&bob).await;
    let member = world.add(&id, &bob, "invited").await;
    world.say(&alice.access, &id, "secret").await;
    assert_eq!(in_short(&bobs.told().await), ["conversation added"]);
    let path = format!("/v1/conversations/{id}/members/{member}");
    let joined = json!({"state": "joined"});
    let (status, _) = world.call("PATCH", &path, &bob.access, Some(joined)).await;
    assert_eq!(status, 200);
    let told = in_short(&bobs.told().await);
    assert_eq!(told[0], "conversation changed");
    assert_eq!(told[1], "event 1 member:joined");
    assert_eq!(told.last().unwrap(), "event 4 member:joined");
}

#[tokio::test]
async fn a_new_name_is_told() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.shared(&[&alice, &bob]).await;
    let mut bobs = world.connect(&bob).await;
    let path = format!("/v1/conversations/{id}");
    let patch = json!({"display_name": "Lunch"});
    world.call("PATCH", &path, &alice.access, Some(patch)).await;
    let told = bobs.told().await;
    assert_eq!(in_short(&told), ["conversation changed"]);
    assert_eq!(told[0]["conversation"]["display_name"], "Lunch");
}

#[tokio::test]
async fn who_is_removed_is_told_nothing_that_came_after() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.conversation(&alice).await;
    let mut bobs = world.connect(&bob).await;
    let mut rounds_told = 0;
    for round in 0..20 {
        let member = world.add(&id, &bob, "joined").await;
        world.say(&alice.access, &id, "before").await;
        let path = format!("/v1/conversations/{id}/members/{member}");
        let (status, _) = world.call("DELETE", &path, &alice.access, None).await;
        assert_eq!(status, 204);
        world.say(&alice.access, &id, "secret").await;
        world.say(&alice.access, &id, "secret").await;
        let told = in_short(&bobs.told().await);
        if told.is_empty() {
            // It was over before the connection could hear of it.
            continue;
        }
        rounds_told += 1;
        assert_eq!(told.first().unwrap(), "conversation added", "{told:?}");
        assert_eq!(told.last().unwrap(), "conversation removed", "{told:?}");
        // Event 1 is the creator's, and each round has five. How far the stream came before the
        // removal was heard is a race; that it came no further than the removal is none.
        let before_the_end = 3 + 5 * round;
        let numbers = told.iter().filter_map(|line| line.strip_prefix("event "));
        for number in numbers.filter_map(|line| line.split(' ').next()) {
            assert!(number.parse::<u32>().unwrap() <= before_the_end, "{told:?}");
        }
    }
    assert!(rounds_told > 0);
}

#[tokio::test]
async fn the_loop_itself_stops_at_the_end_of_a_place() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.conversation(&alice).await;
    let member = world.add(&id, &bob, "joined").await;
    let mut bobs = world.connect(&bob).await;
    // Both are there before the connection runs again: it is not for the notice
    // of the lost conversation to be the faster one.
    let path = format!("/v1/conversations/{id}/members/{member}");
    let leave = world.call("DELETE", &path, &alice.access, None);
    let (left, _) = tokio::join!(leave, world.say(&alice.access, &id, "around"));
    assert_eq!(left.0, 204);
    for _ in 0..5 {
        world.say(&alice.access, &id, "secret").await;
    }
    let told = in_short(&bobs.told().await);
    assert_eq!(told.last().unwrap(), "conversation removed");
    assert!(!told.iter().any(|it| it.contains("secret")), "{told:?}");
    assert!(
        !told.iter().any(|it| it.contains("member:left")),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_visitors_conversations_arrive_where_its_user_is() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let visitor = world.visitor().await;
    let id = world.conversation(&visitor).await;
    world.say(&visitor.access, &id, "as a visitor").await;
    let mut desk = world.connect(&alice).await;
    let mut visitors = world.connect(&visitor).await;
    let jti = world.unique("jti");
    let credential = world.credential("alice", &jti);
    let body = json!({"credential": credential, "current_token": visitor.access});
    let adopted = world.log_in(body, jti).await;
    assert_eq!(adopted.user, alice.user);
    assert_eq!(visitors.closed_at_once().await, 4410);
    let told = desk.told().await;
    assert_eq!(
        in_short(&told),
        [
            "conversation added",
            "event 1 member:joined",
            "event 2 as a visitor",
            "event 3 member:adopted"
        ]
    );
    assert_eq!(text(&told[2]["event"]["from"]["user_id"]), alice.user);
    let mut phone = world.connect(&adopted).await;
    world.say(&world.key, &id, "welcome").await;
    assert_eq!(in_short(&phone.told().await), ["event 4 welcome"]);
    assert_eq!(in_short(&desk.told().await), ["event 4 welcome"]);
}
