//! A socket after its `welcome`: one loop over what comes in and what goes out.
//!
//! One command is carried out at a time, so that what a client sends keeps its
//! order; the next waits in the client's own buffer. Whatever goes out passes
//! the line's gate.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::ConversationId;
use countersign_core::model::event::Event;
use countersign_core::model::origin::ForeignPage;
use countersign_core::op;
use countersign_core::op::connect::Connected;
use countersign_core::token::Token;
use countersign_wire::frame::{ClientFrame, CloseCode, Refresh};
use futures_sink::Sink;
use tokio_util::sync::CancellationToken;

use super::close::Close;
use super::command::{self, Command, Done};
use super::connect::read;
use super::{frames, gate};
use crate::rate::{Caller, Limiter};
use crate::realtime::follower::{Delivery, Follower, Sending};
use crate::realtime::line::{Closing, Held};
use crate::realtime::{Open, Realtime, limit};

/// Own events that wait for their turn to be acknowledged.
const OWN_MAX: usize = 16;
/// Deliveries before what comes in is looked at again.
const DELIVERIES_AT_ONCE_MAX: usize = 64;

/// What a socket consists of once it is known whose it is.
pub(super) struct Entered {
    pub(super) ctx: Arc<Ctx>,
    pub(super) limiter: Arc<Limiter>,
    pub(super) realtime: Arc<Realtime>,
    pub(super) page: Option<ForeignPage>,
    pub(super) stop: CancellationToken,
    pub(super) open: Open,
    pub(super) follower: Follower,
    pub(super) token: Token,
    pub(super) principal: Arc<Principal>,
    /// What the other end is told first.
    pub(super) welcome: Utf8Bytes,
}

/// A socket.
pub(super) struct Socket {
    socket: WebSocket,
    /// Whether a frame was begun that the kernel has not taken whole.
    unwritten: bool,
    entered: Entered,
    command: Option<Command>,
    sending: Option<Sending>,
    own: VecDeque<Own>,
    refused_in_a_row: u32,
}

/// An event that this connection has sent.
struct Own {
    conversation: ConversationId,
    event: Event,
    /// The client's number; none, where it was answered ahead of its turn.
    reference: Option<u64>,
}

/// What a socket wakes for.
enum Wake {
    Stop,
    Done(Done),
    Inbound(Option<Result<Message, axum::Error>>),
    News,
}

/// Why a frame was not written.
enum Unwritten {
    Held,
    Slow,
    Broken,
}

// === impl Socket ===

impl Socket {
    pub(super) fn new(socket: WebSocket, entered: Entered) -> Self {
        Self {
            socket,
            unwritten: false,
            entered,
            command: None,
            sending: None,
            own: VecDeque::new(),
            refused_in_a_row: 0,
        }
    }

    /// Runs until there is a reason to end.
    pub(super) async fn run(&mut self) -> Close {
        let welcome = std::mem::take(&mut self.entered.welcome);
        if let Err(close) = self.write(Message::Text(welcome)).await {
            return close;
        }
        loop {
            match self.turn().await {
                Ok(()) => {}
                Err(close) => return close,
            }
        }
    }

    /// Ends what was begun: a command that is dropped between its commit and its
    /// notice would leave everybody else waiting. Then the socket itself, where
    /// a close frame may follow what went out; a frame that was begun is not
    /// ended for its sake.
    pub(super) async fn end(mut self: Box<Self>) -> Option<WebSocket> {
        if let Some(command) = self.command.take() {
            command.await;
        }
        (!self.unwritten).then_some(self.socket)
    }

    /// What is rare is boxed: a socket that sleeps keeps room for the rest alone.
    async fn turn(&mut self) -> Result<(), Close> {
        self.pass_gate().await?;
        let level = self.deliver().await?;
        match self.wake(level).await {
            Wake::Stop => Err(Close::going_away(&*self.entered.ctx.random)),
            Wake::Done(done) => {
                self.command = None;
                Box::pin(self.done(done)).await
            }
            Wake::Inbound(message) => Box::pin(self.inbound(message)).await,
            Wake::News => Ok(()),
        }
    }

    async fn wake(&mut self, level: bool) -> Wake {
        let line = &self.entered.open.line;
        let stop = &self.entered.stop;
        let idle = self.command.is_none() && self.own.len() < OWN_MAX;
        let socket = &mut self.socket;
        let command = &mut self.command;
        tokio::select! {
            biased;
            () = stop.cancelled() => Wake::Stop,
            done = async { match command { Some(command) => command.await, None => std::future::pending().await } } => Wake::Done(done),
            message = socket.recv(), if idle => Wake::Inbound(message),
            () = poll_fn(|context| if level { line.poll_news(context) } else { Poll::Ready(()) }) => Wake::News,
        }
    }

