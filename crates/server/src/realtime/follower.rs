//! A follower: where one connection stands in each conversation it follows.
//!
//! It is asked for what comes next, and answers in order. It reads the store
//! only where the topic's recent events do not reach back, and then one
//! follower reads for all.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::Error;
use countersign_core::id::{ApplicationId, ConversationId, MemberId};
use countersign_core::limit::MISSED_MAX;
use countersign_core::model::conversation::ConversationView;
use countersign_core::op::delivery::{self, Followed, Following};

use super::Realtime;
use super::heard::Moment;
use super::line::Line;
use super::numbers::Source;
use super::recent::Recent;
use super::topic::{Sight, Told, Topic};
use crate::door::Door;

/// What is told at most of what was missed, where a client asks for the rest.
const NEWEST_MAX: u64 = 100;

/// Pages of events in which a member's going out is looked for.
const GOING_OUT_PAGES_MAX: u32 = 10;

/// What a client has, by conversation.
pub(crate) type Have = HashMap<ConversationId, u64>;

/// What a login has read of the conversations that its user follows, and a moment
/// before it did.
pub(crate) struct Listed {
    pub(crate) since: Moment,
    pub(crate) followed: Vec<ConversationView>,
}

/// What a connection is told.
#[derive(Debug)]
pub(crate) enum Delivery {
    /// An event, in its place in the order.
    Event(ConversationId, Arc<Recent>),
    /// Too much was missed to be told one by one.
    Gap {
        /// Where.
        conversation: ConversationId,
        /// What the client has.
        after: u64,
        /// The last that it is not told.
        last: u64,
    },
    /// A conversation was gained.
    Added(Box<ConversationView>),
    /// A conversation has changed, or the user's place in it.
    Changed(Box<ConversationView>),
    /// A conversation was lost; with how the user's own place ended, where it did
    /// and that has reached it.
    Removed(ConversationId, Option<Ending>),
}

/// How a place has ended.
#[derive(Debug)]
pub(crate) struct Ending {
    /// The user's own going out.
    pub(crate) event: Arc<Recent>,
    /// Whether the connection was told of the events before it; who was only
    /// asked in was not.
    pub(crate) followed: bool,
}

/// What a connection is told of a conversation that it gains while it is open,
/// and of one in which it missed much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gains {
    /// All that there is, or that there is a gap.
    Whole,
    /// What follows the user's own coming in, and the newest of what was missed:
    /// such a client asks for the rest by itself.
    Newest,
}

/// Where a connection stands.
pub(crate) struct Follower {
    realtime: Arc<Realtime>,
    line: Arc<Line>,
    gains: Gains,
    /// A place's number is its index; a place that was given up is empty.
    places: Vec<Option<Place>>,
    by_conversation: HashMap<ConversationId, u32>,
    /// Places that have something to read.
    ready: VecDeque<u32>,
    /// What is to be told before anything else.
    first: VecDeque<Delivery>,
}

struct Place {
    conversation: ConversationId,
    member: Option<MemberId>,
    /// What the connection has.
    has: u64,
    /// A digest of what a client is shown of the conversation itself.
    look: u64,
    /// Up to here nothing is told before the user's own coming in.
    gained_at: u64,
    /// The number of the newest event when the conversation was last listed.
    listed: u64,
    /// Whether it is to be given up once the user's going out was told.
    losing: bool,
    /// Whether the connection has once had all that there was.
    level: bool,
    /// What is told from there, where the user is joined.
    seat: Option<Seat>,
}

struct Seat {
    topic: Arc<Topic>,
    told: Told,
}

// === impl Follower ===

impl Follower {
    pub(crate) fn new(realtime: Arc<Realtime>, line: Arc<Line>, gains: Gains) -> Self {
        Self {
            realtime,
            line,
            gains,
            places: Vec::new(),
            by_conversation: HashMap::new(),
            ready: VecDeque::new(),
            first: VecDeque::new(),
        }
    }

