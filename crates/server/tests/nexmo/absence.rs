//! The store is out of sight for a while: sockets stay open and silent, what
//! they are asked waits, and whoever comes new is told to come again.

use countersign_core::access::action::Action;
use countersign_core::access::principal::Principal;
use countersign_core::access::{Conditional, authorize};
use countersign_core::model::event::EventKind;
use countersign_core::model::revocation::{Revocation, Target};
use countersign_core::op::authenticate::Bearer;
use countersign_core::op::events::{Content, Send, send};
use countersign_core::op::store_watch;
use countersign_core::op::user_bearer::authenticate_users_too;
use countersign_core::ports::change::Change;
use serde_json::{Value, json};

use crate::socket_client::{Came, Client};
use crate::world::{World, text};

/// A world whose store is watched: nothing is withheld where nobody looks.
async fn watched() -> World {
    let world = World::new().await;
    store_watch::look(&world.ctx).await.unwrap();
    world
}

/// Whose a token is, as a door knows who was let in.
async fn principal(world: &World, token: &str) -> Principal {
    let bearer = Bearer {
        text: token,
        peer: [127, 0, 0, 1].into(),
        confidential: true,
        application: None,
    };
    authenticate_users_too(&world.ctx, bearer).await.unwrap()
}

/// Sends a text as a door does once it has let somebody in.
async fn send_past_the_door(world: &World, by: &Principal, conversation: &str, what: &str) {
    let new = Send {
        conversation: conversation.parse().unwrap(),
        member: None,
        content: Content::New(EventKind::Text, json!({ "text": what }).to_string()),
        files: Vec::new(),
        client_id: None,
    };
    send(&world.ctx, by, new).await.unwrap();
}

/// Revokes a session behind the node's back: as if its notice had been lost.
async fn revoke_without_notice(world: &World, by: &Principal, session: &Value) {
    let now = world.ctx.now();
    let revocation = Revocation {
        target: Target::Session(text(&session["id"]).parse().unwrap()),
        before: now,
        made_at: now,
        forget_at: now.plus_seconds(86_400),
    };
    let permit = authorize(by, &Action::ListSessions)
        .and_then(Conditional::outright)
        .unwrap();
    let changes = vec![Change::Revoke(revocation)];
    world.ctx.store.commit(&permit, changes).await.unwrap();
}

async fn hears(client: &mut Client, expected: &[&str]) {
    for what in expected {
        assert_eq!(client.named("text").await["body"]["text"], *what);
    }
}

#[tokio::test]
async fn nothing_is_told_from_memory_and_nothing_is_lost() {
    for away_s in [6, 300] {
        let world = watched().await;
        let [alice, bob, eve] = [
            world.person("alice").await,
            world.person("bob").await,
            world.person("eve").await,
        ];
        let conversation = world.shared(&[&alice, &bob, &eve]).await;
        let (mut bobs, _) = world.connect(&bob.token).await;
        let (mut eves, session) = world.connect(&eve.token).await;
        let speaker = principal(&world, &alice.token).await;
        let revoked = principal(&world, &eve.token).await;
        world.say(&alice.token, &conversation, "before").await;
        for client in [&mut bobs, &mut eves] {
            hears(client, &["before"]).await;
        }
        world.clock.advance_s(6);
        revoke_without_notice(&world, &revoked, &session).await;
        for what in ["a", "b", "c"] {
            send_past_the_door(&world, &speaker, &conversation, what).await;
        }
        for client in [&mut bobs, &mut eves] {
            client.is_told_nothing().await;
        }
        world.clock.advance_s(away_s - 6);
        world.look();
        for client in [&mut bobs, &mut eves] {
            client.is_told_nothing().await;
        }
        store_watch::look(&world.ctx).await.unwrap();
        world.look();
        send_past_the_door(&world, &speaker, &conversation, "after").await;
        hears(&mut bobs, &["a", "b", "c", "after"]).await;
        let end = [Came::Left, Came::Closed(Some(1000))];
        assert_eq!(eves.rest().await, end, "{away_s}");
    }
}

#[tokio::test]
async fn what_a_socket_is_asked_waits_for_the_store() {
    let world = watched().await;
    let [alice, bob] = [world.person("alice").await, world.person("bob").await];
    let (mut leaves, session) = world.connect(&alice.token).await;
    let (mut renews, _) = world.connect(&bob.token).await;
    let newer = world.token("bob");
    world.store.engine().take_away();
    world.clock.advance_s(6);
    store_watch::look(&world.ctx).await.unwrap_err();
    let asked = world.store.engine().refused();
    leaves
        .emit("session:logout", json!({ "tid": "t-1", "body": {} }))
        .await;
    let renewal = json!({ "tid": "t-2", "body": { "token": newer } });
    renews.emit("session:update-token", renewal).await;
    for client in [&mut leaves, &mut renews] {
        client.is_told_nothing().await;
    }
    assert_eq!(world.store.engine().refused(), asked, "nobody asks in vain");
    world.store.engine().give_back();
    store_watch::look(&world.ctx).await.unwrap();
    let answer = leaves.named("session:logged-out").await;
    assert_eq!(answer["rid"], "t-1");
    let answer = renews.named("session:update-token:success").await;
    assert_eq!(answer["rid"], "t-2");
    // The one is over, and the other goes on.
    let query = format!("session_id={}&token={}", text(&session["id"]), alice.token);
    let (_, first) = world.login(&query).await;
    assert!(
        matches!(&first, Came::Event(name, payload)
            if name == "session:success" && payload["body"]["id"] != session["id"]),
        "{first:?}"
    );
    let conversation = world.shared(&[&bob]).await;
    renews.named("member:joined").await;
    world.say(&newer, &conversation, "still here").await;
    hears(&mut renews, &["still here"]).await;
}

