//! W6: a page of history, somewhere in the middle of somebody's conversation.

use std::time::Duration;

use super::super::fill::{Conversation, History};
use super::super::http::{self, Call};
use super::super::metric::Metric;
use super::super::process::Mark;
use super::{Number, Scene, each_us};
use crate::exit::Failure;

const CONNECTIONS: usize = 32;
const EVENTS: usize = 100;

/// Reads pages of 100 events, each before a cursor that differs.
///
/// # Errors
/// If a page has fewer events.
pub(in super::super) async fn run(
    scene: Scene<'_>,
    history: &History,
    duration: Duration,
) -> Result<Vec<Number>, Failure> {
    let target = scene.target;
    let conversations: Vec<Conversation> = history.conversations.clone();
    let events = history.events();
    target.rest().await;
    let make = move |worker, number| page(&conversations, worker, number);
    let mark = Mark::now(target.process);
    let load = http::load(&target.authority, CONNECTIONS, duration, make, has_all).await?;
    let cpu_s = mark.cpu_s();
    let mut numbers = Vec::new();
    if let Some(cpu_s) = cpu_s {
        let each = each_us(cpu_s, load.calls);
        numbers.push(Number::of_size(Metric::Page, events, each));
    }
    for (metric, share) in [(Metric::PageP50, 0.5), (Metric::PageP99, 0.99)] {
        let value = load.latencies.quantile_ms(share);
        numbers.push(Number::of_size(metric, events, value));
    }
    Ok(numbers)
}

/// A page that nobody could guess from the one before.
fn page(conversations: &[Conversation], worker: usize, number: usize) -> Call {
    let seed = (worker * 1_000_003 + number) as u64;
    // The finaliser of SplitMix64 (Steele, Lea, Flood 2014): neighbours in, strangers out.
    let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let conversation = &conversations[(mixed >> 33) as usize % conversations.len()];
    let reach = conversation.last - EVENTS as u64;
    let before = EVENTS as u64 + 1 + (mixed & 0xffff_ffff) % (reach + 1);
    let id = &conversation.id;
    let path = format!("/v1/conversations/{id}/events?before={before}&limit={EVENTS}");
    Call::get(path, &conversation.owner)
}

/// Every event has one moment at which it was accepted.
fn has_all(body: &[u8]) -> bool {
    const MEMBER: &[u8] = b"\"timestamp\":";
    let mut events = 0;
    let mut rest = body;
    while let Some(place) = rest.iter().position(|byte| *byte == b'"') {
        rest = &rest[place..];
        events += usize::from(rest.starts_with(MEMBER));
        rest = &rest[1..];
    }
    events == EVENTS
}
