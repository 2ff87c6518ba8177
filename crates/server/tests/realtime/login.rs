//! A login on a socket: what its user follows comes with it, and nothing that happens meanwhile
//! is missed.

use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::client::{Client, in_short};
use crate::world::{Device, World, text};

/// Whether a credential can be used up decides which way a login goes.
const WAYS: [bool; 2] = [false, true];

/// What a device sends that logs a user in.
fn authenticate(world: &World, subject: &str, have: Option<Value>) -> Value {
    let credential = world.credential(subject, &world.unique("jti"));
    let mut frame = json!({
        "type": "authenticate",
        "token": credential,
        "key": world.publishable,
    });
    if let Some(have) = have {
        frame["have"] = have;
    }
    frame
}

/// Everything that was told up to now. One fence may come together with what is before it, and be
/// answered first.
async fn all_told(socket: &mut Client) -> Vec<Value> {
    let mut told = socket.told().await;
    told.extend(socket.told().await);
    told
}

async fn leave(world: &World, id: &str, user: &Device) {
    let path = format!("/v1/conversations/{id}/members");
    let (_, members) = world.call("GET", &path, &user.access, None).await;
    let members = members["members"].as_array().unwrap();
    let own = members.iter().find(|member| member["user_id"] == user.user);
    let path = format!("{path}/{}", text(&own.unwrap()["id"]));
    let (status, _) = world.call("DELETE", &path, &user.access, None).await;
    assert_eq!(status, 204);
}

#[tokio::test]
async fn a_login_is_told_what_a_token_is_however_much_the_user_follows() {
    let world = World::new().await;
    let bob = world.user("bob").await;
    for one_time in WAYS {
        world.set(json!({"one_time": {"native": one_time}})).await;
        for (places, left, unread) in [
            (0, 0, 0),
            (1, 0, 0),
            (1, 1, 1),
            (3, 0, 9),
            (3, 0, 10),
            (3, 1, 3),
            (2, 2, 1),
            (4, 0, 1),
            (6, 2, 12),
        ] {
            let name = world.unique("alice");
            let alice = world.user(&name).await;
            let mut ids = Vec::new();
            for number in 0..places {
                let id = world.shared(&[&bob, &alice]).await;
                for _ in 0..unread {
                    world.say(&bob.access, &id, &format!("{number}")).await;
                }
                ids.push(id);
            }
            for id in &ids[..left] {
                leave(&world, id, &alice).await;
            }
            for have in [None, Some(json!({}))] {
                let mut by_token = json!({"type": "authenticate", "token": alice.access});
                if let Some(have) = &have {
                    by_token["have"] = have.clone();
                }
                let (mut one, expected) = world.connect_with(by_token).await;
                let frame = authenticate(&world, &name, have);
                let (mut other, welcome) = world.connect_with(frame).await;
                let case = format!("{places} {left} {unread} {one_time}");
                assert_eq!(welcome["unread"], expected["unread"], "{case}");
                assert_eq!(welcome["resumed"], expected["resumed"], "{case}");
                let told = all_told(&mut one).await;
                assert_eq!(all_told(&mut other).await, told, "{case}");
                for id in &ids {
                    world.say(&bob.access, id, "live").await;
                }
                let told = in_short(&all_told(&mut one).await);
                assert_eq!(told.len(), places - left, "{case}");
                assert_eq!(
                    in_short(&all_told(&mut other).await).len(),
                    told.len(),
                    "{case}"
                );
            }
        }
    }
}

#[tokio::test]
async fn who_is_new_follows_nothing_until_they_are_added() {
    let world = World::new().await;
    let bob = world.user("bob").await;
    for one_time in WAYS {
        world.set(json!({"one_time": {"native": one_time}})).await;
        let name = world.unique("alice");
        let (mut socket, welcome) = world.connect_with(authenticate(&world, &name, None)).await;
        assert_eq!(welcome["unread"], json!({}));
        assert!(all_told(&mut socket).await.is_empty());
        let alice = world.user(&name).await;
        world.shared(&[&bob, &alice]).await;
        assert_eq!(
            in_short(&all_told(&mut socket).await)[0],
            "conversation added"
        );
    }
}

#[tokio::test]
async fn an_acl_that_withholds_the_list_withholds_it_from_a_login_too() {
    let world = World::new().await;
    let bob = world.user("bob").await;
    let alice = world.user("alice").await;
    let id = world.shared(&[&bob, &alice]).await;
    for one_time in WAYS {
        let paths = json!({"/*/sessions/**": {}, "/*/conversations/*/**": {}});
        let patch = json!({"one_time": {"native": one_time}, "default_acl": {"paths": paths}});
        world.set(patch).await;
        let (mut socket, welcome) = world
            .connect_with(authenticate(&world, "alice", None))
            .await;
        assert_eq!(welcome["unread"], json!({}));
        world
            .send_past_the_door(&world.principal(&bob).await, &id, "live")
            .await;
        assert!(all_told(&mut socket).await.is_empty());
    }
}

#[tokio::test]
async fn what_is_gained_or_said_while_a_user_logs_in_is_told() {
    let world = World::new().await;
    let bob = world.user("bob").await;
    let mut ways = [0; 2];
    for round in 0..200 {
        if round % 50 == 0 {
            let one_time = WAYS[round / 50 % 2];
            world.set(json!({"one_time": {"native": one_time}})).await;
        }
        let name = world.unique("alice");
        let alice = world.user(&name).await;
        let known = world.shared(&[&bob, &alice]).await;
        let gained = world.conversation(&bob).await;
        let (begun, begins) = oneshot::channel();
        let happens = async {
            world.add(&gained, &alice, "joined").await;
            begun.send(()).ok();
            world.say(&bob.access, &known, "meanwhile").await
        };
        let logs_in = async {
            let (mut socket, first) = (world.socket().await, authenticate(&world, &name, None));
            // In most rounds it is later, and meets what is said alone, or comes after it.
            if round % 4 > 0 {
                begins.await.unwrap();
                for _ in 0..round % 4 * (round % 100) {
                    tokio::task::yield_now().await;
                }
            }
            socket.send(first).await;
            let welcome = socket.frame().await;
            (socket, welcome)
        };
        let ((mut socket, welcome), number) = tokio::join!(logs_in, happens);
        let told = all_told(&mut socket).await;
        let of = |id: &str| {
            let of_it = told.iter().filter(move |frame| {
                let named = [&frame["conversation_id"], &frame["conversation"]["id"]];
                named.iter().any(|named| **named == *id)
            });
            of_it.cloned().collect::<Vec<Value>>()
        };
        // It came live, or it was there when the user logged in.
        let meanwhile = of(&known);
        let live = meanwhile.iter().any(|frame| frame["event"]["id"] == number);
        let unread = welcome["unread"][&known].as_u64();
        assert!(
            live != (unread == Some(1)),
            "round {round}: {unread:?} {told:?}"
        );
        ways[usize::from(live)] += 1;
        // Whether it was gained before or after, it is followed from now on.
        world.say(&bob.access, &gained, "after").await;
        world.say(&bob.access, &known, "after").await;
        let told = in_short(&all_told(&mut socket).await);
        let after = told.iter().filter(|told| told.ends_with("after"));
        assert_eq!(after.count(), 2, "round {round}: {told:?}");
    }
    assert!(ways.iter().all(|seen| *seen > 0), "{ways:?}");
}
