//! Order: whoever reads, however often the connection breaks, reads 1, 2, 3 …

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::world::{Device, World};

/// Clients that send and read at once.
const CLIENTS: usize = 5;
/// Events that each of them sends.
const EVENTS_EACH: u64 = 2_000;
/// Events that come over HTTP beside them.
const EVENTS_BY_HTTP: u64 = 500;

/// A generator of numbers that repeats (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// A client that sends its texts, and reads everything, over one connection
/// after the other.
struct Participant {
    world: Arc<World>,
    device: Device,
    conversation: String,
    dice: Dice,
    name: usize,
    /// The newest event that it has.
    has: u64,
    /// What it has read, by number.
    read: BTreeMap<u64, String>,
    acknowledged: u64,
}

impl Participant {
    /// Runs until it has sent all of its own, and read as many as there are.
    async fn run(mut self, total: u64) -> BTreeMap<u64, String> {
        while !self.is_done(total) {
            let have = json!({self.conversation.as_str(): self.has});
            let (client, welcome) = self.world.resume(&self.device, have).await;
            assert_eq!(welcome["resumed"], true);
            let frames = 1 + self.dice.below(200);
            let client = self.hold(client, frames, total).await;
            client.breaks(self.dice.below(2) == 0);
        }
        self.read
    }

    fn is_done(&self, total: u64) -> bool {
        self.has >= total && self.acknowledged == EVENTS_EACH
    }

    /// Sends and reads until the connection is to break.
    async fn hold(&mut self, mut client: Client, frames: u64, total: u64) -> Client {
        let mut on_the_way = false;
        for _ in 0..frames {
            if self.is_done(total) {
                return client;
            }
            if !on_the_way && self.acknowledged < EVENTS_EACH {
                let number = self.acknowledged;
                let text = format!("{}:{number}", self.name);
                let frame = json!({"type": "send", "ref": number,
                    "conversation_id": self.conversation,
                    "event": {"type": "text", "body": {"text": text}, "client_id": text}});
                client.send(frame).await;
                on_the_way = true;
                if self.dice.below(50) == 0 {
                    return client;
                }
            }
            let frame = client.frame().await;
            match frame["type"].as_str().unwrap() {
                "sent" => {
                    assert!(on_the_way, "{frame}");
                    assert_eq!(frame["ref"], json!(self.acknowledged));
                    on_the_way = false;
                    self.acknowledged += 1;
                    let number = frame["event"]["id"].as_u64().unwrap();
                    // One that was sent before the last connection broke may have
                    // been read as somebody's.
                    if number > self.has {
                        self.take(&frame["event"]);
                    } else {
                        assert_eq!(self.read[&number], text_of(&frame["event"]));
                    }
                }
                "event" => self.take(&frame["event"]),
                other => panic!("{other}"),
            }
        }
        client
    }

    fn take(&mut self, event: &Value) {
        let number = event["id"].as_u64().unwrap();
        assert_eq!(number, self.has + 1, "{} read {event}", self.name);
        self.has = number;
        self.read.insert(number, text_of(event));
    }
}

fn text_of(event: &Value) -> String {
    event["body"]["text"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_reads_every_event_once_and_in_order() {
    let world = Arc::new(World::new().await);
    let mut devices = Vec::new();
    for name in 0..CLIENTS {
        devices.push(world.user(&format!("user-{name}")).await);
    }
    let conversation = world.shared(&devices.iter().collect::<Vec<_>>()).await;
    let begun = CLIENTS as u64;
    let sent = EVENTS_EACH * CLIENTS as u64 + EVENTS_BY_HTTP;
    let start = Arc::new(Barrier::new(CLIENTS + 1));
    let mut running = JoinSet::new();
    for (name, device) in devices.iter().enumerate() {
        let participant = Participant {
            world: Arc::clone(&world),
            device: device.clone(),
            conversation: conversation.clone(),
            dice: Dice(name as u64),
            name,
            has: begun,
            read: BTreeMap::new(),
            acknowledged: 0,
        };
        let start = Arc::clone(&start);
        running.spawn(async move {
            start.wait().await;
            participant.run(begun + sent).await
        });
    }
    let backend = tokio::spawn({
        let (world, conversation) = (Arc::clone(&world), conversation.clone());
        async move {
            start.wait().await;
            for number in 0..EVENTS_BY_HTTP {
                let text = format!("http:{number}");
                world.say(&world.key, &conversation, &text).await;
            }
        }
    });
    let read = running.join_all().await;
    backend.await.unwrap();
    let first = &read[0];
    assert!(first.keys().copied().eq(begun + 1..=begun + sent));
    for other in &read[1..] {
        assert_eq!(other, first);
    }
    everything_once_and_in_order(first.values());
}

/// Each sender's texts are there once, in the order in which it sent them.
fn everything_once_and_in_order<'a>(texts: impl Iterator<Item = &'a String>) {
    let mut next: BTreeMap<&str, u64> = BTreeMap::new();
    for text in texts {
        let (name, number) = text.split_once(':').unwrap();
        let next = next.entry(name).or_default();
        assert_eq!(number.parse(), Ok(*next), "{text}");
        *next += 1;
    }
    for (name, sent) in next {
        let expected = if name == "http" {
            EVENTS_BY_HTTP
        } else {
            EVENTS_EACH
        };
        assert_eq!(sent, expected, "{name}");
    }
}
