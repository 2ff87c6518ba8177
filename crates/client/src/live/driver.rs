//! The task that holds a live connection, and comes back.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use countersign_wire::event::{Event, NewEvent};
use countersign_wire::frame::{ClientFrame, EventFrame, Refresh, Send, ServerFrame, Welcome};
use countersign_wire::secret::Secret;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::backoff::Backoff;
use super::connection::{Break, Connection};
use super::position::Track;
use super::{Ended, Offline, Online, Position, Start, Update};
use crate::client::Client;
use crate::error::{Error, Refusal};

/// How long to wait before a command is repeated that was refused for now.
const COMMAND_RETRY: Duration = Duration::from_secs(1);
/// Conversations that are read to find out where "now" is: as many as a server
/// is told of.
const BASELINE_PAGES_MAX: usize = 10;

/// Something that the user does.
pub(super) struct Order {
    pub(super) conversation: String,
    pub(super) event: NewEvent,
    /// Who waits for an event to be acknowledged; nobody does for a signal.
    pub(super) done: Option<oneshot::Sender<Result<Event, Error>>>,
}

/// What holds a live connection.
pub(super) struct Driver {
    client: Client,
    session: String,
    /// Whether the position is to be read from the server first.
    from_now: bool,
    track: Track,
    orders: mpsc::Receiver<Order>,
    updates: mpsc::Sender<Update>,
    online: watch::Sender<bool>,
    backoff: Backoff,
    /// The one order that is under way. It is kept over a break.
    under_way: Option<UnderWay>,
    orders_are_over: bool,
    reference: u64,
}

struct UnderWay {
    order: Order,
    /// The number under which it was said on this connection.
    said_as: Option<u64>,
    not_before: Instant,
}

/// A renewal of the access token.
type Renewal = Pin<Box<dyn Future<Output = Result<Secret, Error>> + std::marker::Send>>;

enum Wake {
    Ordered(Option<Order>),
    Due,
    Heard(Result<ServerFrame, Break>),
    Renewed(Result<Secret, Error>),
}

// === impl Driver ===

impl Driver {
    pub(super) fn new(
        client: Client,
        session: String,
        start: Start,
        orders: mpsc::Receiver<Order>,
        updates: mpsc::Sender<Update>,
        online: watch::Sender<bool>,
    ) -> Self {
        let (from_now, position) = match start {
            Start::Now => (true, Position::default()),
            Start::From(position) => (false, position),
        };
        Self {
            client,
            session,
            from_now,
            track: Track::new(position),
            orders,
            updates,
            online,
            backoff: Backoff::default(),
            under_way: None,
            orders_are_over: false,
            reference: 0,
        }
    }

    /// Runs until nobody listens, or the session is over.
    pub(super) async fn run(mut self) {
        let mut session = self.client.shared.session.subscribe();
        let own = self.session.clone();
        let updates = self.updates.clone();
        let ended = tokio::select! {
            biased;
            () = updates.closed() => return,
            _ = session.wait_for(|id| id.as_ref() != Some(&own)) => Ended::LoggedOut,
            ended = self.stay_connected() => ended,
        };
        self.online.send_replace(false);
        if let Ended::SignedOut(_) = &ended {
            self.forget_session().await;
        }
        // Nobody may be left to hear of it.
        let _ = updates.send(Update::Ended(ended)).await;
    }

    async fn stay_connected(&mut self) -> Ended {
        loop {
            let why = match self.connect_and_run().await {
                Break::Ended(ended) => return ended,
                why @ (Break::Again { .. } | Break::TokenOver) => why,
            };
            self.online.send_replace(false);
            let pause = self.backoff.failed(&*self.client.shared.random);
            let (why, retry_in) = match why {
                Break::Again { why, after } => (why, after.unwrap_or(pause)),
                Break::TokenOver | Break::Ended(_) => match self.renew().await {
                    Ok(()) => continue,
                    Err(Break::Again { why, .. }) => (why, pause),
                    Err(Break::TokenOver) => ("the token is over".to_owned(), pause),
                    Err(Break::Ended(ended)) => return ended,
                },
            };
            self.tell(Update::Offline(Offline { why, retry_in })).await;
            sleep(retry_in).await;
        }
    }

