//! What goes out: deliveries in their order, and each packet through the gate.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::extract::ws::{Message, Utf8Bytes};
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::Error;
use countersign_core::id::ConversationId;
use countersign_core::model::conversation::ConversationView;
use countersign_core::model::event::Event;
use countersign_core::model::member::{Member, MemberState};
use countersign_core::op;

use super::super::packet::{self, Revision};
use super::{End, Entered, Socket};
use crate::nexmo::{frames, media};
use crate::realtime::follower::{Delivery, Have};
use crate::realtime::gated::Unwritten;
use crate::realtime::recent::{Form, Recent};

/// Deliveries before what comes in is looked at again.
const DELIVERIES_AT_ONCE_MAX: usize = 64;
/// Events of which it is remembered that the client has not said that they
/// arrived; older ones count as arrived.
const UNACKNOWLEDGED_MAX: usize = 256;

/// Events that went out, and of which the client has not said that they arrived.
#[derive(Debug, Default)]
pub(super) struct Unacknowledged {
    /// The number that the next event asks to be acknowledged by.
    next: u64,
    /// Whether the client acknowledges at all.
    spoken: bool,
    waiting: VecDeque<(u64, ConversationId, u64)>,
}

// === impl Unacknowledged ===

impl Unacknowledged {
    fn sends(&mut self, conversation: ConversationId, number: u64) -> u64 {
        let by = self.next;
        self.next += 1;
        if self.waiting.len() >= UNACKNOWLEDGED_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back((by, conversation, number));
        by
    }

    pub(super) fn arrived(&mut self, by: u64) {
        self.spoken = true;
        self.waiting.retain(|(waiting, _, _)| *waiting != by);
    }

    /// What a client has whose connection broke off: what has not arrived is
    /// told again, and a client that has it drops it by its number.
    pub(super) fn lower(&self, have: &mut Have) {
        if !self.spoken {
            return;
        }
        for (_, conversation, number) in &self.waiting {
            if let Some(has) = have.get_mut(conversation) {
                *has = (*has).min(number - 1);
            }
        }
    }
}

// === impl Socket ===