    // === out ===

    /// Tells what there is to tell, and answers whether that is all.
    async fn deliver(&mut self) -> Result<bool, Close> {
        let news = self.entered.open.line.take_news();
        self.entered.follower.is_ready(&news.ready);
        if news.relist {
            self.relist().await?;
        }
        for signal in &news.signals {
            let frame = frames::signal(signal).map_err(|error| self.close_of(&error))?;
            self.write(Message::Text(frame)).await?;
        }
        if news.expiring {
            self.tell_expiring().await?;
        }
        if news.ping {
            self.write(Message::Ping(Bytes::new())).await?;
        }
        let mut out = Vec::new();
        let mut told = 0;
        while told < DELIVERIES_AT_ONCE_MAX {
            let Entered { follower, ctx, .. } = &mut self.entered;
            if let Err(error) = follower.next(ctx, self.sending, &mut out).await {
                self.silent(&error).await?;
                return Ok(false);
            }
            if out.is_empty() {
                return Ok(true);
            }
            for delivery in out.drain(..) {
                told += 1;
                self.tell(delivery).await?;
            }
        }
        Ok(false)
    }

    async fn tell(&mut self, delivery: Delivery) -> Result<(), Close> {
        match &delivery {
            Delivery::Event(conversation, recent) => {
                let number = recent.number();
                let own = self
                    .own
                    .iter()
                    .position(|own| own.conversation == *conversation && own.event.id == number);
                if let Some(own) = own.and_then(|place| self.own.remove(place)) {
                    return Box::pin(self.acknowledge(own)).await;
                }
            }
            Delivery::Gap { conversation, .. } | Delivery::Removed(conversation) => {
                Box::pin(self.acknowledge_all(*conversation)).await?;
            }
            Delivery::Added(_) | Delivery::Changed(_) => {}
        }
        let user = self.entered.open.line.user;
        let frame = frames::delivery(delivery, user).map_err(|error| self.close_of(&error))?;
        self.write(Message::Text(frame)).await
    }

    async fn acknowledge(&mut self, own: Own) -> Result<(), Close> {
        match own.reference {
            None => Ok(()),
            Some(reference) => self.answer(frames::sent(reference, Some(own.event))).await,
        }
    }

    /// Acknowledges what will not come in its turn any more.
    async fn acknowledge_all(&mut self, conversation: ConversationId) -> Result<(), Close> {
        let is_of = |own: &Own| own.conversation == conversation;
        while let Some(place) = self.own.iter().position(is_of)
            && let Some(own) = self.own.remove(place)
        {
            self.acknowledge(own).await?;
        }
        Ok(())
    }

    async fn tell_expiring(&mut self) -> Result<(), Close> {
        let now = self.entered.ctx.now();
        let expires_at = self.entered.open.line.expires_at();
        self.answer(frames::expiring(expires_at.milliseconds_since(now)))
            .await
    }

    async fn answer(&mut self, frame: Result<Utf8Bytes, Error>) -> Result<(), Close> {
        match frame {
            Ok(frame) => self.write(Message::Text(frame)).await,
            Err(error) => Err(self.close_of(&error)),
        }
    }

    /// Writes a frame, once the gate is open.
    async fn write(&mut self, message: Message) -> Result<(), Close> {
        let mut message = Some(message);
        loop {
            match self.try_write(&mut message).await {
                Ok(()) => return Ok(()),
                Err(Unwritten::Held) => self.pass_gate().await?,
                Err(Unwritten::Slow) => {
                    let realtime = &self.entered.realtime;
                    realtime.gave_up_on_slow_reader();
                    let patience = realtime.patience.close;
                    return Err(self.give_up_on_slow_reader(patience).await);
                }
                Err(Unwritten::Broken) => return Err(Close::Gone),
            }
        }
    }