    /// Begins: with what follows what the client has, or with what is new. Answers
    /// the conversations as they were read, which a login may have done already.
    ///
    /// # Errors
    /// Those of authorization and of the store.
    pub(crate) async fn begin(
        &mut self,
        ctx: &Ctx,
        principal: &Principal,
        have: Option<Have>,
        listed: Option<Listed>,
    ) -> Result<Vec<ConversationView>, Error> {
        let (since, following) = match listed {
            Some(Listed { since, followed }) => {
                self.realtime.catch_up(&self.line, since);
                (since, delivery::following_of_login(principal, followed)?)
            }
            None => {
                let since = self.realtime.moment();
                (since, delivery::following(ctx, principal).await?)
            }
        };
        let Following { followed, complete } = following;
        let resumes = have.is_some();
        let mut have = have.unwrap_or_default();
        let mut views = Vec::with_capacity(followed.len());
        for one in followed {
            let last = one.view.conversation.last_event_id;
            let has = have.remove(&one.view.conversation.id);
            if resumes && has.is_none() {
                self.first
                    .push_back(Delivery::Added(Box::new(one.view.clone())));
            }
            let has = match (resumes, one.delivered) {
                (true, _) => has.unwrap_or(0).min(last),
                (false, true) => last,
                (false, false) => 0,
            };
            views.push(one.view.clone());
            self.add(&one, has, since);
        }
        for conversation in have.into_keys() {
            let lost = complete
                || delivery::follows(ctx, principal, conversation)
                    .await?
                    .is_none();
            if lost {
                self.first.push_back(Delivery::Removed(conversation, None));
            }
        }
        Ok(views)
    }

    /// Begins with what follows a number of each conversation in which the user is
    /// joined, the one that changed last first. Answers the conversations as they
    /// were read.
    ///
    /// # Errors
    /// Those of authorization and of the store.
    pub(crate) async fn begin_after(
        &mut self,
        ctx: &Ctx,
        principal: &Principal,
        mut number: impl FnMut(&ConversationView) -> u64,
    ) -> Result<Vec<ConversationView>, Error> {
        let since = self.realtime.moment();
        let Following { followed, .. } = delivery::following(ctx, principal).await?;
        let mut views = Vec::with_capacity(followed.len());
        for one in followed {
            let has = if one.delivered { number(&one.view) } else { 0 };
            self.add(&one, has, since);
            views.push(one.view);
        }
        Ok(views)
    }

    /// Reads the user's conversations anew, and finds what was gained, changed
    /// or lost, and what was missed.
    ///
    /// # Errors
    /// Those of authorization and of the store.
    pub(crate) async fn relist(&mut self, ctx: &Ctx, principal: &Principal) -> Result<(), Error> {
        let since = self.realtime.moment();
        let Following { followed, complete } = delivery::following(ctx, principal).await?;
        let mut unseen = self.by_conversation.clone();
        for one in &followed {
            match unseen.remove(&one.view.conversation.id) {
                Some(number) => self.update(number, one, since),
                None => {
                    let view = Box::new(one.view.clone());
                    self.first.push_back(Delivery::Added(view));
                    self.add(one, 0, since);
                }
            }
        }
        for (conversation, number) in unseen {
            let still = if complete {
                None
            } else {
                delivery::follows(ctx, principal, conversation).await?
            };
            match still {
                Some(one) => self.update(number, &one, since),
                None if self.gains == Gains::Newest => self.lose(ctx, number).await?,
                None => self.remove(number, None),
            }
        }
        Ok(())
    }

    /// Notes that these places have something to read.
    pub(crate) fn is_ready(&mut self, places: &[u32]) {
        self.ready.extend(places);
    }

    /// What comes next; nothing, where the connection has all that there is, or
    /// has to wait for its own: in the conversations in which events of its own are
    /// on their way, what its user sent is held back until it is known which those
    /// are. Who gives up waiting for it loses nothing.
    ///
    /// # Errors
    /// Those of the store; the connection stands where it stood.
    pub(crate) async fn next(
        &mut self,
        ctx: &Ctx,
        sending: &[ConversationId],
        out: &mut Vec<Delivery>,
    ) -> Result<(), Error> {
        while out.is_empty() {
            if !self.first.is_empty() {
                out.extend(self.first.drain(..));
                return Ok(());
            }
            let Some(number) = self.ready.front().copied() else {
                return Ok(());
            };
            self.read(ctx, number, sending, out).await?;
            self.ready.pop_front();
        }
        Ok(())
    }

    /// What the connection has of a conversation that it follows.
    pub(crate) fn has(&self, conversation: ConversationId) -> Option<u64> {
        let place = self.place(conversation)?;
        place.seat.as_ref().map(|_| place.has)
    }

