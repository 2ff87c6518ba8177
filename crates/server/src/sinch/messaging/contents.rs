//! What a mailbox holds between polls: where its client stands in each
//! conversation, and what is to be told next.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::Error;
use countersign_core::id::ConversationId;
use countersign_core::model::conversation::ConversationView;
use countersign_core::model::event::Event;
use countersign_core::model::signal::{Signal, SignalKind};
use countersign_core::op::signed_request::Signed;
use countersign_core::token::Token;
use countersign_credential::time::Timestamp;

use super::limit::{
    ANSWER_BYTES_MAX, BACKLOG_CONVERSATIONS_MAX, BACKLOG_MAX, BACKLOG_S, PENDING_MAX, SIGNALS_MAX,
};
use super::receipts::Receipts;
use super::text;
use super::told::Reader;
use crate::realtime::follower::{Delivery, Follower};
use crate::realtime::line::Line;
use crate::realtime::recent::Recent;

/// What a mailbox holds.
pub(super) struct Contents {
    pub(super) reader: Reader,
    pub(super) token: Token,
    pub(super) principal: Principal,
    /// None, where no messages are told.
    follower: Option<Follower>,
    /// Whether the conversations are to be read anew.
    pub(super) relists: bool,
    /// Whether the session is being looked at again.
    pub(super) looks: bool,
    signals: VecDeque<Arc<Signal>>,
    receipts: Receipts,
    /// What is to be told next.
    pending: VecDeque<(ConversationId, Arc<Recent>)>,
    /// Frames that are to be told next.
    frames: VecDeque<String>,
}

// === impl Contents ===

impl Contents {
    /// Of a session, before anything was fetched.
    ///
    /// # Errors
    /// `session_ended` where a key is gone that its names follow from.
    pub(super) fn new(
        ctx: &Ctx,
        signed: &Signed,
        token: Token,
        principal: Principal,
    ) -> Result<Self, Error> {
        Ok(Self {
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
        })
    }

    /// Begins to follow, with what came since the user's devices had some.
    pub(super) async fn fetch_backlog(
        &mut self,
        ctx: &Ctx,
        mut follower: Follower,
    ) -> Result<(), Error> {
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
            follower.next(ctx, &[], &mut out).await?;
            if out.is_empty() {
                break;
            }
            for delivery in out.drain(..) {
                // Of what the user had said before, no client that starts knows.
                let Some((conversation, recent)) = said(delivery) else {
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
    pub(super) async fn take(&mut self, ctx: &Ctx, line: &Line, look: u32) -> Result<(), Error> {
        let news = line.take_news();
        if news.ping {
            // A poll that waits is somebody.
            line.heard(look);
        }
        let Some(follower) = &mut self.follower else {
            return Ok(());
        };
        follower.is_ready(&news.ready);
        self.relists |= news.relist;
        let room = SIGNALS_MAX.saturating_sub(self.signals.len());
        self.signals.extend(news.signals.into_iter().take(room));
        if self.relists {
            follower.relist(ctx, &self.principal).await?;
            self.relists = false;
        }
        let mut out = Vec::new();
        while self.pending.len() < PENDING_MAX {
            let Some(follower) = &mut self.follower else {
                break;
            };
            follower.next(ctx, &[], &mut out).await?;
            if out.is_empty() {
                return self.take_signals(ctx);
            }
            for delivery in out.drain(..) {
                let Some((conversation, recent)) = said(delivery) else {
                    continue;
                };
                self.remember_own(conversation, &recent.event);
                self.pending.push_back((conversation, recent));
            }
        }
        Ok(())
    }

    /// Remembers what the user says, so that whom it reaches can be told.
    fn remember_own(&mut self, conversation: ConversationId, event: &Event) {
        if event.from.user == Some(self.reader.user) {
            let id = self.reader.id_of(conversation, event);
            self.receipts.sent(conversation, event.id, id);
        }
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

    pub(super) fn has_any(&self) -> bool {
        !self.pending.is_empty() || !self.frames.is_empty()
    }

    /// The frames of the next answer: whole messages, as many as it holds.
    pub(super) fn batch(&mut self, ctx: &Ctx) -> Result<Vec<String>, Error> {
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

/// What is to be told of a delivery.
fn said(delivery: Delivery) -> Option<(ConversationId, Arc<Recent>)> {
    match delivery {
        Delivery::Event(conversation, recent) => {
            text::may_say(&recent.event).then_some((conversation, recent))
        }
        // A client of this protocol knows of no conversations.
        Delivery::Gap { .. }
        | Delivery::Added(_)
        | Delivery::Changed(_)
        | Delivery::Removed(..) => None,
    }
}
