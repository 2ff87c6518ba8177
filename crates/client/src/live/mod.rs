//! Live: what happens in the user's conversations, while it happens and, after
//! a break, from where the device was.
//!
//! A task of its own holds the socket. It comes back by itself after a broken
//! network or a restarted server, renews tokens ahead of their end, and stops
//! for good where the server has ended the session: it never logs in again by
//! itself, since whoever ended the session meant it.

mod backoff;
mod connection;
mod driver;
mod position;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use countersign_wire::event::{Event, NewEvent, PositionBody};
use countersign_wire::frame::{ConversationFrame, EventFrame, Gap, SignalFrame, TypingBody};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::{mpsc, oneshot, watch};

pub use self::position::Position;

use self::driver::{Driver, Order};
use crate::client::Client;
use crate::error::{Error, Refusal};
use crate::random;

/// Updates that wait for the program to take them. Beyond these the server
/// waits, and at last gives the connection up; nothing is lost by that.
const UPDATES_MAX: usize = 256;
/// Events that wait to be sent.
const ORDERS_MAX: usize = 1_000;

/// Where to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// With what happens from now on.
    Now,
    /// With what follows this position; the default one is the very beginning.
    From(Position),
}

/// What happens, in order.
#[derive(Debug, Clone)]
pub enum Update {
    /// The device tries to connect.
    Connecting,
    /// It is connected; what was missed follows, then what happens.
    Online(Online),
    /// It is not, and tries again by itself.
    Offline(Offline),
    /// An event, an own one included.
    Event(EventFrame),
    /// Somebody types, or has received or seen something.
    Signal(SignalFrame),
    /// So much was missed that it is not told: it can be read page by page.
    Gap(Gap),
    /// A conversation was gained, changed or lost.
    Conversation(ConversationFrame),
    /// The server's history was restored from a backup: what the device has of
    /// it may not be true any more. What follows is told from now on.
    Restored,
    /// The end: nothing follows.
    Ended(Ended),
}

/// Connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Online {
    /// The history that events' numbers are of.
    pub epoch: u64,
    /// How many of others' messages the user has not seen, by conversation,
    /// where there are any.
    pub unread: BTreeMap<String, u64>,
}

/// Not connected, for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offline {
    /// Why.
    pub why: String,
    /// How long until the next attempt.
    pub retry_in: Duration,
}

/// Not connected, for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The server has ended the session; the device has forgotten it.
    SignedOut(Refusal),
    /// This device has logged out, or in as somebody else.
    LoggedOut,
    /// The user may not connect, or the two programs do not understand each other.
    Refused(Refusal),
}

/// A live connection. It lasts until it is dropped, or has ended.
pub struct Live {
    updates: mpsc::Receiver<Update>,
    sender: Sender,
    position: Position,
}

/// Sends what a user does.
#[derive(Clone)]
pub struct Sender {
    client: Client,
    orders: mpsc::Sender<Order>,
    online: watch::Receiver<bool>,
}

/// An event that waits to be sent, and is sent whatever becomes of this.
#[derive(Debug)]
pub struct Queued {
    /// The id that the device has given it; the event will bear it.
    pub client_id: String,
    answer: oneshot::Receiver<Result<Event, Error>>,
}

// === impl Client ===

impl Client {
    /// Connects, and stays connected.
    ///
    /// # Errors
    /// [`Error::NotLoggedIn`]. That the server is out of reach is no error, but
    /// an [`Update::Offline`].
    pub fn live(&self, start: Start) -> Result<Live, Error> {
        let session = self.session_id().ok_or(Error::NotLoggedIn)?;
        let (orders, taken) = mpsc::channel(ORDERS_MAX);
        let (told, updates) = mpsc::channel(UPDATES_MAX);
        let (is_online, online) = watch::channel(false);
        let position = match &start {
            Start::Now => Position::default(),
            Start::From(position) => position.clone(),
        };
        let driver = Driver::new(self.clone(), session, start, taken, told, is_online);
        tokio::spawn(driver.run());
        let sender = Sender {
            client: self.clone(),
            orders,
            online,
        };
        Ok(Live {
            updates,
            sender,
            position,
        })
    }
}

