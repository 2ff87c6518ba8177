//! W4: durable messages between two people, in many conversations at once.
//!
//! In the closed loop each pair keeps a few messages underway, as fast as they
//! arrive: what a message costs. In the open loop they come at a rate that does
//! not wait for anybody: how long a message takes.

use std::time::Duration;

use countersign_client::http::segment;
use countersign_wire::frame::Welcome;
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior};

use super::super::crowd::{Crowd, Entered, Heard, What, closed};
use super::super::http::{Bearer, Call};
use super::super::latency::Latencies;
use super::super::ledger::Ledger;
use super::super::metric::Metric;
use super::super::process::Mark;
use super::super::protocol::{Destination, Protocol};
use super::{Number, Scene, each_us};
use crate::exit::Failure;

const LOGINS_AT_ONCE: usize = 16;
/// Messages that a pair has underway, in the closed loop.
const WINDOW: usize = 4;
/// Messages a second, over all pairs, in the open loop.
const RATE: f64 = 500.0;
/// How often the open loop looks whether one is due.
const TICK: Duration = Duration::from_millis(2);
/// How long after the last message all of them may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Pairs that talk, and what they have said.
struct Talk {
    protocol: Protocol,
    crowd: Crowd,
    /// Where each pair's sender sends to. Its socket is twice the pair's number,
    /// its partner's the one after it.
    destinations: Vec<Destination>,
    ledger: Ledger,
    latencies: Latencies,
    heard: Vec<Heard>,
}

/// Has pairs talk, in both loops.
///
/// # Errors
/// If a message is refused, lost or doubled.
pub(in super::super) async fn run(
    scene: Scene<'_>,
    pairs: usize,
    duration: Duration,
) -> Result<Vec<Number>, Failure> {
    let mut crowd = Crowd::at(scene.target);
    let entered = crowd
        .enter(&scene.proofs(2 * pairs)?, LOGINS_AT_ONCE)
        .await?;
    let destinations = destinations(scene, &entered, pairs).await?;
    let process = scene.target.process;
    let mut talk = Talk::new(scene.target.protocol, crowd, destinations);
    let mut numbers = Vec::new();

    scene.target.rest().await;
    let mark = Mark::now(process);
    let begun = Instant::now();
    let in_time = talk.closed_loop(duration).await?;
    let rate = in_time as f64 / begun.elapsed().min(duration).as_secs_f64();
    talk.ledger_is_level().await?;
    if let Some(cpu_s) = mark.cpu_s() {
        let each = each_us(cpu_s, talk.ledger.arrivals());
        numbers.push(Number::new(Metric::Message, each));
    }
    numbers.push(Number::new(Metric::MessagesInASecond, rate));

    talk.begin_anew();
    scene.target.rest().await;
    talk.open_loop(duration).await?;
    talk.ledger_is_level().await?;
    for (metric, share) in [(Metric::MessageP50, 0.5), (Metric::MessageP99, 0.99)] {
        numbers.push(Number::new(metric, talk.latencies.quantile_ms(share)));
    }
    see(scene, &entered, &talk.destinations).await?;
    Ok(numbers)
}

/// Has both of each pair see all that was said: else their later logins would be measured with
/// thousands of events to count, and those of who sent them with as many to pass over.
async fn see(
    scene: Scene<'_>,
    entered: &Entered,
    destinations: &[Destination],
) -> Result<(), Failure> {
    // The server goes no further than the newest event.
    let body = json!({"type": "seen", "body": {"up_to": u32::MAX}});
    let mut calls = Vec::with_capacity(2 * destinations.len());
    for (destination, pair) in destinations.iter().zip(entered.welcomes.chunks_exact(2)) {
        let Destination::Conversation(id) = destination else {
            return Ok(());
        };
        for person in pair {
            let path = format!("/v1/conversations/{id}/events");
            calls.push(Call::post(path, &bearer(person)?, &body));
        }
    }
    scene.stage.all(calls).await?;
    scene.target.rest().await;
    Ok(())
}