    /// The server has ended the session: the device forgets it, too.
    async fn forget_session(&self) {
        if let Err(error) = self.client.signed_out(&self.session).await {
            tracing::warn!(%error, "the session cannot be forgotten");
        }
    }

    async fn renew(&self) -> Result<(), Break> {
        let access = self.access()?;
        let renewed = self.client.renewed(&self.session, &access).await;
        renewed.map(|_| ()).map_err(Break::of)
    }

    fn access(&self) -> Result<Secret, Break> {
        match self.client.access() {
            Some((session, access)) if session == self.session => Ok(access),
            Some(_) | None => Err(Break::Ended(Ended::LoggedOut)),
        }
    }

    /// One connection, from its beginning to its end.
    async fn connect_and_run(&mut self) -> Break {
        match self.connect().await {
            Ok(mut connection) => match self.run_on(&mut connection).await {
                Ok(never) => match never {},
                Err(end) => end,
            },
            Err(end) => end,
        }
    }

    async fn connect(&mut self) -> Result<Connection, Break> {
        self.tell(Update::Connecting).await;
        if self.from_now {
            self.read_where_now_is().await?;
            self.from_now = false;
        }
        let from = self.track.position().clone();
        let api = &self.client.shared.api;
        let (connection, welcome) = Connection::open(api, self.access()?, Some(&from)).await?;
        if !welcome.resumed {
            self.tell(Update::Restored).await;
            self.from_now = true;
            return Err(Break::again("the history was restored from a backup"));
        }
        self.begin(*welcome).await;
        Ok(connection)
    }