#[tokio::test]
async fn a_client_is_answered_that_the_node_is_there() {
    let world = watched().await;
    let [alice, bob] = [world.person("alice").await, world.person("bob").await];
    let conversation = world.shared(&[&alice, &bob]).await;
    let query = format!("EIO=3&transport=websocket&token={}", bob.token);
    let mut client = world.socket(&query).await;
    for begins in ["0{", "40"] {
        let Came::Packet(packet) = client.next().await else {
            panic!("the older revision is in the namespace at once");
        };
        assert!(packet.starts_with(begins), "{packet}");
    }
    let Came::Event(name, _) = client.next().await else {
        panic!("the login is answered");
    };
    assert_eq!(name, "session:success");
    world.clock.advance_s(6);
    for text in ["", "probe"] {
        client.send(&format!("2{text}")).await;
        assert_eq!(client.next().await, Came::Packet(format!("3{text}")));
    }
    // Nothing is read after what waits; it is answered in its order.
    client.emit("fence", json!({ "tid": "t" })).await;
    client.send("2after").await;
    client.is_told_nothing().await;
    store_watch::look(&world.ctx).await.unwrap();
    let (_, refused) = client.event().await;
    assert_eq!(refused["rid"], "t");
    assert_eq!(client.next().await, Came::Packet("3after".to_owned()));
    world.say(&alice.token, &conversation, "after").await;
    hears(&mut client, &["after"]).await;
}

#[tokio::test]
async fn who_logs_out_and_hangs_up_is_logged_out() {
    let world = watched().await;
    let alice = world.person("alice").await;
    let (mut client, session) = world.connect(&alice.token).await;
    world.clock.advance_s(6);
    client
        .emit("session:logout", json!({ "tid": "t", "body": {} }))
        .await;
    client.is_told_nothing().await;
    client.drop_transport();
    store_watch::look(&world.ctx).await.unwrap();
    while world.metric("connections").await > 0 {
        tokio::task::yield_now().await;
    }
    let back = format!("session_id={}&token={}", text(&session["id"]), alice.token);
    let (_, first) = world.login(&back).await;
    assert!(
        matches!(&first, Came::Event(name, payload)
            if name == "session:success" && payload["body"]["id"] != session["id"]),
        "{first:?}"
    );
}

#[tokio::test]
async fn whoever_comes_meanwhile_is_to_come_again() {
    let world = watched().await;
    let [alice, bob] = [world.person("alice").await, world.person("bob").await];
    let conversation = world.shared(&[&alice, &bob]).await;
    let (client, session) = world.connect(&alice.token).await;
    client.drop_transport();
    world.store.engine().take_away();
    world.clock.advance_s(6);
    store_watch::look(&world.ctx).await.unwrap_err();
    // A first login is told why; a client that comes back comes back again.
    let (mut client, first) = world.login(&format!("token={}", bob.token)).await;
    let Came::Event(name, payload) = first else {
        panic!("{first:?}");
    };
    assert_eq!(name, "system:error:internal-error", "{payload}");
    assert_eq!(client.rest().await, [Came::Left, Came::Closed(Some(1000))]);
    let back = format!("session_id={}&token={}", text(&session["id"]), alice.token);
    let (_, first) = world.login(&back).await;
    assert_eq!(first, Came::Closed(Some(1012)));
    let events = format!("/v0.3/conversations/{conversation}/events");
    let body = json!({ "type": "text", "body": { "text": "lost" } });
    for reply in [
        world.get(&events, &alice.token).await,
        world.post(&events, &alice.token, body).await,
        world.upload(&alice.token, b"GIF89a").await,
    ] {
        assert!(!reply.header("retry-after").is_empty());
        reply.refused(503, "system:error:internal-error");
    }
    world.store.engine().give_back();
    store_watch::look(&world.ctx).await.unwrap();
    let (mut client, first) = world.login(&back).await;
    assert!(
        matches!(&first, Came::Event(name, payload)
            if name == "session:success" && payload["body"]["id"] == session["id"]),
        "{first:?}"
    );
    let number = world.say(&bob.token, &conversation, "back").await;
    assert_eq!(client.named("text").await["id"], number);
}

#[tokio::test]
async fn a_node_that_goes_away_does_not_wait_for_the_store() {
    let world = watched().await;
    let alice = world.person("alice").await;
    let (mut waits, _) = world.connect(&alice.token).await;
    let (mut sleeps, _) = world.connect(&alice.token).await;
    world.clock.advance_s(6);
    waits
        .emit("session:logout", json!({ "tid": "t", "body": {} }))
        .await;
    waits.is_told_nothing().await;
    world.stop.cancel();
    for client in [&mut waits, &mut sleeps] {
        assert_eq!(client.next().await, Came::Closed(Some(1012)));
    }
}