/// At a peer a pair's partner; at ours a new conversation of the two.
async fn destinations(
    scene: Scene<'_>,
    entered: &Entered,
    pairs: usize,
) -> Result<Vec<Destination>, Failure> {
    if scene.target.protocol != Protocol::Countersign {
        return Ok((0..pairs)
            .map(|pair| Destination::User(2 * pair + 1))
            .collect());
    }
    let people = entered.welcomes.chunks_exact(2);
    let mut calls = Vec::with_capacity(pairs);
    for pair in people.clone() {
        calls.push(Call::post(
            "/v1/conversations",
            &bearer(&pair[0])?,
            &json!({}),
        ));
    }
    let mut ids = Vec::with_capacity(pairs);
    for made in scene.stage.all(calls).await? {
        let made = made.json()?;
        ids.push(segment(made["id"].as_str().unwrap_or_default())?.to_owned());
    }
    let joined = ids.iter().zip(people).map(|(id, pair)| {
        let member = json!({"user": {"id": pair[1].user.id}, "state": "joined"});
        let path = format!("/v1/conversations/{id}/members");
        scene.stage.order(&path, &member)
    });
    scene.stage.all(joined.collect::<Result<_, _>>()?).await?;
    Ok(ids.into_iter().map(Destination::Conversation).collect())
}

fn bearer(person: &Welcome) -> Result<Bearer, Failure> {
    let tokens = person.tokens.as_ref();
    let tokens = tokens.ok_or_else(|| Failure::refused("a login brought no tokens"))?;
    Bearer::new(&tokens.access_token.0)
}

// === impl Talk ===

impl Talk {
    fn new(protocol: Protocol, crowd: Crowd, destinations: Vec<Destination>) -> Self {
        Self {
            protocol,
            crowd,
            destinations,
            ledger: Ledger::new(1, protocol.keeps_order()),
            latencies: Latencies::default(),
            heard: Vec::new(),
        }
    }

    /// A new ledger, for numbers that begin again.
    fn begin_anew(&mut self) {
        self.ledger = Ledger::new(1, self.protocol.keeps_order());
        self.latencies = Latencies::default();
    }

    fn send(&mut self, pair: usize) -> Result<(), Failure> {
        let number = self.ledger.send();
        let message = self.protocol.message(&self.destinations[pair], number)?;
        self.crowd.say(2 * pair, message)
    }

    /// How many messages have arrived before the end.
    async fn closed_loop(&mut self, duration: Duration) -> Result<usize, Failure> {
        let end = Instant::now() + duration;
        for pair in 0..self.destinations.len() {
            for _ in 0..WINDOW {
                self.send(pair)?;
            }
        }
        while Instant::now() < end {
            for pair in self.listen(end).await? {
                self.send(pair)?;
            }
        }
        Ok(self.ledger.arrivals())
    }

    async fn open_loop(&mut self, duration: Duration) -> Result<(), Failure> {
        let begun = Instant::now();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while begun.elapsed() < duration {
            let tick = ticks.tick().await;
            let due = (begun.elapsed().as_secs_f64() * RATE) as usize;
            while self.ledger.sent() < due {
                self.send(self.ledger.sent() % self.destinations.len())?;
            }
            self.listen(tick + TICK).await?;
        }
        Ok(())
    }

    /// Takes in what is heard, once there is something: the pairs of which a
    /// message has arrived.
    async fn listen(&mut self, until: Instant) -> Result<Vec<usize>, Failure> {
        self.crowd.hear(until, &mut self.heard).await;
        let mut pairs = Vec::new();
        for heard in self.heard.drain(..) {
            match heard.what {
                What::Delivery(number) => {
                    let at = (heard.socket, heard.at);
                    let took = self.ledger.arrive(number, 0, at.0, at.1)?;
                    self.latencies.add(took);
                    pairs.push(heard.socket / 2);
                }
                What::Accepted => self.ledger.accept(),
                What::Refused(why) => {
                    return Err(Failure::refused(format!("a message was refused: {why}")));
                }
                What::Closed(code) => return Err(closed(code)),
            }
        }
        Ok(pairs)
    }

    /// Waits until nothing is underway any more.
    async fn ledger_is_level(&mut self) -> Result<(), Failure> {
        let end = Instant::now() + PATIENCE;
        while !self.ledger.is_level() && Instant::now() < end {
            self.listen(end).await?;
        }
        self.ledger.check()
    }
}
