//! Clients of the sinch door: many in long poll, and messages among them.
//!
//! A message is what the SDK makes of one: a frame for the other and one for the
//! writer's own devices, both fetched, and the receipt that comes back. It is over
//! when the writer has the receipt.

use std::time::Duration;

use countersign_server::sinch::sealed::Content;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::super::latency::Latencies;
use super::super::metric::Metric;
use super::super::process::Mark;
use super::super::protocol::text;
use super::super::sinch::{Door, Instance, Poll, Publisher, Transport};
use super::{Number, Scene, each_us};
use crate::exit::Failure;

/// How long polls stand open before their memory is counted.
const SETTLE: Duration = Duration::from_secs(4);
/// How long a frame may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Frames that were fetched and not yet looked at, for each client.
const FETCHED_MAX: usize = 64;

/// Something that was fetched.
struct Fetched {
    frame: String,
    at: Instant,
}

/// One of two who talk.
struct Side {
    publisher: Publisher,
    transport: Transport,
    fetched: mpsc::Receiver<Result<Fetched, Failure>>,
}

/// Two who talk, one message after the other.
struct Pair {
    writer: Side,
    reader: Side,
    number: u64,
    latencies: Latencies,
}

/// Has so many clients poll, and then half of them write to the others.
///
/// # Errors
/// If a login or a message is refused, or a message is lost.
pub(in super::super) async fn run(
    scene: Scene<'_>,
    door: &Door,
    clients: usize,
    duration: Duration,
) -> Result<Vec<Number>, Failure> {
    let clients = clients - clients % 2;
    let process = scene.target.process;
    let mut instances = Vec::with_capacity(clients);
    scene.target.rest().await;
    let idle_kib = process.map(|process| process.resident_kib());
    let mut calls = door.calls().await?;
    for (user, ticket) in scene.stage.tickets(&scene.some_users(clients))? {
        instances.push(door.enter(&mut calls, &user, &ticket).await?);
    }
    let mut polls = Vec::with_capacity(clients);
    for instance in &instances {
        polls.push(follow(door.listen(instance).await?));
    }
    tokio::time::sleep(SETTLE).await;
    let mut numbers = Vec::new();
    if let (Some(process), Some(idle_kib)) = (process, idle_kib) {
        let grown = process.resident_kib() as f64 - idle_kib as f64;
        let each = grown / clients as f64;
        numbers.push(Number::of_size(Metric::SinchIdle, clients, each));
    }

    let mut pairs = Vec::with_capacity(clients / 2);
    let mut polls = polls.into_iter();
    for two in instances.chunks_exact(2) {
        if let ([first, second], Some(heard), Some(other)) = (two, polls.next(), polls.next()) {
            let writer = Side::of(door, &mut calls, first, second, heard).await?;
            let reader = Side::of(door, &mut calls, second, first, other).await?;
            pairs.push(Pair::new(writer, reader));
        }
    }
    scene.target.rest().await;
    let mark = Mark::now(process);
    let latencies = talk(pairs, duration).await?;
    if let Some(cpu_s) = mark.cpu_s() {
        let each = each_us(cpu_s, latencies.count());
        numbers.push(Number::of_size(Metric::SinchMessage, clients, each));
    }
    let rate = latencies.count() as f64 / duration.as_secs_f64();
    for (metric, value) in [
        (Metric::SinchMessagesInASecond, rate),
        (Metric::SinchMessageP50, latencies.quantile_ms(0.5)),
        (Metric::SinchMessageP99, latencies.quantile_ms(0.99)),
    ] {
        numbers.push(Number::of_size(metric, clients, value));
    }
    Ok(numbers)
}

/// Passes on what is fetched, until nobody takes it any more.
fn follow(mut poll: Poll) -> mpsc::Receiver<Result<Fetched, Failure>> {
    let (ear, fetched) = mpsc::channel(FETCHED_MAX);
    tokio::spawn(async move {
        loop {
            let frames = tokio::select! {
                frames = poll.next() => frames,
                () = ear.closed() => return,
            };
            let at = Instant::now();
            let told: Vec<_> = match frames {
                Ok(frames) => frames
                    .into_iter()
                    .map(|frame| Ok(Fetched { frame, at }))
                    .collect(),
                Err(failure) => vec![Err(failure)],
            };
            let over = told.iter().any(Result::is_err);
            for one in told {
                if ear.send(one).await.is_err() {
                    return;
                }
            }
            if over {
                return;
            }
        }
    });
    fetched
}

/// How long messages took, of all pairs at once.
async fn talk(pairs: Vec<Pair>, duration: Duration) -> Result<Latencies, Failure> {
    let end = Instant::now() + duration;
    let mut talks = JoinSet::new();
    for pair in pairs {
        talks.spawn(pair.talk(end));
    }
    let mut latencies = Latencies::default();
    while let Some(talk) = talks.join_next().await {
        latencies.join(talk.expect("a pair of the driver neither panics nor is cancelled")?);
    }
    Ok(latencies)
}

// === impl Side ===

impl Side {
    async fn of(
        door: &Door,
        calls: &mut super::super::http::Connection,
        own: &Instance,
        other: &Instance,
        fetched: mpsc::Receiver<Result<Fetched, Failure>>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            publisher: door.publisher(own).await?,
            transport: door.transport(calls, own, &other.user).await?,
            fetched,
        })
    }

    /// The next that says this: the message's id, and when it came.
    async fn fetch(&mut self, wanted: &Content) -> Result<(String, Instant), Failure> {
        let fetching = async {
            loop {
                let Some(fetched) = self.fetched.recv().await else {
                    return Err(Failure::refused("a poll has ended"));
                };
                let Fetched { frame, at } = fetched?;
                if let Some((id, content)) = self.transport.open(&frame)
                    && content == *wanted
                {
                    return Ok((id, at));
                }
            }
        };
        tokio::time::timeout(PATIENCE, fetching)
            .await
            .map_err(|_| Failure::refused("a message or its receipt was lost"))?
    }
}

// === impl Pair ===

impl Pair {
    fn new(writer: Side, reader: Side) -> Self {
        Self {
            writer,
            reader,
            number: 0,
            latencies: Latencies::default(),
        }
    }

    async fn talk(mut self, end: Instant) -> Result<Latencies, Failure> {
        while Instant::now() < end {
            self.say().await?;
        }
        Ok(self.latencies)
    }

    /// One message, until its writer knows that it has arrived.
    async fn say(&mut self) -> Result<(), Failure> {
        let Self { writer, reader, .. } = self;
        let text = text(self.number);
        self.number += 1;
        let wanted = Content::Message {
            text: text.clone(),
            headers: None,
        };
        let begun = Instant::now();
        let reading = async {
            let (id, at) = reader.fetch(&wanted).await?;
            reader.publisher.acknowledge(&reader.transport, &id).await?;
            Ok::<_, Failure>(at)
        };
        let writing = writer.publisher.send(&writer.transport, text);
        let (at, sent) = tokio::try_join!(reading, writing)?;
        self.latencies.add(at.duration_since(begun));
        let (id, _) = writer.fetch(&Content::Ack).await?;
        if id != sent {
            return Err(Failure::refused("a receipt is of another message"));
        }
        Ok(())
    }
}