    /// The newest event of each conversation: what follows is from now on.
    async fn read_where_now_is(&mut self) -> Result<(), Break> {
        let mut position = Position::default();
        let mut cursor = None;
        for _ in 0..BASELINE_PAGES_MAX {
            let page = self.client.conversations(cursor.as_deref()).await;
            let page = page.map_err(Break::of)?;
            for conversation in page.conversations {
                let newest = conversation.last_event_id;
                position.have.insert(conversation.id, newest);
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        self.track = Track::new(position);
        Ok(())
    }

    async fn begin(&mut self, welcome: Welcome) {
        self.backoff.online();
        self.track.begin(welcome.epoch);
        if let Some(under_way) = &mut self.under_way {
            under_way.said_as = None;
            under_way.not_before = Instant::now();
        }
        self.online.send_replace(true);
        let client = self.client.clone();
        tokio::spawn(async move {
            if let Err(error) = client.complete_log_outs().await {
                tracing::warn!(%error, "earlier log-outs cannot be completed");
            }
        });
        let online = Online {
            epoch: welcome.epoch,
            unread: welcome.unread,
        };
        self.tell(Update::Online(online)).await;
    }

    async fn run_on(&mut self, connection: &mut Connection) -> Result<Infallible, Break> {
        let mut renewal: Option<Renewal> = None;
        loop {
            match self.wake(connection, &mut renewal).await {
                // Nobody can order anything any more, but somebody may listen.
                Wake::Ordered(None) => self.orders_are_over = true,
                Wake::Ordered(Some(order)) => {
                    self.under_way = Some(UnderWay {
                        order,
                        said_as: None,
                        not_before: Instant::now(),
                    });
                }
                Wake::Due => self.say(connection).await?,
                Wake::Heard(frame) => {
                    if matches!(frame, Ok(ServerFrame::Expiring(_))) && renewal.is_none() {
                        renewal = Some(self.begin_renewal()?);
                    }
                    self.hear(frame?).await;
                }
                Wake::Renewed(token) => {
                    renewal = None;
                    self.renewed(connection, token).await?;
                }
            }
        }
    }

    async fn wake(&mut self, connection: &mut Connection, renewal: &mut Option<Renewal>) -> Wake {
        let waits = self
            .under_way
            .as_ref()
            .filter(|order| order.said_as.is_none());
        let due = waits.map(|order| order.not_before);
        let takes_orders = self.under_way.is_none() && !self.orders_are_over;
        tokio::select! {
            frame = connection.hear() => Wake::Heard(frame),
            order = self.orders.recv(), if takes_orders => Wake::Ordered(order),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => Wake::Due,
            token = async { match renewal { Some(renewal) => renewal.await, None => std::future::pending().await } } => Wake::Renewed(token),
        }
    }

    fn begin_renewal(&self) -> Result<Renewal, Break> {
        let (client, session) = (self.client.clone(), self.session.clone());
        let access = self.access()?;
        Ok(Box::pin(
            async move { client.renewed(&session, &access).await },
        ))
    }

    /// Shows the new token on the connection that there is.
    async fn renewed(
        &mut self,
        connection: &mut Connection,
        token: Result<Secret, Error>,
    ) -> Result<(), Break> {
        match token {
            Ok(token) => {
                connection
                    .say(&ClientFrame::Refresh(Refresh { token }))
                    .await
            }
            // The token may be renewed yet when it is over.
            Err(error) if error.is_passing() => Ok(()),
            Err(error) => Err(Break::of(error)),
        }
    }

    /// Says what is under way.
    async fn say(&mut self, connection: &mut Connection) -> Result<(), Break> {
        let Some(under_way) = &mut self.under_way else {
            return Ok(());
        };
        self.reference += 1;
        under_way.said_as = Some(self.reference);
        let frame = ClientFrame::Send(Send {
            reference: self.reference,
            conversation_id: under_way.order.conversation.clone(),
            event: under_way.order.event.clone(),
        });
        connection.say(&frame).await
    }

    async fn hear(&mut self, frame: ServerFrame) {
        let mut out = Vec::new();
        let mut acknowledged = None;
        match frame {
            ServerFrame::Event(frame) => self.track.event(frame, &mut out),
            ServerFrame::Signal(frame) => out.push(Update::Signal(frame)),
            ServerFrame::Gap(gap) => self.track.gap(gap, &mut out),
            ServerFrame::Conversation(frame) => self.track.conversation(frame, &mut out),
            ServerFrame::Sent(sent) => {
                acknowledged = self.done(sent.reference).zip(sent.event);
            }
            ServerFrame::Error(frame) => self.refused(frame.reference, Refusal::from(frame)),
            ServerFrame::Expiring(_) | ServerFrame::Welcome(_) | ServerFrame::Unknown => {}
        }
        if let Some((order, event)) = &acknowledged {
            let frame = EventFrame {
                conversation_id: order.conversation.clone(),
                event: event.clone(),
            };
            self.track.own(frame, &mut out);
        }
        for update in out {
            self.tell(update).await;
        }
        // After it was told in its turn: who waits for it may go then.
        if let Some((
            Order {
                done: Some(done), ..
            },
            event,
        )) = acknowledged
        {
            // Who asked may have gone; the event is sent nevertheless.
            let _ = done.send(Ok(event));
        }
    }

    /// The order that was said under this number.
    fn done(&mut self, reference: u64) -> Option<Order> {
        let is_it = |under_way: &mut UnderWay| under_way.said_as == Some(reference);
        self.under_way
            .take_if(is_it)
            .map(|under_way| under_way.order)
    }

    fn refused(&mut self, reference: u64, refusal: Refusal) {
        let Some(mut order) = self.done(reference) else {
            return;
        };
        match order.done.take() {
            Some(done) if refusal.is_passing() => {
                order.done = Some(done);
                self.under_way = Some(UnderWay {
                    order,
                    said_as: None,
                    not_before: Instant::now() + COMMAND_RETRY,
                });
            }
            Some(done) => {
                let _ = done.send(Err(Error::Refused(refusal)));
            }
            // A signal that was refused is of no use later.
            None => tracing::debug!(code = refusal.spelled, "a signal was refused"),
        }
    }

    /// Tells the program, and waits for it: what it does not take the server keeps.
    async fn tell(&self, update: Update) {
        // Where nobody listens any more, the task is about to end.
        let _ = self.updates.send(update).await;
    }
}
