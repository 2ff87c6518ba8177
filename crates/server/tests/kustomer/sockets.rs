//! The socket, spoken by hand: what is refused, and what nobody hears.

use std::time::Duration;

use countersign_server::operations::{Operations, Rates};
use countersign_server::realtime::Patience;
use serde_json::json;

use crate::socket_client::{Client, PASS};
use crate::world::{World, text};

#[tokio::test]
async fn an_address_tells_the_application_and_the_version() {
    let world = World::new().await;
    let (address, _stop) = world.listen().await;
    let key = world.application;
    let other = "00000000-0000-7000-8000-000000000000";
    for (path, code) in [
        (format!("/app/{other}?protocol=7"), 4001),
        ("/app/demo?protocol=7".to_owned(), 4001),
        (format!("/other/app/{key}?protocol=7"), 4001),
        (format!("/app/{key}?protocol=4"), 4007),
        (format!("/app/{key}?protocol=8"), 4007),
        (format!("/app/{key}?protocol=x"), 4007),
        (format!("/app/{key}"), 4008),
    ] {
        let mut client = Client::open(address, &path).await;
        let expected = (vec!["pusher:error".to_owned()], Some(code));
        assert_eq!(client.closed().await, expected, "{path}");
    }
    for path in [
        format!("/demo/app/{key}?protocol=7"),
        format!("/app/{key}?protocol=5"),
    ] {
        let mut client = Client::open(address, &path).await;
        assert_eq!(client.event().await.0, "pusher:connection_established");
    }
}

#[tokio::test]
async fn a_pass_is_for_one_socket_one_channel_and_one_session() {
    let world = World::new().await;
    let (address, _stop) = world.listen().await;
    let alice = world.log_in(None, "alice").await;
    let bob = world.log_in(None, "bob").await;
    let channel = world.tracking(&alice);
    let mut client = Client::established(address, &world).await;
    let of_another = world.pass(&alice.token, "1.2", &channel).await;
    let chat = world.chat(&alice.token).await;
    let mut renamed = world.pass(&alice.token, &client.id, &channel).await;
    renamed["channel"] = world.activity(&chat).into();
    let mut described = world.pass(&alice.token, &client.id, &channel).await;
    described["channel_data"] = r#"{"user_id":"another"}"#.into();
    let mut forged = world.pass(&alice.token, &client.id, &channel).await;
    forged["auth"] = format!("{}:{}", world.application, alice.token).into();
    let nothing = json!({ "channel": channel });
    for wrong in [of_another, renamed, described, forged, nothing] {
        client.say("pusher:subscribe", wrong.clone()).await;
        let (name, data) = client.event().await;
        assert_eq!(name, "pusher:subscription_error", "{wrong}");
        assert_eq!(data["status"], 403, "{wrong}");
    }
    // Nobody is told anything yet, whoever writes.
    world.say(&alice.token, &chat, "not for everybody").await;
    client.is_told_nothing().await;
    let told = client.enter(&world, &alice.token, &channel).await;
    assert_eq!(told.0, "pusher_internal:subscription_succeeded");
    // It is hers from now on.
    let told = client
        .enter(&world, &bob.token, &world.tracking(&bob))
        .await;
    assert_eq!(told.0, "pusher:subscription_error");
    let hers = world.chat(&bob.token).await;
    world.say(&bob.token, &hers, "for bob").await;
    client.is_told_nothing().await;
    for (device, name) in [
        (&bob, channel.clone()),
        (&bob, world.activity(&chat)),
        (
            &alice,
            channel.replace(&world.application.to_string(), &bob.customer),
        ),
        (&alice, "private-x".to_owned()),
    ] {
        let asked = json!({ "socket_id": client.id, "channel_name": name });
        let reply = world
            .device("POST", PASS, Some(&device.token), Some(asked))
            .await;
        reply.refused(404, "not_found");
    }
    for socket_id in ["", "1", "1.", ".1", "1.2.3", "a.b", &"1".repeat(80)] {
        let asked = json!({ "socket_id": socket_id, "channel_name": channel });
        let reply = world
            .device("POST", PASS, Some(&alice.token), Some(asked))
            .await;
        reply.refused(400, "bad_request");
    }
}

#[tokio::test]
async fn messages_reach_who_is_in_the_channel_and_no_longer() {
    let world = World::new().await;
    let (address, _stop) = world.listen().await;
    let phone = world.log_in(None, "alice").await;
    let tablet = world.log_in(None, "alice").await;
    let mut client = Client::online(address, &world, &tablet).await;
    let chat = world.chat(&phone.token).await;
    let id = world.say(&phone.token, &chat, "hello").await;
    let path = format!("/c/v1/chat/sessions/{chat}/messages/{id}");
    let read = world.ask(&tablet.token, "GET", &path, None).await;
    let told = client.event().await;
    assert_eq!(told.0, "kustomer.app.chat.message.send");
    assert_eq!(told.1, json!({ "data": read }));
    let path = format!("/c/v1/chat/sessions/{chat}");
    let lock = json!({ "locked": true });
    world
        .ask(&phone.token, "PUT", &path, Some(lock.clone()))
        .await;
    let told = client.event().await;
    assert_eq!(told.0, "kustomer.app.chat.session.end");
    assert_eq!(told.1["data"]["id"], chat);
    world.ask(&phone.token, "PUT", &path, Some(lock)).await;
    let channel = world.tracking(&tablet);
    client
        .say("pusher:unsubscribe", json!({ "channel": channel }))
        .await;
    client.is_told_nothing().await;
    world.say(&phone.token, &chat, "unheard").await;
    client.is_told_nothing().await;
    // Of what was written meanwhile a client asks; of what follows it is told.
    client.enter(&world, &tablet.token, &channel).await;
    world.say(&phone.token, &chat, "heard").await;
    let told = client.event().await;
    assert_eq!(told.1["data"]["attributes"]["body"], "heard");
}

