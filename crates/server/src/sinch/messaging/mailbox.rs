//! A mailbox: what one chain of long polls is told.
//!
//! It is a connection of the node's delivery loop between whose polls the client is
//! silent: it follows the user's conversations, and takes what comes only when it
//! is polled, so that nothing piles up. What was answered is kept until the next
//! poll says, by the answer's time token, that it has arrived; a poll with the
//! token before gets the same bytes again. Whatever is waited for here can be given
//! up at any moment, since clients hang up when they like.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::ConversationId;
use countersign_core::model::conversation::ConversationView;
use countersign_core::model::signal::{Signal, SignalKind};
use countersign_core::op;
use countersign_core::op::connect::Connected;
use countersign_core::op::signed_request::Signed;
use countersign_core::token::Token;
use countersign_credential::time::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::limit::{
    ANSWER_BYTES_MAX, BACKLOG_CONVERSATIONS_MAX, BACKLOG_MAX, BACKLOG_S, PENDING_MAX, SIGNALS_MAX,
};
use super::receipts::Receipts;
use super::text;
use super::time_token::{TimeToken, TimeTokens};
use super::told::Reader;
use crate::realtime::check::{self, is_ours};
use crate::realtime::follower::{Delivery, Follower, Gains};
use crate::realtime::line::{Closing, Held, Line};
use crate::realtime::recent::Recent;
use crate::realtime::{Open, Realtime};
use crate::sinch::names;

/// A mailbox of a session.
pub(super) struct Mailbox {
    open: Open,
    /// Whether messages are told in it, or nothing is.
    pub(super) hears_messages: bool,
    chain: Mutex<Chain>,
    /// Counts the polls: the newest has the mailbox to itself.
    turns: watch::Sender<u64>,
    content: tokio::sync::Mutex<Contents>,
}

/// What a poll asks with.
pub(super) struct Poll<'a> {
    pub(super) ctx: &'a Arc<Ctx>,
    pub(super) realtime: &'a Arc<Realtime>,
    pub(super) tokens: &'a TimeTokens,
    pub(super) stop: &'a CancellationToken,
    /// What the client has.
    pub(super) has: TimeToken,
}

/// How far the client has got.
struct Chain {
    has: TimeToken,
    answered: Option<(TimeToken, Bytes)>,
}

/// Where a poll finds the chain.
enum Found {
    /// It has had no answer: the same again.
    Again(Bytes),
    /// It waits for what is next.
    Waits,
    /// It is of another chain.
    Lost,
}

/// The turn of one poll.
struct Turn {
    own: u64,
    newest: watch::Receiver<u64>,
}

struct Contents {
    reader: Reader,
    token: Token,
    principal: Principal,
    /// None, where no messages are told.
    follower: Option<Follower>,
    /// Whether the conversations are to be read anew.
    relists: bool,
    /// Whether the session is being looked at again.
    looks: bool,
    signals: VecDeque<Arc<Signal>>,
    receipts: Receipts,
    /// What is to be told next.
    pending: VecDeque<(ConversationId, Arc<Recent>)>,
    /// Frames that are to be told next.
    frames: VecDeque<String>,
}

/// Opens a mailbox. Where messages are told in it, those wait there that have come
/// since the user's devices had some, and are not too old or too many.
///
/// # Errors
/// Those of looking at the session again and of the store; `unavailable` where
/// there is no room.
pub(super) async fn open(
    asked: &Poll<'_>,
    signed: &Signed,
    hears_messages: bool,
) -> Result<Mailbox, Error> {
    let Poll { ctx, realtime, .. } = asked;
    let (token, marks) = op::connect::signed(signed);
    let line = Line::new(Arc::clone(ctx), marks, token.expires_at, realtime.looks());
    let open = realtime
        .open(line)
        .ok_or_else(|| Error::new(Code::Unavailable, "there are too many polls at the moment"))?;
    // From here on the line hears of revocations; what came before is read.
    let Connected {
        principal, marks, ..
    } = op::connect::look_again(ctx, &token).await?;
    open.line.set_marks(marks);
    let mut content = Contents {
        reader: Reader::of(ctx, signed)?,
        token,
        principal,
        follower: None,
        relists: false,
        looks: false,
        signals: VecDeque::new(),
        receipts: Receipts::default(),
        pending: VecDeque::new(),
        frames: VecDeque::new(),
    };
    if hears_messages {
        let follower = Follower::new(Arc::clone(realtime), Arc::clone(&open.line), Gains::Newest);
        content.fetch_backlog(ctx, follower).await?;
    }
    Ok(Mailbox {
        open,
        hears_messages,
        chain: Mutex::new(Chain {
            has: asked.has,
            answered: None,
        }),
        turns: watch::Sender::new(0),
        content: tokio::sync::Mutex::new(content),
    })
}