    /// What the connection has of each conversation whose events it is told.
    pub(crate) fn positions(&self) -> Have {
        let places = self.places.iter().flatten();
        places
            .filter(|place| place.seat.is_some())
            .map(|place| (place.conversation, place.has))
            .collect()
    }

    /// Says that what was held back in a conversation may be told now.
    pub(crate) fn resume(&mut self, conversation: ConversationId) {
        if let Some(number) = self.by_conversation.get(&conversation) {
            self.ready.push_back(*number);
        }
    }

    fn place(&self, conversation: ConversationId) -> Option<&Place> {
        let number = self.by_conversation.get(&conversation)?;
        self.places.get(*number as usize)?.as_ref()
    }

    /// Reads what follows at one place.
    async fn read(
        &mut self,
        ctx: &Ctx,
        number: u32,
        sending: &[ConversationId],
        out: &mut Vec<Delivery>,
    ) -> Result<(), Error> {
        let Some(Some(place)) = self.places.get_mut(number as usize) else {
            return Ok(());
        };
        let Some(seat) = &place.seat else {
            return Ok(());
        };
        seat.told.store(false, Ordering::Release);
        let mut from = Source::Memory;
        let events = match seat.topic.look(place.has) {
            Sight::Events(events) => events,
            Sight::Level if place.losing => Vec::new(),
            Sight::Level => {
                place.level = true;
                return Ok(());
            }
            Sight::InStore(_) => {
                from = Source::Store;
                read_store(ctx, &self.realtime, &seat.topic, place.has).await?
            }
        };
        let ends_it = |event: &Arc<Recent>| event.left().is_some() && event.left() == place.member;
        if place.losing && !events.iter().any(ends_it) {
            // It was not left but taken away: nothing more of it is told.
            self.remove(number, None);
            out.extend(self.first.pop_back());
            return Ok(());
        }
        let user = self.line.user;
        let held = sending.contains(&place.conversation);
        let mut more = !events.is_empty();
        for event in events {
            if held && event.event.from.user == Some(user) {
                more = false;
                break;
            }
            place.has = event.number();
            if event.left().is_some() && event.left() == place.member {
                let followed = true;
                self.remove(number, Some(Ending { event, followed }));
                out.extend(self.first.pop_back());
                return Ok(());
            }
            if event.number() <= place.gained_at {
                if event.joined().is_none() || event.joined() != place.member {
                    continue;
                }
                place.gained_at = 0;
            }
            out.push(Delivery::Event(place.conversation, event));
        }
        let was_level = place.level;
        if more {
            self.ready.push_back(number);
        }
        self.note(ctx, from, was_level, out);
        Ok(())
    }

    /// Notes what is told, and how old the newest of it is. A long poll says when its
    /// client has asked, and nothing of the node.
    fn note(&self, ctx: &Ctx, from: Source, was_level: bool, told: &[Delivery]) {
        let Some(Delivery::Event(_, newest)) = told.last() else {
            return;
        };
        self.realtime.numbers.told(from, told.len());
        if was_level && self.line.door != Door::SinchMessaging {
            let age_ms = ctx.now().milliseconds_since(newest.event.timestamp);
            let age = Duration::from_millis(u64::try_from(age_ms).unwrap_or(0));
            self.realtime.numbers.delayed(age);
        }
    }

    fn add(&mut self, one: &Followed, has: u64, since: Moment) {
        let view = &one.view;
        let empty = self.places.iter().position(Option::is_none);
        let index = empty.unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        let id = view.conversation.id;
        self.places[index] = Some(Place {
            conversation: id,
            member: view.member.as_ref().map(|member| member.id),
            has,
            look: look_of(view),
            gained_at: 0,
            listed: view.conversation.last_event_id,
            losing: false,
            level: false,
            seat: None,
        });
        self.by_conversation.insert(id, number);
        if one.delivered {
            self.sit_down(number, view.conversation.last_event_id, since);
        }
    }

    fn update(&mut self, number: u32, one: &Followed, since: Moment) {
        let Some(Some(place)) = self.places.get_mut(number as usize) else {
            return;
        };
        place.member = one.view.member.as_ref().map(|member| member.id);
        place.listed = one.view.conversation.last_event_id;
        let look = look_of(&one.view);
        if place.look != look {
            place.look = look;
            let view = Box::new(one.view.clone());
            self.first.push_back(Delivery::Changed(view));
        }
        let last = one.view.conversation.last_event_id;
        match (&place.seat, one.delivered) {
            (None, true) => self.sit_down(number, last, since),
            (Some(seat), true) => {
                self.realtime.hear_of(&seat.topic, last);
                self.ready.push_back(number);
            }
            (Some(_), false) => self.stand_up(number),
            (None, false) => {}
        }
    }