impl Socket {
    /// Tells what there is to tell, and answers whether that is all.
    pub(super) async fn deliver(&mut self) -> Result<bool, End> {
        let news = self.entered.open.line.take_news();
        self.entered.follower.is_ready(&news.ready);
        if news.relist {
            self.relist().await?;
        }
        for signal in &news.signals {
            let Entered {
                realtime,
                token,
                wants,
                ..
            } = &self.entered;
            let told = frames::signal(token.application, signal, realtime, *wants);
            self.emit_made(told).await?;
        }
        if news.expiring {
            self.emit_made(frames::expiring()).await?;
        }
        let mut out = Vec::new();
        let mut told = 0;
        while told < DELIVERIES_AT_ONCE_MAX {
            let Entered { follower, ctx, .. } = &mut self.entered;
            if let Err(error) = follower.next(ctx, &[], &mut out).await {
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

    async fn tell(&mut self, delivery: Delivery) -> Result<(), End> {
        match delivery {
            Delivery::Event(conversation, recent) => self.event(conversation, &recent).await,
            Delivery::Removed(conversation, Some(ending)) if ending.followed => {
                self.event(conversation, &ending.event).await
            }
            Delivery::Removed(conversation, Some(ending)) => {
                let Entered { token, wants, .. } = &self.entered;
                let event = &ending.event.event;
                let told = frames::declined(token.application, conversation, event, *wants);
                self.emit_made(told).await
            }
            Delivery::Added(view) => Box::pin(self.gained(&view)).await,
            // The next event shows the hole, and the client asks for what is in it.
            Delivery::Gap { .. } | Delivery::Changed(_) | Delivery::Removed(_, None) => Ok(()),
        }
    }

    async fn event(
        &mut self,
        conversation: ConversationId,
        recent: &Arc<Recent>,
    ) -> Result<(), End> {
        let Entered { token, origin, .. } = &self.entered;
        let make = |event: &Event| frames::event(token.application, conversation, event, origin);
        // Where a file is found differs from client to client.
        let made = if media::names_file(&recent.event) {
            make(&recent.event)
        } else {
            recent.form(Form::Nexmo, make)
        };
        let arguments = made.map_err(|_: Error| End::GoingAway)?;
        let by = self.unacknowledged.sends(conversation, recent.number());
        self.write(packet::event_of(Some(by), &arguments)).await
    }

    /// A conversation was gained: who is only asked in is told of that.
    async fn gained(&mut self, view: &ConversationView) -> Result<(), End> {
        let Some(member) = &view.member else {
            return Ok(());
        };
        if member.state != MemberState::Invited {
            return Ok(());
        }
        let Entered {
            ctx,
            principal,
            token,
            wants,
            ..
        } = &self.entered;
        let by = inviter(ctx, principal, view).await;
        let told = frames::invited(
            token.application,
            view,
            member,
            by.as_ref(),
            *wants,
            ctx.now(),
        );
        self.emit_made(told).await
    }

    pub(super) async fn emit_made(&mut self, made: Result<Utf8Bytes, Error>) -> Result<(), End> {
        match made {
            Ok(arguments) => self.emit(&arguments).await,
            Err(_) => Err(End::GoingAway),
        }
    }

    /// Emits an event that needs no acknowledgement.
    pub(super) async fn emit(&mut self, arguments: &str) -> Result<(), End> {
        self.write(packet::event_of(None, arguments)).await
    }

    /// Asks a client of the newer revision whether it is there; of the older
    /// one it is the client that asks.
    pub(super) async fn ping(&mut self) -> Result<(), End> {
        match self.entered.revision {
            Revision::Four => self.beat(packet::PING.to_owned()).await,
            Revision::Three => Ok(()),
        }
    }

    /// Writes what tells nothing, also while the store is out of sight: a client
    /// that is not asked, or not answered, takes the connection for broken.
    pub(super) async fn beat(&mut self, text: String) -> Result<(), End> {
        let Entered { open, realtime, .. } = &self.entered;
        let (message, patience) = (Message::Text(text.into()), realtime.patience.write);
        match self.socket.beat(&open.line, message, patience).await {
            Ok(()) => Ok(()),
            // The connection is to be closed, which is said next.
            Err(Unwritten::Held) => self.pass_gate().await,
            Err(Unwritten::Slow) => Err(self.give_up().await),
            Err(Unwritten::Broken) => Err(End::Gone),
        }
    }

    /// Writes a packet, once the gate is open.
    pub(super) async fn write(&mut self, text: String) -> Result<(), End> {
        self.socket.put(Message::Text(text.into()));
        loop {
            let line = &self.entered.open.line;
            let patience = self.entered.realtime.patience.write;
            match self.socket.write(line, patience).await {
                Ok(()) => return Ok(()),
                Err(Unwritten::Held) => self.pass_gate().await?,
                Err(Unwritten::Slow) => return Err(self.give_up().await),
                Err(Unwritten::Broken) => return Err(End::Gone),
            }
        }
    }

    /// A client that does not read is told so, if it reads on in time.
    async fn give_up(&mut self) -> End {
        let Entered { realtime, open, .. } = &self.entered;
        realtime.gave_up_on_slow_reader();
        let patience = realtime.patience.close;
        self.socket.flush(&open.line, patience).await;
        End::Slow
    }
}

/// Who has asked the user in, where the user may know it.
async fn inviter(ctx: &Ctx, principal: &Principal, view: &ConversationView) -> Option<Member> {
    let by = view.member.as_ref()?.invited_by?;
    let conversation = view.conversation.id;
    let found = op::members::read_member(ctx, principal, conversation, by).await;
    found.ok()
}
