//! Events that a client has underway together are sent together, and nobody can
//! tell by anything that they were.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_core::op::store_watch;
use serde_json::{Value, json};

use crate::client::{Client, in_short, say};
use crate::raw::{self, CLOSE, FIN, PING, Raw, TEXT};
use crate::world::{Device, World};

/// Events that one client sends in bursts.
const EVENTS: u64 = 10_000;
/// The most that a node sends together.
const TOGETHER_MAX: usize = 16;

fn send(reference: u64, conversation: &str, event: &Value) -> Value {
    json!({"type": "send", "ref": reference, "conversation_id": conversation, "event": event})
}

/// A text with the client's own id.
fn once(reference: u64, conversation: &str, id: &str, what: &str) -> Value {
    let event = json!({"type": "text", "body": {"text": what}, "client_id": id});
    send(reference, conversation, &event)
}

/// What a sender is answered, in short: its number, and the event's or the error.
fn answers(frames: &[Value]) -> Vec<(u64, String)> {
    let answer = |frame: &Value| {
        let what = match frame["type"].as_str().unwrap() {
            "sent" => frame["event"]["id"].to_string(),
            "error" => frame["code"].as_str().unwrap().to_owned(),
            other => panic!("{other}: {frame}"),
        };
        (frame["ref"].as_u64().unwrap(), what)
    };
    frames.iter().map(answer).collect()
}