    /// Begins to be told of events. Where too many were missed, all are left
    /// out that there are by now.
    fn sit_down(&mut self, number: u32, last: u64, since: Moment) {
        let Some(Some(place)) = self.places.get_mut(number as usize) else {
            return;
        };
        if self.gains == Gains::Newest {
            if place.has == 0 {
                place.gained_at = last;
            }
            place.has = place.has.max(last.saturating_sub(NEWEST_MAX));
        } else if last.saturating_sub(place.has) > MISSED_MAX {
            self.first.push_back(Delivery::Gap {
                conversation: place.conversation,
                after: place.has,
                last,
            });
            place.has = last;
        }
        let of = (place.conversation, last);
        let (topic, told) = self.realtime.follow(of, (&self.line, number), since);
        place.seat = Some(Seat { topic, told });
        self.ready.push_back(number);
    }

    fn stand_up(&mut self, number: u32) {
        if let Some(Some(place)) = self.places.get_mut(number as usize)
            && let Some(seat) = place.seat.take()
        {
            self.realtime.unfollow(&seat.topic, &self.line, number);
        }
    }

    /// Gives a place up once the events were told that came before the user's own
    /// going out; who was only asked in is told of that alone.
    async fn lose(&mut self, ctx: &Ctx, number: u32) -> Result<(), Error> {
        let Some(Some(place)) = self.places.get_mut(number as usize) else {
            return Ok(());
        };
        if place.seat.is_some() {
            place.losing = true;
            self.ready.push_back(number);
            return Ok(());
        }
        let of = (self.line.application, place.conversation, place.member);
        let ended = going_out(ctx, of, place.listed).await?;
        let ended = ended.map(|event| Ending {
            event,
            followed: false,
        });
        self.remove(number, ended);
        Ok(())
    }

    fn remove(&mut self, number: u32, by: Option<Ending>) {
        self.stand_up(number);
        let place = self.places.get_mut(number as usize);
        if let Some(place) = place.and_then(Option::take) {
            self.by_conversation.remove(&place.conversation);
            self.first
                .push_back(Delivery::Removed(place.conversation, by));
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        for number in 0..self.places.len() {
            self.stand_up(u32::try_from(number).unwrap_or(u32::MAX));
        }
    }
}

/// Looks for a member's going out among the events that follow a number.
async fn going_out(
    ctx: &Ctx,
    (application, conversation, member): (ApplicationId, ConversationId, Option<MemberId>),
    mut after: u64,
) -> Result<Option<Arc<Recent>>, Error> {
    for _ in 0..GOING_OUT_PAGES_MAX {
        let events = delivery::events_after(ctx, application, conversation, after).await?;
        let Some(last) = events.last() else {
            return Ok(None);
        };
        after = last.id;
        let mut events = events.into_iter().map(Recent::new);
        let found = events.find(|event| event.left().is_some() && event.left() == member);
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Reads what follows, for all who follow: who waits meanwhile finds it.
async fn read_store(
    ctx: &Ctx,
    realtime: &Realtime,
    topic: &Arc<Topic>,
    after: u64,
) -> Result<Vec<Arc<Recent>>, Error> {
    let _reading = topic.reading.lock().await;
    let asked = match topic.look(after) {
        Sight::Events(events) => return Ok(events),
        Sight::Level => return Ok(Vec::new()),
        Sight::InStore(asked) => asked,
    };
    let events = delivery::events_after(ctx, topic.application, topic.conversation, after).await?;
    let events: Vec<Arc<Recent>> = events.into_iter().map(Recent::new).collect();
    realtime.keep(topic, &events, asked, after);
    Ok(events)
}

/// A digest of what a client is shown of a conversation beside its events.
fn look_of(view: &ConversationView) -> u64 {
    let mut hasher = DefaultHasher::new();
    view.conversation.name.hash(&mut hasher);
    view.conversation.display_name.hash(&mut hasher);
    view.conversation.custom_data.hash(&mut hasher);
    view.member
        .as_ref()
        .map(|member| member.state)
        .hash(&mut hasher);
    hasher.finish()
}
