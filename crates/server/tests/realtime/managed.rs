//! Users who signed in with a password are told nothing more once they no longer may.

use countersign_core::access::principal::Principal;
use countersign_core::model::password::Password;
use countersign_core::op::change_password::{ChangePassword, change_password};
use countersign_core::op::sign_up::{SignUp, sign_up};
use countersign_core::op::signed_request::by_name;
use countersign_credential::subject::UserName;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::client::{Client, in_time};
use crate::world::{Device, World};

/// The close code of a session that is over.
const ENDED: u16 = 4410;

fn password(text: &str) -> Password {
    Password::new(Zeroizing::new(text.to_owned())).unwrap()
}

/// A ticket of a user who signs up, good for several logins.
async fn ticket(world: &World, name: &str) -> String {
    let application = world.application.to_string();
    let app: Principal = by_name(&world.ctx, &application).await.unwrap();
    let new = SignUp {
        name: UserName::parse(name).unwrap(),
        password: password("hunter2"),
    };
    let signed_in = sign_up(&world.ctx, &app, new).await.unwrap();
    signed_in.ticket.text
}

async fn enter(world: &World, ticket: &str) -> Device {
    let body = json!({ "credential": ticket });
    world.log_in(body, String::new()).await
}

/// Waits for something new, which is none.
async fn poll(world: &World, device: &Device) -> (u16, Value) {
    let body = json!({ "wait_seconds": 25 });
    world
        .call("POST", "/v1/sync", &device.access, Some(body))
        .await
}

/// What a socket was told, and the code that it was closed with.
async fn until_closed(client: &mut Client) -> (String, u16) {
    let mut told = String::new();
    loop {
        match client.next().await {
            Ok(frame) => told.push_str(&frame.to_string()),
            Err((code, _)) => return (told, code),
        }
    }
}

async fn hears(client: &mut Client, what: &str) {
    while !client.frame().await.to_string().contains(what) {}
}

async fn connections(world: &World, expected: u64) {
    while world.metric("connections").await != expected {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn switched_off_it_closes_their_sockets_and_polls() {
    let world = World::new().await;
    world.set(json!({ "managed_users": true })).await;
    let ticket = ticket(&world, "bob").await;
    let phone = enter(&world, &ticket).await;
    let laptop = enter(&world, &ticket).await;
    let other = world.user("alice").await;
    let mut of_phone = world.connect(&phone).await;
    let mut of_other = world.connect(&other).await;
    let id = world.shared(&[&other, &phone]).await;
    let meanwhile = async {
        connections(&world, 3).await;
        world.set(json!({ "managed_users": false })).await;
        world.say(&other.access, &id, "for nobody else").await;
    };
    let ((status, answer), ()) =
        in_time(async { tokio::join!(poll(&world, &laptop), meanwhile) }).await;
    assert_eq!((status, &answer["code"]), (401, &json!("session_ended")));
    let (told, code) = until_closed(&mut of_phone).await;
    assert_eq!(code, ENDED);
    assert!(!told.contains("for nobody else"), "{told}");
    hears(&mut of_other, "for nobody else").await;
}

#[tokio::test]
async fn a_changed_password_closes_the_others_sockets_and_polls() {
    let world = World::new().await;
    world.set(json!({ "managed_users": true })).await;
    let ticket = ticket(&world, "bob").await;
    let phone = enter(&world, &ticket).await;
    let laptop = enter(&world, &ticket).await;
    let tablet = enter(&world, &ticket).await;
    let mut of_phone = world.connect(&phone).await;
    let mut of_laptop = world.connect(&laptop).await;
    let id = world.shared(&[&phone]).await;
    let meanwhile = async {
        connections(&world, 3).await;
        let asked = ChangePassword {
            current: password("hunter2"),
            new: password("hunter3"),
        };
        let bob = world.principal(&phone).await;
        change_password(&world.ctx, &bob, asked).await.unwrap();
        world.say(&phone.access, &id, "to myself").await;
    };
    let ((status, answer), ()) =
        in_time(async { tokio::join!(poll(&world, &tablet), meanwhile) }).await;
    assert_eq!((status, &answer["code"]), (401, &json!("session_ended")));
    let (told, code) = until_closed(&mut of_laptop).await;
    assert_eq!(code, ENDED);
    assert!(!told.contains("to myself"), "{told}");
    hears(&mut of_phone, "to myself").await;
}