fn overtaken() -> Error {
    Error::new(
        Code::Conflict,
        "another poll has taken the place of this one",
    )
    .hint("poll once at a time, with the newest time token")
}

// === impl Mailbox ===

impl Mailbox {
    /// Whether a client with this token goes on here.
    pub(super) fn has(&self, token: TimeToken) -> bool {
        let chain = self.chain();
        let answered = chain.answered.as_ref();
        chain.has == token || answered.is_some_and(|(answer, _)| *answer == token)
    }

    /// Whether nobody can be told anything here any more.
    pub(super) fn is_over(&self) -> bool {
        match self.open.line.held() {
            Some(Held::Closing(_)) => true,
            Some(Held::LookAgain) | None => false,
        }
    }

    /// Whether somebody waits here.
    pub(super) fn is_polled(&self) -> bool {
        self.turns.receiver_count() > 0
    }

    /// Sends away who waits here.
    pub(super) fn give_up(&self) {
        self.turns.send_modify(|turn| *turn += 1);
    }

    /// The turn of a poll that begins; the one before it is over.
    fn take_turn(&self) -> Turn {
        let mut own = 0;
        self.turns.send_modify(|turn| {
            *turn += 1;
            own = *turn;
        });
        Turn {
            own,
            newest: self.turns.subscribe(),
        }
    }

    /// Answers at once: with what there is.
    ///
    /// # Errors
    /// `session_ended`; those of the store.
    pub(super) async fn answer(&self, asked: &Poll<'_>) -> Result<Bytes, Error> {
        let mut content = self.content.lock().await;
        self.pass_gate(asked, &mut content).await?;
        content.take(asked, &self.open.line).await?;
        let bytes = self.write(asked, &mut content)?;
        self.pass_gate(asked, &mut content).await?;
        Ok(bytes)
    }

    /// Answers once there is something, or with nothing once it was waited for long
    /// enough.
    ///
    /// # Errors
    /// `session_ended`; `conflict` where the client polls twice.
    pub(super) async fn poll(&self, asked: &Poll<'_>) -> Result<Bytes, Error> {
        let mut turn = self.take_turn();
        let mut content = tokio::select! {
            biased;
            () = turn.is_over() => return Err(overtaken()),
            content = self.content.lock() => content,
        };
        self.open.line.heard(asked.realtime.looks());
        let found = self.chain().find(asked.has);
        match found {
            Found::Again(bytes) => {
                self.pass_gate(asked, &mut content).await?;
                return Ok(bytes);
            }
            Found::Waits => {}
            Found::Lost => return Err(overtaken()),
        }
        self.wait(asked, &mut content, &mut turn).await?;
        let bytes = self.write(asked, &mut content)?;
        self.pass_gate(asked, &mut content).await?;
        Ok(bytes)
    }

    /// Waits until there is something to tell, or it is time to say that there is
    /// nothing. While the store does not answer nothing is told.
    async fn wait(
        &self,
        asked: &Poll<'_>,
        content: &mut Contents,
        turn: &mut Turn,
    ) -> Result<(), Error> {
        let line = &self.open.line;
        let mut end = pin!(tokio::time::sleep(asked.realtime.patience.poll));
        loop {
            let taken = match self.pass_gate(asked, content).await {
                Ok(()) => content.take(asked, line).await,
                refused @ Err(_) => refused,
            };
            match taken {
                Ok(()) if content.has_any() => return Ok(()),
                Ok(()) => {}
                Err(error) if is_ours(&error) && !end.is_elapsed() => {
                    if !check::wait_for_store(asked.ctx, line, asked.stop, &error).await {
                        return Ok(());
                    }
                    continue;
                }
                Err(error) => return Err(error),
            }
            tokio::select! {
                biased;
                () = turn.is_over() => return Err(overtaken()),
                () = asked.stop.cancelled() => return Ok(()),
                () = end.as_mut() => return Ok(()),
                () = poll_fn(|context| line.poll_news(context)) => {}
            }
        }
    }

