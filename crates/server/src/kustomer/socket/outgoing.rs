//! What goes out: deliveries in their order, in the channels that the socket is
//! in, and each frame through the gate.

use axum::extract::ws::Message;
use bytes::Bytes;
use countersign_core::model::conversation::ConversationView;

use super::super::channel::Of;
use super::super::{chats, messages};
use super::end::End;
use super::{Entered, Socket, frame};
use crate::realtime::check::is_ours;
use crate::realtime::follower::Delivery;
use crate::realtime::gated::Unwritten;

/// Deliveries before what comes in is looked at again.
const DELIVERIES_AT_ONCE_MAX: usize = 64;

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
            let channel = self.entered.channel(Of::Chat(signal.conversation));
            if let Some(frame) = channel.and_then(|channel| frame::typing(channel, signal)) {
                self.write(Message::Text(frame)).await?;
            }
        }
        if news.ping {
            self.write(Message::Ping(Bytes::new())).await?;
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
            Delivery::Event(conversation, recent) => {
                let customer = self.entered.customer();
                let channel = self
                    .entered
                    .channel(Of::Tracking(self.entered.open.line.session));
                let Some(channel) = channel.filter(|_| messages::is_message(&recent.event)) else {
                    return Ok(());
                };
                let resource = messages::shown(customer, conversation, &recent.event);
                let frame = frame::message(channel, &resource);
                self.write(Message::Text(frame)).await
            }
            Delivery::Added(view) | Delivery::Changed(view) => {
                Box::pin(self.tell_whether_ended(&view)).await
            }
            Delivery::Removed(conversation, _) => {
                self.entered.ended.remove(&conversation);
                Ok(())
            }
            // There is no word for it: who comes back reads what it has missed.
            Delivery::Gap { .. } => Err(End::Again),
        }
    }

    /// Tells of a chat that was ended, once.
    async fn tell_whether_ended(&mut self, view: &ConversationView) -> Result<(), End> {
        let conversation = &view.conversation;
        if !chats::is_ended(conversation) {
            self.entered.ended.remove(&conversation.id);
            return Ok(());
        }
        let customer = self.entered.customer();
        let is_new = self.entered.ended.insert(conversation.id);
        let channel = self
            .entered
            .channel(Of::Tracking(self.entered.open.line.session));
        let Some(channel) = channel.filter(|_| is_new) else {
            return Ok(());
        };
        let resource = loop {
            self.pass_gate().await?;
            let Entered { ctx, principal, .. } = &self.entered;
            match chats::shown(ctx, principal, customer, view).await {
                Ok(resource) => break resource,
                Err(error) if is_ours(&error) => self.silent(&error).await?,
                // It was taken away meanwhile.
                Err(_) => return Ok(()),
            }
        };
        let frame = frame::ended(channel, &resource);
        self.write(Message::Text(frame)).await
    }

    /// Writes a frame, once the gate is open.
    pub(super) async fn write(&mut self, message: Message) -> Result<(), End> {
        self.socket.put(message);
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

    /// A client that does not read is told to come back, if it reads on in time.
    async fn give_up(&mut self) -> End {
        let Entered { realtime, open, .. } = &self.entered;
        realtime.gave_up_on_slow_reader();
        let patience = realtime.patience.close;
        self.socket.flush(&open.line, patience).await;
        End::Later
    }
}
