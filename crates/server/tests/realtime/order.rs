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
/// Events that each of them sends, beside those that come over HTTP.
const EVENTS_EACH: u64 = 250;

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
            let frames = 1 + self.dice.below(60);
            self.hold(client, frames, total).await;
        }
        self.read
    }

    fn is_done(&self, total: u64) -> bool {
        self.has >= total && self.acknowledged == EVENTS_EACH
    }

    /// Sends and reads until the connection breaks.
    async fn hold(&mut self, mut client: Client, frames: u64, total: u64) {
        let mut on_the_way = false;
        for _ in 0..frames {
            if self.is_done(total) {
                return;
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
                    return;
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
    for seed in [1, 2] {
        one_run(seed).await;
    }
}

async fn one_run(seed: u64) {
    let world = Arc::new(World::new().await);
    let mut devices = Vec::new();
    for name in 0..CLIENTS {
        devices.push(world.user(&format!("user-{name}")).await);
    }
    let conversation = world.shared(&devices.iter().collect::<Vec<_>>()).await;
    let begun = CLIENTS as u64;
    let total = begun + EVENTS_EACH * (CLIENTS as u64 + 1);
    let start = Arc::new(Barrier::new(CLIENTS + 1));
    let mut running = JoinSet::new();
    for (name, device) in devices.iter().enumerate() {
        let participant = Participant {
            world: Arc::clone(&world),
            device: device.clone(),
            conversation: conversation.clone(),
            dice: Dice(seed * 1_000 + name as u64),
            name,
            has: begun,
            read: BTreeMap::new(),
            acknowledged: 0,
        };
        let start = Arc::clone(&start);
        running.spawn(async move {
            start.wait().await;
            participant.run(total).await
        });
    }
    let backend = Arc::clone(&world);
    let id = conversation.clone();
    running.spawn(async move {
        start.wait().await;
        for number in 0..EVENTS_EACH {
            backend
                .say(&backend.key, &id, &format!("http:{number}"))
                .await;
        }
        BTreeMap::new()
    });
    let read = running.join_all().await;
    let mut read = read.into_iter().filter(|read| !read.is_empty());
    let first = read.next().unwrap();
    assert_eq!(first.len() as u64, total - begun);
    for other in read {
        assert_eq!(other, first);
    }
}