    /// Waits until something may be told, where the session is to be looked at
    /// again first.
    async fn pass_gate(&self, asked: &Poll<'_>, content: &mut Contents) -> Result<(), Error> {
        let line = &self.open.line;
        loop {
            match line.held() {
                Some(Held::Closing(Closing::Ended | Closing::Expired)) => return Err(names::over()),
                Some(Held::Closing(Closing::Silent)) => return Err(overtaken()),
                Some(Held::LookAgain) => content.looks = true,
                None if content.looks => {}
                None => return Ok(()),
            }
            let Poll { ctx, realtime, .. } = asked;
            let connected = check::look_again(ctx, realtime, line, &content.token).await?;
            content.looks = false;
            line.set_marks(connected.marks);
            content.relists |= connected.principal.acl != content.principal.acl;
            content.token = connected.token;
            content.principal = connected.principal;
        }
    }

    /// Writes what there is to tell, and keeps it until the client has it.
    fn write(&self, asked: &Poll<'_>, content: &mut Contents) -> Result<Bytes, Error> {
        let frames = content.batch(asked.ctx)?;
        let token = asked.tokens.next(asked.ctx.now());
        let channel = content.reader.channel.as_str();
        let channels = vec![channel; frames.len()].join(",");
        let body = (frames, token.to_string(), channels);
        let bytes: Bytes = serde_json::to_vec(&body).map_err(Error::internal)?.into();
        self.chain().answered = Some((token, bytes.clone()));
        Ok(bytes)
    }

    fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Chain ===

impl Chain {
    fn find(&mut self, has: TimeToken) -> Found {
        match &self.answered {
            Some((token, _)) if *token == has => {
                self.has = has;
                self.answered = None;
                Found::Waits
            }
            Some((_, bytes)) if self.has == has => Found::Again(bytes.clone()),
            None if self.has == has => Found::Waits,
            Some(_) | None => Found::Lost,
        }
    }
}

// === impl Turn ===

impl Turn {
    /// Waits until another poll has taken its turn.
    async fn is_over(&mut self) {
        let own = self.own;
        // The mailbox is there as long as somebody waits in it.
        let _ = self.newest.wait_for(|newest| *newest != own).await;
    }
}

// === impl Contents ===

impl Contents {
    /// Begins to follow, with what came since the user's devices had some.
    async fn fetch_backlog(&mut self, ctx: &Ctx, mut follower: Follower) -> Result<(), Error> {
        let since = ctx.now().plus_seconds(-BACKLOG_S);
        let mut left = BACKLOG_CONVERSATIONS_MAX;
        let begins = |view: &ConversationView| {
            let last = view.conversation.last_event_id;
            let delivered = view.member.as_ref().map_or(last, |member| member.delivered);
            if delivered >= last || view.conversation.updated_at < since || left == 0 {
                return last;
            }
            left -= 1;
            // Before the first event nobody was there.
            let most = last.saturating_sub(BACKLOG_MAX as u64);
            delivered.max(most).max(1)
        };
        let views = follower.begin_after(ctx, &self.principal, begins).await?;
        let came_in: HashMap<ConversationId, Option<Timestamp>> = views
            .into_iter()
            .map(|view| {
                (
                    view.conversation.id,
                    view.member.and_then(|it| it.joined_at),
                )
            })
            .collect();
        let mut newest = Vec::new();
        let mut out = Vec::new();
        loop {
            follower.next(ctx, None, &mut out).await?;
            if out.is_empty() {
                break;
            }
            for delivery in out.drain(..) {
                let Some((conversation, recent)) = self.noted(delivery) else {
                    continue;
                };
                let event = &recent.event;
                let came_in = came_in.get(&conversation).copied().flatten();
                let own = event.from.user == Some(self.reader.user);
                if !own && event.timestamp >= came_in.map_or(since, |at| at.max(since)) {
                    newest.push((conversation, recent));
                }
            }
            // A sort that keeps the order of equals keeps that of each conversation.
            newest.sort_by_key(|(_, recent)| recent.event.timestamp);
            newest.drain(..newest.len().saturating_sub(BACKLOG_MAX));
        }
        self.pending = newest.into();
        self.follower = Some(follower);
        Ok(())
    }