#[tokio::test]
async fn a_socket_ends_with_its_session() {
    let world = World::new().await;
    let (address, _stop) = world.listen().await;
    let alice = world.log_in(None, "alice").await;
    let mut client = Client::online(address, &world, &alice).await;
    let other = world.log_in(None, "alice").await;
    let chat = world.chat(&other.token).await;
    world.reset(Some(&alice.token)).await.expect(200);
    world.say(&other.token, &chat, "not for who is gone").await;
    assert_eq!(
        client.closed().await,
        (vec!["pusher:error".to_owned()], Some(4200))
    );
    // A visitor's ends when the visitor logs in: the device is another one then.
    let visitor = world.current(None).await.expect(200);
    let (token, session) = (crate::world::token(&visitor), text(&visitor["data"]["id"]));
    let mut client = Client::established(address, &world).await;
    let channel = format!("presence-external-{}-tracking-{session}", world.application);
    let told = client.enter(&world, &token, &channel).await;
    assert_eq!(told.0, "pusher_internal:subscription_succeeded");
    let chat = world.chat(&token).await;
    world.say(&token, &chat, "hello?").await;
    assert_eq!(client.event().await.0, "kustomer.app.chat.message.send");
    world.log_in(Some(&token), "bob").await;
    assert_eq!(client.closed().await.1, Some(4200));
}

#[tokio::test]
async fn what_is_no_frame_ends_the_socket_and_what_nobody_makes_is_refused() {
    let world = World::new().await;
    let (address, _stop) = world.listen().await;
    let alice = world.log_in(None, "alice").await;
    for frame in [
        "",
        "x",
        "[]",
        "{}",
        r#"{"event":7}"#,
        r#"{"event":"pusher:subscribe"}"#,
    ] {
        let mut client = Client::established(address, &world).await;
        client.send(frame.to_owned()).await;
        assert_eq!(client.closed().await, (vec![], Some(1002)), "{frame}");
        let mut client = Client::online(address, &world, &alice).await;
        client.send(frame.to_owned()).await;
        assert_eq!(client.closed().await, (vec![], Some(1002)), "{frame}");
    }
    let mut client = Client::online(address, &world, &alice).await;
    let chat = world.chat(&alice.token).await;
    for event in ["client-another", "client-kustomer.app.chat.activity.typing"] {
        // Of a channel that the socket is not in.
        let frame = json!({ "event": event, "channel": world.activity(&chat), "data": {} });
        client.send(frame.to_string()).await;
        let (name, data) = client.event().await;
        assert_eq!(
            (name.as_str(), &data["code"]),
            ("pusher:error", &json!(4301))
        );
    }
    client.is_told_nothing().await;
}

#[tokio::test]
async fn who_enters_no_channel_in_time_is_sent_away() {
    let patience = Patience {
        authenticate: Duration::from_millis(100),
        ..Patience::default()
    };
    let operations = Operations::new(Rates::for_development(), Vec::new());
    let world = World::of(operations.with_patience(patience)).await;
    let (address, _stop) = world.listen().await;
    let mut client = Client::established(address, &world).await;
    let (told, code) = client.closed().await;
    assert_eq!((told, code), (vec!["pusher:error".to_owned()], Some(4009)));
}

#[tokio::test]
async fn a_socket_is_in_so_many_channels_at_most() {
    let world = World::new().await;
    let (address, _stop) = world.listen().await;
    let alice = world.log_in(None, "alice").await;
    let mut client = Client::online(address, &world, &alice).await;
    let mut refused = 0;
    for _ in 0..100 {
        let chat = world.chat(&alice.token).await;
        let (name, data) = client
            .enter(&world, &alice.token, &world.activity(&chat))
            .await;
        if name == "pusher:subscription_error" {
            assert_eq!(data["status"], 409);
            refused += 1;
        }
    }
    assert_eq!(refused, 1);
}

#[tokio::test]
async fn the_node_tells_its_sockets_to_come_back_when_it_stops() {
    let world = World::new().await;
    let (address, stop) = world.listen().await;
    let alice = world.log_in(None, "alice").await;
    let mut nobody = Client::established(address, &world).await;
    let mut client = Client::online(address, &world, &alice).await;
    stop.cancel();
    for client in [&mut nobody, &mut client] {
        assert_eq!(client.closed().await.1, Some(4200));
    }
}