async fn texts(world: &World, conversation: &str) -> Vec<String> {
    let path = format!("/v1/conversations/{conversation}/events?after=0&limit=100");
    let (status, page) = world.call("GET", &path, &world.key, None).await;
    assert_eq!(status, 200, "{page}");
    let events = page["events"].as_array().unwrap().iter();
    let texts = events.filter(|event| event["type"] == "text");
    texts
        .map(|event| event["body"]["text"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn what_waits_together_is_told_once_and_in_order() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let one = world.shared(&[&alice, &bob]).await;
    let two = world.shared(&[&alice, &bob]).await;
    let mut alices = world.connect(&alice).await;
    let mut tablets = world.connect(&alice).await;
    let mut bobs = world.connect(&bob).await;
    let before = world.metric("notices_total").await;
    let frames = (0..12).map(|number| {
        let id = if number % 3 == 0 { &two } else { &one };
        say(number, id, &format!("{number}"))
    });
    alices.send_at_once(frames).await;
    let mut sent = answers(&alices.frames(12).await);
    // Each conversation has its own order.
    sent.sort_unstable();
    let expected = (0..12).map(|number| match number % 3 {
        0 => (number, (number / 3 + 3).to_string()),
        _ => (number, (number - number / 3 + 2).to_string()),
    });
    assert_eq!(sent, expected.collect::<Vec<_>>());
    let heard = world.metric("notices_total").await - before;
    assert_eq!(heard, 2, "one for each conversation");
    for client in [&mut bobs, &mut tablets] {
        let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for frame in client.frames(12).await {
            let id = frame["conversation_id"].as_str().unwrap().to_owned();
            let text = frame["event"]["body"]["text"].as_str().unwrap().to_owned();
            told.entry(id).or_default().push(text);
        }
        assert_eq!(told[&one], ["1", "2", "4", "5", "7", "8", "10", "11"]);
        assert_eq!(told[&two], ["0", "3", "6", "9"]);
        assert!(client.told().await.is_empty());
    }
    assert!(alices.told().await.is_empty());
}

#[tokio::test]
async fn each_has_the_answer_that_it_would_have_alone() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.conversation(&alice).await;
    let theirs = world.conversation(&bob).await;
    let mut client = world.connect(&alice).await;
    let huge = "x".repeat(62_000);
    let cases = [
        (say(2, &theirs, "not joined"), "not_found"),
        (say(2, "CON-1", "no id"), "not_found"),
        (say(2, &id, &huge), "too_large"),
        (
            send(2, &id, &json!({"type": "text", "body": {}})),
            "bad_request",
        ),
        (
            send(2, &id, &json!({"type": "none", "body": {}})),
            "bad_request",
        ),
        (
            send(
                2,
                &id,
                &json!({"type": "delete", "body": {"event_id": 9_999}}),
            ),
            "not_found",
        ),
    ];
    let mut number = 1;
    for (refused, code) in cases {
        let frames = [say(0, &id, "a"), say(1, &id, "b"), refused];
        let last = [
            say(3, &id, "c"),
            say(4, &id, "d"),
            say(5, "CON-1", "behind"),
        ];
        client.send_at_once(frames.into_iter().chain(last)).await;
        let mut expected = Vec::new();
        for reference in 0..5 {
            if reference == 2 {
                expected.push((2, code.to_owned()));
            } else {
                number += 1;
                expected.push((reference, number.to_string()));
            }
        }
        expected.push((5, "not_found".to_owned()));
        assert_eq!(answers(&client.frames(6).await), expected, "{code}");
    }
    assert!(client.told().await.is_empty());
    assert_eq!(texts(&world, &theirs).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_client_id_is_sent_once_also_among_those_that_wait_together() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let id = world.conversation(&alice).await;
    let mut client = world.connect(&alice).await;
    let frames = [
        once(1, &id, "c-1", "one"),
        once(2, &id, "c-2", "two"),
        once(3, &id, "c-1", "one"),
        once(4, &id, "c-2", "other"),
        once(5, &id, "c-3", "three"),
    ];
    client.send_at_once(frames).await;
    let expected = ["2", "3", "2", "client_id_reused", "4"];
    let expected = (1..).zip(expected.map(str::to_owned));
    assert_eq!(
        answers(&client.frames(5).await),
        expected.collect::<Vec<_>>()
    );
    assert_eq!(texts(&world, &id).await, ["one", "two", "three"]);
}

#[tokio::test]
async fn what_is_no_plain_event_overtakes_none_and_is_overtaken_by_none() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.shared(&[&alice, &bob]).await;
    let mut alices = world.connect(&alice).await;
    let mut bobs = world.connect(&bob).await;
    let edit = json!({"type": "edit", "body": {"event_id": 3, "body": {"text": "edited"}}});
    let delete = json!({"type": "delete", "body": {"event_id": 4}});
    let typing = json!({"type": "typing", "body": {"on": true}});
    let refresh = json!({"type": "refresh", "token": alice.access});
    let frames = [
        say(1, &id, "a"),
        say(2, &id, "b"),
        send(3, &id, &edit),
        say(4, &id, "c"),
        send(5, &id, &typing),
        say(6, &id, "d"),
        refresh,
        say(7, &id, "e"),
        send(8, &id, &delete),
    ];
    alices.send_at_once(frames).await;
    let told = alices.frames(8).await;
    let references: Vec<&Value> = told.iter().map(|frame| &frame["ref"]).collect();
    assert_eq!(references, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert!(told.iter().all(|frame| frame["type"] == "sent"));
    let told = bobs.told().await;
    let told = in_short(&told);
    let events: Vec<&String> = told.iter().filter(|it| !it.contains("typing")).collect();
    let expected = [
        "event 3 a",
        "event 4 b",
        "event 5 edited",
        "event 6 c",
        "event 7 d",
        "event 8 e",
        "event 9 delete",
    ];
    assert_eq!(events.len(), expected.len(), "{told:?}");
    for (event, expected) in events.iter().zip(expected) {
        let number = expected.rsplit_once(' ').unwrap().0;
        assert!(event.starts_with(number), "{event} {expected}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_ends_the_socket_once_the_others_were_answered() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    for bad in [
        raw::text(b"{"),
        raw::frame(FIN | raw::BINARY, b"x"),
        raw::text(
            json!({"type": "authenticate", "token": "x"})
                .to_string()
                .as_bytes(),
        ),
    ] {
        let id = world.conversation(&alice).await;
        let mut raw = Raw::welcomed(&world, &alice).await;
        let said = |number| raw::text(say(number, &id, "a").to_string().as_bytes());
        let bytes = [said(1), raw::frame(FIN | PING, b"p"), said(2), bad, said(3)].concat();
        raw.send(&bytes, usize::MAX).await;
        let mut sent = Vec::new();
        let code = loop {
            match raw.frame().await.unwrap() {
                (head, payload) if head == FIN | CLOSE => break payload[..2].to_owned(),
                (head, payload) if head == FIN | TEXT => {
                    sent.push(serde_json::from_slice(&payload).unwrap());
                }
                (head, _) => assert_eq!(head, FIN | raw::PONG),
            }
        };
        assert_eq!(code, 4400_u16.to_be_bytes());
        let expected = [(1, "2".to_owned()), (2, "3".to_owned())];
        assert_eq!(answers(&sent), expected);
        assert_eq!(texts(&world, &id).await.len(), 2);
    }
}

#[tokio::test]
async fn what_was_said_before_a_goodbye_is_carried_out() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let id = world.conversation(&alice).await;
    // One of them is refused, so that each is sent alone.
    for (round, second) in [(0, id.as_str()), (1, "CON-1")] {
        let mut raw = Raw::welcomed(&world, &alice).await;
        let said = |number, id: &str| raw::text(say(number, id, "a").to_string().as_bytes());
        let bytes = [
            said(1, &id),
            said(2, second),
            said(3, &id),
            raw::close(1000, b"bye"),
        ]
        .concat();
        raw.send(&bytes, usize::MAX).await;
        loop {
            let (head, payload) = raw.frame().await.unwrap();
            if head == FIN | CLOSE {
                assert_eq!(payload[..2], 1000_u16.to_be_bytes());
                break;
            }
        }
        assert!(raw.is_over().await);
        assert_eq!(texts(&world, &id).await.len(), [3, 5][round]);
    }
}

#[tokio::test]
async fn a_store_that_fails_refuses_them_all_and_keeps_none() {
    let world = World::new().await;
    store_watch::look(&world.ctx).await.unwrap();
    let alice = world.user("alice").await;
    let id = world.conversation(&alice).await;
    let mut client = world.connect(&alice).await;
    let engine = world.store.engine();
    engine.take_away();
    let burst = || (1..=4).map(|number| say(number, &id, "a"));
    client.send_at_once(burst()).await;
    let unavailable = (1..=4).map(|number| (number, "unavailable".to_owned()));
    let unavailable: Vec<_> = unavailable.collect();
    assert_eq!(answers(&client.frames(4).await), unavailable);
    engine.give_back();
    client.send_at_once(burst()).await;
    let expected = (1..=4).map(|number| (number, (number + 1).to_string()));
    assert_eq!(
        answers(&client.frames(4).await),
        expected.collect::<Vec<_>>()
    );
    assert_eq!(texts(&world, &id).await.len(), 4);
}

#[tokio::test]
async fn what_waits_for_the_store_keeps_its_order() {
    let world = World::new().await;
    store_watch::look(&world.ctx).await.unwrap();
    let alice = world.user("alice").await;
    let id = world.conversation(&alice).await;
    let mut client = world.connect(&alice).await;
    world.clock.advance_s(6);
    client
        .send_at_once((1..=20).map(|number| say(number, &id, "a")))
        .await;
    client.is_told_nothing().await;
    store_watch::look(&world.ctx).await.unwrap();
    let expected = (1..=20).map(|number| (number, (number + 1).to_string()));
    assert_eq!(
        answers(&client.frames(20).await),
        expected.collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_visitors_first_words_are_kept_or_refused_together() {
    let world = World::new().await;
    let visitor = world.visitor().await;
    let mut client = world.connect(&visitor).await;
    let nowhere = "CON-01932d4c-7e58-7c21-9b0a-3f6f0d3f6a11";
    client
        .send_at_once([say(1, nowhere, "a"), say(2, nowhere, "b")])
        .await;
    let refused = [1, 2].map(|number| (number, "not_found".to_owned()));
    assert_eq!(answers(&client.frames(2).await), refused);
    let id = world.conversation(&visitor).await;
    assert_eq!(
        in_short(&client.frames(2).await),
        ["conversation added", "event 1 member:joined"]
    );
    client
        .send_at_once((1..=3).map(|number| say(number, &id, "a")))
        .await;
    let sent = [1, 2, 3].map(|number| (number, (number + 1).to_string()));
    assert_eq!(answers(&client.frames(3).await), sent);
}

/// A client that sends in bursts, and does not wait for answers.
async fn bursts(mut client: Client, conversation: String, name: usize) {
    let mut sizes = (1..=2 * TOGETHER_MAX as u64).cycle();
    let (mut said, mut answered) = (0, 0);
    while answered < EVENTS {
        let size = sizes.next().unwrap_or(1).min(EVENTS - said);
        let burst = (said..said + size).map(|number| {
            let event = json!({"type": "text", "body": {"text": format!("{name}:{number}")}});
            send(number, &conversation, &event)
        });
        client.send_at_once(burst).await;
        said += size;
        while answered + TOGETHER_MAX as u64 / 2 < said || (said == EVENTS && answered < said) {
            let frame = client.frame().await;
            if frame["type"] == "sent" {
                assert_eq!(frame["ref"], json!(answered), "{frame}");
                answered += 1;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_in_bursts_are_read_once_and_in_order() {
    let world = Arc::new(World::new().await);
    let mut devices = Vec::new();
    for name in ["alice", "bob", "carol"] {
        devices.push(world.user(name).await);
    }
    let id = world.shared(&devices.iter().collect::<Vec<_>>()).await;
    let mut reader = world.connect(&devices[2]).await;
    let mut senders = Vec::new();
    for (name, device) in devices[..2].iter().enumerate() {
        let client = world.connect(device).await;
        senders.push(tokio::spawn(bursts(client, id.clone(), name)));
    }
    let mut next = [0_u64; 2];
    for number in 4..4 + 2 * EVENTS {
        let frame = reader.frame().await;
        assert_eq!(frame["event"]["id"], json!(number));
        let text = frame["event"]["body"]["text"].as_str().unwrap();
        let (name, said) = text.split_once(':').unwrap();
        let next = &mut next[name.parse::<usize>().unwrap()];
        assert_eq!(said.parse(), Ok(*next), "{text}");
        *next += 1;
    }
    for sender in senders {
        sender.await.unwrap();
    }
    assert!(reader.told().await.is_empty());
}

async fn revoke(world: &World, device: &Device) {
    let body = json!({"session_id": device.session});
    world.post("/v1/revocations", &world.key, body).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_being_written_ends_with_the_session() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.shared(&[&alice, &bob]).await;
    let mut speaker = world.connect(&alice).await;
    for round in 0..5 {
        let bob = world.user("bob").await;
        let mut slow = world.connect_with_little_room(&bob).await;
        // More than the kernel takes for a client that does not read.
        let large = "x".repeat(40_000);
        for _ in 0..20 {
            let burst = (0..10).map(|number| say(number, &id, &large));
            speaker.send_at_once(burst).await;
            speaker.frames(10).await;
        }
        revoke(&world, &bob).await;
        let secret = format!("after {round}");
        world.say(&world.key, &id, &secret).await;
        speaker.frames(1).await;
        let mut told = 0;
        while let Ok(frame) = slow.next().await {
            assert_ne!(frame["event"]["body"]["text"], json!(secret));
            told += 1;
        }
        assert!(told < 200, "it was not told everything");
    }
}

#[tokio::test]
async fn what_is_large_is_sent_a_few_at_a_time() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let id = world.conversation(&alice).await;
    let mut client = world.connect(&alice).await;
    let before = world.metric("notices_total").await;
    let large = "x".repeat(40_000);
    let burst = (1..=8).map(|number| say(number, &id, &large));
    client.send_at_once(burst).await;
    let expected = (1..=8).map(|number| (number, (number + 1).to_string()));
    assert_eq!(
        answers(&client.frames(8).await),
        expected.collect::<Vec<_>>()
    );
    let heard = world.metric("notices_total").await - before;
    assert!((4..=8).contains(&heard), "{heard}");
}

#[tokio::test]
async fn a_filter_is_held_to_each_of_them() {
    let world = World::new().await;
    let texts_alone = json!({"methods": ["GET", "POST"], "filters": {"type": "text"}});
    let paths = json!({"/*/sessions/**": {}, "/*/conversations/**": texts_alone,
        "/*/conversations/*/events": {"methods": ["GET"]}});
    let alice = world.user("alice").await;
    let id = world.conversation(&alice).await;
    world.set(json!({"default_acl": {"paths": paths}})).await;
    let mut client = world.connect(&alice).await;
    let custom = json!({"type": "custom:x", "body": {}});
    client
        .send_at_once([say(1, &id, "a"), send(2, &id, &custom), say(3, &id, "b")])
        .await;
    let expected = ["2", "acl_denied", "3"].map(str::to_owned);
    let expected: Vec<_> = (1..).zip(expected).collect();
    assert_eq!(answers(&client.frames(3).await), expected);
}