    async fn try_write(&mut self, message: &mut Option<Message>) -> Result<(), Unwritten> {
        let line = &self.entered.open.line;
        let socket = &mut self.socket;
        let unwritten = &mut self.unwritten;
        let write = poll_fn(|context| {
            line.poll_through_gate(context, |context| {
                let written = poll_write(Pin::new(socket), message, context);
                *unwritten = message.is_none() && written.is_pending();
                written
            })
        });
        let patience = self.entered.realtime.patience.write;
        match tokio::time::timeout(patience, write).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(_))) => Err(Unwritten::Broken),
            Ok(Err(_)) => Err(Unwritten::Held),
            Err(_) => Err(Unwritten::Slow),
        }
    }

    /// A client that does not read is told so, if it reads on in time.
    async fn give_up_on_slow_reader(&mut self, patience: Duration) -> Close {
        let line = &self.entered.open.line;
        let socket = &mut self.socket;
        let flush = poll_fn(|context| {
            line.poll_through_gate(context, |context| {
                Pin::new(&mut *socket).poll_flush(context)
            })
        });
        if let Ok(Ok(Ok(()))) = tokio::time::timeout(patience, flush).await {
            self.unwritten = false;
        }
        Close::because(
            CloseCode::SlowReader,
            "the client does not read what it is sent",
        )
    }

    // === gate ===

    /// Waits until something may be written, where the session is to be looked
    /// at again first.
    async fn pass_gate(&mut self) -> Result<(), Close> {
        loop {
            match self.entered.open.line.held() {
                None => return Ok(()),
                Some(Held::Closing(why)) => return Err(self.closing(why)),
                Some(Held::LookAgain) => Box::pin(self.look_again()).await?,
            }
        }
    }

    async fn look_again(&mut self) -> Result<(), Close> {
        self.entered.open.line.begin_look();
        let realtime = Arc::clone(&self.entered.realtime);
        let one_of_few = realtime.looking.acquire().await;
        let looked = op::connect::look_again(&self.entered.ctx, &self.entered.token).await;
        drop(one_of_few);
        match looked {
            Ok(connected) => {
                self.now_is(connected);
                Ok(())
            }
            Err(error) if is_ours(&error) => self.silent(&error).await,
            Err(error) => Err(self.close_of(&error)),
        }
    }

    /// Takes over what was read anew of the session.
    fn now_is(&mut self, connected: Connected) {
        let line = &self.entered.open.line;
        line.set_marks(connected.marks);
        if connected.principal.acl != self.entered.principal.acl {
            line.relist();
        }
        self.entered.token = connected.token;
        self.entered.principal = Arc::new(connected.principal);
    }

    /// The store does not answer: the socket stays open and silent, and is
    /// checked again before anything is sent.
    async fn silent(&mut self, error: &Error) -> Result<(), Close> {
        let Entered {
            ctx, open, stop, ..
        } = &self.entered;
        // That it is out of sight is told once, by who looks at it for all.
        if ctx.store_seen() {
            tracing::warn!(code = error.code.as_str(), "a socket waits for the store");
        }
        open.line.look_again();
        let wait = tokio::time::sleep(limit::STORE_RETRY);
        let waited = stop.run_until_cancelled(wait).await;
        waited.ok_or_else(|| Close::going_away(&*ctx.random))
    }

    async fn relist(&mut self) -> Result<(), Close> {
        let Entered {
            follower,
            ctx,
            principal,
            open,
            ..
        } = &mut self.entered;
        match Box::pin(follower.relist(ctx, principal)).await {
            Ok(()) => Ok(()),
            Err(error) => {
                open.line.relist();
                self.silent(&error).await
            }
        }
    }

    fn closing(&self, why: Closing) -> Close {
        match why {
            Closing::Ended => Close::because(CloseCode::SessionEnded, Code::SessionEnded.as_str()),
            Closing::Expired => {
                Close::because(CloseCode::CredentialRefused, Code::AccessExpired.as_str())
            }
            Closing::Silent => Close::Gone,
        }
    }

    fn close_of(&self, error: &Error) -> Close {
        Close::of(error, &*self.entered.ctx.random)
    }

    // === in ===

    async fn inbound(
        &mut self,
        message: Option<Result<Message, axum::Error>>,
    ) -> Result<(), Close> {
        let realtime = &self.entered.realtime;
        self.entered.open.line.heard(realtime.looks());
        match message {
            Some(Ok(Message::Text(text))) => match read(&text)? {
                ClientFrame::Authenticate(_) => Err(Close::bad_frame("authenticate is sent once")),
                ClientFrame::Refresh(frame) => Box::pin(self.refresh(frame)).await,
                ClientFrame::Send(frame) => self.begin(frame).await,
            },
            Some(Ok(Message::Binary(_))) => Err(Close::bad_frame("binary frames are none of ours")),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
            Some(Err(_)) => Err(Close::bad_frame("the frame cannot be read")),
            Some(Ok(Message::Close(_))) | None => Err(Close::Gone),
        }
    }

    /// Begins a command. One too many is refused, and too many of those end it.
    /// What came while the store is out of sight is refused, too; what came
    /// together with the end of the session ends with it.
    async fn begin(&mut self, frame: countersign_wire::frame::Send) -> Result<(), Close> {
        let ctx = &self.entered.ctx;
        if let Err(error) = ctx.store_watch.check(ctx.now()) {
            return self.answer(frames::refused(frame.reference, &error)).await;
        }
        self.pass_gate().await?;
        let Entered {
            ctx,
            limiter,
            token,
            principal,
            ..
        } = &self.entered;
        let caller = Caller::Session(token.identity.session);
        let reference = frame.reference;
        let begun = gate::count(limiter, caller, ctx.now());
        match begun.map(|()| command::read(frame)) {
            Ok(Ok(order)) => {
                self.refused_in_a_row = 0;
                self.sending = order.sending().map(Sending);
                self.command = Some(order.begin(Arc::clone(ctx), Arc::clone(principal)));
                Ok(())
            }
            Ok(Err(error)) => self.answer(frames::refused(reference, &error)).await,
            Err(error) => {
                self.refused_in_a_row += 1;
                if self.refused_in_a_row > limit::REFUSED_IN_A_ROW_MAX {
                    return Err(self.close_of(&error));
                }
                self.answer(frames::refused(reference, &error)).await
            }
        }
    }

    async fn done(&mut self, done: Done) -> Result<(), Close> {
        let sending = self.sending.take();
        match done {
            Done::Sent {
                reference,
                conversation,
                event,
            } => self.sent(reference, conversation, event).await?,
            Done::Signalled { reference, signal } => {
                self.entered.open.line.take_back(&signal);
                self.answer(frames::sent(reference, None)).await?;
            }
            Done::Refused { reference, error } => {
                self.answer(frames::refused(reference, &error)).await?;
            }
        }
        if let Some(Sending(conversation)) = sending {
            self.entered.follower.resume(conversation);
        }
        Ok(())
    }

    /// Acknowledges an event in its turn; at once, where it has had its turn,
    /// or will have none.
    async fn sent(
        &mut self,
        reference: u64,
        conversation: ConversationId,
        event: Event,
    ) -> Result<(), Close> {
        let mut own = Own {
            conversation,
            event,
            reference: Some(reference),
        };
        match self.entered.follower.has(conversation) {
            Some(has) if own.event.id > has => {
                self.own.push_back(own);
                Ok(())
            }
            Some(_) => self.acknowledge(own).await,
            None => {
                let frame = frames::sent(reference, Some(own.event.clone()));
                self.answer(frame).await?;
                // The conversation may be one that is only about to be followed.
                own.reference = None;
                let unfollowed = self.own.iter().filter(|own| own.reference.is_none());
                if unfollowed.count() < OWN_MAX / 2 {
                    self.own.push_back(own);
                }
                Ok(())
            }
        }
    }

    /// Takes a newer token of the same session, once the store can tell of it.
    async fn refresh(&mut self, frame: Refresh) -> Result<(), Close> {
        let Entered {
            ctx,
            limiter,
            token,
            ..
        } = &self.entered;
        let identity = token.identity;
        gate::count(limiter, Caller::Session(identity.session), ctx.now())
            .map_err(|error| self.close_of(&error))?;
        let connected = loop {
            self.pass_gate().await?;
            let Entered { ctx, page, .. } = &self.entered;
            match op::connect::connect(ctx, &frame.token.0, page.as_ref()).await {
                Ok(connected) => break connected,
                Err(error) if is_ours(&error) => self.silent(&error).await?,
                Err(error) => return Err(self.close_of(&error)),
            }
        };
        if connected.token.identity != identity {
            let error = Error::new(Code::BadRequest, "the token is of another session");
            return Err(Close::because(CloseCode::CredentialRefused, &error.detail));
        }
        self.entered.open.line.renew(connected.token.expires_at);
        self.now_is(connected);
        Ok(())
    }
}

/// Whether an error tells of this node, and not of the client.
fn is_ours(error: &Error) -> bool {
    matches!(error.code, Code::Unavailable | Code::Internal)
}

fn poll_write(
    mut socket: Pin<&mut WebSocket>,
    message: &mut Option<Message>,
    context: &mut Context<'_>,
) -> Poll<Result<(), axum::Error>> {
    if message.is_some() {
        std::task::ready!(socket.as_mut().poll_ready(context))?;
        if let Some(message) = message.take() {
            socket.as_mut().start_send(message)?;
        }
    }
    socket.poll_flush(context)
}
