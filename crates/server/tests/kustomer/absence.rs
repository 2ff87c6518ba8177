//! The store is out of sight for a while: sockets stay open and silent, nothing is
//! told that may not be, and nothing is lost.

use countersign_core::access::action::Action;
use countersign_core::access::{Conditional, authorize};
use countersign_core::model::event::EventKind;
use countersign_core::model::revocation::{Revocation, Target};
use countersign_core::op::events::{Content, Send, send};
use countersign_core::op::store_watch;
use countersign_core::ports::change::Change;
use serde_json::json;

use crate::socket_client::Client;
use crate::world::{Identity, World};

const MESSAGES: &str = "/c/v1/chat/messages";

/// A world whose store is watched: nothing is withheld where nobody looks.
async fn watched() -> World {
    let world = World::new().await;
    store_watch::look(&world.ctx).await.unwrap();
    world
}

/// Ends a device's session behind the node's back: as if its notice had been lost.
async fn revoke_without_notice(world: &World, device: &Identity) {
    let now = world.ctx.now();
    let revocation = Revocation {
        target: Target::Session(device.tracking_id.parse().unwrap()),
        before: now,
        made_at: now,
        forget_at: now.plus_seconds(86_400),
    };
    let principal = world.principal(&device.token).await;
    let permit = authorize(&principal, &Action::ListSessions)
        .and_then(Conditional::outright)
        .unwrap();
    let changes = vec![Change::Revoke(revocation)];
    world.ctx.store.commit(&permit, changes).await.unwrap();
}

async fn hears(client: &mut Client, expected: &str) {
    let (_, data) = client.event().await;
    assert_eq!(data["data"]["attributes"]["body"], expected);
}

#[tokio::test]
async fn sockets_are_silent_and_go_on_where_they_were() {
    let world = watched().await;
    let (address, _stop) = world.listen().await;
    let alice = world.log_in(None, "alice").await;
    let chat = world.chat(&alice.token).await;
    let mut client = Client::online(address, &world, &alice).await;
    world.say(&alice.token, &chat, "before").await;
    hears(&mut client, "before").await;

    world.store.engine().take_away();
    world.clock.advance_s(6);
    store_watch::look(&world.ctx).await.unwrap_err();
    world.look();
    let body = json!({ "session": chat, "body": "lost" });
    for (method, path, body) in [
        ("POST", MESSAGES, Some(body)),
        ("GET", "/c/v1/chat/sessions", None),
        ("GET", "/c/v1/tracking/tokens/current", None),
    ] {
        let reply = world.device(method, path, Some(&alice.token), body).await;
        assert!(!reply.header("retry-after").is_empty(), "{path}");
        reply.refused(503, "unavailable");
    }
    let asked = world.store.engine().refused();
    client.say("pusher:ping", json!({})).await;
    client.hears_nothing_yet().await;
    assert_eq!(world.store.engine().refused(), asked, "nobody asks in vain");

    world.store.engine().give_back();
    store_watch::look(&world.ctx).await.unwrap();
    world.look();
    assert_eq!(client.event().await.0, "pusher:pong");
    world.say(&alice.token, &chat, "after").await;
    hears(&mut client, "after").await;
    let path = format!("/c/v1/chat/sessions/{chat}/messages");
    let read = world.ask(&alice.token, "GET", &path, None).await;
    let all = read.as_array().unwrap().iter();
    let bodies: Vec<_> = all.map(|message| &message["attributes"]["body"]).collect();
    assert_eq!(bodies, ["after", "before"], "what was refused was not kept");
}

#[tokio::test]
async fn who_is_logged_out_meanwhile_hears_nothing_more() {
    let world = watched().await;
    let (address, _stop) = world.listen().await;
    let phone = world.log_in(None, "alice").await;
    let tablet = world.log_in(None, "alice").await;
    let chat = world.chat(&phone.token).await;
    let mut phones = Client::online(address, &world, &phone).await;
    let mut tablets = Client::online(address, &world, &tablet).await;
    // The node sees no store for a while in which others write.
    let speaker = world.principal(&tablet.token).await;
    revoke_without_notice(&world, &phone).await;
    world.clock.advance_s(6);
    let new = Send {
        conversation: chat.parse().unwrap(),
        member: None,
        content: Content::New(EventKind::Text, json!({ "text": "for alice" }).to_string()),
        files: Vec::new(),
        client_id: None,
    };
    send(&world.ctx, &speaker, new).await.unwrap();
    for client in [&mut phones, &mut tablets] {
        client.say("pusher:ping", json!({})).await;
        client.hears_nothing_yet().await;
    }
    store_watch::look(&world.ctx).await.unwrap();
    world.look();
    let (told, code) = phones.closed().await;
    assert_eq!(code, Some(4200));
    assert!(
        !told.iter().any(|name| name.starts_with("kustomer.")),
        "{told:?}"
    );
    let mut heard = Vec::new();
    while heard.len() < 2 {
        heard.push(tablets.event().await.0);
    }
    heard.sort();
    assert_eq!(heard, ["kustomer.app.chat.message.send", "pusher:pong"]);
}