    /// Takes what has come.
    async fn take(&mut self, asked: &Poll<'_>, line: &Line) -> Result<(), Error> {
        let news = line.take_news();
        if news.ping {
            // A poll that waits is somebody.
            line.heard(asked.realtime.looks());
        }
        let Some(follower) = &mut self.follower else {
            return Ok(());
        };
        follower.is_ready(&news.ready);
        self.relists |= news.relist;
        let room = SIGNALS_MAX.saturating_sub(self.signals.len());
        self.signals.extend(news.signals.into_iter().take(room));
        if self.relists {
            follower.relist(asked.ctx, &self.principal).await?;
            self.relists = false;
        }
        let mut out = Vec::new();
        while self.pending.len() < PENDING_MAX {
            let Some(follower) = &mut self.follower else {
                break;
            };
            follower.next(asked.ctx, None, &mut out).await?;
            if out.is_empty() {
                return self.take_signals(asked.ctx);
            }
            for delivery in out.drain(..) {
                let noted = self.noted(delivery);
                self.pending.extend(noted);
            }
        }
        Ok(())
    }

    /// What is to be told of a delivery. What the user says is remembered, so that
    /// whom it reaches can be told.
    fn noted(&mut self, delivery: Delivery) -> Option<(ConversationId, Arc<Recent>)> {
        let (conversation, recent) = match delivery {
            Delivery::Event(conversation, recent) => (conversation, recent),
            // A client of this protocol knows of no conversations.
            Delivery::Gap { .. }
            | Delivery::Added(_)
            | Delivery::Changed(_)
            | Delivery::Removed(..) => return None,
        };
        let event = &recent.event;
        if !text::may_say(event) {
            return None;
        }
        if event.from.user == Some(self.reader.user) {
            let id = self.reader.id_of(conversation, event);
            self.receipts.sent(conversation, event.id, id);
        }
        Some((conversation, recent))
    }

    /// Says which own messages have reached whom, once all of them are known.
    fn take_signals(&mut self, ctx: &Ctx) -> Result<(), Error> {
        for signal in std::mem::take(&mut self.signals) {
            let up_to = match signal.kind {
                SignalKind::Delivered { up_to } | SignalKind::Seen { up_to } => up_to,
                SignalKind::Typing { .. } | SignalKind::Ephemeral { .. } => continue,
            };
            let other = signal.from.user.filter(|user| *user != self.reader.user);
            let Some(other) = other else {
                continue;
            };
            let conversation = signal.conversation;
            for id in self.receipts.reached(conversation, other, up_to) {
                let frames = self.reader.ack(ctx, conversation, &id, &signal.from)?;
                self.frames.extend(frames);
            }
        }
        Ok(())
    }

    fn has_any(&self) -> bool {
        !self.pending.is_empty() || !self.frames.is_empty()
    }

    /// The frames of the next answer: whole messages, as many as it holds.
    fn batch(&mut self, ctx: &Ctx) -> Result<Vec<String>, Error> {
        let mut frames: Vec<String> = Vec::new();
        let mut bytes = 0;
        while let Some((conversation, recent)) = self.pending.front()
            && bytes < ANSWER_BYTES_MAX
        {
            let message = self.reader.message(ctx, *conversation, &recent.event)?;
            self.pending.pop_front();
            bytes += message.iter().map(String::len).sum::<usize>();
            frames.extend(message);
        }
        // A receipt comes after the message that it is for.
        if self.pending.is_empty() {
            frames.extend(self.frames.drain(..));
        }
        Ok(frames)
    }
}