// === impl Live ===

impl Live {
    /// The next update; `None` after the end.
    pub async fn next(&mut self) -> Option<Update> {
        let update = self.updates.recv().await?;
        self.position.take(&update);
        Some(update)
    }

    /// How far the updates go that were taken.
    #[must_use]
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// Sends what the user does.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Live({:?})", self.sender.client)
    }
}

// === impl Sender ===

impl Sender {
    /// Sends a text.
    ///
    /// # Errors
    /// As [`Sender::queue`]; then the refusal, or [`Error::Closed`].
    pub async fn text(&self, conversation: &str, text: &str) -> Result<Event, Error> {
        let body = countersign_wire::event::TextBody {
            text: text.to_owned(),
        };
        let event = new_event("text", &body)?;
        self.queue(conversation, event)?.sent().await
    }

    /// Takes an event to be sent. Events are sent one by one, in this order, as
    /// soon as the device is connected; what is not acknowledged is sent again,
    /// and is one event nevertheless.
    ///
    /// # Errors
    /// [`Error::QueueFull`]; [`Error::Closed`].
    pub fn queue(&self, conversation: &str, mut event: NewEvent) -> Result<Queued, Error> {
        let id = || random::client_id(&*self.client.shared.random);
        let client_id = event.client_id.get_or_insert_with(id).clone();
        let (done, answer) = oneshot::channel();
        self.order(Order {
            conversation: conversation.to_owned(),
            event,
            done: Some(done),
        })?;
        Ok(Queued { client_id, answer })
    }

    /// Says whether the user types. Nobody hears of it while the device is offline.
    ///
    /// # Errors
    /// [`Error::QueueFull`]; [`Error::Closed`].
    pub fn typing(&self, conversation: &str, on: bool) -> Result<(), Error> {
        if !*self.online.borrow() {
            return Ok(());
        }
        self.signal(conversation, "typing", &TypingBody { on })
    }

    /// Says up to which event the user has received everything.
    ///
    /// # Errors
    /// [`Error::QueueFull`]; [`Error::Closed`].
    pub fn delivered(&self, conversation: &str, up_to: u64) -> Result<(), Error> {
        self.signal(conversation, "delivered", &PositionBody { up_to })
    }

    /// Says up to which event the user has seen everything.
    ///
    /// # Errors
    /// [`Error::QueueFull`]; [`Error::Closed`].
    pub fn seen(&self, conversation: &str, up_to: u64) -> Result<(), Error> {
        self.signal(conversation, "seen", &PositionBody { up_to })
    }

    fn signal(&self, conversation: &str, kind: &str, body: &impl Serialize) -> Result<(), Error> {
        self.order(Order {
            conversation: conversation.to_owned(),
            event: new_event(kind, body)?,
            done: None,
        })
    }

    fn order(&self, order: Order) -> Result<(), Error> {
        self.orders.try_send(order).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::QueueFull,
            mpsc::error::TrySendError::Closed(_) => Error::Closed,
        })
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sender")
    }
}

// === impl Queued ===

impl Queued {
    /// Waits until the event is durable, and has its number. It is among the
    /// updates before that, so somebody has to take those.
    ///
    /// # Errors
    /// The refusal; [`Error::Closed`] where the connection ended before that.
    pub async fn sent(self) -> Result<Event, Error> {
        self.answer.await.unwrap_or(Err(Error::Closed))
    }
}

// === impl Ended ===

impl fmt::Display for Ended {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignedOut(refusal) => write!(formatter, "signed out: {refusal}"),
            Self::LoggedOut => formatter.write_str("logged out"),
            Self::Refused(refusal) => write!(formatter, "refused: {refusal}"),
        }
    }
}

/// An event of a type, with its body.
///
/// # Errors
/// [`Error::Setup`] for a body that cannot be written as JSON.
pub fn new_event(kind: &str, body: &impl Serialize) -> Result<NewEvent, Error> {
    let body: Box<RawValue> =
        to_raw_value(body).map_err(|error| Error::Setup(format!("no body: {error}")))?;
    Ok(NewEvent {
        kind: kind.to_owned(),
        body,
        client_id: None,
    })
}
