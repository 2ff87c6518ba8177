//! What is in the store before anything is measured: users, and conversations of
//! a thousand events each. What is there already stays.

use std::time::Duration;

use countersign_client::http::segment;
use serde_json::json;
use tokio::time::Instant;

use super::crowd::{Crowd, What, closed};
use super::http::{self, Bearer, Call, Tolerance};
use super::protocol::{Destination, Protocol};
use super::stage::{MAKING_CONNECTIONS, Stage, user_name};
use super::target::Target;
use crate::exit::Failure;

/// Users that are made before the next are thought of.
const USERS_AT_ONCE: usize = 10_000;
/// Events of a conversation, beside its owner's joining.
const EVENTS: u64 = 1_000;
/// Users who own them: each fills one conversation after the other, all at once.
const OWNERS: usize = 200;
/// Events that each has underway.
const WINDOW: usize = 4;
const LOGINS_AT_ONCE: usize = 32;
/// How long nothing may happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Conversations that are full.
#[derive(Debug)]
pub(super) struct History {
    pub(super) conversations: Vec<Conversation>,
}

/// A conversation, and who may read it.
#[derive(Debug, Clone)]
pub(super) struct Conversation {
    pub(super) id: String,
    /// The number of its newest event.
    pub(super) last: u64,
    pub(super) owner: Bearer,
}

/// Makes the users that are not there yet, and answers how many those were.
///
/// # Errors
/// If the server refuses.
pub(super) async fn users(stage: &Stage, count: usize) -> Result<usize, Failure> {
    let there = users_there(stage, count).await?;
    // They were made many at once: an end that was cut short has holes.
    let mut first = there.saturating_sub(2 * MAKING_CONNECTIONS);
    if there == count {
        return Ok(0);
    }
    while first < count {
        let end = count.min(first + USERS_AT_ONCE);
        let calls = (first..end)
            .map(|number| stage.order("/v1/users", &json!({"name": user_name(number)})))
            .collect::<Result<_, _>>()?;
        http::all(
            &stage.authority,
            MAKING_CONNECTIONS,
            calls,
            Tolerance::Conflict,
        )
        .await?;
        first = end;
    }
    Ok(count - there)
}

/// Fills conversations with so many events in all.
///
/// # Errors
/// If the server refuses.
pub(super) async fn history(
    stage: &Stage,
    ours: &Target,
    events: usize,
) -> Result<History, Failure> {
    let count = events.div_ceil(EVENTS as usize).max(1);
    let owners: Vec<String> = (0..count.min(OWNERS))
        .map(|number| format!("history-{number}"))
        .collect();
    let bearers = stage
        .log_in(&owners)
        .await?
        .iter()
        .map(|session| Bearer::new(&session.access_token))
        .collect::<Result<Vec<_>, _>>()?;
    let mut conversations = conversations(stage, count, &bearers).await?;
    let mut crowd = Crowd::at(ours);
    crowd.enter(&stage.proofs(&owners)?, LOGINS_AT_ONCE).await?;
    fill(&mut crowd, &mut conversations).await?;
    Ok(History { conversations })
}

// === impl History ===

impl History {
    /// How many events there are in all.
    pub(super) fn events(&self) -> usize {
        let last = self.conversations.iter().map(|one| one.last as usize);
        last.sum()
    }
}

/// How many users are there, from the first on: they are made in their order.
async fn users_there(stage: &Stage, count: usize) -> Result<usize, Failure> {
    let (mut there, mut missing) = (0, count + 1);
    while there + 1 < missing {
        let middle = there.midpoint(missing);
        let query = format!("&name={}", user_name(middle - 1));
        let call = vec![stage.question("/v1/users", &query)?];
        let answers = http::all(&stage.authority, 1, call, Tolerance::Nothing).await?;
        let found = answers.first().map(http::Answer::json).transpose()?;
        let found = found.is_some_and(|page| page["users"][0].is_object());
        if found {
            there = middle;
        } else {
            missing = middle;
        }
    }
    Ok(there)
}

/// The conversations, as far as they are.
async fn conversations(
    stage: &Stage,
    count: usize,
    owners: &[Bearer],
) -> Result<Vec<Conversation>, Failure> {
    let owner = |number: usize| &owners[number % owners.len()];
    let calls = (0..count)
        .map(|number| {
            let new = json!({"client_id": format!("history-{number}")});
            Call::post("/v1/conversations", owner(number), &new)
        })
        .collect();
    let mut ids = Vec::with_capacity(count);
    for made in stage.all(calls).await? {
        let made = made.json()?;
        ids.push(segment(made["id"].as_str().unwrap_or_default())?.to_owned());
    }
    let calls = ids
        .iter()
        .enumerate()
        .map(|(number, id)| Call::get(format!("/v1/conversations/{id}"), owner(number)))
        .collect();
    let mut conversations = Vec::with_capacity(count);
    for ((number, id), read) in ids.into_iter().enumerate().zip(stage.all(calls).await?) {
        conversations.push(Conversation {
            id,
            last: read.json()?["last_event_id"].as_u64().unwrap_or_default(),
            owner: owner(number).clone(),
        });
    }
    Ok(conversations)
}

/// Every owner fills one of its conversations after the other.
async fn fill(crowd: &mut Crowd, conversations: &mut [Conversation]) -> Result<(), Failure> {
    let owners = crowd.len();
    let full = EVENTS + 1;
    let mut place: Vec<usize> = (0..owners).collect();
    let mut underway = 0;
    let mut number = 0;
    let mut send_next = |crowd: &Crowd, owner: usize| -> Result<bool, Failure> {
        while let Some(conversation) = conversations.get_mut(place[owner]) {
            if conversation.last < full {
                conversation.last += 1;
                number += 1;
                let destination = Destination::Conversation(conversation.id.clone());
                crowd.say(owner, Protocol::Countersign.message(&destination, number)?)?;
                return Ok(true);
            }
            place[owner] += owners;
        }
        Ok(false)
    };
    for owner in (0..owners).cycle().take(owners * WINDOW) {
        underway += usize::from(send_next(crowd, owner)?);
    }
    let mut heard = Vec::new();
    while underway > 0 {
        crowd.hear(Instant::now() + PATIENCE, &mut heard).await;
        if heard.is_empty() {
            return Err(Failure::refused("the server accepts no events any more"));
        }
        for heard in heard.drain(..) {
            match heard.what {
                What::Accepted => {
                    underway -= 1;
                    underway += usize::from(send_next(crowd, heard.socket)?);
                }
                What::Refused(code) => {
                    return Err(Failure::refused(format!("an event was refused: {code}")));
                }
                What::Closed(code) => return Err(closed(code)),
                What::Delivery(_) => {}
            }
        }
    }
    Ok(())
}
