//! W5: what one says, many hear.

use std::time::Duration;

use countersign_client::http::segment;
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior};

use super::super::crowd::{Crowd, What, closed};
use super::super::http;
use super::super::latency::Latencies;
use super::super::ledger::Ledger;
use super::super::metric::Metric;
use super::super::process::Mark;
use super::super::protocol::{Destination, Protocol};
use super::{Number, Scene, each_us};
use crate::exit::Failure;

const LOGINS_AT_ONCE: usize = 32;
const MESSAGES: u32 = 50;
const MESSAGES_IN_A_SECOND: u32 = 10;
/// How long a peer may take to have everybody in its room.
const JOINING: Duration = Duration::from_secs(3);
/// How long after the last message all of them may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// A room full of people, of whom the first speaks.
struct Room {
    crowd: Crowd,
    protocol: Protocol,
    destination: Destination,
    ledger: Ledger,
    /// When each message was last delivered, after it was sent.
    last: Vec<Duration>,
}

/// Has one speak to so many members, the speaker among them.
///
/// # Errors
/// If a message is refused, lost or doubled.
pub(in super::super) async fn run(
    scene: Scene<'_>,
    members: usize,
) -> Result<Vec<Number>, Failure> {
    let protocol = scene.target.protocol;
    // Before anybody listens, since each who joins is told to all who are there.
    let destination = match protocol {
        Protocol::Countersign | Protocol::Nexmo => conversation(scene, members).await?,
        Protocol::Floor | Protocol::SocketIo => Destination::Room,
    };
    let mut crowd = Crowd::at(scene.target);
    crowd.enter(&scene.proofs(members)?, LOGINS_AT_ONCE).await?;
    if let Some(join) = protocol.join() {
        for socket in 0..crowd.len() {
            crowd.say(socket, join.to_owned())?;
        }
        tokio::time::sleep(JOINING).await;
    }
    let receivers = if protocol.echoes() {
        members
    } else {
        members - 1
    };
    let mut room = Room {
        crowd,
        protocol,
        destination,
        ledger: Ledger::new(receivers, protocol.keeps_order()),
        last: Vec::new(),
    };
    scene.target.rest().await;
    let mark = Mark::now(scene.target.process);
    room.speak().await?;
    let mut numbers = Vec::new();
    if let Some(cpu_s) = mark.cpu_s() {
        let each = each_us(cpu_s, room.ledger.arrivals());
        numbers.push(Number::of_size(Metric::FanOut, members, each));
    }
    let mut last = Latencies::default();
    room.last.iter().for_each(|took| last.add(*took));
    for (metric, share) in [(Metric::FanOutLastP50, 0.5), (Metric::FanOutLastMax, 1.0)] {
        numbers.push(Number::of_size(metric, members, last.quantile_ms(share)));
    }
    remove(scene, room).await?;
    Ok(numbers)
}

/// Removes the conversation: its members have a thousand events to catch up on, which the next
/// logins would be measured with.
async fn remove(scene: Scene<'_>, room: Room) -> Result<(), Failure> {
    let Destination::Conversation(id) = room.destination else {
        return Ok(());
    };
    drop(room.crowd);
    let removal = scene.stage.removal(&format!("/v1/conversations/{id}"))?;
    scene.stage.all(vec![removal]).await?;
    scene.target.rest().await;
    Ok(())
}

/// A new conversation of so many of our users.
async fn conversation(scene: Scene<'_>, members: usize) -> Result<Destination, Failure> {
    let stage = scene.stage;
    let new = stage.order("/v1/conversations", &json!({}))?;
    let made = stage.all(vec![new]).await?;
    let made = made.first().map(http::Answer::json).transpose()?;
    let id = made.unwrap_or_default();
    let id = segment(id["id"].as_str().unwrap_or_default())?.to_owned();
    let joined = scene.some_users(members).into_iter().map(|name| {
        let member = json!({"user": {"name": name}, "state": "joined"});
        stage.order(&format!("/v1/conversations/{id}/members"), &member)
    });
    stage.all(joined.collect::<Result<_, _>>()?).await?;
    Ok(Destination::Conversation(id))
}

// === impl Room ===

impl Room {
    async fn speak(&mut self) -> Result<(), Failure> {
        let mut beats = tokio::time::interval(Duration::from_secs(1) / MESSAGES_IN_A_SECOND);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for _ in 0..MESSAGES {
            let beat = beats.tick().await;
            let number = self.ledger.send();
            self.last.push(Duration::ZERO);
            let message = self.protocol.message(&self.destination, number)?;
            self.crowd.say(0, message)?;
            let next = beat + beats.period();
            while Instant::now() < next {
                self.listen(next).await?;
            }
        }
        let end = Instant::now() + PATIENCE;
        while !self.ledger.is_level() && Instant::now() < end {
            self.listen(end).await?;
        }
        self.ledger.check()
    }

    async fn listen(&mut self, until: Instant) -> Result<(), Failure> {
        let mut heard = Vec::new();
        self.crowd.hear(until, &mut heard).await;
        for heard in heard {
            match heard.what {
                What::Delivery(number) => {
                    let socket = heard.socket;
                    // Without an echo the speaker's place is nobody's.
                    let receiver = if self.protocol.echoes() {
                        socket
                    } else {
                        socket.wrapping_sub(1)
                    };
                    let took = self.ledger.arrive(number, receiver, socket, heard.at)?;
                    if let Some(last) = usize::try_from(number)
                        .ok()
                        .and_then(|message| self.last.get_mut(message))
                    {
                        *last = took.max(*last);
                    }
                }
                What::Accepted => self.ledger.accept(),
                What::Refused(why) => {
                    return Err(Failure::refused(format!("a message was refused: {why}")));
                }
                What::Closed(code) => return Err(closed(code)),
            }
        }
        Ok(())
    }
}
